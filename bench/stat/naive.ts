// The rules people use today, as harnesses: the yardstick for every other one, and the check of the generator itself.

import { mcnemar, studentTCdf } from '../../src/stats/index.ts';
import type { Harness } from './harness.ts';
import type { World } from './worlds.ts';

/** Passes of each case in k trials, arms in turn. */
function passes(world: World, k: number): { a: Int32Array; b: Int32Array } {
  const a = new Int32Array(world.cases);
  const b = new Int32Array(world.cases);
  for (let round = 0; round < k; round++)
    for (let i = 0; i < world.cases; i++) {
      if (world.run('baseline', i).pass) a[i]! += 1;
      if (world.run('candidate', i).pass) b[i]! += 1;
    }
  return { a, b };
}

function verdictOf(alarm: boolean, cases: readonly number[] = []): ReturnType<Harness['judge']> {
  return { alarm, verdict: alarm ? 'regressed' : 'fine', cases, channels: [] };
}

/** Any case that passed (in most of k trials) and now does not. */
function anyFlip(name: string, k: number): Harness {
  return {
    name,
    namesCases: true,
    judge(world) {
      const { a, b } = passes(world, k);
      const flipped = [...a.keys()].filter((i) => 2 * (a[i] ?? 0) > k && 2 * (b[i] ?? 0) <= k);
      return verdictOf(flipped.length > 0, flipped);
    },
  };
}

/** The suite's pass rate is at least `points` lower. */
function threshold(name: string, points: number, k: number): Harness {
  return {
    name,
    namesCases: false,
    judge(world) {
      const { a, b } = passes(world, k);
      let drop = 0;
      for (let i = 0; i < a.length; i++) drop += (a[i] ?? 0) - (b[i] ?? 0);
      return verdictOf(drop / (k * world.cases) >= points - 1e-9);
    },
  };
}

const exactMcNemar: Harness = {
  name: 'mcnemar',
  namesCases: false,
  judge(world) {
    const { a, b } = passes(world, 1);
    let passToFail = 0;
    let failToPass = 0;
    for (let i = 0; i < a.length; i++) {
      if ((a[i] ?? 0) > (b[i] ?? 0)) passToFail += 1;
      if ((a[i] ?? 0) < (b[i] ?? 0)) failToPass += 1;
    }
    return verdictOf(mcnemar({ passToFail, failToPass }).pRegression <= 0.05);
  },
};

/** One-sided paired t over the cases' differences at .05. */
const pairedT: Harness = {
  name: 'paired-t',
  namesCases: false,
  judge(world) {
    const k = 3;
    const { a, b } = passes(world, k);
    const d = Float64Array.from(a, (x, i) => ((b[i] ?? 0) - x) / k);
    const n = d.length;
    const mean = d.reduce((sum, v) => sum + v, 0) / n;
    const variance = d.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1);
    if (variance === 0) return verdictOf(false);
    return verdictOf(studentTCdf(mean / Math.sqrt(variance / n), n - 1).p <= 0.05);
  },
};

export const NAIVE: readonly Harness[] = [
  anyFlip('naive-any-flip', 1),
  anyFlip('naive-majority-flip', 3),
  threshold('naive-threshold-5pt', 0.05, 1),
  threshold('naive-threshold-2pt', 0.02, 3),
  exactMcNemar,
  pairedT,
];
