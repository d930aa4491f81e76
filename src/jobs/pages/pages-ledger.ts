// What pages read: the snapshots of a ledger, opened for reading when the first page is asked for.

import type { SnapshotStore } from '../../core/index.ts';
import { openLedger } from '../../ledger/index.ts';

/** A ledger that is open from its first use on. */
export class PagesLedger {
  readonly #db: string;
  readonly #root: string;
  #store: Promise<SnapshotStore> | null = null;

  /** `root`: the project's folder, from which places of files are kept. */
  constructor(db: string, root: string) {
    this.#db = db;
    this.#root = root;
  }

  /** Throws as `openLedger` does; the next call tries again. */
  store(): Promise<SnapshotStore> {
    this.#store ??= openLedger(this.#db, { readonly: true, project: { root: this.#root } }).catch((error) => {
      this.#store = null;
      throw error;
    });
    return this.#store;
  }

  /** A text that changes with every step of a rollout, and when an episode opens or ends. */
  async mark(): Promise<string> {
    const store = await this.store();
    const kinds = ['rollout', 'episode', 'monitor-check'];
    return (await Promise.all(kinds.map((kind) => store.recordCount(kind)))).join('-');
  }

  async close(): Promise<void> {
    await (await this.#store?.catch(() => null))?.close();
  }
}
