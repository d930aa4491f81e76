// Connections to the PostgreSQL server of a ledger: a pool, transactions that are tried again, and one connection apart for locks.

import { hash } from 'node:crypto';
import pLimit from 'p-limit';
import type { Client, ClientConfig, Pool, PoolClient, QueryResult } from 'pg';
import { packageMissing } from './package-missing.ts';
import type { ServerAddress } from './server-address.ts';
import { serverCode, serverError, unreadable } from './server-error.ts';

type Driver = typeof import('pg');

/** A transaction that two others got in the way of is made anew so often. */
const TRIES = 8;
/** Serialisation failure and deadlock: nothing was written, and nothing was wrong. */
const AGAIN = ['40001', '40P01'];

/** The type numbers of whole numbers of eight bytes and of `numeric`: the ledger's are all below 2^53. */
const [INT8, NUMERIC] = [20, 1700];

/** Queries of one transaction, or of none. `lg.` in the SQL stands for the schema of the ledger. */
export interface Queries {
  rows<T>(sql: string, values?: readonly unknown[]): Promise<T[]>;
  /** Rows as arrays: of 100,000 trials, objects would take most of the time there is. */
  arrays<T>(sql: string, values?: readonly unknown[]): Promise<T[]>;
}

export class Connection {
  readonly address: ServerAddress;
  readonly #driver: Driver;
  readonly #pool: Pool;
  readonly #config: ClientConfig;
  /** Work waits here for a connection, as long as it takes: the pool's own queue ends with the timeout for connecting. */
  readonly #limit: ReturnType<typeof pLimit>;
  /** Statements by their SQL, with the name they are prepared under. */
  readonly #statements = new Map<string, { readonly name: string; readonly text: string }>();
  readonly #writes: string;

  private constructor(driver: Driver, address: ServerAddress, config: ClientConfig) {
    this.#driver = driver;
    this.address = address;
    this.#config = config;
    this.#limit = pLimit(address.pool);
    this.#pool = new driver.Pool({
      ...config,
      max: address.pool,
      idleTimeoutMillis: 10_000,
      allowExitOnIdle: true,
    });
    // A connection that breaks while nobody uses it: whoever asks next gets another one, or the error.
    this.#pool.on('error', () => {});
    this.#writes = `BEGIN; SELECT pg_advisory_xact_lock_shared(${this.lockKey('write')}); SELECT generation FROM ${this.schema}.upkeep`;
  }

  /** Throws `LEDGER_DRIVER` or what the server says. */
  static async open(address: ServerAddress): Promise<Connection> {
    const driver = await loadDriver();
    const config = configOf(driver, address);
    const connection = new Connection(driver, address, config);
    try {
      await connection.#pool.query('SELECT 1');
      return connection;
    } catch (error) {
      await connection.close();
      const plain = address.sslMode === 'prefer' || address.sslMode === 'allow';
      if (plain && /does not support SSL/.test((error as Error).message))
        return Connection.open({ ...address, sslMode: 'disable', tls: null });
      throw serverError(error, address);
    }
  }

  /** The schema as it stands in SQL. */
  get schema(): string {
    return `"${this.address.schema}"`;
  }

  /** The number of an advisory lock on something of this ledger. Locks are of a whole database. */
  lockKey(what: string): string {
    return hash('sha256', `lastgood ${this.address.schema} ${what}`, 'buffer').readBigInt64BE(0).toString();
  }

  /** Queries of which each sees the newest state. */
  get single(): Queries {
    return this.#queries(this.#pool);
  }

  /** Several queries that see one state of the ledger. */
  read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#within('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', (client) =>
      work(this.#queries(client)),
    ).catch((error: unknown) => {
      throw unreadable(error, this.address);
    });
  }

  /** All of the work or nothing. `generation` is raised by whatever takes content out. */
  write<T>(work: (queries: Queries, generation: number) => Promise<T>): Promise<T> {
    return this.#within(this.#writes, (client, begun) => {
      const last = (begun as unknown as QueryResult<{ generation: number }>[]).at(-1);
      return work(this.#queries(client), last?.rows[0]?.generation ?? 0);
    });
  }

  /** The same alone: waits until no one writes, and lets no one write meanwhile. `others`: further locks, as `locked` has them. */
  alone<T>(work: (queries: Queries) => Promise<T>, others: readonly string[] = []): Promise<T> {
    return this.locked(['write', ...others], work);
  }

  /** A transaction without any lock of the ledger, for what makes its tables. */
  bare<T>(work: (queries: Queries, script: (sql: string) => Promise<void>) => Promise<T>): Promise<T> {
    return this.#within('BEGIN', (client) =>
      work(this.#queries(client), async (sql) => {
        await client.query(this.#text(sql));
      }),
    );
  }

  /** All of the work or nothing, one at a time: numbers of observations are then committed in their order. */
  observing<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.locked(['observe'], work);
  }

  /** The same of anything else that is done by one at a time. */
  locked<T>(whats: readonly string[], work: (queries: Queries) => Promise<T>): Promise<T> {
    const locks = whats.map((what) => `SELECT pg_advisory_xact_lock(${this.lockKey(what)})`);
    const begin = `BEGIN; ${locks.join('; ')}`;
    return this.#within(begin, (client) => work(this.#queries(client)));
  }

  /** Outside any transaction: VACUUM. */
  async script(sql: string): Promise<void> {
    try {
      await this.#pool.query(this.#text(sql));
    } catch (error) {
      throw serverError(error, this.address);
    }
  }

  /** One statement or several, as a library for queues writes them. Nothing is prepared. */
  async raw(sql: string, values?: readonly unknown[]): Promise<{ rows: unknown[] }> {
    try {
      return await this.#limit(() => this.#pool.query(sql, values === undefined ? undefined : [...values]));
    } catch (error) {
      throw serverError(error, this.address);
    }
  }

  /** A connection for itself, for locks that last as long as it does. The caller ends it. */
  async apart(): Promise<Client> {
    const client = new this.#driver.Client(this.#config);
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      throw serverError(error, this.address);
    }
  }

  async close(): Promise<void> {
    if (!this.#pool.ended) await this.#pool.end();
  }

  #within<T>(begin: string, work: (client: PoolClient, begun: unknown) => Promise<T>): Promise<T> {
    return this.#limit(() => this.#transaction(begin, work));
  }

  async #transaction<T>(begin: string, work: (client: PoolClient, begun: unknown) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let client: PoolClient;
      try {
        client = await this.#pool.connect();
      } catch (error) {
        throw serverError(error, this.address);
      }
      let broken: Error | undefined;
      try {
        const result = await work(client, await client.query(begin));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure: Error) => {
          broken = failure;
        });
        if (!AGAIN.includes(serverCode(error)) || attempt >= TRIES) throw serverError(error, this.address);
      } finally {
        client.release(broken);
      }
    }
  }

  #text(sql: string): string {
    return sql.replaceAll(/\blg\./g, `${this.schema}.`);
  }

  #queries(on: Pool | PoolClient): Queries {
    const run = async <T>(sql: string, values: readonly unknown[], rowMode?: 'array'): Promise<T[]> => {
      let statement = this.#statements.get(sql);
      if (statement === undefined) {
        statement = { name: `lastgood${this.#statements.size}`, text: this.#text(sql) };
        this.#statements.set(sql, statement);
      }
      try {
        const query = { ...statement, values: [...values], ...(rowMode === undefined ? {} : { rowMode }) };
        const result = await (on === this.#pool ? this.#limit(() => on.query(query)) : on.query(query));
        return result.rows as T[];
      } catch (error) {
        // Inside a transaction its owner decides whether it is made anew.
        throw on === this.#pool ? serverError(error, this.address) : error;
      }
    };
    return {
      rows: (sql, values = []) => run(sql, values),
      arrays: (sql, values = []) => run(sql, values, 'array'),
    };
  }
}

async function loadDriver(): Promise<Driver> {
  const { default: driver } = await import('pg').catch(packageMissing('A ledger on PostgreSQL', 'pg@8'));
  return driver as unknown as Driver;
}

function configOf({ types }: Driver, address: ServerAddress): ClientConfig {
  const { host, port, user, password, database, connectTimeoutMs, applicationName, tls } = address;
  const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 || oid === NUMERIC
      ? Number
      : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser;
  return {
    host,
    port,
    user,
    password,
    database,
    ssl: tls ?? false,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: applicationName,
    keepAlive: true,
    types: { getTypeParser },
  };
}
