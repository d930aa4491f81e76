// Snapshots to and from files, so that they can live in git and travel between machines.

import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { LastgoodError } from '../../core/index.ts';
import { exportSnapshot, importSnapshot } from '../../snapshot/index.ts';
import type { Workplace } from '../workplace.ts';

/** Characters gathered before they are written: short lines one by one would take long. */
const WRITE_AT_ONCE = 1024 * 1024;

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
    await writeWhole(join(dir, name), exportSnapshot(work.store, s.id, work.project));
    files.push({ snapshot: s.id, file: join(input.dir, name) });
  }
  return files;
}

/** A file that is there is replaced only by a whole one: a damaged ledger or a full disk must not take the last good export away. */
async function writeWhole(file: string, lines: AsyncIterable<string>): Promise<void> {
  const part = `${file}.${randomBytes(4).toString('hex')}.part`;
  try {
    const handle = await open(part, 'wx');
    try {
      let waiting = '';
      for await (const line of lines) {
        waiting += `${line}\n`;
        if (waiting.length < WRITE_AT_ONCE) continue;
        await handle.writeFile(waiting);
        waiting = '';
      }
      await handle.writeFile(waiting);
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof LastgoodError) throw error;
    throw new LastgoodError({
      code: 'EXPORT_FAILED',
      message: `the export could not be written: ${(error as Error).message}`,
      where: { file },
      hint: 'free some space or check the permissions of the folder, and export again; what was there before is as it was',
      exitCode: 4,
      cause: error,
    });
  }
}

/** Takes exported snapshots into the ledger. The same snapshot again is no change; another one under its id is an error. */
export async function importFiles(
  work: Workplace,
  files: readonly string[],
  cwd: string,
): Promise<{ snapshot: string; suite: string; file: string }[]> {
  const taken = [];
  for (const file of files) {
    const lines = createInterface({
      input: createReadStream(resolve(cwd, file)),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    const summary = await importSnapshot(work.store, lines, work.project);
    taken.push({ snapshot: summary.id, suite: summary.suite, file });
  }
  return taken;
}
