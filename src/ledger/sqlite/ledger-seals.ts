// The seals of a ledger file that no store is open on: for checking and forgetting.

import { NO_PLACES } from '../model/portable-paths.ts';
import { ContentTables } from './content.ts';
import { GradingTables } from './gradings.ts';
import { LastCases } from './last-cases.ts';
import type { OpenLedgerFile } from './open.ts';
import { type ReadParts, Seals } from './seals.ts';
import { SnapshotTables } from './snapshots.ts';
import { SuiteTables } from './suites.ts';
import { TrialTables } from './trials.ts';

/** Digests of what comparisons read, computed as they read it. */
export function readPartsOf(
  { db }: Pick<OpenLedgerFile, 'db'>,
  snapshots: SnapshotTables,
  lastCases: LastCases,
  trials: TrialTables,
): (no: number) => ReadParts {
  const suiteOf = db.prepare<[number], number>('SELECT suite FROM snapshot WHERE no = ?').pluck();
  return (no) => ({
    cases: lastCases.examined(suiteOf.get(no) as number, snapshots.examBook(no)).digest,
    trials: trials.digest(no),
  });
}

/** With nothing remembered from before: what was read may have changed on this connection. */
export function sealsOfFile(file: OpenLedgerFile): Seals {
  const { db, path } = file;
  const content = new ContentTables(db);
  const lastCases = new LastCases(db, content, new SuiteTables(db, content, NO_PLACES));
  const trials = new TrialTables(db, content, new GradingTables(db, content));
  return new Seals(db, path, readPartsOf(file, new SnapshotTables(db), lastCases, trials));
}
