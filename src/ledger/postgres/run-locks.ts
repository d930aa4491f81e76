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
  /** Those whose connection broke: the server released them. */
  readonly #lost = new Set<string>();
  #client: Promise<Client> | null = null;
  /** Null once it is to be ended. */
  #current: Client | null = null;

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
      throw running(`Snapshot ${snapshotId} is being run by another process; nothing was run.`);
    this.#held.add(snapshotId);
  }

  /**
   * Takes a lock again whose connection broke, e.g. because the server was started anew. Throws `SNAPSHOT_RUNNING` where another process was
   * quicker: two that run one snapshot would pay twice.
   */
  async keep(snapshotId: string): Promise<void> {
    if (!this.#lost.has(snapshotId)) return;
    const [row] = await this.#ask<{ taken: boolean }>('pg_try_advisory_lock', snapshotId);
    if (row?.taken !== true)
      throw running(
        `Snapshot ${snapshotId} is run by another process since the connection to the server broke; this run ends.`,
      );
    this.#lost.delete(snapshotId);
  }

  /** Nothing when it is not held. */
  async release(snapshotId: string): Promise<void> {
    this.#lost.delete(snapshotId);
    if (!this.#held.delete(snapshotId)) return;
    // Where the connection broke, the server released it already.
    await this.#ask('pg_advisory_unlock', snapshotId).catch(() => {});
    if (this.#held.size === 0) await this.#end();
  }

  async releaseAll(): Promise<void> {
    this.#held.clear();
    this.#lost.clear();
    await this.#end();
  }

  async #ask<T>(lock: 'pg_try_advisory_lock' | 'pg_advisory_unlock', snapshotId: string): Promise<T[]> {
    this.#client ??= this.#connect();
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

  async #connect(): Promise<Client> {
    const client = await this.#connection.apart();
    this.#current = client;
    client.once('end', () => {
      if (this.#current !== client) return;
      for (const id of this.#held) this.#lost.add(id);
      this.#client = null;
    });
    return client;
  }

  async #end(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#current = null;
    await (await client?.catch(() => null))?.end().catch(() => {});
  }
}

function running(message: string): LastgoodError {
  return new LastgoodError({
    code: 'SNAPSHOT_RUNNING',
    message,
    hint: 'wait until it has ended, or end it: what it has done is kept, and can be resumed then',
  });
}
