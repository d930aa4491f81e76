// A few cells of the statistics benchmark with a fixed seed and wide bounds: does the engine still do what its published table says?
// The two-minute form is `npm run bench:stat -- --quick`, the whole one `npm run bench:stat`.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { barsOf } from '../../bench/stat/bars.ts';
import { scoreCanary } from '../../bench/stat/canary.ts';
import { checkSteps } from '../../bench/stat/check-plan.ts';
import type { CheckScore } from '../../bench/stat/check-score.ts';
import { beta, choose, normal } from '../../bench/stat/draws.ts';
import { LADDER, STD, STD_OTHER_JUDGE } from '../../bench/stat/lastgood.ts';
import { NAIVE } from '../../bench/stat/naive.ts';
import { scoreNightWorld } from '../../bench/stat/night-worlds.ts';
import { NIGHTLY, scoreNightly } from '../../bench/stat/nightly.ts';
import { planSteps, type Results } from '../../bench/stat/plan.ts';
import { replaysExactly } from '../../bench/stat/replay.ts';
import { scoreTarget } from '../../bench/stat/rollback-target.ts';
import { scoreCell, worldOfRep } from '../../bench/stat/score.ts';
import { breakSome, streamOf, trueRates, uniformDrop } from '../../bench/stat/worlds.ts';

const SEED = 20260315;
const mature = { profile: 'mature', cases: 100 } as const;
const nothing = (): Results => ({
  cells: [],
  nightly: [],
  targets: [],
  canaries: [],
  nightWorlds: [],
  checks: [],
});
const missed = (results: Results) => barsOf(results, true).filter((bar) => !bar.holds);

describe('the generator', () => {
  test('draws the distributions it names', () => {
    const rng = streamOf(SEED, 'draws');
    const many = <T>(draw: () => T): T[] => Array.from({ length: 20_000 }, draw);
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(many(() => normal(rng)))).toBeCloseTo(0, 1);
    expect(mean(many(() => normal(rng) ** 2))).toBeCloseTo(1, 1);
    // Mean a / (a + b) and variance ab / ((a + b)² (a + b + 1)) of the beta distribution.
    for (const [a, b] of [
      [2, 0.25],
      [0.8, 0.4],
      [4, 2],
    ] as const) {
      const values = many(() => beta(a, b, rng));
      const centre = mean(values);
      expect(centre).toBeCloseTo(a / (a + b), 1);
      expect(mean(values.map((v) => (v - centre) ** 2))).toBeCloseTo(
        (a * b) / ((a + b) ** 2 * (a + b + 1)),
        2,
      );
    }
  });

  test('breaks as many healthy cases as it says, and a uniform drop is as large as it says', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('mature', 'hard', 'flaky'),
        fc.constantFrom(30, 100, 300),
        fc.nat(),
        (profile, n, seed) => {
          const rng = streamOf(seed, 'laws');
          const before = trueRates(profile, n, rng);
          const after = breakSome(before, before, rng);
          const hit = [...before.keys()].filter((i) => after[i] !== before[i]);
          expect(hit.length).toBeLessThanOrEqual(Math.max(2, Math.round(0.03 * n)));
          expect(hit.every((i) => (before[i] ?? 0) >= 0.7 && after[i] === 0.05)).toBe(true);
          const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
          expect((sum(before) - sum(uniformDrop(before, 0.05))) / n).toBeCloseTo(0.05, 10);
          expect(new Set(choose(n, 5, rng)).size).toBe(5);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('one seed, one world; calls are counted; another seed, another world', () => {
    const outcomes = (seed: number): string => {
      const world = worldOfRep({ ...mature, scenario: 'mixed' }, 3, seed);
      const text = Array.from({ length: 100 }, (_, i) => (world.run('candidate', i).pass ? 'p' : 'f')).join(
        '',
      );
      expect(world.calls()).toBe(100);
      return text;
    };
    expect(outcomes(SEED)).toBe(outcomes(SEED));
    expect(outcomes(SEED)).not.toBe(outcomes(SEED + 1));
  });
});

describe('the harnesses', () => {
  test('the naive rules alarm as often as published', () => {
    const results = nothing();
    for (const harness of NAIVE)
      for (const scenario of ['unchanged', 'uniform-5', 'broken'] as const)
        results.cells.push(scoreCell({ ...mature, scenario }, harness, 300, SEED));
    expect(barsOf(results, true)).toHaveLength(18);
    expect(missed(results)).toEqual([]);
  });

  test('the standard tier is quiet when nothing changed and sees what broke, within its calls', () => {
    const results = nothing();
    for (const scenario of ['unchanged', 'broken', 'category', 'uniform-10', 'verbosity'] as const)
      results.cells.push(scoreCell({ ...mature, scenario }, STD, 50, SEED));
    results.cells.push(scoreCell({ ...mature, scenario: 'judge-drift' }, STD_OTHER_JUDGE, 5, SEED));
    expect(barsOf(results, true).length).toBeGreaterThan(8);
    expect(missed(results)).toEqual([]);
  });

  test('the ladder is quiet when nothing changed, honest at the margin, and ends early over what is broken', () => {
    const results = nothing();
    const small = { ...mature, cases: 40 };
    for (const scenario of ['unchanged', 'at-margin', 'broken'] as const)
      results.cells.push(scoreCell({ ...small, scenario }, LADDER, 20, SEED));
    expect(barsOf(results, true).length).toBeGreaterThan(1);
    expect(missed(results)).toEqual([]);
    const [quiet, , broken] = results.cells;
    expect(broken?.alarm).toBeGreaterThan(0.85);
    expect(broken?.calls).toBeLessThan(0.8 * (quiet?.calls ?? 0));
  });

  test('a bar that is missed is reported as missed', () => {
    const results = nothing();
    const broken = scoreCell({ ...mature, scenario: 'broken' }, NAIVE[5] ?? STD, 50, SEED);
    results.cells.push({ ...broken, harness: 'lastgood-std' });
    expect(missed(results).map((bar) => bar.name)).toContain('std mature n=100: broken');
  });

  test('a target that is worse by the margin is not called as good, and one that is as good mostly is', () => {
    const design = { profile: 'mature', cases: 100, trials: 10 } as const;
    const worse = scoreTarget({ ...design, truth: 'worse' }, 80, SEED);
    expect(missed({ ...nothing(), targets: [worse] })).toEqual([]);
    expect(scoreTarget({ ...design, truth: 'as-good' }, 40, SEED).claimed).toBeGreaterThan(0.8);
  });

  test('a canary is not rolled back for nothing, and a look every 50 pairs with a z-test would be', () => {
    const canary = scoreCanary({ rate: 0.9, change: 0, margin: 0.1 }, 400, SEED);
    expect(missed({ ...nothing(), canaries: [canary] })).toEqual([]);
    expect(canary.promote).toBeGreaterThan(0.9);
    expect(canary.peekingRollback).toBeGreaterThan(0.15);
  });

  test('check and compare hold their bars where runs share sessions, and a cell goes on where it ended', () => {
    const checks: CheckScore[] = [];
    for (const step of checkSteps(6, true)) step.run(checks, 'judge', SEED);
    expect(barsOf({ ...nothing(), checks }, true).length).toBeGreaterThan(10);
    expect(missed({ ...nothing(), checks })).toEqual([]);
    const [first] = checkSteps(2, true);
    const [halves, whole]: CheckScore[][] = [[], []];
    for (const reps of [1, 2]) checkSteps(reps, true)[0]?.run(halves ?? [], 'tune', SEED);
    first?.run(whole ?? [], 'tune', SEED);
    expect(halves).toEqual(whole);
  });

  test('a check that fails innocent releases misses its bars', () => {
    const checks: CheckScore[] = [];
    const step = checkSteps(1, true).find((s) => s.table === 'false-regressed');
    const score = step?.run(checks, 'judge', SEED);
    if (score !== undefined) Object.assign(score, { reps: 100, regressed: 20 });
    expect(missed({ ...nothing(), checks }).map((bar) => bar.name)).toContain(`${score?.name}: regressed`);
  });

  test('a slow decay is seen over the nights', () => {
    const score = scoreNightly({ ...mature, trials: 1, course: 'decay', grades: 'exact' }, NIGHTLY, 8, SEED);
    expect(score.alarm).toBe(1);
    expect(score.medianNight).toBeLessThan(60);
  });

  test('nights that share sessions raise no alarm, and a step of ten points is found in them', () => {
    const cell = { world: 'AR(1) .3 rho .5', shape: 'typical', cases: 42, trials: 1 } as const;
    const quiet = scoreNightWorld({ ...cell, course: 'unchanged' }, 'lastgood', 20, SEED);
    expect(quiet.alarm).toBeLessThanOrEqual(0.15);
    const step = { world: 'session .3', shape: 'typical', cases: 100, trials: 3, course: 'step-10' } as const;
    const found = scoreNightWorld(step, 'lastgood', 5, SEED);
    expect(found.alarm).toBe(1);
    expect(found.medianNights).toBeLessThanOrEqual(4);
  });

  test('two runs with one seed are the same, bit for bit', () => {
    expect(replaysExactly(SEED)).toBe(true);
  });
});

test('every cell has a name of its own, so that --only can choose it', () => {
  for (const quick of [false, true]) {
    const names = planSteps({ reps: 1, seed: SEED, quick }).map((step) => step.name);
    expect(new Set(names).size).toBe(names.length);
  }
});
