// Taking a text, or all answers of a case, out of a ledger for good: wherever it stands, not only where it was expected.

import {
  type ForgetReport,
  type ForgetRequest,
  type Forgotten,
  mustBeLongEnough,
  RollBack,
} from '../model/forget-request.ts';
import { withPatience } from './database-error.ts';
import { forgetCase } from './forget-case.ts';
import { forgetText } from './forget-text.ts';
import { sealsOfFile } from './ledger-seals.ts';
import type { OpenLedgerFile } from './open.ts';
import { maintaining } from './upkeep.ts';

/**
 * Removes it in one transaction, overwrites what it stood on and writes the file anew, so that no page keeps a copy. Scores, hashes and
 * times stay. A ledger that is damaged is refused with `LEDGER_CORRUPT`: its digests could not be made anew.
 */
export async function forget(
  file: OpenLedgerFile,
  request: ForgetRequest,
  options: { readonly dryRun?: boolean | undefined } = {},
): Promise<ForgetReport> {
  const dryRun = options.dryRun === true;
  mustBeLongEnough(request);
  // Freed bytes are overwritten with zeros, so that the text is not left in the file's slack.
  file.db.pragma('secure_delete = ON');
  let report: Forgotten | null = null;
  const work = (db: OpenLedgerFile['db']): void => {
    const before = sealsOfFile(file);
    if (!dryRun) before.checkAll();
    report =
      request.kind === 'case'
        ? forgetCase(db, request.caseId)
        : forgetText(db, request.text, request.substring === true);
    if (dryRun) throw new RollBack();
    // Rows that changed by what was asked for have other digests now.
    sealsOfFile(file).writeAll();
  };
  await maintaining(file, 'forget', work).catch((error: unknown) => {
    if (!(error instanceof RollBack)) throw error;
  });
  if (!dryRun) await rewrite(file);
  return { dryRun, ...(report as unknown as Forgotten) };
}

/** Writes the whole file anew and empties its log: copies of rows stay in pages that SQLite split or merged. */
async function rewrite({ db, path, patience }: OpenLedgerFile): Promise<void> {
  await withPatience(path, patience, () => db.exec('VACUUM'));
  await withPatience(path, patience, () => {
    const [row] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
    if (row?.busy !== 0)
      throw Object.assign(
        new Error(
          'the text is out of the ledger, but another process still reads pages from before; run it again when that has ended',
        ),
        { code: 'SQLITE_BUSY' },
      );
  });
}
