// The access tokens of the server in the ledger, by the hash of each.

import type { Statement } from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';
import type { AccessToken, AccessTokens } from '../../core/access-token.ts';
import { withPatience } from './database-error.ts';
import type { OpenLedgerFile } from './open.ts';

const COLUMNS = 'name, role, created_at AS createdAt';

/** Tokens on an open ledger file. */
export class SqliteAccessTokens implements AccessTokens {
  readonly #file: OpenLedgerFile;
  #list: Statement<[], AccessToken> | null = null;
  #find: Statement<[Buffer], AccessToken> | null = null;

  constructor(file: OpenLedgerFile) {
    this.#file = file;
  }

  add({ name, role, createdAt }: AccessToken, sha256: Uint8Array): Promise<void> {
    return this.#run((db) => {
      const { changes } = db
        .prepare('INSERT OR IGNORE INTO access_token (name, role, sha256, created_at) VALUES (?, ?, ?, ?)')
        .run(name, role, Buffer.from(sha256), createdAt);
      if (changes === 1) return;
      throw new LastgoodError({
        code: 'TOKEN_EXISTS',
        message: `there is a token named ${JSON.stringify(name)} already`,
        hint: `choose another name, or remove it first: lastgood token remove ${name}`,
      });
    });
  }

  list(): Promise<readonly AccessToken[]> {
    // Asked with every request: preparing it takes longer than running it.
    return this.#run((db) => {
      this.#list ??= db.prepare<[], AccessToken>(`SELECT ${COLUMNS} FROM access_token ORDER BY name`);
      return this.#list.all();
    });
  }

  remove(name: string): Promise<boolean> {
    return this.#run((db) => db.prepare('DELETE FROM access_token WHERE name = ?').run(name).changes === 1);
  }

  find(sha256: Uint8Array): Promise<AccessToken | undefined> {
    return this.#run((db) => {
      this.#find ??= db.prepare<[Buffer], AccessToken>(
        `SELECT ${COLUMNS} FROM access_token WHERE sha256 = ?`,
      );
      return this.#find.get(Buffer.from(sha256));
    });
  }

  async close(): Promise<void> {
    if (this.#file.db.open) this.#file.db.close();
  }

  #run<T>(work: (db: OpenLedgerFile['db']) => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => work(this.#file.db));
  }
}
