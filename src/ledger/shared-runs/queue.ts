// The queue of shared runs: pg-boss over the ledger's own connections, one queue a run, in the schema beside the ledger's.

import type { PgBoss } from 'pg-boss';
import { LastgoodError } from '../../base/errors.ts';
import type { Connection } from '../postgres/connection.ts';
import { connectLedger } from '../postgres/open-ledger.ts';
import { packageMissing } from '../postgres/package-missing.ts';
import { HEARTBEAT_SECONDS, TABLES } from './tables.ts';

/** Times that a batch is given to a process after the first one. */
const RETRIES = 3;
const LONGEST_BATCH_SECONDS = 20 * 3600;

export class RunQueue {
  readonly connection: Connection;
  readonly boss: PgBoss;
  readonly #schema: string;

  private constructor(connection: Connection, boss: PgBoss, schema: string) {
    this.connection = connection;
    this.boss = boss;
    this.#schema = schema;
  }

  static async open(place: string): Promise<RunQueue> {
    const connection = await connectLedger(place, true);
    try {
      const schema = `${connection.address.schema}_work`;
      if (!/^[A-Za-z_]\w{0,48}$/.test(schema))
        throw new LastgoodError({
          code: 'LEDGER_ADDRESS',
          message: `the queue of a distributed run has its tables in the schema "${schema}", and the name is not possible`,
          hint: 'use a ledger whose schema has at most 44 letters, digits and _: ?schema=NAME',
        });
      const boss = await bossOn(connection, schema);
      const queue = new RunQueue(connection, boss, schema);
      await queue.#prepare();
      return queue;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    const { connection } = this;
    // One at a time: processes that start together would make the same tables.
    const apart = await connection.apart();
    try {
      await apart.query(`SELECT pg_advisory_lock(${connection.lockKey('work')})`);
      await this.boss.start();
      await connection.script(this.sql(TABLES));
    } finally {
      await apart.end().catch(() => {});
    }
  }

  /** `lq.` is the schema of the queue, `lg.` that of the ledger. */
  sql(text: string): string {
    return text.replaceAll(/\blq\./g, `"${this.#schema}".`);
  }

  rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return this.connection.single.rows<T>(this.sql(text), values);
  }

  async create(runId: string): Promise<void> {
    await this.remove(runId);
    await this.boss.createQueue(aside(runId), { deleteAfterSeconds: 0 });
    await this.boss.createQueue(runId, {
      retryLimit: RETRIES,
      retryDelay: 0,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      expireInSeconds: LONGEST_BATCH_SECONDS,
      deadLetter: aside(runId),
    });
  }

  async remove(runId: string): Promise<void> {
    for (const name of [runId, aside(runId)])
      if ((await this.boss.getQueue(name)) !== null) await this.boss.deleteQueue(name);
  }

  async close(): Promise<void> {
    await this.boss.stop({ graceful: false, close: false }).catch(() => {});
    await this.connection.close();
  }
}

/** Where batches go that no process could finish. */
export function aside(runId: string): string {
  return `${runId}-aside`;
}

async function bossOn(connection: Connection, schema: string): Promise<PgBoss> {
  const { PgBoss } = await import('pg-boss').catch(
    packageMissing('Work shared between processes', 'pg@8', 'pg-boss@12.35'),
  );
  const boss = new PgBoss({
    db: { executeSql: (text: string, values?: unknown[]) => connection.raw(text, values) },
    schema,
    supervise: false,
    monitorIntervalSeconds: 10,
    schedule: false,
  });
  // What fails in the background fails again where a caller waits for it.
  boss.on('error', () => {});
  return boss;
}
