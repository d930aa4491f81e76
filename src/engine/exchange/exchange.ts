// Snapshots to and from files, so that they can live in git and travel between machines.

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import type { ImportedBlessing, SnapshotSummary } from '../../core/index.ts';
import { exportSnapshot, importSnapshot, readBlessings } from '../../ledger/index.ts';
import { addEvents, readEventFile } from '../records/events.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { isEventFile } from './event-files.ts';
import { importCheck, type Recomputed } from './import-check.ts';
import { linesOf, replaceFile } from './snapshot-file.ts';

/** What came out of the files. */
export interface Imported {
  readonly snapshots: readonly {
    readonly snapshot: string;
    readonly suite: string;
    readonly file: string;
    /** Grades that came out again, and those that only the file vouches for; null = the ledger had the snapshot already. */
    readonly grades: Recomputed | null;
  }[];
  readonly events: { readonly added: number; readonly known: number };
}

/** One file a snapshot, `<suite>.<id>.snapshot.jsonl`; two branches that add snapshots never touch the same file. */
export async function exportFiles(
  work: Workplace,
  refs: readonly string[],
  input: { readonly suite?: string | undefined; readonly dir: string; readonly cwd: string },
): Promise<{ snapshot: string; file: string }[]> {
  const dir = resolve(input.cwd, input.dir);
  const summaries = await snapshotsOf(work, refs, input.suite);
  await mkdir(dir, { recursive: true });
  const files = [];
  for (const s of summaries) {
    const name = `${exportName(s)}.snapshot.jsonl`;
    await replaceFile(join(dir, name), exportSnapshot(work.store, s.id, work.project));
    files.push({ snapshot: s.id, file: join(input.dir, name) });
  }
  return files;
}

/** All of them, before the first file is written: a reference that does not resolve leaves nothing behind. */
export async function snapshotsOf(
  work: Workplace,
  refs: readonly string[],
  suite: string | undefined,
): Promise<SnapshotSummary[]> {
  const summaries = [];
  for (const ref of refs) summaries.push(await work.store.resolve(ref, { suite, now: work.clock.now() }));
  return summaries;
}

/** What the name of an exported file begins with: no part of a path, whatever the suite is called. */
export function exportName({ suite, id }: SnapshotSummary): string {
  return `${suite.replace(/[^\w.-]+/g, '_')}.${id}`;
}

/**
 * The newest blessing in an exported snapshot; null where it was not blessed. For commands that take the file as their baseline because
 * the user says so: an import alone never makes one. Throws `IMPORT_INVALID` or `FILE_UNREADABLE`.
 */
export async function readBlessing(file: string): Promise<ImportedBlessing | null> {
  return (await readBlessings(linesOf(file))).at(-1) ?? null;
}

/**
 * Takes exported snapshots and events into the ledger. The same one again is no change; another snapshot under a known id is an error.
 */
export async function importFiles(work: Workplace, files: readonly string[], cwd: string): Promise<Imported> {
  const snapshots = [];
  const events = { added: 0, known: 0 };
  for (const file of files) {
    if (isEventFile(file)) {
      const { added, known } = await addEvents(work, await readEventFile(resolve(cwd, file)));
      events.added += added;
      events.known += known;
      continue;
    }
    let grades: Recomputed | null = null;
    const check = importCheck(work.hardSignal, (recomputed) => {
      grades = recomputed;
    });
    const summary = await importSnapshot(work.store, linesOf(resolve(cwd, file)), work.project, check).catch(
      (error: unknown) => {
        throw placed(error, file);
      },
    );
    snapshots.push({ snapshot: summary.id, suite: summary.suite, file, grades });
  }
  return { snapshots, events };
}

/** Which of the files it is about. */
function placed(error: unknown, file: string): unknown {
  if (!(error instanceof LastgoodError) || error.where.file !== undefined) return error;
  const { code, message, hint, where, exitCode, cause } = error;
  return new LastgoodError({ code, message, hint, where: { ...where, file }, exitCode, cause });
}
