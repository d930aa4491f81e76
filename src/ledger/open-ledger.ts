// From a place to a snapshot store: a file on this machine, or a PostgreSQL server, whose driver is only loaded then.

import type { SnapshotStore } from '../core/snapshot.ts';
import { isServerAddress } from './model/address.ts';
import type { LedgerOptions } from './sqlite/open.ts';
import { openLedgerAt } from './sqlite/open-ledger.ts';

/** Opens the ledger at a place, making it when absent. Throws as `openLedgerAt` and `openServerLedger` do. */
export async function openLedger(place: string, options: LedgerOptions = {}): Promise<SnapshotStore> {
  if (!isServerAddress(place)) return openLedgerAt(place, options);
  const { openServerLedger } = await import('./postgres/open-ledger.ts');
  return openServerLedger(place, { create: options.create, project: options.project });
}
