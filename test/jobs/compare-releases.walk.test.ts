// Both releases run, interleaved, in one session: what it costs is said first, overwhelming evidence ends it, and what looks worse is
// tried again on trials that nobody has seen.

import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SILENT, secretMask } from '../../src/base/index.ts';
import { type Comparison, type PairedDelta, resolvePolicy, type StoredTrial } from '../../src/core/index.ts';
import { resumeRun } from '../../src/engine/arms/run-suite.ts';
import {
  type ComparePlan,
  looksAfter,
  mostConfirmed,
  policyAfterLooks,
  stopsEarly,
} from '../../src/engine/comparison/compare-plan.ts';
import { compareStored } from '../../src/engine/comparison/compare-stored.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { type CompareResult, compareReleases } from '../../src/jobs/compare/compare-releases.ts';
import type { CompareInput } from '../../src/jobs/compare/compare-session.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { parseScenario, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { json, lastgood, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const TRIAGE = join(ROOT, 'suites/support-triage');
const release = (name: string): string => join(TRIAGE, 'releases', `${name}.yaml`);

interface Place extends Workplace, AsyncDisposable {}

/** A workplace with a ledger of its own, a clock that moves with every look at it, and seeded chance. */
async function workplace(env: Record<string, string>, more: Partial<Workplace> = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-compare-'));
  const store = await openLedger(join(folder, 'lastgood.db'), { create: true });
  let now = Date.parse('2026-04-20T08:00:00Z');
  const never = new AbortController().signal;
  return {
    store,
    clock: { now: () => new Date(now++) },
    rng: new Mt19937(2026),
    env: (name) => env[name],
    mask: secretMask([]),
    progress: SILENT,
    prices: null,
    environment: { lastgood: 'test', node: '24', platform: 'test' },
    signal: never,
    hardSignal: never,
    ...more,
    async [Symbol.asyncDispose]() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function asked(more: Partial<CompareInput> = {}): CompareInput {
  return {
    suite: TRIAGE,
    baselineRelease: release('triage'),
    release: release('triage-concise'),
    cwd: ROOT,
    dryRun: false,
    settings: {},
    onPlan: () => undefined,
    ...more,
  };
}

function compared(result: CompareResult): Extract<CompareResult, { kind: 'compared' }> {
  if (result.kind !== 'compared') throw new Error('it was only planned');
  return result;
}

function comparisonOf(result: CompareResult): Comparison {
  const { comparison } = compared(result);
  if (comparison === null) throw new Error('there is no comparison');
  return comparison;
}

const isPaired = (c: Comparison['cases'][number]): c is PairedDelta => 'delta' in c;

async function trialsOf(work: Workplace, snapshot: string): Promise<StoredTrial[]> {
  const all: StoredTrial[] = [];
  for await (const trial of work.store.trials(snapshot)) all.push(trial);
  return all;
}

describe('the plan', () => {
  test('there are at most two early looks, in order, and never after the last round', () => {
    expect(looksAfter(1)).toEqual([]);
    expect(looksAfter(2)).toEqual([1]);
    expect(looksAfter(3)).toEqual([1, 2]);
    expect(looksAfter(5)).toEqual([2, 4]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), (rounds) => {
        const looks = looksAfter(rounds);
        expect(looks.length).toBeLessThanOrEqual(2);
        expect(looks.every((look) => look >= 1 && look < rounds)).toBe(true);
        expect([...new Set(looks)].sort((a, b) => a - b)).toEqual(looks);
      }),
    );
  });

  test('what the looks may spend is taken from the verdict at the end', () => {
    const policy = resolvePolicy(undefined);
    expect(policyAfterLooks(policy, 1).alphaAggregate).toBe(0.04);
    expect(policyAfterLooks(policy, 3).alphaAggregate).toBe(0.038);
    expect(policyAfterLooks(policy, 2).alphaAggregate).toBe(0.039);
    // Never to nothing, however small the policy's own level is.
    expect(policyAfterLooks({ ...policy, alphaAggregate: 0.002 }, 3).alphaAggregate).toBe(0.001);
    expect(stopsEarly(0.001)).toBe(true);
    expect(stopsEarly(0.0011)).toBe(false);
    expect(stopsEarly(null)).toBe(false);
  });

  test('no more cases are confirmed than the plan has counted', () => {
    expect([3, 30, 50, 51, 100, 1000].map(mostConfirmed)).toEqual([3, 5, 5, 6, 10, 100]);
  });
});

describe('against the simulator', () => {
  let simulator: Simulator;
  let env: Record<string, string>;

  beforeAll(async () => {
    const scenario = parseScenario(readFileSync(join(TRIAGE, 'scenario.yaml'), 'utf8'));
    simulator = await startSimulator({ scenario, date: '2026-04-20' });
    env = {
      LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
      LASTGOOD_SIM_ANTHROPIC_URL: simulator.anthropicBaseUrl,
      OPENAI_API_KEY: 'none',
      ANTHROPIC_API_KEY: 'none',
    };
  });
  afterAll(() => simulator.close());

  test('the calls are told before the first one is made, and a dry run stops there', async () => {
    await using work = await workplace(env);
    simulator.reset();
    const plans: ComparePlan[] = [];
    const result = await compareReleases(
      work,
      asked({
        dryRun: true,
        onPlan: (plan) => {
          expect(simulator.stats().requests).toBe(0);
          plans.push(plan);
        },
      }),
    );
    expect(result.kind).toBe('plan');
    expect(plans).toHaveLength(1);
    expect(plans[0]).toMatchObject({
      tier: 'std',
      cases: 42,
      trials: 3,
      calls: 252,
      // Five cases, both arms, two batches of eight.
      confirmCallsUpper: 160,
      judged: true,
    });
    expect(simulator.stats().requests).toBe(0);
    expect(await work.store.list()).toEqual([]);
  });

  test('a release against itself: not regressed, and both arms went through every hour side by side', async () => {
    await using work = await workplace(env);
    const result = await compareReleases(
      work,
      asked({ release: release('triage'), filter: 'tag:refund', settings: { concurrency: 1 } }),
    );
    const comparison = comparisonOf(result);
    expect(comparison.verdict).not.toBe('regressed');
    expect(comparison.engine).toMatchObject({ tier: 'std', alphaAggregate: 0.038, alphaCase: 0.01 });
    expect(comparison.notes.join('\n')).toContain('the same fingerprint');
    expect(comparison.overall.baselineTrialsPerCase).toBe(3);
    const { baseline, candidate } = compared(result);
    for (const [arm, own, other] of [
      ['baseline', baseline, candidate],
      ['candidate', candidate, baseline],
    ] as const)
      expect(own).toMatchObject({
        purpose: 'compare',
        state: 'finished',
        validity: 'valid',
        trials: 42,
        plannedTrials: 42,
        labels: { arm, 'compared-with': other.id },
      });
    expect(comparison.engine.callsSpent).toBeGreaterThanOrEqual(84);
    expect(comparison.metrics.latencyMs.verdict).not.toBe('not-tested');

    // One call at a time: in the order of the calls, each trial of a case stands beside the other arm's.
    const order = (
      await Promise.all(
        [baseline, candidate].map(async (arm, i) =>
          (
            await trialsOf(work, arm.id)
          ).map(({ trial }) => ({
            arm: i,
            at: trial.attempts[0]?.startedAt ?? '',
            of: `${trial.caseId}#${trial.trial}`,
          })),
        ),
      )
    )
      .flat()
      .sort((a, b) => (a.at < b.at ? -1 : 1));
    expect(order).toHaveLength(84);
    const firsts: number[] = [];
    for (let i = 0; i < order.length; i += 2) {
      expect(order[i]?.of).toBe(order[i + 1]?.of);
      expect(order[i]?.arm).not.toBe(order[i + 1]?.arm);
      firsts.push(order[i]?.arm ?? -1);
    }
    expect(new Set(firsts).size).toBe(2);
  });

  test('a broken prompt: stopped at a look, valid all the same, and the worst cases confirmed on fresh trials', async () => {
    await using work = await workplace(env);
    const result = await compareReleases(work, asked({ release: release('triage-generous') }));
    const comparison = comparisonOf(result);
    const { baseline, candidate, next } = compared(result);
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.gate.outcome).toBe('fail');
    expect(comparison.attribution.layersChanged).toEqual(['prompt']);
    expect(comparison.overall.pRegression).toBeLessThanOrEqual(0.001);
    expect(comparison.coverage.missing.candidate.missing).toBe(0);

    for (const arm of [baseline, candidate]) {
      expect(arm.validity).toBe('valid');
      expect(arm.trials).toBeLessThan(arm.plannedTrials);
      expect(arm.trials % arm.cases).toBe(0);
      expect(arm.findings.map((f) => f.code)).toContain('STOPPED_EARLY');
    }
    // A later diff of the two must not take the rounds that were not run for lost trials.
    const later = await compareStored(work, baseline, candidate);
    expect(later.coverage.missing.baseline.missing + later.coverage.missing.candidate.missing).toBe(0);
    const confirmed = comparison.cases.filter(isPaired).filter((c) => c.evidence === 'confirmed');
    expect(confirmed.length).toBeGreaterThan(0);
    for (const { confirmation } of confirmed) {
      expect([8, 16]).toContain(confirmation?.candidate.trials);
      expect(confirmation?.baseline.trials).toBe(confirmation?.candidate.trials);
    }
    expect(confirmed.some((c) => c.example !== undefined)).toBe(true);
    expect(next).toMatch(/^lastgood show s\w+ --case /);

    const fresh = await work.store.list({ purposes: ['confirmation'] });
    expect(fresh.map((s) => s.labels)).toEqual(
      expect.arrayContaining([
        { arm: 'baseline', 'confirmation-of': baseline.id },
        { arm: 'candidate', 'confirmation-of': candidate.id },
      ]),
    );
    expect(fresh.every((s) => s.trials === 8 * s.cases && s.validity === 'valid')).toBe(true);
    const calls = fresh.reduce((sum, s) => sum + s.calls, baseline.calls + candidate.calls);
    expect(comparison.engine.callsSpent).toBe(calls);

    const kept = await work.store.records('comparison', 'support-triage');
    expect(kept).toHaveLength(1);
    expect(kept[0]?.body).toEqual(JSON.parse(JSON.stringify(comparison)));
  });

  test('smoke: one round, no look, and still nobody is called regressed on a single flip', async () => {
    await using work = await workplace(env);
    const comparison = comparisonOf(await compareReleases(work, asked({ tier: 'smoke' })));
    expect(comparison.engine).toMatchObject({ tier: 'smoke', alphaAggregate: 0.04, alphaCase: 0.01 });
    expect(comparison.overall.baselineTrialsPerCase).toBe(1);
    for (const c of comparison.cases.filter(isPaired))
      if (c.verdict === 'regressed') expect(c.evidence).toBe('confirmed');
  });

  test('a limit on calls holds over rounds and fresh trials together, and is no proof of anything', async () => {
    await using work = await workplace(env);
    const result = await compareReleases(work, asked({ settings: { maxCalls: 100 } }));
    const { baseline, candidate, stoppedBy } = compared(result);
    const comparison = comparisonOf(result);
    expect(stoppedBy).toBe('max-calls');
    expect(comparison.engine.callsSpent).toBeLessThanOrEqual(100);
    expect(baseline.validity).toBe('degraded');
    expect(candidate.validity).toBe('degraded');
    expect(comparison.gate.outcome).not.toBe('pass');
    expect(comparison.notes.join('\n')).toContain('max-calls');
    expect(await work.store.list({ purposes: ['confirmation'] })).toEqual([]);
  });

  test('an interrupt leaves two snapshots that can be finished and then compared', async () => {
    const stop = new AbortController();
    await using work = await workplace(env, {
      signal: stop.signal,
      progress: {
        warn: () => undefined,
        step: ({ done }) => {
          if (done >= 20) stop.abort();
        },
      },
    });
    const result = compared(await compareReleases(work, asked({ settings: { concurrency: 4 } })));
    expect(result.stoppedBy).toBe('cancelled');
    expect(result.comparison).toBeNull();
    for (const arm of [result.baseline, result.candidate]) {
      expect(arm.state).toBe('interrupted');
      expect(result.next).toContain(arm.id);
    }
    const again: Workplace = { ...work, signal: new AbortController().signal, progress: SILENT };
    for (const arm of [result.baseline, result.candidate]) {
      const { summary } = await resumeRun(again, arm.id);
      expect(summary).toMatchObject({ state: 'finished', validity: 'valid', trials: 126 });
    }
    const comparison = await compareStored(again, result.baseline, result.candidate);
    expect(comparison.coverage.paired).toBe(42);
    expect(comparison.coverage.missing.baseline.missing).toBe(0);
  });

  test('an account out of money ends it at once; both arms can be finished when it is filled up again', async () => {
    await using work = await workplace(env);
    simulator.setFaults({ quota: 1 });
    try {
      // The probe of the judge says so before anything is stored.
      await expect(compareReleases(work, asked({ filter: 'tag:refund' }))).rejects.toMatchObject({
        code: 'JUDGE_REFUSED',
        exitCode: 4,
      });
      const settings = { ...asked().settings, preflight: false };
      const result = compared(await compareReleases(work, asked({ filter: 'tag:refund', settings })));
      expect(result.stoppedBy).toBe('fatal');
      expect(result.comparison).toBeNull();
      expect(result.baseline.validity).toBe('invalid');
      expect(result.baseline.validityReasons.join(' ')).toContain('quota');
      expect(result.baseline.calls + result.candidate.calls).toBeLessThan(20);
      simulator.setFaults([]);
      for (const arm of [result.baseline, result.candidate]) {
        expect(result.next).toContain(`--resume ${arm.id}`);
        const { summary } = await resumeRun(work, arm.id);
        expect(summary).toMatchObject({ state: 'finished', answered: 42 });
      }
    } finally {
      simulator.setFaults([]);
    }
  });

  test('what is stored can be recomputed to the last digit', async () => {
    await using work = await workplace(env);
    const result = await compareReleases(
      work,
      asked({ release: release('triage-generous'), settings: { trials: 1 } }),
    );
    const { baseline, candidate } = compared(result);
    const comparison = comparisonOf(result);
    const again = await compareStored(work, baseline, candidate, { seed: comparison.engine.seed });
    expect(again.overall.pRegression).toBe(comparison.overall.pRegression);
    expect(again.overall.interval).toEqual(comparison.overall.interval);
  });
});

/** A suite of ten release notes with recorded answers: passing ones hold the word "fixed". */
async function recordedWorld(
  folder: string,
  answers: {
    readonly good: (c: number, trial: number) => string;
    readonly odd: (c: number, trial: number) => string;
  },
): Promise<void> {
  const cases = Array.from({ length: 10 }, (_, i) => `note-${i}`);
  await writeFile(
    join(folder, 'suite.json'),
    JSON.stringify({
      name: 'release-notes',
      cases: cases.map((id) => ({ id, vars: { change: id }, grade: [{ contains: 'fixed' }] })),
    }),
  );
  for (const arm of ['good', 'odd'] as const) {
    const lines = cases.flatMap((case_id, c) =>
      Array.from({ length: 11 }, (_, trial) =>
        JSON.stringify({ case_id, trial, output: answers[arm](c, trial) }),
      ),
    );
    await writeFile(join(folder, `${arm}.jsonl`), `${lines.join('\n')}\n`);
    await writeFile(
      join(folder, `${arm}.json`),
      JSON.stringify({ name: arm, route: { provider: 'replay', file: `${arm}.jsonl` } }),
    );
  }
}

describe('on recordings', () => {
  const input = (folder: string, more: Partial<CompareInput> = {}): CompareInput => ({
    ...asked(more),
    suite: join(folder, 'suite.json'),
    baselineRelease: join(folder, 'good.json'),
    release: join(folder, 'odd.json'),
  });

  test('fresh trials are fresh: the recordings that looked bad are not read again', async () => {
    await using dir = await temporaryFolder();
    // Case 3 fails in the first three trials and never again: bad luck, not a regression.
    await recordedWorld(dir.path, {
      good: () => 'fixed a crash',
      odd: (c, trial) => (c === 3 && trial < 3 ? 'a crash' : 'fixed a crash'),
    });
    await using work = await workplace({});
    const comparison = comparisonOf(await compareReleases(work, input(dir.path)));
    const odd = comparison.cases.filter(isPaired).find((c) => c.id === 'note-3');
    expect(odd).toMatchObject({
      verdict: 'inconclusive',
      evidence: 'suspected',
      confirmation: { baseline: { passed: 8, trials: 8 }, candidate: { passed: 8, trials: 8 } },
    });
    expect(comparison.verdict).not.toBe('regressed');
  });

  test('one case that really broke fails the gate on its fresh trials alone', async () => {
    await using dir = await temporaryFolder();
    await recordedWorld(dir.path, {
      good: () => 'fixed a crash',
      odd: (c) => (c === 3 ? 'a crash' : 'fixed a crash'),
    });
    await using work = await workplace({});
    const comparison = comparisonOf(await compareReleases(work, input(dir.path)));
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.reason).toContain('note-3');
    expect(comparison.reason).toContain('8/8 → 0/8');
  });

  test('nothing to confirm, nothing run: no snapshot is made for no case', async () => {
    await using dir = await temporaryFolder();
    await recordedWorld(dir.path, { good: () => 'fixed', odd: () => 'fixed' });
    await using work = await workplace({});
    const comparison = comparisonOf(await compareReleases(work, input(dir.path)));
    expect(comparison.engine.callsSpent).toBe(60);
    expect((await work.store.list()).map((s) => s.purpose)).toEqual(['compare', 'compare']);
  });

  test('the command line: plan on stderr, report on stdout, exit code from the gate', async () => {
    await using dir = await temporaryFolder();
    await recordedWorld(dir.path, {
      good: () => 'fixed a crash',
      odd: (c) => (c < 6 ? 'a crash' : 'fixed a crash'),
    });
    const command = ['compare', 'suite.json', '--baseline-release', 'good.json', '--release', 'odd.json'];
    const dry = await lastgoodHere([...command, '--dry-run'], { cwd: dir.path });
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toContain('60 calls: 10 cases × 3 trials × 2 arms');

    const outcome = await lastgoodHere([...command, '--tier', 'deep', '--json', '--quiet'], {
      cwd: dir.path,
    });
    expect(outcome.stderr).toContain('100 calls: 10 cases × 5 trials × 2 arms');
    const comparison = json<Comparison>(outcome);
    expect(comparison).toMatchObject({ kind: 'comparison', verdict: 'regressed', engine: { tier: 'deep' } });
    expect(outcome.code).toBe(1);

    const page = await lastgoodHere([...command, '--format', 'markdown', '-o', 'report.md', '--quiet'], {
      cwd: dir.path,
    });
    expect(page.code).toBe(1);
    expect(existsSync(join(dir.path, 'report.md'))).toBe(true);

    const wrong = await lastgoodHere([...command, '--tier', 'huge'], { cwd: dir.path });
    expect(wrong.code).toBe(2);
    const missing = await lastgoodHere(['compare', 'suite.json', '--release', 'odd.json'], { cwd: dir.path });
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('--baseline-release');
  });

  test('Ctrl-C on the command line: exit 130 and what to do next', async () => {
    await using dir = await temporaryFolder();
    await recordedWorld(dir.path, { good: () => 'fixed', odd: () => 'fixed' });
    await writeFile(
      join(dir.path, 'slow.mjs'),
      `process.stdin.resume(); process.stdin.on('end', () => setTimeout(() => console.log(JSON.stringify({ output: 'fixed' })), 150));`,
    );
    for (const name of ['good', 'odd'])
      await writeFile(
        join(dir.path, `${name}.json`),
        JSON.stringify({ name, route: { provider: 'command', command: ['node', 'slow.mjs'] }, notes: name }),
      );
    const outcome = await lastgood(
      [
        'compare',
        'suite.json',
        '--baseline-release',
        'good.json',
        '--release',
        'odd.json',
        '--concurrency',
        '2',
      ],
      {
        cwd: dir.path,
        onStart: (pid, { stderr }) => {
          const wait = setInterval(() => {
            if (!stderr().includes('60 calls')) return;
            clearInterval(wait);
            setTimeout(() => process.kill(pid, 'SIGINT'), 600);
          }, 20);
        },
      },
    );
    expect(outcome.code).toBe(130);
    expect(outcome.stdout).toContain('interrupted');
    expect(outcome.stdout).toMatch(/next: lastgood run --resume s\w+/);
  });
});
