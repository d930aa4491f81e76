// Who may see the pages and act on them: a session or a token for reading, a session, its form token and the own origin for actions.

import { isJsonObject, type JsonObject } from '../base/json.ts';
import { roleAllows } from '../core/access-token.ts';
import type { AccessToken } from '../core/index.ts';
import { tokenHash } from '../jobs/serve/tokens.ts';
import type { Viewer } from '../report/pages/site.ts';
import { type AccessRules, checkHost, checkOrigin, checkToken } from './access.ts';
import type { AppContext } from './app.ts';
import { HttpError } from './http-error.ts';
import { jsonBody } from './json-body.ts';
import { withWholeBody } from './request-body.ts';
import { endedCookie, type Session, type Sessions, sessionCookie } from './sessions.ts';

export interface PageAccess {
  readonly sessions: Sessions;
  readonly access: AccessRules;
  readonly environment: string;
  /** A proxy with TLS stands before the server, and its `X-Forwarded-Proto` counts. */
  readonly trustProxy: boolean;
}

/** A request that may see pages. */
export interface Visit {
  readonly viewer: Viewer;
  /** null where a token came with the request itself. */
  readonly session: Session | null;
}

const MOST_FORM_BYTES = 64 * 1024;

/** Who asks; null = they must sign in. Throws `HttpError` 421, or 401 and 403 for a token in a header. */
export async function visitOf(c: AppContext, parts: PageAccess): Promise<Visit | null> {
  checkHost(c.req.header('host'), parts.access);
  const header = c.req.header('authorization');
  if (header !== undefined) {
    const token = await checkToken(header, 'read', parts.access);
    c.set('token', token);
    return { session: null, viewer: viewerOf(parts, token, null) };
  }
  const session = parts.sessions.find(c.req.header('cookie'));
  if (session !== undefined) {
    const token = await tokenOf(session, parts.access);
    if (token !== undefined) {
      c.set('token', token);
      return { session, viewer: viewerOf(parts, token, session) };
    }
    parts.sessions.end(session);
  }
  if (!(await needsNoToken(parts.access))) return null;
  const fresh = parts.sessions.begin(null);
  c.header('Set-Cookie', sessionCookie(fresh, isSecure(c, parts)));
  return { session: fresh, viewer: viewerOf(parts, null, fresh) };
}

/**
 * Who acts, and what they sent: `operate`, from a page of this server, with a form token that was not used before. Throws `HttpError` 401,
 * 403, 413, 415 or 421.
 */
export async function actionOf(
  c: AppContext,
  parts: PageAccess,
  role: 'read' | 'operate',
): Promise<Visit & { readonly session: Session; readonly body: JsonObject; readonly json: boolean }> {
  checkHost(c.req.header('host'), parts.access);
  ownPage(c, parts);
  const found = parts.sessions.find(c.req.header('cookie'));
  const token = found === undefined ? undefined : await tokenOf(found, parts.access);
  if (found === undefined || token === undefined)
    throw new HttpError(401, 'you are not signed in, or the session has ended', { hint: 'sign in again' });
  c.set('token', token);
  if (token !== null && !roleAllows(token.role, role))
    throw new HttpError(
      403,
      `the token ${JSON.stringify(token.name)} has the role ${token.role}, this needs ${role}`,
    );
  const { body, json } = await bodyOf(c);
  const given = body['csrf'] ?? c.req.header('x-csrf-token');
  if (typeof given !== 'string' || !parts.sessions.spend(found, given))
    throw new HttpError(403, 'this form was sent before, or does not belong to your session', {
      hint: 'load the page again and repeat the action',
    });
  return { session: found, viewer: viewerOf(parts, token, found), body, json };
}

/** Signs in: a new session for a token that may read. Throws `HttpError` 401, 403, 413, 415 or 421. */
export async function signIn(c: AppContext, parts: PageAccess): Promise<string> {
  checkHost(c.req.header('host'), parts.access);
  ownPage(c, parts);
  const { body } = await bodyOf(c);
  const given = body['token'];
  const secret = typeof given === 'string' ? given.trim() : '';
  const token = await checkToken(`Bearer ${secret}`, 'read', parts.access);
  const before = parts.sessions.find(c.req.header('cookie'));
  if (before !== undefined) parts.sessions.end(before);
  const session = parts.sessions.begin(tokenHash(secret));
  c.set('token', token);
  c.header('Set-Cookie', sessionCookie(session, isSecure(c, parts)));
  return pathOf(body['to']);
}

/** What the last action of this session did, for the page that the action led to. */
export function saidTo(c: AppContext, session: Session | null): Session['said'] {
  const said = session?.said ?? null;
  return said !== null && said.id === c.req.query('said') ? said : null;
}

export function signOut(c: AppContext, parts: PageAccess, session: Session): void {
  parts.sessions.end(session);
  c.header('Set-Cookie', endedCookie(isSecure(c, parts)));
}

/** A path of this server, and nothing that a browser could read as another one. */
export function pathOf(value: unknown): string {
  return typeof value === 'string' && /^\/(?![/\\])[\w\-./~%?=&+]{0,500}$/.test(value) ? value : '/';
}

function viewerOf(parts: PageAccess, token: AccessToken | null, session: Session | null): Viewer {
  return {
    token: token?.name ?? null,
    operates: session !== null && (token === null || roleAllows(token.role, 'operate')),
    csrf: session === null ? null : parts.sessions.formToken(session),
    by: session?.by ?? '',
    environment: parts.environment,
  };
}

/** The token of a session, null where none is needed; undefined = the session does not count any more. */
async function tokenOf(
  { tokenHash: hash }: Session,
  access: AccessRules,
): Promise<AccessToken | null | undefined> {
  if (hash === null) return (await needsNoToken(access)) ? null : undefined;
  const token = await access.tokens.find(hash);
  return token !== undefined && roleAllows(token.role, 'read') ? token : undefined;
}

async function needsNoToken({ needsTokens, tokens }: AccessRules): Promise<boolean> {
  return !needsTokens && (await tokens.list()).length === 0;
}

/** A browser always names the origin of a form; without a name it is refused. Throws `HttpError` 403. */
function ownPage(c: AppContext, parts: PageAccess): void {
  const origin = c.req.header('origin');
  checkOrigin({ origin, site: c.req.header('sec-fetch-site'), host: c.req.header('host') });
  if (origin === undefined) throw new HttpError(403, 'an action of a page must name its origin');
  // A page of the same name without TLS may have been changed on its way.
  if (isSecure(c, parts) && !origin.startsWith('https:'))
    throw new HttpError(403, 'requests from pages of other origins are refused');
}

/** Did the browser reach the proxy over TLS? Without a proxy anybody could send the header, so it does not count. */
function isSecure(c: AppContext, { trustProxy }: PageAccess): boolean {
  // Of several proxies the first one, which the browser reached, comes first.
  const [first] = (c.req.header('x-forwarded-proto') ?? '').split(',');
  return trustProxy && first?.trim().toLowerCase() === 'https';
}

/** A form or a JSON object. */
async function bodyOf(c: AppContext): Promise<{ readonly body: JsonObject; readonly json: boolean }> {
  const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') return { body: await jsonBody(c), json: true };
  const text = await withWholeBody(c.env.incoming, MOST_FORM_BYTES, async (bytes) =>
    new TextDecoder().decode(bytes),
  );
  const body: unknown = Object.fromEntries(new URLSearchParams(text));
  return { body: isJsonObject(body) ? body : {}, json: false };
}
