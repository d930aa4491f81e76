// The ledger's upkeep: what takes its space, what may go, whether it is whole, and taking a text out of it.

import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkLedger,
  type ForgetReport,
  type ForgetRequest,
  forget,
  type LedgerCheck,
  type LedgerStats,
  ledgerStats,
  type PruneReport,
  pruneLedger,
  withLedgerFile,
} from '../../snapshot/index.ts';

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
    readonly dryRun: boolean;
    readonly now: Date;
  },
): Promise<PruneReport> {
  return withLedgerFile(db, {}, (file) => pruneLedger(file, rules));
}

export interface ForgetJobReport extends ForgetReport {
  /** Exported snapshot files that still hold it; they are the user's (and perhaps in git's history). */
  readonly files: readonly string[];
}

/** Takes it out of the ledger and names the exported files in `folders` that still hold it. */
export async function forgetJob(
  db: string,
  request: ForgetRequest,
  folders: readonly string[],
): Promise<ForgetJobReport> {
  const report = await withLedgerFile(db, {}, (file) => forget(file, request));
  const files: string[] = [];
  const wanted =
    request.kind === 'text'
      ? [request.text, JSON.stringify(request.text).slice(1, -1)]
      : [`"caseId":${JSON.stringify(request.caseId)}`];
  for (const folder of new Set(folders)) {
    if (!existsSync(folder)) continue;
    for (const name of (await readdir(folder)).sort()) {
      if (!name.endsWith('.snapshot.jsonl')) continue;
      const content = await readFile(join(folder, name), 'utf8');
      if (wanted.some((text) => content.includes(text))) files.push(join(folder, name));
    }
  }
  return { ...report, files };
}
