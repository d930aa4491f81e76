// Snapshots as Parquet files: three a snapshot, for data tools.

import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exportTables } from '../../ledger/files/export-tables.ts';
import type { TableName } from '../../ledger/files/table-columns.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { exportName, snapshotsOf } from './exchange.ts';
import { notExported } from './snapshot-file.ts';

export interface TableFile {
  readonly snapshot: string;
  readonly table: TableName;
  readonly file: string;
}

const TABLE_NAMES: readonly TableName[] = ['cases', 'trials', 'grades'];

/** `<suite>.<id>.<table>.parquet` each. Files that are there are replaced only once all three of a snapshot are whole. */
export async function exportTableFiles(
  work: Workplace,
  refs: readonly string[],
  input: { readonly suite?: string | undefined; readonly dir: string; readonly cwd: string },
): Promise<TableFile[]> {
  const dir = resolve(input.cwd, input.dir);
  const summaries = await snapshotsOf(work, refs, input.suite);
  await mkdir(dir, { recursive: true });
  const written: TableFile[] = [];
  for (const s of summaries) {
    const nameOf = (table: TableName): string => `${exportName(s)}.${table}.parquet`;
    const mark = randomBytes(4).toString('hex');
    const partOf = (table: TableName): string => join(dir, `${nameOf(table)}.${mark}.part`);
    try {
      const parts = { cases: partOf('cases'), trials: partOf('trials'), grades: partOf('grades') };
      await exportTables(work.store, s.id, parts, work.project);
      for (const table of TABLE_NAMES) await rename(parts[table], join(dir, nameOf(table)));
    } catch (error) {
      for (const table of TABLE_NAMES) await rm(partOf(table), { force: true });
      throw notExported(join(dir, nameOf('cases')), error);
    }
    written.push(
      ...TABLE_NAMES.map((table) => ({ snapshot: s.id, table, file: join(input.dir, nameOf(table)) })),
    );
  }
  return written;
}
