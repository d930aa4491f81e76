// Access tokens of the server: who may send, read or operate. Only their hashes are stored.

/** What a token allows. `operate` includes the others; `observe` sends, `read` reads. */
export const TOKEN_ROLES = ['read', 'observe', 'operate'] as const;
export type TokenRole = (typeof TOKEN_ROLES)[number];

export interface AccessToken {
  readonly name: string;
  readonly role: TokenRole;
  /** ISO time. */
  readonly createdAt: string;
}

/** Does a token of this role allow what needs the other one? */
export function roleAllows(role: TokenRole, needed: TokenRole): boolean {
  return role === 'operate' || role === needed;
}

/** Where tokens are stored: by hash, never as they are. */
export interface AccessTokens {
  /** Throws `TOKEN_EXISTS` for a name that is taken. */
  add(token: AccessToken, sha256: Uint8Array): Promise<void>;
  /** In order of name. */
  list(): Promise<readonly AccessToken[]>;
  /** False where there is none of this name. */
  remove(name: string): Promise<boolean>;
  /** The token with this hash; undefined where there is none (any more). */
  find(sha256: Uint8Array): Promise<AccessToken | undefined>;
  close(): Promise<void>;
}
