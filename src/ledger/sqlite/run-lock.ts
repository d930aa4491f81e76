// Who runs a snapshot holds a lock on it, so that no second process pays for the same calls.

import { rmSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';
import type { SqliteDriver } from './addon.ts';

/**
 * Locks on the snapshots that this process runs: an empty database beside the ledger, locked as long as the run lasts. The system
 * lets go of it when the process dies in whatever way, which a process id written down would not tell.
 */
export class RunLocks {
  readonly #ledger: string;
  readonly #driver: SqliteDriver;
  readonly #held = new Map<string, Database>();

  constructor(ledger: string, driver: SqliteDriver) {
    this.#ledger = ledger;
    this.#driver = driver;
  }

  /** Opens a snapshot: it is held from now on, unless that fails. Throws `SNAPSHOT_RUNNING` when another process holds it. */
  async hold(snapshotId: string, open: () => Promise<unknown>): Promise<void> {
    if (this.#held.has(snapshotId)) {
      await open();
      return;
    }
    this.#take(snapshotId);
    try {
      await open();
    } catch (error) {
      this.release(snapshotId);
      throw error;
    }
  }

  #take(snapshotId: string): void {
    let lock: Database | null = null;
    try {
      lock = new this.#driver(this.#path(snapshotId), { timeout: 0 });
      lock.exec('BEGIN EXCLUSIVE');
      this.#held.set(snapshotId, lock);
    } catch (error) {
      lock?.close();
      // Where no lock can be made the run goes on without one: that a trial is kept once is the ledger's own rule.
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY') return;
      throw new LastgoodError({
        code: 'SNAPSHOT_RUNNING',
        message: `Snapshot ${snapshotId} is being run by another process; nothing was run.`,
        hint: 'wait until it has ended, or end it: what it has done is kept, and can be resumed then',
      });
    }
  }

  /** Nothing when it is not held. */
  release(snapshotId: string): void {
    const lock = this.#held.get(snapshotId);
    if (lock === undefined) return;
    this.#held.delete(snapshotId);
    // Removed before it is released: whoever comes next makes a new one. Where an open file cannot be removed (Windows), after that.
    const gone = removed(this.#path(snapshotId));
    lock.close();
    if (!gone) removed(this.#path(snapshotId));
  }

  releaseAll(): void {
    for (const id of [...this.#held.keys()]) this.release(id);
  }

  #path(snapshotId: string): string {
    // Ends as ledgers do, so that what keeps them out of git and backups keeps this out, too.
    return `${this.#ledger}.run-${snapshotId}.db`;
  }
}

/** False where it cannot be removed now: an empty file that nobody holds is in nobody's way. */
function removed(path: string): boolean {
  try {
    rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}
