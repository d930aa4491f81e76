// Access tokens of the server: made here, shown once, stored as hashes.

import { hash, randomBytes } from 'node:crypto';
import { LastgoodError } from '../../base/errors.ts';
import type { AccessToken, AccessTokens, TokenRole } from '../../core/index.ts';
import { isServerAddress } from '../../ledger/model/address.ts';
import { openAccessTokens } from '../../ledger/sqlite/open-observations.ts';

/** What a token is stored as. It is 32 random bytes, so a plain hash cannot be guessed back. */
export function tokenHash(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}

/** The caller closes it. */
export async function openTokens(
  db: string,
  options: { readonly create?: boolean } = {},
): Promise<AccessTokens> {
  if (isServerAddress(db))
    return (await import('../../ledger/postgres/open-ledger.ts')).openServerTokens(db, options);
  return openAccessTokens(db, options);
}

/** Makes a token; it is only shown here. Throws `TOKEN_EXISTS`. */
export async function addToken(
  tokens: AccessTokens,
  name: string,
  role: TokenRole,
  now: Date,
): Promise<{ readonly token: string; readonly added: AccessToken }> {
  const token = `lg_${role}_${randomBytes(32).toString('base64url')}`;
  const added = { name, role, createdAt: now.toISOString() };
  await tokens.add(added, tokenHash(token));
  return { token, added };
}

/** It is refused from the next request on. Throws `TOKEN_UNKNOWN`. */
export async function removeToken(tokens: AccessTokens, name: string): Promise<void> {
  if (await tokens.remove(name)) return;
  const known = (await tokens.list()).map((t) => t.name);
  throw new LastgoodError({
    code: 'TOKEN_UNKNOWN',
    message: `there is no token named ${JSON.stringify(name)}`,
    hint: known.length === 0 ? 'there are no tokens' : `known tokens: ${known.join(', ')}`,
  });
}
