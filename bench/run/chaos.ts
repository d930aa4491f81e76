// One disturbed run: faults by seed, the process killed at random moments and resumed until it is done, then compared with what must be.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { promptOf, writeBenchSuite } from '../kit/bench-suite.ts';
import { answerTo, type Faults, seeded, startMock } from '../kit/mock-server.ts';

const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));

export interface ChaosOutcome {
  readonly seed: number;
  readonly kills: number;
  readonly starts: number;
  readonly requests: number;
  /** Answers paid for more than once. */
  readonly repeated: number;
  /** The most that were in flight when the process was killed, over all kills. */
  readonly mayRepeat: number;
  /** What is wrong; empty = as an undisturbed run. */
  readonly problems: readonly string[];
}

/** Faults drawn for a seed: about a fifth of all calls fail in some way. */
function faultsOf(random: () => number): Faults {
  const kinds = [
    'limited',
    'limitedWithDelay',
    'serverError',
    'overloaded',
    'reset',
    'truncated',
    'badJson',
    'drip',
  ] as const;
  const faults: Record<string, number> = {};
  for (const kind of kinds) if (random() < 0.5) faults[kind] = 0.04 * random();
  if (random() < 0.3) faults['hang'] = 0.01;
  return faults;
}

export async function chaosRun(
  seed: number,
  options: { cases?: number; concurrency?: number } = {},
): Promise<ChaosOutcome> {
  const { cases = 40, concurrency = 4 } = options;
  const random = seeded(seed);
  const quota = random() < 0.25;
  const mock = await startMock({
    seed,
    latencyMs: 5 + Math.floor(random() * 20),
    faults: faultsOf(random),
    ...(quota ? { quotaAfter: Math.floor(cases * random()) } : {}),
  });
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-chaos-'));
  const db = join(folder, 'ledger.db');
  const problems: string[] = [];
  let kills = 0;
  let starts = 0;
  const wantedKills = 1 + Math.floor(random() * 3);
  try {
    await writeBenchSuite(folder, cases, mock.url);
    const limits = [
      '--db',
      db,
      '--concurrency',
      String(concurrency),
      '--max-attempts',
      '12',
      '--timeout',
      '1s',
      '--quiet',
      '--json',
    ];
    for (;;) {
      if (++starts > 12) {
        problems.push('it never came to an end');
        break;
      }
      const id = unfinished(db);
      const args = id === null ? [folder, '--release', join(folder, 'release.yaml')] : ['--resume', id];
      // At a request, so that it happens in the middle of the work however slow the machine is.
      const killAt =
        kills < wantedKills ? mock.requests + 1 + Math.floor(random() * (cases / wantedKills)) : null;
      const end = await run(['run', ...args, ...limits], (kill) => {
        mock.onRequest =
          killAt === null ? null : (requests) => requests >= killAt && setTimeout(kill, random() * 30);
      });
      if (end.killed) {
        kills++;
        const state = integrity(db);
        if (state !== 'ok') problems.push(`after a kill: ${state}`);
        continue;
      }
      mock.refill();
      if (end.code === 0 || end.code === 3) break;
      if (end.code !== 4) {
        problems.push(`exit ${end.code}: ${end.stderr.slice(0, 300)}`);
        break;
      }
    }
    problems.push(...differences(db, cases));
    const repeated = [...mock.billed.values()].reduce((n, times) => n + times - 1, 0);
    const mayRepeat = kills * concurrency;
    if (repeated > mayRepeat)
      problems.push(`${repeated} answers were paid twice, at most ${mayRepeat} were in flight`);
    return { seed, kills, starts, requests: mock.requests, repeated, mayRepeat, problems };
  } finally {
    await mock.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function run(
  args: readonly string[],
  onStart: (kill: () => void) => void,
): Promise<{ code: number | null; killed: boolean; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { PATH: process.env['PATH'] ?? '', OPENAI_API_KEY: 'sk-loopback-chaos-key' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    onStart(() => child.kill('SIGKILL'));
    child.on('close', (code, signal) => {
      resolve({ code, killed: signal === 'SIGKILL', stderr });
    });
  });
}

function open(db: string): InstanceType<typeof Database> | null {
  try {
    return new Database(db, { readonly: true, fileMustExist: true });
  } catch {
    return null;
  }
}

function unfinished(db: string): string | null {
  const file = open(db);
  if (file === null) return null;
  try {
    return (
      (file.prepare("SELECT id FROM snapshot WHERE state <> 'finished'").pluck().get() as
        | string
        | undefined) ?? null
    );
  } catch {
    // Killed before the schema was there.
    return null;
  } finally {
    file.close();
  }
}

function integrity(db: string): string {
  const file = open(db);
  if (file === null) return 'ok';
  try {
    return String(file.pragma('integrity_check', { simple: true }));
  } finally {
    file.close();
  }
}

/** An undisturbed run answers every case with the answer that follows from its prompt, and both graders pass. */
function differences(db: string, cases: number): string[] {
  const file = open(db);
  if (file === null) return ['there is no ledger'];
  const problems: string[] = [];
  try {
    if (integrity(db) !== 'ok') problems.push('the ledger is damaged');
    if ((file.pragma('foreign_key_check') as unknown[]).length > 0) problems.push('references into nothing');
    const snapshots = file.prepare('SELECT id, state, validity, trials FROM v_snapshots').all() as {
      state: string;
      validity: string;
      trials: number;
    }[];
    if (snapshots.length !== 1 || snapshots[0]?.state !== 'finished' || snapshots[0].validity !== 'valid')
      problems.push(`snapshots: ${JSON.stringify(snapshots)}`);
    const rows = file.prepare('SELECT case_id, trial, status, output, pass, code FROM v_trials').all() as {
      case_id: string;
      trial: number;
      status: string;
      output: string | null;
      pass: number | null;
      code: string | null;
    }[];
    if (rows.length !== cases) problems.push(`${rows.length} trials instead of ${cases}`);
    for (const row of rows) {
      const wanted = answerTo(promptOf(Number(row.case_id.slice('case-'.length))));
      if (row.status !== 'answered' || row.output !== wanted || row.pass !== 1)
        problems.push(`${row.case_id}: ${row.status} ${row.code ?? ''} pass ${row.pass}`);
    }
  } finally {
    file.close();
  }
  return problems;
}

// As a program: node bench/run/chaos.ts [RUNS] [FIRST_SEED]
if (process.argv[1] === import.meta.filename) {
  const runs = Number(process.argv[2] ?? 200);
  const first = Number(process.argv[3] ?? 1);
  let bad = 0;
  let kills = 0;
  let repeated = 0;
  for (let seed = first; seed < first + runs; seed++) {
    const outcome = await chaosRun(seed);
    kills += outcome.kills;
    repeated += outcome.repeated;
    if (outcome.problems.length > 0) {
      bad++;
      console.log(`seed ${seed}: ${outcome.problems.join('; ')}`);
    }
    if ((seed - first + 1) % 20 === 0) console.log(`${seed - first + 1} of ${runs}`);
  }
  console.log(
    `${runs} runs, ${kills} kills, ${repeated} answers paid twice (a run fails when they are more than kills × concurrency), ${bad} runs that differ from an undisturbed one`,
  );
  process.exitCode = bad === 0 ? 0 : 1;
}
