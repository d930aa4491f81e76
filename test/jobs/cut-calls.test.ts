// Money is told truly across resumes: a call that was cut off with its run may be on the bill, so it stays on the books of its trial.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type MockServer, type MockSettings, startMock } from '../../bench/kit/mock-server.ts';
import { writeWorld } from '../../bench/run/chaos-world.ts';
import { SILENT } from '../../src/base/index.ts';
import type { GradedTrial, SnapshotSummary } from '../../src/core/index.ts';
import { loadAssignment } from '../../src/engine/arms/assignment.ts';
import { type RunSettings, resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { compareStored } from '../../src/engine/comparison/compare-stored.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { exportSnapshot, importSnapshot, openLedger } from '../../src/ledger/index.ts';
import { comparisonText } from '../../src/report/text/comparison-text.ts';
import { runText } from '../../src/report/text/run-text.ts';
import { lastgood, lastgoodHere, type SpawnSettings } from '../cli/lastgood.ts';

/** What an answer costs by the mock's usage and the prices below. */
const ANSWER_USD = (160 * 1000 + 70 * 2000) / 1e6;
const LIMITS: RunSettings = { concurrency: 2, maxAttempts: 2, preflight: false };

interface Stand {
  readonly dir: string;
  readonly mock: MockServer;
  /** Another server at the same address. */
  replace(settings: MockSettings): Promise<MockServer>;
  /** One process's way into the ledger; `leave` is the second Ctrl-C. */
  open(): Promise<{ work: Workplace; leave: () => void }>;
}

async function stand(settings: MockSettings, world: { cases: number; judge?: 'chat' }, thread = false) {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-cut-calls-'));
  let mock = await startMock(settings);
  onTestFinished(async () => {
    await mock.close();
    await rm(dir, { recursive: true, force: true });
  });
  const { url } = mock;
  await writeWorld({ trials: 1, wire: 'chat', judge: null, ...world }, dir, url);
  const prices = {
    'as-of': new Date('2026-11-01'),
    models: { 'bot-*': { input: 1000, output: 2000 }, 'judge-*': { input: 1000, output: 2000 } },
  };
  const made: Stand = {
    dir,
    get mock() {
      return mock;
    },
    async replace(next) {
      await mock.close();
      mock = await startMock({ ...next, port: Number(new URL(url).port) });
      return mock;
    },
    async open() {
      const [soft, hard] = [new AbortController(), new AbortController()];
      const work = await openWorkplace({
        db: join(dir, 'l.db'),
        environment: { OPENAI_API_KEY: 'sk-loopback' },
        progress: SILENT,
        version: '0',
        node: process.versions.node,
        platform: 'test',
        signal: soft.signal,
        hardSignal: hard.signal,
        threadFromRows: thread ? 0 : Number.POSITIVE_INFINITY,
      });
      onTestFinished(() => work.store.close());
      const leave = (): void => {
        soft.abort();
        hard.abort();
      };
      return { work: { ...work, prices: prices as never }, leave };
    },
  };
  return made;
}

const assigned = ({ dir }: Stand) =>
  loadAssignment({ suite: join(dir, 'suite.yaml'), release: join(dir, 'release.yaml') });

async function rowsOf(work: Workplace, id: string): Promise<GradedTrial[]> {
  const rows: GradedTrial[] = [];
  for await (const row of work.store.trials(id)) rows.push(row);
  return rows;
}

const logs = (rows: readonly GradedTrial[]): string[] =>
  rows.map(({ trial }) => trial.attempts.map((a) => a.outcome).join(' '));
const money = ({ calls, costUsd, knownCostUsd, unpricedTrials }: SnapshotSummary) => ({
  calls,
  costUsd,
  knownCostUsd,
  unpricedTrials,
});

describe.each([
  { thread: false, how: 'by one connection' },
  { thread: true, how: 'by the thread that writes' },
])('a run that was left with calls in flight, written $how', ({ thread }) => {
  it('keeps them when it is resumed: in sum, trial by trial, in SQL and in a file', async () => {
    const s = await stand({ faults: { hang: 1 } }, { cases: 4 }, thread);
    const first = await s.open();
    s.mock.onRequest = (requests) => {
      if (requests === 2) first.leave();
    };
    const left = await runSuite(first.work, await assigned(s), LIMITS);
    const { id } = left.summary;
    expect(left.summary).toMatchObject({ state: 'interrupted', skipped: 4 });
    const lost = { calls: 2, costUsd: null, knownCostUsd: 0, unpricedTrials: 2 };
    expect(money(left.summary)).toEqual(lost);
    expect(logs(await rowsOf(first.work, id)).sort()).toEqual(['', '', 'cancelled', 'cancelled']);

    // Resumed, and nothing goes out before it is left again.
    const { work: idle, leave } = await s.open();
    leave();
    expect(money((await resumeRun(idle, id, LIMITS)).summary)).toEqual(lost);

    const mock = await s.replace({});
    const { work } = await s.open();
    // The limits of a run are its own: four calls are enough for what is left.
    const { summary, report } = await resumeRun(work, id, { ...LIMITS, maxCalls: 4 });
    expect(mock.requests).toBe(4);
    expect(report).toMatchObject({ calls: 4, costUsd: 4 * ANSWER_USD, stoppedBy: null });
    expect(summary).toMatchObject({ state: 'finished', validity: 'valid', answered: 4, passRate: 1 });
    const whole = { calls: 6, costUsd: null, knownCostUsd: 4 * ANSWER_USD, unpricedTrials: 2 };
    expect(money(summary)).toEqual(whole);
    const rows = await rowsOf(work, id);
    expect(logs(rows).sort()).toEqual(['answered', 'answered', 'cancelled answered', 'cancelled answered']);
    // What a comparison measures is what the answer cost.
    for (const { trial } of rows) expect(trial).toMatchObject({ status: 'answered', costUsd: ANSWER_USD });

    const sql = new Database(join(s.dir, 'l.db'), { readonly: true });
    expect(sql.prepare('SELECT calls, cost_usd FROM v_snapshots').all()).toEqual([
      { calls: 6, cost_usd: null },
    ]);
    expect(sql.prepare('SELECT sum(calls) AS calls FROM v_trials').get()).toEqual({ calls: 6 });
    sql.close();

    const lines: string[] = [];
    for await (const line of exportSnapshot(work.store, id)) lines.push(line);
    const other = await openLedger(join(s.dir, 'other.db'), { create: true });
    expect(money(await importSnapshot(other, lines))).toEqual(whole);
    const again: string[] = [];
    for await (const line of exportSnapshot(other, id)) again.push(line);
    expect(again).toEqual(lines);
    await other.close();
  });
});

describe('Ctrl-C twice on the command line', () => {
  const hanging: { child?: ChildProcess; end?: Promise<unknown> } = {};
  // Its two seconds pass while the other test runs.
  beforeAll(() => {
    const io = JSON.stringify(new URL('../../src/cli/terminal/io.ts', import.meta.url).href);
    const script = `const { processIo } = await import(${io});
      const { signal } = processIo();
      setInterval(() => {}, 1000);
      signal.addEventListener('abort', () => process.kill(process.pid, 'SIGINT'));
      process.kill(process.pid, 'SIGINT');`;
    hanging.child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
    hanging.end = once(hanging.child, 'close');
  });
  afterAll(() => void hanging.child?.kill('SIGKILL'));

  it('leaves at once, and writes down what it cut off', async () => {
    const s = await stand({ faults: { hang: 1 } }, { cases: 3 });
    await writeFile(
      join(s.dir, 'prices.yaml'),
      'as-of: 2026-11-01\nmodels: { "bot-*": { input: 1000, output: 2000 } }\n',
    );
    const cli = (args: readonly string[], onStart?: SpawnSettings['onStart']) =>
      lastgood([...args, '--db', 'l.db'], {
        cwd: s.dir,
        env: { OPENAI_API_KEY: 'sk-loopback' },
        ...(onStart === undefined ? {} : { onStart }),
      });
    const limits = ['--concurrency', '2', '--prices', 'prices.yaml', '--no-preflight', '--json'];
    const left = await cli(['run', '.', '--release', 'release.yaml', ...limits], (pid, output) => {
      s.mock.onRequest = (requests) => {
        if (requests === 2) process.kill(pid, 'SIGINT');
      };
      const again = setInterval(() => {
        if (!output.stderr().includes('press again')) return;
        clearInterval(again);
        process.kill(pid, 'SIGINT');
      }, 10);
      onTestFinished(() => clearInterval(again));
    });
    expect(left.code).toBe(130);
    const lost = { state: 'interrupted', calls: 2, costUsd: null, knownCostUsd: 0, unpricedTrials: 2 };
    expect(JSON.parse(left.stdout).snapshot).toMatchObject(lost);
    await s.replace({});
    const { id } = JSON.parse(left.stdout).snapshot;
    const whole = await cli(['run', '--resume', id, ...limits]);
    expect(whole.code).toBe(0);
    expect(JSON.parse(whole.stdout).snapshot).toMatchObject({
      ...{ state: 'finished', validity: 'valid', answered: 3, calls: 5 },
      ...{ costUsd: null, knownCostUsd: 3 * ANSWER_USD, unpricedTrials: 2 },
    });
    const at = (caseId: string) =>
      lastgoodHere(['show', id, '--case', caseId, '--db', 'l.db'], { cwd: s.dir });
    const shown = await Promise.all(['case-0', 'case-1', 'case-2'].map(at));
    expect(shown.map((o) => /\d attempts?, cost .*/.exec(o.stdout)?.[0]).sort()).toEqual([
      '1 attempt, cost $0.30',
      '2 attempts, cost at least $0.30',
      '2 attempts, cost at least $0.30',
    ]);
  });

  it('leaves also where something hangs that heeds no signal', async () => {
    expect(await hanging.end).toEqual([130, null]);
  });
});

it('keeps the calls that an empty account refused, and those before them; they are free', async () => {
  const s = await stand({ quotaAfter: 1 }, { cases: 2 });
  const { work } = await s.open();
  const one = { ...LIMITS, concurrency: 1 };
  const { summary } = await runSuite(work, await assigned(s), one);
  expect(summary).toMatchObject({ state: 'interrupted', calls: 2, costUsd: ANSWER_USD });
  s.mock.refill();
  const { summary: whole } = await resumeRun(work, summary.id, one);
  expect(whole).toMatchObject({ state: 'finished', calls: 3, costUsd: 2 * ANSWER_USD });
  expect(logs(await rowsOf(work, summary.id))).toEqual(['answered', 'quota answered']);
});

describe('a run that was left while a judge was asked', () => {
  const judged = async (settings: MockSettings, world: { cases: number }) => {
    const s = await stand(settings, { ...world, judge: 'chat' });
    const { work, leave } = await s.open();
    return { s, work, leave };
  };

  it('does not know what the judge cost from then on, where a question was out', async () => {
    const { s, work, leave } = await judged({ judgeFaults: { hang: 1 } }, { cases: 1 });
    s.mock.onRequest = (requests) => {
      if (requests === 2) leave();
    };
    const { summary } = await runSuite(work, await assigned(s), LIMITS);
    expect(summary).toMatchObject({ state: 'interrupted', ungraded: 1, judgeCostUsd: null });
    await s.replace({});
    const resumed = await resumeRun((await s.open()).work, summary.id, LIMITS);
    expect(resumed.summary).toMatchObject({ state: 'finished', ungraded: 0, calls: 1, judgeCostUsd: null });
    expect(resumed.summary.costUsd).toBe(ANSWER_USD);
  });

  it('knows it as before where none was: of two that were out, and one that had to wait', async () => {
    const { s, work, leave } = await judged({ judgeFaults: { hang: 1 } }, { cases: 3 });
    const running = runSuite(work, await assigned(s), LIMITS);
    const asked = () => s.mock.asks.filter((a) => a.judge).length;
    while (asked() < 2 || (await work.store.list())[0]?.answered !== 3)
      await new Promise((resolve) => setTimeout(resolve, 5));
    leave();
    const { summary } = await running;
    const costs = async (on: Workplace) => (await rowsOf(on, summary.id)).map((r) => r.judgeCostUsd).sort();
    expect(asked()).toBe(2);
    expect(await costs(work)).toEqual([0, null, null]);
    await s.replace({});
    const { work: later } = await s.open();
    const resumed = (await resumeRun(later, summary.id, LIMITS)).summary;
    const known = { judgeCostUsd: null, knownJudgeCostUsd: ANSWER_USD, unpricedJudgings: 2 };
    expect(resumed).toMatchObject({ ungraded: 0, calls: 3, costUsd: 3 * ANSWER_USD, ...known });
    expect(runText(resumed)).toContain('judge at least $0.30 (unknown for 2 trials)');
    expect((await lastgoodHere(['show', resumed.id, '--db', 'l.db'], { cwd: s.dir })).stdout).toContain(
      'judge at least $0.30 (unknown for 2 trials)',
    );
    const comparison = await compareStored(later, resumed, resumed);
    expect(comparison.candidate.spent).toMatchObject(known);
    expect(comparisonText(comparison)).toContain('at least $0.30 (unknown for 2 trials) for the judge');
    expect(await costs(later)).toEqual([ANSWER_USD, null, null]);
  });
});
