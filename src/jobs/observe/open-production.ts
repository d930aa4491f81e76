// Opens the observations of a ledger with the rules by which their windows are counted, and keeps the windows up to date.

import { setImmediate as breathe } from 'node:timers/promises';
import type { ObservationStore, WindowRules } from '../../core/index.ts';
import { isServerAddress } from '../../ledger/model/address.ts';
import { openObservations } from '../../ledger/sqlite/open-observations.ts';
import { editShare } from '../../monitor/edit-share.ts';
import { countsOf } from '../../monitor/window-counts.ts';

const RULES: WindowRules = { counts: countsOf, editShare };

/** Rows that are counted in one transaction: short enough that senders do not notice. */
const FOLD_ROWS = 2000;

/** The caller closes it. `create: false` refuses to make a ledger that is not there. */
export async function openProduction(
  db: string,
  options: { readonly create?: boolean } = {},
): Promise<ObservationStore> {
  if (isServerAddress(db))
    return (await import('../../ledger/postgres/open-ledger.ts')).openServerObservations(db, RULES, options);
  return openObservations(db, RULES, options);
}

/** Counts everything that was stored and is not in its window yet. Others get their turn between steps. */
export async function foldAll(store: ObservationStore, stop?: AbortSignal): Promise<void> {
  while (stop?.aborted !== true && (await store.fold(FOLD_ROWS)) > 0) await breathe();
}
