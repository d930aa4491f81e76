// Copying a ledger to another place: a file to a server, a server to a file, or two of a kind.

import { LastgoodError, type Progress } from '../../base/index.ts';
import { type CopyReport, copyLedger } from '../../ledger/files/copy-ledger.ts';
import { isServerAddress, openLedger, shownPlace } from '../../ledger/index.ts';
import type { LedgerExtras } from '../../ledger/model/ledger-extras.ts';

export type { CopyReport };

/** Throws `COPY_SAME` where both places are one, and what the ledgers throw. The source is not changed. */
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
  // Places are copied as they are kept, so neither has a project.
  const source = await openLedger(from, { create: false });
  try {
    const extras = await extrasOf(from);
    try {
      const target = await openLedger(to);
      try {
        return await copyLedger(source, extras, target, (done, all) =>
          progress.step({ done, total: all, label: 'snapshots copied' }),
        );
      } finally {
        await target.close();
      }
    } finally {
      await extras.close();
    }
  } finally {
    await source.close();
  }
}

async function extrasOf(place: string): Promise<LedgerExtras> {
  if (isServerAddress(place)) return (await import('../../ledger/postgres/extras.ts')).serverExtras(place);
  return (await import('../../ledger/sqlite/extras.ts')).fileExtras(place);
}
