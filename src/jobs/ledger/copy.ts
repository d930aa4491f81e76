// Copying a ledger to another place: a file to a server, a server to a file, or two of a kind.

import { LastgoodError, type Progress } from '../../base/index.ts';
import type { ShippingStore } from '../../core/index.ts';
import { copyLedger, type SnapshotsReport } from '../../ledger/files/copy-ledger.ts';
import { copyRows, mustBeCopyable, type RowsReport } from '../../ledger/files/copy-rows.ts';
import { isServerAddress, openLedger, shownPlace } from '../../ledger/index.ts';
import type { LedgerExtras } from '../../ledger/model/ledger-extras.ts';
import type { LedgerRows } from '../../ledger/model/ledger-rows.ts';

export type CopyReport = SnapshotsReport & RowsReport;

/** Throws `COPY_SAME` where both places are one, `COPY_MERGES`, and what the ledgers throw. The source is not changed. */
export async function copyJob(
  places: { readonly from: string; readonly to: string },
  progress: Progress,
): Promise<CopyReport> {
  const { from, to } = places;
  if (from === to)
    throw new LastgoodError({
      code: 'COPY_SAME',
      message: `The source and the target are the same ledger: ${shownPlace(from)}.`,
      hint: 'name another target: lastgood db copy snapshots/lastgood.db postgres://HOST/DATABASE',
    });
  const open: { close(): Promise<void> }[] = [];
  const opened = async <T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> => {
    const store = await opening;
    open.push(store);
    return store;
  };
  try {
    // Places are copied as they are kept, so neither has a project.
    const source = await opened(openLedger(from, { create: false }));
    const extras = await opened(extrasOf(from));
    const target = await opened(openLedger(to));
    const rows = {
      from: await opened(rowsOf(from)),
      to: await opened(rowsOf(to)),
      shippingFrom: await opened(shippingOf(from)),
      shippingTo: await opened(shippingOf(to)),
    };
    await mustBeCopyable(rows);
    const snapshots = await copyLedger(source, extras, target, (done, total) =>
      progress.step({ done, total, label: 'snapshots copied' }),
    );
    const others = await copyRows(rows, (done, total, what) =>
      progress.step({ done, total, label: `copying ${what}` }),
    );
    return { ...snapshots, ...others };
  } finally {
    for (const store of open.reverse()) await store.close();
  }
}

async function extrasOf(place: string): Promise<LedgerExtras> {
  if (isServerAddress(place)) return (await import('../../ledger/postgres/extras.ts')).serverExtras(place);
  return (await import('../../ledger/sqlite/extras.ts')).fileExtras(place);
}

async function rowsOf(place: string): Promise<LedgerRows> {
  if (isServerAddress(place))
    return (await import('../../ledger/postgres/ledger-rows.ts')).serverRows(place, false);
  return (await import('../../ledger/sqlite/ledger-rows.ts')).fileRows(place, false);
}

async function shippingOf(place: string): Promise<ShippingStore> {
  const create = { create: false };
  if (isServerAddress(place))
    return (await import('../../ledger/postgres/open-ledger.ts')).openServerShipping(place, create);
  return (await import('../../ledger/sqlite/open-observations.ts')).openShipping(place, create);
}
