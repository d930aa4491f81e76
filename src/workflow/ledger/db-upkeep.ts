// The ledger's upkeep: what takes its space, what may go, whether it is whole, and taking a text out of it.

import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LastgoodError } from '../../core/index.ts';
import {
  checkLedger,
  exportSnapshot,
  type ForgetReport,
  type ForgetRequest,
  forget,
  importSnapshot,
  type LedgerCheck,
  type LedgerStats,
  ledgerStats,
  openLedger,
  type ProjectFolder,
  type PruneReport,
  pruneLedger,
  withLedgerFile,
} from '../../snapshot/index.ts';
import { forgetInEvent, isEventFile } from '../incident/event-files.ts';
import { linesOf, replaceFile } from './snapshot-file.ts';

export type { ForgetReport, ForgetRequest, LedgerCheck, LedgerStats, PruneReport };

export function statsJob(db: string): Promise<LedgerStats> {
  return withLedgerFile(db, {}, ledgerStats);
}

export function checkJob(db: string): Promise<LedgerCheck> {
  return withLedgerFile(db, {}, checkLedger);
}

export function pruneJob(
  db: string,
  rules: {
    readonly keepLast?: number | undefined;
    readonly keepDays?: number | undefined;
    readonly keepBlessed?: boolean | undefined;
    readonly dryRun: boolean;
    readonly now: Date;
  },
): Promise<PruneReport> {
  return withLedgerFile(db, {}, (file) => pruneLedger(file, rules));
}

export interface ForgetJobReport extends ForgetReport {
  /** Exported files that were written anew without it; git's history still has them as they were. */
  readonly rewritten: readonly string[];
  /** Exported files that may still hold it, because they are damaged and could not be read. */
  readonly files: readonly string[];
}

/** Takes it out of the ledger, and of the exported files in `folders`. */
export async function forgetJob(
  db: string,
  request: ForgetRequest,
  folders: readonly string[],
  project: ProjectFolder,
): Promise<ForgetJobReport> {
  const report = await withLedgerFile(db, {}, (file) => forget(file, request));
  const rewritten: string[] = [];
  const files: string[] = [];
  for (const file of await filesWith(request, folders)) {
    try {
      const changed = isEventFile(file)
        ? request.kind === 'text' && (await forgetInEvent(file, request.text))
        : await rewriteWithout(file, request, db, project);
      if (changed) rewritten.push(file);
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      files.push(file);
    }
  }
  return { ...report, rewritten, files };
}

async function filesWith(request: ForgetRequest, folders: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const wanted =
    request.kind === 'text'
      ? [request.text, JSON.stringify(request.text).slice(1, -1)]
      : [`"id":${JSON.stringify(request.caseId)}`];
  for (const folder of new Set(folders)) {
    if (!existsSync(folder)) continue;
    for (const name of (await readdir(folder)).sort()) {
      if (!name.endsWith('.snapshot.jsonl') && !isEventFile(name)) continue;
      const file = join(folder, name);
      if (await hasLineWith(file, wanted)) found.push(file);
    }
  }
  return found;
}

async function hasLineWith(file: string, wanted: readonly string[]): Promise<boolean> {
  const stream = createReadStream(file);
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
      if (wanted.some((text) => line.includes(text))) return true;
    return false;
  } finally {
    stream.destroy();
  }
}

/**
 * The file as the ledger exports its snapshot now. One that the ledger does not have goes through a ledger of its own, which is gone
 * afterwards. False when the file does not change: it was rewritten before.
 */
async function rewriteWithout(
  file: string,
  request: ForgetRequest,
  db: string,
  project: ProjectFolder,
): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-forget-'));
  try {
    const own = join(folder, 'own.db');
    const taken = await openLedger(own, { project });
    let id: string;
    try {
      id = (await importSnapshot(taken, linesOf(file), project)).id;
    } finally {
      await taken.close();
    }
    let from = db;
    const ledger = await openLedger(db, { project });
    try {
      if (!(await ledger.list()).some((s) => s.id === id && s.state !== 'running')) from = own;
    } finally {
      await ledger.close();
    }
    if (from === own)
      await withLedgerFile(own, {}, (open) => forget(open, request)).catch((error: unknown) => {
        // The words stand in the file, but in no text of it that is kept, e.g. in a key.
        if ((error as LastgoodError).code !== 'CASE_UNKNOWN') throw error;
      });
    const source = await openLedger(from, { project });
    try {
      return await replaceFile(file, exportSnapshot(source, id, project));
    } finally {
      await source.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
