// One comparison that begins small and adds trials only while the answer is open; and the same question asked again.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SILENT, secretMask } from '../../src/base/index.ts';
import { type Comparison, resolvePolicy, type SuiteCheck } from '../../src/core/index.ts';
import { loadAssignment } from '../../src/engine/arms/assignment.ts';
import { runSuite } from '../../src/engine/arms/run-suite.ts';
import type { ComparePlan } from '../../src/engine/comparison/compare-plan.ts';
import { ladderRungs, onlyRung, repetitionPolicy } from '../../src/engine/comparison/ladder.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { checkJob } from '../../src/jobs/check/check.ts';
import type { CheckInput, CheckPlan } from '../../src/jobs/check/check-input.ts';
import { type CompareResult, compareReleases } from '../../src/jobs/compare/compare-releases.ts';
import type { CompareInput } from '../../src/jobs/compare/compare-session.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';

describe('the rates', () => {
  const anyPolicy = fc
    .record({
      aggregate: fc.double({ min: 0.001, max: 0.4, noNaN: true }),
      single: fc.double({ min: 0.001, max: 0.4, noNaN: true }),
      confidence: fc.double({ min: 0.6, max: 0.99, noNaN: true }),
    })
    .map(({ aggregate, single, confidence }) =>
      resolvePolicy({ alpha: { aggregate, case: single }, confidence }),
    );

  test('by default .01, .01 and .02; each rung asks for more confidence than one look would', () => {
    const rungs = ladderRungs(resolvePolicy(undefined));
    expect(rungs.map((r) => [r.tier, r.trials, r.policy.alphaAggregate, r.policy.alphaCase])).toEqual([
      ['smoke', 1, 0.01, 0.0025],
      ['std', 3, 0.01, 0.0025],
      ['deep', 5, 0.02, 0.005],
    ]);
    expect(rungs.map((r) => Number(r.policy.confidence.toFixed(3)))).toEqual([0.99, 0.967, 0.919]);
    expect(rungs.every((r) => r.looks.length === 0)).toBe(true);
  });

  test('a ladder stays within the policy, and all that is ever repeated after it adds a twentieth', () => {
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 5, max: 60 }), (policy, top) => {
        const rungs = ladderRungs(policy, top);
        const again = Array.from({ length: 300 }, (_, i) => repetitionPolicy(policy, i + 1));
        for (const rate of ['alphaAggregate', 'alphaCase'] as const) {
          const repeated = again.reduce((sum, p) => sum + p[rate], 0);
          const climbed = rungs.reduce((sum, r) => sum + r.policy[rate], 0);
          expect(repeated).toBeLessThanOrEqual(policy[rate] / 20);
          expect(climbed / policy[rate]).toBeCloseTo(1, 4);
          expect(onlyRung(policy, 'std', 3, []).policy[rate]).toBe(policy[rate]);
        }
        // Never less confidence than one look would need, never more error in all than it may have.
        const errors = rungs.map((r) => (1 - r.policy.confidence) / 2);
        const total = (1 - policy.confidence) / 2;
        for (const error of errors) expect(error).toBeLessThanOrEqual(total * (1 + 1e-4));
        expect(errors.reduce((sum, e) => sum + e, 0)).toBeGreaterThanOrEqual(total * (1 - 1e-4));
      }),
      { numRuns: 25 },
    );
  });
});

interface Desk extends Workplace, AsyncDisposable {
  readonly folder: string;
}

/** `count` recorded cases; `broken(case, trial)`: the candidate's answer fails. Trials from the top of the ladder on are fresh ones. */
async function desk(
  count: number,
  broken: (c: number, trial: number) => boolean,
  more: Partial<Workplace> = {},
): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-ladder-'));
  const ids = Array.from({ length: count }, (_, i) => `note-${i}`);
  await writeFile(
    join(folder, 'suite.json'),
    JSON.stringify({
      name: 'release-notes',
      cases: ids.map((id) => ({ id, vars: { change: id }, grade: [{ contains: 'fixed' }] })),
    }),
  );
  for (const arm of ['good', 'odd']) {
    const lines = ids.flatMap((case_id, c) =>
      Array.from({ length: 29 }, (_, trial) =>
        JSON.stringify({
          case_id,
          trial,
          output: arm === 'odd' && broken(c, trial) ? 'a crash' : `fixed a crash (${arm})`,
        }),
      ),
    );
    await writeFile(join(folder, `${arm}.jsonl`), `${lines.join('\n')}\n`);
    await writeFile(
      join(folder, `${arm}.json`),
      JSON.stringify({ name: arm, route: { provider: 'replay', file: `${arm}.jsonl` } }),
    );
  }
  const store = await openLedger(join(folder, 'lastgood.db'), { create: true });
  let now = Date.parse('2026-04-20T08:00:00Z');
  const never = new AbortController().signal;
  return {
    folder,
    store,
    clock: { now: () => new Date(now++) },
    rng: new Mt19937(2026),
    env: () => undefined,
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

function ask(work: Desk, more: Partial<CompareInput> = {}): Promise<CompareResult> {
  return compareReleases(work, {
    suite: join(work.folder, 'suite.json'),
    baselineRelease: join(work.folder, 'good.json'),
    release: join(work.folder, 'odd.json'),
    cwd: work.folder,
    tier: 'ladder',
    dryRun: false,
    settings: {},
    onPlan: () => undefined,
    ...more,
  });
}

type Compared = Extract<CompareResult, { kind: 'compared' }>;

async function compare(
  work: Desk,
  more: Partial<CompareInput> = {},
): Promise<Compared & { comparison: Comparison }> {
  const result = await ask(work, more);
  if (result.kind !== 'compared' || result.comparison === null) throw new Error('there is no comparison');
  return { ...result, comparison: result.comparison };
}

const climbed = (c: Comparison): unknown => c.multiplicity?.rungs.map((r) => [r.tier, r.verdict]);

describe('the ladder', () => {
  test('what each rung may cost is told first', async () => {
    await using work = await desk(60, () => false);
    let plan: ComparePlan | null = null;
    await ask(work, {
      dryRun: true,
      onPlan: (p) => {
        plan = p;
      },
    });
    expect(plan).toMatchObject({
      tier: 'ladder',
      callsLeast: 120,
      calls: 600,
      rungs: [
        { tier: 'smoke', calls: 120, confirmCallsUpper: 192 },
        { tier: 'std', calls: 240, confirmCallsUpper: 384 },
        { tier: 'deep', calls: 240, confirmCallsUpper: 576 },
      ],
      askedBefore: null,
    });
    expect(await work.store.list()).toEqual([]);
  });

  test('an unchanged pair goes up as far as it must: trials are added, none is paid twice, and one pair of snapshots has all', async () => {
    await using work = await desk(60, () => false);
    const { comparison, baseline, candidate } = await compare(work);
    expect(comparison).toMatchObject({ verdict: 'unchanged', gate: { outcome: 'pass' } });
    expect(climbed(comparison)).toEqual([
      ['smoke', 'inconclusive'],
      ['std', 'unchanged'],
    ]);
    expect(comparison.engine).toMatchObject({ callsSpent: 360, tier: 'ladder, std', alphaAggregate: 0.01 });
    expect(comparison.multiplicity).toMatchObject({ role: 'first', spent: 0.025, limit: 0.05 });
    for (const arm of [baseline, candidate])
      expect(arm).toMatchObject({ validity: 'valid', trials: 180, plannedTrialsPerCase: 3 });
    expect((await work.store.list()).map((s) => s.purpose)).toEqual(['compare', 'compare']);
  });

  test('a clear regression stops at the first rung', async () => {
    await using work = await desk(60, (c) => c < 20);
    const { comparison, next } = await compare(work);
    expect(climbed(comparison)).toEqual([['smoke', 'regressed']]);
    expect(comparison.engine.callsSpent).toBe(120 + 6 * 16);
    expect(next).toContain('lastgood show');
  });

  test('one that a single trial cannot show is shown one rung up', async () => {
    // Five cases fail in the first three trials, and never on fresh ones.
    await using work = await desk(60, (c, trial) => c < 5 && trial < 3);
    const { comparison } = await compare(work);
    expect(climbed(comparison)).toEqual([
      ['smoke', 'inconclusive'],
      ['std', 'regressed'],
    ]);
    expect(comparison.overall.pRegression).toBeLessThanOrEqual(0.01);
    // Their fresh trials were clean: nobody tried them again.
    expect(comparison.engine.callsSpent).toBe(360 + 5 * 16);
  });

  test('green waits for a case that is still under suspicion, and its fresh trials add up', async () => {
    await using work = await desk(
      120,
      (c, trial) => c === 0 && (trial < 5 || (trial % 2 === 0 && trial !== 20)),
    );
    const { comparison } = await compare(work);
    // Two batches at the first rung: 16/16 → 9/16 is too little for its rates. One more at the next: 24/24 → 13/24 is not.
    expect(climbed(comparison)).toEqual([
      ['smoke', 'inconclusive'],
      ['std', 'regressed'],
    ]);
    expect(comparison.multiplicity?.rungs[0]).toMatchObject({ suspects: ['note-0'] });
    const odd = comparison.cases.find((c) => c.id === 'note-0');
    expect(odd).toMatchObject({ confirmation: { baseline: { passed: 24, trials: 24 } } });
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.reason).toContain('note-0');
  });

  test('a limit ends it between two rungs; asked again it goes on with the trials it has', async () => {
    await using work = await desk(60, () => false);
    const cut = await compare(work, { settings: { maxCalls: 150 } });
    expect(cut).toMatchObject({ stoppedBy: 'max-calls', comparison: { verdict: 'inconclusive' } });
    expect(cut.comparison.gate.outcome).toBe('inconclusive');
    expect(cut.comparison.engine.callsSpent).toBe(120);
    expect(cut.next).toContain('--tier ladder');
    expect(cut.candidate).toMatchObject({ validity: 'valid', trials: 60 });

    const plans: ComparePlan[] = [];
    const rest = await compare(work, { onPlan: (plan) => plans.push(plan) });
    expect(plans[0]).toMatchObject({ callsLeast: 240, calls: 480 });
    expect(plans[0]?.askedBefore).toContain(cut.candidate.id);
    expect(climbed(rest.comparison)).toEqual([['std', 'unchanged']]);
    expect(rest.comparison.engine.callsSpent).toBe(240);
    expect(rest.comparison.overall.candidateTrialsPerCase).toBe(3);
    expect(rest.comparison.multiplicity).toMatchObject({
      role: 'continued',
      continues: cut.candidate.id,
      spent: 0.0125,
      spentTogether: 0.025,
    });
    // Green stays green when it is asked once more; the first, open half of it has no answer of its own.
    const again = await compare(work, { tier: 'std' });
    expect(again.comparison.multiplicity).toMatchObject({ role: 'repetition', earlier: [{ green: true }] });
    expect(again.comparison.gate.outcome).toBe('pass');
  });

  test('an interrupt in the middle is no answer, and nothing is counted or judged twice after it', async () => {
    const stop = new AbortController();
    await using work = await desk(60, () => false, {
      signal: stop.signal,
      progress: {
        warn: () => undefined,
        step: ({ done, total }) => {
          if (total === 240 && done >= 60) stop.abort();
        },
      },
    });
    const cut = await ask(work, { settings: { concurrency: 2 } });
    if (cut.kind !== 'compared') throw new Error('it was only planned');
    expect(cut).toMatchObject({ stoppedBy: 'cancelled', comparison: null });
    expect(cut.next).toContain('--tier ladder');
    const kept = (await work.store.records('comparison')).map((r) => r.body as unknown as Comparison);
    expect(kept.map((c) => [c.verdict, c.candidate.id])).toEqual([['inconclusive', cut.candidate.id]]);

    const later = { ...work, signal: new AbortController().signal, progress: SILENT };
    const rest = await compare(later);
    expect(climbed(rest.comparison)).toEqual([['std', 'unchanged']]);
    expect(rest.comparison.overall).toMatchObject({ candidateTrialsPerCase: 3, baselineTrialsPerCase: 3 });
    // Of the 240 calls of the second rung some were made before the interrupt.
    expect(rest.comparison.engine.callsSpent).toBeLessThan(240);
    expect(rest.comparison.multiplicity).toMatchObject({ spentTogether: 0.025 });
  });
});

describe('in a check, against a stored baseline', () => {
  async function check(work: Desk, against: string, more: Partial<CheckInput> = {}): Promise<SuiteCheck> {
    const result = await checkJob(work, {
      suites: [join(work.folder, 'suite.json')],
      release: join(work.folder, 'odd.json'),
      cwd: work.folder,
      against,
      tier: 'ladder',
      offlineOk: false,
      settings: {},
      ...more,
    });
    const [suite] = result.suites;
    if (suite === undefined) throw new Error('no suite was checked');
    return suite;
  }
  async function baselineOf(work: Desk): Promise<string> {
    const files = { suite: join(work.folder, 'suite.json'), release: join(work.folder, 'good.json') };
    return (await runSuite(work, await loadAssignment(files), { trials: 8 })).summary.id;
  }

  test('only the candidate is paid, look by look; cut short it is exit 3, and is continued', async () => {
    await using work = await desk(18, () => false);
    const against = await baselineOf(work);
    const plans: CheckPlan[] = [];
    const cut = await check(work, against, { maxCalls: 40, announce: (plan) => plans.push(plan) });
    expect(plans[0]?.suites[0]?.estimate).toMatchObject({ callsLeast: 36, calls: 90 });
    expect(cut).toMatchObject({ verdict: 'inconclusive', exitCode: 3, calls: 36 });
    expect(cut.next).toContain('--tier ladder');

    const rest = await check(work, against);
    expect(rest).toMatchObject({ gate: 'pass', exitCode: 0, calls: 54 });
    expect(rest.comparison?.multiplicity).toMatchObject({
      role: 'continued',
      continues: cut.candidate,
    });
    expect(rest.comparison?.overall.candidateTrialsPerCase).toBe(5);
  });

  test('a clear drop in recordings is suspected and not called regressed: no control can be run', async () => {
    await using work = await desk(60, (c) => c < 20);
    const open = await check(work, await baselineOf(work));
    expect(open).toMatchObject({ verdict: 'inconclusive', exitCode: 3 });
    expect(open.reason).toContain('recorded answers cannot be asked for again');
    // What was recorded costs nothing and is looked at to the end.
    expect(open.comparison?.overall.candidateTrialsPerCase).toBe(5);
  });

  test('what was open is no green when it is checked once more', async () => {
    await using work = await desk(30, (c, trial) => c < 2 && trial === 1);
    const against = await baselineOf(work);
    const warnings: string[] = [];
    const telling: Desk = {
      ...work,
      progress: { warn: (w) => warnings.push(`${w.code} ${w.message}`), step: () => undefined },
    };
    const open = await check(telling, against, { tier: 'std' });
    expect(open).toMatchObject({ verdict: 'inconclusive', exitCode: 3 });
    expect(warnings.filter((w) => w.startsWith('ASKED_BEFORE'))).toEqual([]);
    const again = await check(telling, against, { tier: 'std' });
    expect(again).toMatchObject({ exitCode: 3, gate: 'inconclusive' });
    expect(again.comparison?.multiplicity?.role).toBe('repetition');
    expect(warnings.join()).toContain(open.candidate ?? 'no candidate');
  });
});

describe('the same question again', () => {
  test('what was open is not made green by asking once more at the same tier', async () => {
    await using work = await desk(22, (c, trial) => c < 2 && trial === 1);
    const open = await compare(work, { tier: 'std' });
    expect(open.comparison).toMatchObject({ verdict: 'inconclusive', multiplicity: { role: 'first' } });
    const again = await compare(work, { tier: 'std', settings: { trials: 3 } });
    expect(again.comparison.multiplicity).toMatchObject({
      role: 'repetition',
      earlier: [{ candidate: open.candidate.id, tier: 'std', verdict: 'inconclusive' }],
      spentTogether: expect.closeTo(0.05 + 0.00125, 9),
    });
    expect(again.comparison.gate.outcome).toBe('inconclusive');
    expect(again.comparison.gate.rules.map((r) => r.rule)).toContain('multiplicity');
    expect(again.comparison.engine).toMatchObject({ alphaAggregate: 0.001, alphaCase: 0.00025 });
  });

  test('red is not taken back by a repetition, and a repetition can still turn red', async () => {
    const state = { broken: 20 };
    await using work = await desk(60, (c) => c < state.broken);
    const red = await compare(work, { tier: 'smoke' });
    expect(red.comparison.verdict).toBe('regressed');
    const again = await compare(work, { tier: 'std' });
    expect(again.comparison).toMatchObject({
      verdict: 'regressed',
      gate: { outcome: 'fail' },
      multiplicity: { role: 'repetition' },
    });
  });

  test('up a tier by hand goes on with the open one, with its trials and the rates of the rung', async () => {
    await using work = await desk(40, () => false);
    const low = await compare(work, { tier: 'smoke' });
    expect(low.comparison.verdict).toBe('inconclusive');
    expect(low.next).toContain('--tier ladder');
    const up = await compare(work, { tier: 'std' });
    expect(up.comparison.multiplicity).toMatchObject({ role: 'continued', spent: 0.0125 });
    expect(up.comparison.engine).toMatchObject({ callsSpent: 160, alphaAggregate: 0.01 });
    // Two tiers by hand may err more often together than the policy says: that is told, and a ladder would not.
    expect(up.comparison.gate.rules).toContainEqual(
      expect.objectContaining({ rule: 'multiplicity', outcome: 'warn' }),
    );
  });

  test('another release, another exam and last month are other questions', async () => {
    await using work = await desk(30, () => false);
    await compare(work, { tier: 'smoke' });
    const other = await compare(work, { tier: 'smoke', filter: 'note-1*' });
    expect(other.comparison.multiplicity?.role).toBe('first');
    const self = { tier: 'smoke' as const, release: join(work.folder, 'good.json') };
    await compare(work, self);
    expect((await compare(work, self)).comparison.multiplicity?.role).toBe('first');
    const later = { ...work, clock: { now: () => new Date('2026-06-01T08:00:00Z') } };
    expect((await compare(later, { tier: 'smoke' })).comparison.multiplicity?.role).toBe('first');
  });
});
