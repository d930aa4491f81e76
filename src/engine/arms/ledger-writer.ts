// Writes finished trials in small batches: rows that become ready together share one transaction.

import type { GradedTrial, SnapshotStore } from '../../core/index.ts';

export interface LedgerWriter {
  /** Resolves when the row is durable; rejects when the ledger could not take it. */
  write(row: GradedTrial): Promise<void>;
}

/** A writer for one snapshot. While one batch is being written the next one gathers. `regrade` puts rows in the place of ungraded ones. */
export function ledgerWriter(
  store: SnapshotStore,
  snapshotId: string,
  how: 'append' | 'regrade' = 'append',
): LedgerWriter {
  let waiting: { row: GradedTrial; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let flushing = false;

  async function flush(): Promise<void> {
    if (flushing) return;
    flushing = true;
    try {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        try {
          await store[how](
            snapshotId,
            batch.map((b) => b.row),
          );
          for (const b of batch) b.resolve();
        } catch (error) {
          for (const b of batch) b.reject(error);
        }
      }
    } finally {
      flushing = false;
    }
  }

  return {
    write(row) {
      return new Promise((resolve, reject) => {
        waiting.push({ row, resolve, reject });
        // After the callbacks of this turn of the event loop, so that answers that came together are written together.
        if (waiting.length === 1) setImmediate(() => void flush());
      });
    },
  };
}
