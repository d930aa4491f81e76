// The ledger's upkeep: what takes its space, what may go, whether it is whole, and taking a text out of it.

import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { LastgoodError } from '../../base/index.ts';
import { forgetInEvent, isEventFile } from '../../engine/exchange/event-files.ts';
import { linesOf, replaceFile } from '../../engine/exchange/snapshot-file.ts';
import {
  checkLedger,
  exportSnapshot,
  type ForgetReport,
  type ForgetRequest,
  importSnapshot,
  isServerAddress,
  type LedgerCheck,
  type LedgerStats,
  ledgerStats,
  openLedger,
  type ProjectFolder,
  type PruneReport,
  pruneLedger,
  withLedgerFile,
} from '../../ledger/index.ts';
import type { ObservationPruned } from '../../ledger/model/observation-row.ts';
import { forget } from '../../ledger/sqlite/forget.ts';
import { pruneObservations } from '../../ledger/sqlite/observation-upkeep.ts';
import { foldAll, openProduction } from '../observe/open-production.ts';

export type { ForgetRequest, LedgerCheck, LedgerStats };

export async function statsJob(db: string): Promise<LedgerStats> {
  if (isServerAddress(db)) return (await onServer()).serverStats(db);
  return withLedgerFile(db, {}, ledgerStats);
}

export async function checkJob(db: string): Promise<LedgerCheck> {
  if (isServerAddress(db)) return (await onServer()).checkServer(db);
  return withLedgerFile(db, {}, checkLedger);
}

/** Loaded only for a ledger on a server. */
function onServer(): Promise<typeof import('../../ledger/postgres/upkeep.ts')> {
  return import('../../ledger/postgres/upkeep.ts');
}

const DAY_MS = 86_400_000;

export type PruneJobReport = PruneReport & { readonly production: ObservationPruned };

/** Snapshots by their own rules. Of production, `keepDays` removes older texts and `observationDays` older observations. */
export async function pruneJob(
  db: string,
  rules: {
    readonly observationDays?: number | undefined;
    readonly keepLast?: number | undefined;
    readonly keepDays?: number | undefined;
    readonly keepBlessed?: boolean | undefined;
    readonly dryRun: boolean;
    readonly now: Date;
  },
): Promise<PruneJobReport> {
  const { keepLast, keepDays, keepBlessed, observationDays, dryRun, now } = rules;
  const before = (days: number | undefined): number | null =>
    days === undefined ? null : now.getTime() - days * DAY_MS;
  if (observationDays !== undefined && !dryRun) await countAll(db);
  const retention = { textsBefore: before(keepDays), rowsBefore: before(observationDays), dryRun };
  const onlyProduction =
    observationDays !== undefined && keepLast === undefined && keepDays === undefined && keepBlessed !== true;
  // Without a rule for them, snapshots keep everything.
  const snapshots = onlyProduction ? { ...rules, keepDays: Number.MAX_SAFE_INTEGER } : rules;
  if (isServerAddress(db)) {
    const { pruneServerObservations } = await import('../../ledger/postgres/observation-upkeep.ts');
    const { pruneServer } = await onServer();
    const production = await pruneServerObservations(db, retention);
    return { ...(await pruneServer(db, snapshots)), production };
  }
  return withLedgerFile(db, {}, async (file) => {
    const production = await pruneObservations(file, retention);
    return { ...(await pruneLedger(file, snapshots)), production };
  });
}

/** An observation may only go once it is in its windows. */
async function countAll(db: string): Promise<void> {
  const store = await openProduction(db, { create: false });
  try {
    await foldAll(store);
  } finally {
    await store.close();
  }
}

export interface ForgetJobReport extends ForgetReport {
  /** Exported files that were written anew without it; git's history still has them as they were. */
  readonly rewritten: readonly string[];
  /** Exported files that may still hold it, because they are damaged and could not be read. */
  readonly files: readonly string[];
}

/** The bytes of a file as cases and releases hold them, on their own or in an address. Throws `MEDIA_UNREADABLE`. */
export async function mediaToForget(file: string): Promise<ForgetRequest> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new LastgoodError({
      code: 'MEDIA_UNREADABLE',
      message: `the file ${JSON.stringify(file)} cannot be read (${cause.code ?? cause.message})`,
      cause,
    });
  });
  return { kind: 'text', text: bytes.toString('base64'), substring: true };
}

/**
 * Takes it out of the ledger, and of the exported files beside it and in `folders`; with `dryRun` only says what it would change. Exports of a
 * ledger on a server lie in the project's folder `snapshots`.
 */
export async function forgetJob(
  db: string,
  request: ForgetRequest,
  folders: readonly string[],
  project: ProjectFolder,
  options: { readonly dryRun?: boolean | undefined } = {},
): Promise<ForgetJobReport> {
  const dryRun = options.dryRun === true;
  const report = isServerAddress(db)
    ? await (await import('../../ledger/postgres/forget.ts')).forgetOnServer(db, request, { dryRun })
    : await withLedgerFile(db, {}, (file) => forget(file, request, { dryRun }));
  const rewritten: string[] = [];
  const files: string[] = [];
  const beside = isServerAddress(db) ? join(project.root, 'snapshots') : dirname(db);
  for (const file of await filesWith(request, [beside, ...folders])) {
    try {
      const changed = isEventFile(file)
        ? request.kind === 'text' && (await forgetInEvent(file, request, dryRun))
        : await rewriteWithout(file, request, db, project, dryRun);
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
    const entries = (await readdir(folder, { withFileTypes: true })).filter((e) => e.isFile());
    for (const name of entries.map((e) => e.name).sort()) {
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
 * afterwards. False when the file does not hold it.
 */
async function rewriteWithout(
  file: string,
  request: ForgetRequest,
  db: string,
  project: ProjectFolder,
  dryRun: boolean,
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
    if (!(await forgetsIn(own, request))) return false;
    if (dryRun) return true;
    let from = db;
    const ledger = await openLedger(db, { project });
    try {
      if (!(await ledger.list()).some((s) => s.id === id && s.state !== 'running')) from = own;
    } finally {
      await ledger.close();
    }
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

/** Takes it out of a ledger; false where it holds nothing of it. */
async function forgetsIn(ledger: string, request: ForgetRequest): Promise<boolean> {
  try {
    const { payloads, rows } = await withLedgerFile(ledger, {}, (open) => forget(open, request));
    return payloads + rows > 0;
  } catch (error) {
    // The words stand in the file, but in no text of it that is kept, e.g. in a key.
    if ((error as LastgoodError).code === 'CASE_UNKNOWN') return false;
    throw error;
  }
}
