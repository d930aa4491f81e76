// From a path to a snapshot store that writes there, by a thread of its own once there is much to write.

import type { SnapshotStore } from '../../core/snapshot.ts';
import { placesOf } from '../model/portable-paths.ts';
import { ledgerError } from './database-error.ts';
import { SqliteLedger } from './ledger.ts';
import { type LedgerOptions, openLedgerFile } from './open.ts';
import { WritingThread } from './writing-thread.ts';

/**
 * Opens the ledger at a path, making it when absent, and brings its schema up to date.
 * Throws LastgoodError `NODE_TOO_OLD`, `ADDON_MISSING`, `LEDGER_MISSING`, `LEDGER_FOREIGN`, `LEDGER_NEWER`, `LEDGER_OLDER`,
 * `LEDGER_CORRUPT`, `LEDGER_READONLY`, `LEDGER_CANNOT_OPEN`, `LEDGER_NETWORK_FS`, `LEDGER_DISK_FULL`, `LEDGER_IO` or `LEDGER_BUSY`.
 */
export async function openLedgerAt(path: string, options: LedgerOptions = {}): Promise<SnapshotStore> {
  const file = await openLedgerFile(path, options);
  const { busyTimeoutMs, project, readonly, threadFromRows } = options;
  const start = { path: file.path, identity: file.identity, busyTimeoutMs, project };
  const thread = readonly === true ? null : new WritingThread(start, threadFromRows);
  if (threadFromRows === 0) await thread?.started();
  try {
    return new SqliteLedger(file, placesOf(project), thread);
  } catch (error) {
    // Its statements do not fit the file's schema.
    await thread?.close();
    file.db.close();
    throw ledgerError(error, file.path);
  }
}
