// Who runs a snapshot holds a lock on it, so that no second process pays for the same calls.

import type { Client } from 'pg';
import { LastgoodError } from '../../base/errors.ts';
import type { Connection } from './connection.ts';
import { serverError } from './server-error.ts';

/**
 * Locks on the snapshots that this process runs: advisory locks of a connection of their own. The server lets go of them when the process
 * or its machine dies.
 */
export class RunLocks {
  readonly #connection: Connection;
  readonly #held = new Set<string>();
  #client: Promise<Client> | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Opens a snapshot: it is held from now on, unless that fails. Throws `SNAPSHOT_RUNNING` when another process holds it. */
  async hold(snapshotId: string, open: () => Promise<unknown>): Promise<void> {
    const own = this.#held.has(snapshotId);
    if (!own) await this.#take(snapshotId);
    try {
      await open();
    } catch (error) {
      if (!own) await this.release(snapshotId);
      throw error;
    }
  }

  async #take(snapshotId: string): Promise<void> {
    const [row] = await this.#ask<{ taken: boolean }>('pg_try_advisory_lock', snapshotId);
    if (row?.taken !== true)
      throw new LastgoodError({
        code: 'SNAPSHOT_RUNNING',
        message: `Snapshot ${snapshotId} is being run by another process; nothing was run.`,
        hint: 'wait until it has ended, or end it: what it has done is kept, and can be resumed then',
      });
    this.#held.add(snapshotId);
  }

  /** Nothing when it is not held. */
  async release(snapshotId: string): Promise<void> {
    if (!this.#held.delete(snapshotId)) return;
    // Where the connection broke, the server released it already.
    await this.#ask('pg_advisory_unlock', snapshotId).catch(() => {});
    if (this.#held.size === 0) await this.#end();
  }

  async releaseAll(): Promise<void> {
    this.#held.clear();
    await this.#end();
  }

  async #ask<T>(lock: 'pg_try_advisory_lock' | 'pg_advisory_unlock', snapshotId: string): Promise<T[]> {
    this.#client ??= this.#connection.apart();
    const client = await this.#client.catch((error: unknown) => {
      this.#client = null;
      throw error;
    });
    const key = this.#connection.lockKey(`run ${snapshotId}`);
    try {
      return (await client.query(`SELECT ${lock}(${key}) AS taken`)).rows as T[];
    } catch (error) {
      throw serverError(error, this.#connection.address);
    }
  }

  async #end(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await (await client?.catch(() => null))?.end().catch(() => {});
  }
}
