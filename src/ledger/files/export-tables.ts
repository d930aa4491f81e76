// A snapshot as three Parquet files, for DuckDB, pandas and Spark. For reading only: an import takes the text export.

import type { SnapshotStore } from '../../core/snapshot.ts';
import { placelessTrial, placesOf } from '../model/portable-paths.ts';
import type { ProjectFolder } from '../model/project-folder.ts';
import { endedSnapshot } from './export.ts';
import { ParquetTable } from './parquet-table.ts';
import { type CaseRow, type GradeRow, TABLES, type TableName, type TrialRow } from './table-columns.ts';

/** Of the columns; a column that is only added does not change it. */
const TABLES_VERSION = '1';

/**
 * Writes the files, over what is there. Throws `SNAPSHOT_RUNNING` for a snapshot that has not ended, `LEDGER_CORRUPT` for one that is
 * not what it was closed as, and the system's error where a file cannot be written.
 */
export async function exportTables(
  store: SnapshotStore,
  snapshotId: string,
  files: Readonly<Record<TableName, string>>,
  project?: ProjectFolder,
): Promise<void> {
  const snapshot = endedSnapshot(await store.resolve(snapshotId, { now: new Date(0) }));
  await store.verify(snapshotId);
  const about = {
    'lastgood.tables': TABLES_VERSION,
    'lastgood.snapshot': snapshot.id,
    'lastgood.validity': snapshot.validity,
  };
  const places = placesOf(project);
  const cases = new ParquetTable<CaseRow>(files.cases, TABLES.cases, about);
  for await (const examined of store.examinedCases(snapshotId)) await cases.add({ snapshot, examined });
  await cases.finish();
  const trials = new ParquetTable<TrialRow>(files.trials, TABLES.trials, about);
  const grades = new ParquetTable<GradeRow>(files.grades, TABLES.grades, about);
  for await (const kept of store.trials(snapshotId)) {
    const stored = placelessTrial(kept, places.text);
    await trials.add({ snapshot, stored });
    for (const grade of stored.grades) await grades.add({ snapshot, trial: stored.trial, grade });
  }
  await trials.finish();
  await grades.finish();
}
