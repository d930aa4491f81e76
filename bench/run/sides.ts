// The sides of a comparison: the same cases, answers, checks and concurrency, each as a whole process against the same mock. A side that
// did not do the whole work is no measurement: every answer is asked for once and every check has passed, or this throws.

import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { type BareMock, startBareMock } from '../kit/bare-mock.ts';
import { writeBenchSuite, writeFloorSuite, writePeerSuite } from '../kit/bench-suite.ts';
import { type Measured, type MeasureOptions, measure, median } from '../kit/measure.ts';
import { PEER_ENV } from './peer.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
export const BIN = at('../../bin/lastgood.js');
const LOOPS = at('../kit/loops.ts');
export const KEY = { OPENAI_API_KEY: 'sk-loopback-bench-key' };

export type SideName = 'openai SDK loop' | 'floor' | 'lastgood run' | 'promptfoo eval';

export interface Load {
  readonly cases: number;
  readonly concurrency: number;
  readonly latencyMs: number;
}

/** One measured process, and the time from its first request to its last answer: the run without start-up and ending. */
export interface SideRun extends Measured {
  readonly side: SideName;
  readonly load: Load;
  readonly windowMs: number;
}

export interface Bench {
  readonly folder: string;
  readonly mock: BareMock;
  readonly runs: SideRun[];
  note(text: string): void;
}

export async function openBench(folder: string, note: (text: string) => void): Promise<Bench> {
  return { folder, mock: await startBareMock(), runs: [], note };
}

/** The suite of so many cases, written once in each form. */
export async function suiteFolder(bench: Bench, cases: number, graders = 2): Promise<string> {
  const folder = join(bench.folder, `suite-${cases}-${graders}`);
  if (await stat(folder).catch(() => null)) return folder;
  await writeBenchSuite(folder, cases, bench.mock.url, graders);
  await writeFloorSuite(folder, cases);
  await writePeerSuite(folder, cases, bench.mock.url);
  return folder;
}

export async function folderBytes(folder: string): Promise<number> {
  let sum = 0;
  for (const name of await readdir(folder)) sum += (await stat(join(folder, name))).size;
  return sum;
}

/** Arguments of a `lastgood run` that keeps its snapshot in `db`. */
export function runArgs(suite: string, db: string, concurrency: number, ...more: string[]): string[] {
  const release = join(suite, 'release.yaml');
  return [
    BIN,
    'run',
    suite,
    '--release',
    release,
    '--db',
    db,
    '--concurrency',
    String(concurrency),
    '--quiet',
    ...more,
  ];
}

function checkLedger(db: string, cases: number): void {
  const ledger = new Database(db, { readonly: true });
  const row = ledger
    .prepare(
      'SELECT count(*) AS trials, count(DISTINCT case_id) AS cases, sum(pass) AS passed FROM v_trials WHERE snapshot = (SELECT id FROM v_snapshots ORDER BY started_at DESC LIMIT 1)',
    )
    .get() as { trials: number; cases: number; passed: number };
  ledger.close();
  if (row.trials !== cases || row.cases !== cases || row.passed !== cases)
    throw new Error(`lastgood run: ${JSON.stringify(row)} in the ledger for ${cases} cases that all pass`);
}

export interface LedgerRun {
  readonly run: SideRun;
  readonly suite: string;
  readonly db: string;
  readonly bytes: number;
}

/** `lastgood run` into `ledger` (a folder; a fresh one unless it is there). */
export async function runLastgood(
  bench: Bench,
  load: Load,
  ledger: string,
  {
    graders = 2,
    answer,
    more = [],
  }: { graders?: number; answer?: (prompt: string) => string; more?: string[] } = {},
): Promise<LedgerRun> {
  const suite = await suiteFolder(bench, load.cases, graders);
  const folder = join(bench.folder, ledger);
  const db = join(folder, 'ledger.db');
  bench.mock.reset({ latencyMs: load.latencyMs, ...(answer === undefined ? {} : { answer }) });
  const measured = await measure(runArgs(suite, db, load.concurrency, ...more), KEY);
  const run = finished(bench, 'lastgood run', load, measured);
  checkLedger(db, load.cases);
  return { run, suite, db, bytes: await folderBytes(folder) };
}

function finished(bench: Bench, side: SideName, load: Load, measured: Measured): SideRun {
  if (measured.code !== 0)
    throw new Error(
      `${side}, ${load.cases} cases: ${measured.code === null ? 'took too long' : `exit ${measured.code}`}\n${measured.stdout.slice(-2000)}`,
    );
  if (bench.mock.answered !== load.cases)
    throw new Error(`${side}: ${bench.mock.answered} requests for ${load.cases} cases`);
  const run: SideRun = { ...measured, side, load, windowMs: bench.mock.windowMs };
  bench.runs.push(run);
  bench.note(
    `${side.padEnd(15)} ${String(load.cases).padStart(6)} cases, ${load.concurrency} at once, ${load.latencyMs} ms: ${(run.wallMs / 1000).toFixed(2)} s, CPU ${(run.cpuMs / load.cases).toFixed(3)} ms/case, ${run.rssMb.toFixed(0)} MB`,
  );
  return run;
}

async function runLoop(bench: Bench, load: Load, args: string[], side: SideName): Promise<SideRun> {
  bench.mock.reset({ latencyMs: load.latencyMs });
  const run = finished(bench, side, load, await measure([LOOPS, ...args]));
  if (Number(run.stdout.trim()) !== load.cases)
    throw new Error(`${side}: ${run.stdout.trim()} of ${load.cases} cases passed their checks`);
  return run;
}

/**
 * One `promptfoo eval`; what it keeps is in `home`. It writes no output file but its own database: what lastgood does too. `cache`: with
 * its disk cache, which a second run of the same suite answers from.
 */
export async function peerEval(
  bench: Bench,
  load: Load,
  program: string,
  home: string,
  { cache = false } = {},
): Promise<Measured> {
  const suite = await suiteFolder(bench, load.cases);
  await mkdir(home, { recursive: true });
  bench.mock.reset({ latencyMs: load.latencyMs });
  const args = ['eval', '-c', join(suite, 'promptfooconfig.yaml'), '-j', String(load.concurrency)];
  const options: MeasureOptions = { cwd: suite, limitMs: 60_000 + load.cases * 40 };
  return measure(
    [program, ...args, ...(cache ? [] : ['--no-cache']), '--no-table', '--no-progress-bar', '--no-share'],
    { ...KEY, ...PEER_ENV, PROMPTFOO_CONFIG_DIR: home },
    options,
  );
}

async function runPeer(bench: Bench, load: Load, program: string, n: number): Promise<SideRun> {
  const home = join(bench.folder, `peer-${n}`);
  const measured = await peerEval(bench, load, program, home);
  // Exit 0 is its word for "all tests passed".
  const run = finished(bench, 'promptfoo eval', load, measured);
  await rm(home, { recursive: true, force: true });
  return run;
}

/** One run of a side; `n` tells repeated runs apart. */
export async function runSide(
  bench: Bench,
  side: SideName,
  load: Load,
  n: number,
  peer: string | null,
): Promise<SideRun> {
  if (side === 'promptfoo eval') {
    if (peer === null) throw new Error('promptfoo is not installed');
    return runPeer(bench, load, peer, n);
  }
  const concurrency = String(load.concurrency);
  const { url } = bench.mock;
  if (side === 'openai SDK loop')
    return runLoop(bench, load, ['sdk', String(load.cases), concurrency, url], side);
  const scratch = join(bench.folder, `run-${n}`);
  await rm(scratch, { recursive: true, force: true });
  try {
    if (side === 'lastgood run') return (await runLastgood(bench, load, `run-${n}`)).run;
    await mkdir(scratch, { recursive: true });
    const suite = join(await suiteFolder(bench, load.cases), 'floor.jsonl');
    return await runLoop(bench, load, ['floor', suite, concurrency, url, join(scratch, 'floor.db')], side);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Runs the sides in turn, `reps` times: a drift of the machine's speed falls on all of them. */
export async function inTurn(
  bench: Bench,
  sides: readonly SideName[],
  load: Load,
  reps: number,
  peer: string | null = null,
): Promise<void> {
  for (let n = 0; n < reps; n++) for (const side of sides) await runSide(bench, side, load, n, peer);
}

/** The median of a figure over the runs of a side under this load; null when there was none. */
export function figure(
  bench: Bench,
  side: SideName,
  load: Load,
  key: 'wallMs' | 'cpuMs' | 'rssMb' | 'windowMs',
): number | null {
  const values = bench.runs
    .filter(
      (run) =>
        run.side === side &&
        run.load.cases === load.cases &&
        run.load.concurrency === load.concurrency &&
        run.load.latencyMs === load.latencyMs,
    )
    .map((run) => run[key]);
  return values.length === 0 ? null : median(values);
}
