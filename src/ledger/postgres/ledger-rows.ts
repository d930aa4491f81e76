// Rows of a PostgreSQL ledger, for copies.

import type {
  CopiedTable,
  LedgerRows,
  ProductionState,
  ReadRows,
  Row,
  Value,
  WriteRows,
} from '../model/ledger-rows.ts';
import type { Connection, Queries } from './connection.ts';
import { connectLedger } from './open-ledger.ts';
import { givenText, storedText } from './stored-text.ts';
import { columns as columnLists } from './suites.ts';

export async function serverRows(place: string, create: boolean): Promise<LedgerRows> {
  return new ServerRows(await connectLedger(place, create));
}

/** What else writes these tables, each under a lock of its own. */
const WRITERS = ['observe', 'guard'];

class ServerRows implements LedgerRows {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  reading<T>(work: (rows: ReadRows) => Promise<T>): Promise<T> {
    return this.#connection.read((queries) => work(new Rows(queries)));
  }

  writing<T>(work: (rows: WriteRows) => Promise<T>): Promise<T> {
    return this.#connection.locked(WRITERS, (queries) => work(new Rows(queries)));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

const TYPES = { number: 'float8', flag: 'boolean', text: 'text', word: 'text', json: 'text', bytes: 'bytea' };

/** Within a transaction. */
class Rows implements WriteRows {
  readonly #queries: Queries;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  async page(table: CopiedTable, after: Row | null, most: number): Promise<Row[]> {
    const { name, key, columns } = table;
    const from =
      after === null ? '' : `WHERE (${list(key)}) > (${key.map((_, i) => `$${i + 2}`).join(', ')})`;
    const rows = await this.#queries.arrays<unknown[]>(
      `SELECT ${list(Object.keys(columns))} FROM lg.${name} ${from} ORDER BY ${list(key)} LIMIT $1`,
      [most, ...(after === null ? [] : stored(keyed(table), after))],
    );
    return rows.map((row) => given(table, row));
  }

  async find(table: CopiedTable, keys: readonly Row[]): Promise<Row[]> {
    if (keys.length === 0) return [];
    const { name, columns } = table;
    const rows = await this.#queries.arrays<unknown[]>(
      `SELECT ${Object.keys(columns)
        .map((column) => `x."${column}"`)
        .join(', ')} FROM lg.${name} x JOIN ${keyRows(table)} ON ${sameKey(table)}`,
      columnLists(keys.map((key) => stored(keyed(table), key))),
    );
    return rows.map((row) => given(table, row));
  }

  async count({ name }: CopiedTable): Promise<number> {
    const [row] = await this.#queries.rows<{ n: number }>(`SELECT count(*) AS n FROM lg.${name}`);
    return row?.n ?? 0;
  }

  async state(): Promise<ProductionState> {
    const [state] = await this.#queries.rows<ProductionState>(
      'SELECT folded_to AS "foldedTo", horizon, salt FROM lg.observation_state',
    );
    return state as ProductionState;
  }

  async put(table: CopiedTable, rows: readonly Row[], how: 'add' | 'replace'): Promise<void> {
    if (rows.length === 0) return;
    const { name, key, columns, counter } = table;
    const names = Object.keys(columns);
    const others = names.filter((column) => !key.includes(column));
    const conflict =
      how === 'add'
        ? 'ON CONFLICT DO NOTHING'
        : `ON CONFLICT (${list(key)}) DO UPDATE SET ${others.map((column) => `"${column}" = excluded."${column}"`).join(', ')}`;
    const types = Object.values(columns).map((kind, i) => `$${i + 1}::${TYPES[kind]}[]`);
    await this.#queries.rows(
      `INSERT INTO lg.${name} (${list(names)}) ${counter === undefined ? '' : 'OVERRIDING SYSTEM VALUE'}
       SELECT * FROM unnest(${types.join(', ')}) ${conflict}`,
      columnLists(rows.map((row) => stored(table, row))),
    );
    if (counter !== undefined)
      await this.#queries.rows(
        `SELECT setval(pg_get_serial_sequence('lg.${name}', '${counter}'), (SELECT max("${counter}") FROM lg.${name}))`,
      );
  }

  async remove(table: CopiedTable, keys: readonly Row[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#queries.rows(
      `DELETE FROM lg.${table.name} x USING ${keyRows(table)} WHERE ${sameKey(table)}`,
      columnLists(keys.map((key) => stored(keyed(table), key))),
    );
  }

  async setState({ foldedTo, horizon, salt }: ProductionState): Promise<void> {
    await this.#queries.rows('UPDATE lg.observation_state SET folded_to = $1, horizon = $2, salt = $3', [
      foldedTo,
      horizon,
      salt,
    ]);
  }
}

/** The table with its key alone. */
function keyed({ key, columns }: CopiedTable): Pick<CopiedTable, 'columns'> {
  return { columns: Object.fromEntries(key.map((name) => [name, columns[name] ?? 'number'])) };
}

function keyRows(table: CopiedTable): string {
  const { columns } = keyed(table);
  // Whole numbers, by which indexes are used.
  const types = Object.values(columns).map(
    (kind, i) => `$${i + 1}::${kind === 'number' ? 'bigint' : TYPES[kind]}[]`,
  );
  return `unnest(${types.join(', ')}) AS k (${list(table.key)})`;
}

function sameKey({ key }: CopiedTable): string {
  return key.map((name) => `x."${name}" = k."${name}"`).join(' AND ');
}

function stored({ columns }: Pick<CopiedTable, 'columns'>, row: Row): unknown[] {
  return Object.values(columns).map((kind, i) => {
    const value = row[i] ?? null;
    if (value === null) return null;
    if (kind === 'text') return storedText(value as string);
    return kind === 'flag' ? value === 1 : value;
  });
}

function given({ columns }: CopiedTable, row: readonly unknown[]): Row {
  return Object.values(columns).map((kind, i): Value => {
    const value = row[i] ?? null;
    if (value === null) return null;
    if (kind === 'text') return givenText(value as string);
    return kind === 'flag' ? Number(value) : (value as Value);
  });
}
