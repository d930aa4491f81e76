// Who may reach the server: host names against DNS rebinding, origins against other pages, tokens and their roles.

import { type AccessToken, type AccessTokens, roleAllows, type TokenRole } from '../core/access-token.ts';
import { tokenHash } from '../jobs/serve/tokens.ts';
import { HttpError } from './http-error.ts';

export interface AccessRules {
  readonly tokens: AccessTokens;
  /** The address is only reachable from this machine. */
  readonly loopback: boolean;
  /** Other machines reach it, by its address or through a proxy: nothing is open without a token. */
  readonly needsTokens: boolean;
  /** Names beside the loopback ones under which the server may be asked; on other addresses, where there are none, any name. */
  readonly hosts: readonly string[];
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Does this address only reach this machine? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** A page elsewhere can point its own name at this machine; its requests carry that name. Throws `HttpError` 421. */
export function checkHost(header: string | undefined, { loopback, hosts }: AccessRules): void {
  if (!loopback && hosts.length === 0) return;
  const name = (header ?? '').toLowerCase().replace(/:\d{1,5}$/, '');
  if (LOOPBACK.includes(name) || hosts.includes(name)) return;
  throw new HttpError(421, `this server does not answer for the host ${JSON.stringify(name.slice(0, 100))}`, {
    hint: 'ask it by localhost, or start it with --allow-host NAME',
  });
}

/** Browsers say where a request comes from; only pages of this server may change anything. Throws `HttpError` 403. */
export function checkOrigin(headers: {
  readonly origin?: string | undefined;
  readonly site?: string | undefined;
  readonly host?: string | undefined;
}): void {
  const { origin, site, host } = headers;
  const foreign = origin !== undefined && originHost(origin) !== host?.toLowerCase();
  if (!foreign && site !== 'cross-site' && site !== 'same-site') return;
  throw new HttpError(403, 'requests from pages of other origins are refused');
}

function originHost(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

/** The token of a request; null where none is needed. Throws `HttpError` 401 or 403. */
export async function checkToken(
  header: string | undefined,
  needed: TokenRole | readonly TokenRole[],
  { tokens, needsTokens }: AccessRules,
): Promise<AccessToken | null> {
  const given = /^Bearer +(\S{1,200})$/i.exec(header ?? '')?.[1];
  if (given === undefined) {
    if (header === undefined && !needsTokens && (await tokens.list()).length === 0) return null;
    throw new HttpError(401, 'a token is needed: Authorization: Bearer TOKEN', {
      hint: 'lastgood token add NAME --role observe',
    });
  }
  const token = await tokens.find(tokenHash(given));
  if (token === undefined) throw new HttpError(401, 'the token is not known, or it was removed');
  const roles = [needed].flat();
  if (roles.some((role) => roleAllows(token.role, role))) return token;
  throw new HttpError(
    403,
    `the token ${JSON.stringify(token.name)} has the role ${token.role}, this needs ${roles.join(' or ')}`,
  );
}
