// Snapshots to and from files, so that they can live in git and travel between machines.

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LastgoodError } from '../../core/index.ts';
import { exportSnapshot, importSnapshot } from '../../snapshot/index.ts';
import { isEventFile } from '../incident/event-files.ts';
import { addEvents, readEventFile } from '../incident/events.ts';
import type { Workplace } from '../workplace.ts';
import { linesOf, replaceFile } from './snapshot-file.ts';

/** What came out of the files. */
export interface Imported {
  readonly snapshots: readonly { readonly snapshot: string; readonly suite: string; readonly file: string }[];
  readonly events: { readonly added: number; readonly known: number };
}

/** One file a snapshot, `<suite>.<id>.snapshot.jsonl`; two branches that add snapshots never touch the same file. */
export async function exportFiles(
  work: Workplace,
  refs: readonly string[],
  input: { readonly suite?: string | undefined; readonly dir: string; readonly cwd: string },
): Promise<{ snapshot: string; file: string }[]> {
  const dir = resolve(input.cwd, input.dir);
  const summaries = [];
  for (const ref of refs)
    summaries.push(await work.store.resolve(ref, { suite: input.suite, now: work.clock.now() }));
  await mkdir(dir, { recursive: true });
  const files = [];
  for (const s of summaries) {
    const name = `${s.suite.replace(/[^\w.-]+/g, '_')}.${s.id}.snapshot.jsonl`;
    await replaceFile(join(dir, name), exportSnapshot(work.store, s.id, work.project));
    files.push({ snapshot: s.id, file: join(input.dir, name) });
  }
  return files;
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
    const summary = await importSnapshot(work.store, linesOf(resolve(cwd, file)), work.project).catch(
      (error: unknown) => {
        throw placed(error, file);
      },
    );
    snapshots.push({ snapshot: summary.id, suite: summary.suite, file });
  }
  return { snapshots, events };
}

/** Which of the files it is about. */
function placed(error: unknown, file: string): unknown {
  if (!(error instanceof LastgoodError) || error.where.file !== undefined) return error;
  const { code, message, hint, where, exitCode, cause } = error;
  return new LastgoodError({ code, message, hint, where: { ...where, file }, exitCode, cause });
}
