// The access tokens of the server in a ledger on PostgreSQL, by the hash of each.

import { LastgoodError } from '../../base/errors.ts';
import type { AccessToken, AccessTokens } from '../../core/access-token.ts';
import type { Connection } from './connection.ts';
import { givenText, storedText } from './stored-text.ts';

const COLUMNS = 'name, role, created_at AS "createdAt"';

export class PostgresAccessTokens implements AccessTokens {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async add({ name, role, createdAt }: AccessToken, sha256: Uint8Array): Promise<void> {
    const added = await this.#connection.single.rows(
      `INSERT INTO lg.access_token (name, role, sha256, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING name`,
      [storedText(name), role, Buffer.from(sha256), createdAt],
    );
    if (added.length === 1) return;
    throw new LastgoodError({
      code: 'TOKEN_EXISTS',
      message: `there is a token named ${JSON.stringify(name)} already`,
      hint: `choose another name, or remove it first: lastgood token remove ${name}`,
    });
  }

  async list(): Promise<readonly AccessToken[]> {
    const rows = await this.#connection.single.rows<AccessToken>(
      `SELECT ${COLUMNS} FROM lg.access_token ORDER BY name`,
    );
    return rows.map(given);
  }

  async remove(name: string): Promise<boolean> {
    const gone = await this.#connection.single.rows(
      'DELETE FROM lg.access_token WHERE name = $1 RETURNING name',
      [storedText(name)],
    );
    return gone.length === 1;
  }

  async find(sha256: Uint8Array): Promise<AccessToken | undefined> {
    const [row] = await this.#connection.single.rows<AccessToken>(
      `SELECT ${COLUMNS} FROM lg.access_token WHERE sha256 = $1`,
      [Buffer.from(sha256)],
    );
    return row === undefined ? undefined : given(row);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

function given(token: AccessToken): AccessToken {
  return { ...token, name: givenText(token.name) };
}
