// Rows of an SQLite ledger, for copies.

import type { Database } from 'better-sqlite3';
import type {
  CopiedTable,
  LedgerRows,
  ProductionState,
  ReadRows,
  Row,
  WriteRows,
} from '../model/ledger-rows.ts';
import { withPatience } from './database-error.ts';
import { type OpenLedgerFile, openLedgerFile } from './open.ts';

export async function fileRows(path: string, create: boolean): Promise<LedgerRows> {
  return new FileRows(await openLedgerFile(path, { create }));
}

class FileRows implements LedgerRows {
  readonly #file: OpenLedgerFile;

  constructor(file: OpenLedgerFile) {
    this.#file = file;
  }

  reading<T>(work: (rows: ReadRows) => Promise<T>): Promise<T> {
    return this.#within('BEGIN', work);
  }

  writing<T>(work: (rows: WriteRows) => Promise<T>): Promise<T> {
    return this.#within('BEGIN IMMEDIATE', work);
  }

  async #within<T>(begin: string, work: (rows: Rows) => Promise<T>): Promise<T> {
    const { db, path, patience } = this.#file;
    await withPatience(path, patience, () => db.exec(begin));
    try {
      const result = await work(new Rows(db));
      db.exec('COMMIT');
      return result;
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#file.db.close();
  }
}

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
const marks = (n: number): string => Array.from({ length: n }, () => '?').join(', ');

/** Within a transaction. */
class Rows implements WriteRows {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async page({ name, key, columns }: CopiedTable, after: Row | null, most: number): Promise<Row[]> {
    const from = after === null ? '' : `WHERE (${list(key)}) > (${marks(key.length)})`;
    return this.#db
      .prepare<unknown[], Row>(
        `SELECT ${list(Object.keys(columns))} FROM ${name} ${from} ORDER BY ${list(key)} LIMIT ?`,
      )
      .raw()
      .all(...(after ?? []), most);
  }

  async find({ name, key, columns }: CopiedTable, keys: readonly Row[]): Promise<Row[]> {
    const find = this.#db
      .prepare<unknown[], Row>(
        `SELECT ${list(Object.keys(columns))} FROM ${name} WHERE (${list(key)}) = (${marks(key.length)})`,
      )
      .raw();
    return keys.map((values) => find.get(...values)).filter((row) => row !== undefined);
  }

  async count({ name }: CopiedTable): Promise<number> {
    return this.#db.prepare<[], number>(`SELECT count(*) FROM ${name}`).pluck().get() ?? 0;
  }

  async state(): Promise<ProductionState> {
    return this.#db
      .prepare<[], ProductionState>('SELECT folded_to AS foldedTo, horizon, salt FROM observation_state')
      .get() as ProductionState;
  }

  async put(
    { name, key, columns }: CopiedTable,
    rows: readonly Row[],
    how: 'add' | 'replace',
  ): Promise<void> {
    const names = Object.keys(columns);
    const others = names.filter((column) => !key.includes(column));
    const conflict =
      how === 'add'
        ? 'ON CONFLICT DO NOTHING'
        : `ON CONFLICT (${list(key)}) DO UPDATE SET ${others.map((column) => `"${column}" = excluded."${column}"`).join(', ')}`;
    const put = this.#db.prepare<unknown[]>(
      `INSERT INTO ${name} (${list(names)}) VALUES (${marks(names.length)}) ${conflict}`,
    );
    for (const row of rows) put.run(...row);
  }

  async remove({ name, key }: CopiedTable, keys: readonly Row[]): Promise<void> {
    const remove = this.#db.prepare<unknown[]>(
      `DELETE FROM ${name} WHERE (${list(key)}) = (${marks(key.length)})`,
    );
    for (const values of keys) remove.run(...values);
  }

  async setState({ foldedTo, horizon, salt }: ProductionState): Promise<void> {
    this.#db
      .prepare('UPDATE observation_state SET folded_to = ?, horizon = ?, salt = ?')
      .run(foldedTo, horizon, salt);
  }
}
