// The suite or a tag over all runs of one release: how far each run lies from the pool, and how far it may lie by chance.

import { estimateRunVarianceOfBlocks, type RunVariance } from '../stats/run-variance.ts';
import type { Counts } from './night-runs.ts';

/** Runs that start within this many days share a session. */
export const SAME_SESSION = 0.5;
/** Failures that the assumption of equal rates is worth. */
const VARIANCE_DOUBT = 5;
/** Degrees of freedom that the assumption of independent cases is worth. */
const GROUP_DOUBT = 4;

/** All runs of a night's evidence, in one order. */
export interface NightRuns {
  readonly runs: readonly Counts[];
  readonly ids: readonly string[];
  /** Indices of the runs that set the level: the baseline's pool and the warm-up. */
  readonly pool: readonly number[];
  /** Indices of the runs of each night, oldest first, tonight last. */
  readonly nights: readonly (readonly number[])[];
  /** Stretches of runs that the variance between runs is estimated from; the level may differ from one to the next. */
  readonly blocks: readonly (readonly number[])[];
  /** All runs but tonight's. */
  readonly settled: readonly number[];
  /** Sessions: runs within half a day of each other have the same number, in the order of time. */
  readonly session: Int32Array;
  /** When each session was, in days. */
  readonly sessionAt: readonly number[];
  /** Passes and trials of each case over the settled runs, and over the pool. */
  readonly totals: Totals;
  readonly poolTotals: Totals;
}

/** Passes and trials of each case over several runs. */
export interface Totals {
  readonly passed: Float64Array;
  readonly graded: Float64Array;
}

export function totalsOf(runs: readonly Counts[], which: readonly number[], cases: number): Totals {
  const passed = new Float64Array(cases);
  const graded = new Float64Array(cases);
  for (const r of which) {
    const run = runs[r]!;
    for (let i = 0; i < cases; i++) {
      passed[i]! += run.passed[i]!;
      graded[i]! += run.graded[i]!;
    }
  }
  return { passed, graded };
}

/** One statistic that is watched: the mean over some cases. */
export interface Scope {
  /** `suite`, or the tag. */
  readonly name: string;
  readonly members: Int32Array;
}

export interface ScopeSeries {
  readonly scope: Scope;
  /** Pass rate of the pool: the mean over the cases. */
  readonly rate: number;
  /** Share of failures that is expected; never 0. */
  readonly failures: number;
  /** Difference of each run from the pool, over the cases they share; NaN = none. */
  readonly difference: Float64Array;
  /** Trial noise of each run's mean. */
  readonly sampling: Float64Array;
  /** Weight of one failure in each run's mean; of a clump of failures, where cases move together. */
  readonly unit: Float64Array;
  /** Mean variance of a trial; also the change of the mean per unit of a session's shift. */
  readonly sensitivity: number;
  /** What is known of the variance between runs. Estimated when it is first asked for. */
  readonly variance: () => RunVariance;
}

/** Rates, noise and differences of one scope. `inflation`: of the trial noise, because cases move together. null when the pool has none of its cases. */
export function scopeSeries(all: NightRuns, scope: Scope, inflation: number): ScopeSeries | null {
  const { runs, poolTotals, blocks } = all;
  // A case that the pool has no trial of has no level to differ from.
  const members = scope.members.filter((i) => poolTotals.graded[i]! > 0);
  const n = members.length;
  if (n === 0) return null;
  const rates = Float64Array.from(members, (i) => poolTotals.passed[i]! / poolTotals.graded[i]!);
  const rate = rates.reduce((sum, p) => sum + p, 0) / n;
  const poolTrials = members.reduce((sum, i) => sum + poolTotals.graded[i]!, 0);
  const sensitivity = trialVariance(all, members);
  const difference = new Float64Array(runs.length).fill(Number.NaN);
  const sampling = new Float64Array(runs.length);
  const unit = new Float64Array(runs.length);
  for (let r = 0; r < runs.length; r++) {
    const run = runs[r]!;
    let sum = 0;
    let inverse = 0;
    let level = rate * n;
    let count = n;
    for (let m = 0; m < n; m++) {
      const i = members[m]!;
      sum += run.rate[i]!;
      inverse += run.inverse[i]!;
      if (run.complete || run.graded[i]! > 0) continue;
      level -= rates[m]!;
      count -= 1;
    }
    if (count === 0) continue;
    difference[r] = (sum - level) / count;
    unit[r] = (inflation * inverse) / (count * count);
    sampling[r] = sensitivity * unit[r]!;
  }
  let variance: RunVariance | null = null;
  return {
    scope,
    rate,
    failures: 1 - rate + 0.5 / (poolTrials + 1),
    difference,
    sampling,
    unit,
    sensitivity,
    variance: () => {
      variance ??= estimateRunVarianceOfBlocks(
        blocks.map((runs) => sessionMeans(all, runs, difference, sampling)),
        sensitivity,
      );
      return variance;
    },
  };
}

/**
 * Mean over the cases of p (1 - p). It is largest when all cases have one rate; repeated trials show how much smaller it is, as far as
 * there are failures to show it.
 */
function trialVariance({ poolTotals: totals }: NightRuns, members: Int32Array): number {
  let [sum, cases, failed, trials, rates] = [0, 0, 0, 0, 0];
  for (const i of members) {
    const x = totals.passed[i]!;
    const k = totals.graded[i]!;
    failed += k - x;
    trials += k;
    if (k < 2) continue;
    sum += (x * (k - x)) / (k * (k - 1));
    rates += 1 - x / k;
    cases += 1;
  }
  const share = Math.min((failed + 0.5) / (trials + 1), 1 - 0.5 / (trials + 1));
  const bound = share * (1 - share);
  const mean = cases === 0 ? 0 : rates / cases;
  const spread = mean <= 0 || mean >= 1 ? 1 : sum / cases / (mean * (1 - mean));
  const rarer = cases === 0 ? 0 : Math.min(failed, trials - failed);
  return (bound * (rarer * Math.min(1, spread) + VARIANCE_DOUBT)) / (rarer + VARIANCE_DOUBT);
}

/**
 * How many times wider sums over some sets of cases (declared groups, tags) vary from run to run than independent trials would, what
 * all cases have in common taken out; at least 1. A few sets over a few runs say more of it than the runs' means alone.
 */
export function jointMovement(
  { runs, settled, totals }: Pick<NightRuns, 'runs' | 'settled' | 'totals'>,
  sets: readonly (readonly number[] | Int32Array)[],
): number {
  const filled = sets
    .map((set) => [...set].filter((i) => totals.graded[i]! > 0))
    .filter((set) => set.length > 0);
  const freedom = (settled.length - 1) * (filled.length - 1);
  if (freedom <= 0) return 1;
  const level = totals.passed.map((x, i) => (totals.graded[i]! > 0 ? x / totals.graded[i]! : 0));
  const noise = totals.passed.map((x, i) => {
    const k = totals.graded[i]!;
    return k < 2 ? 0 : (x * (k - x)) / (k * (k - 1));
  });
  let [seen, expected] = [0, 0];
  for (const r of settled) {
    const run = runs[r]!;
    let [cases, common] = [0, 0];
    const sums = filled.map((set) => {
      let [n, residual, variance] = [0, 0, 0];
      for (const i of set) {
        if (run.graded[i] === 0) continue;
        n += 1;
        residual += run.rate[i]! - level[i]!;
        variance += noise[i]! * run.inverse[i]!;
      }
      cases += n;
      common += residual;
      return { n, residual, variance };
    });
    if (cases === 0) continue;
    for (const { n, residual, variance } of sums) {
      seen += (residual - (n * common) / cases) ** 2;
      expected += variance * (1 - n / cases);
    }
  }
  if (expected <= 0) return 1;
  const ratio = (seen / expected) * (settled.length / (settled.length - 1));
  return Math.max(1, (freedom * ratio + GROUP_DOUBT) / (freedom + GROUP_DOUBT));
}

/** The runs of a session as one, because they share what a session shifts. */
function sessionMeans(
  { session, sessionAt }: NightRuns,
  which: readonly number[],
  difference: Float64Array,
  sampling: Float64Array,
): { at: number; mean: number; variance: number }[] {
  const bySession = new Map<number, { mean: number; variance: number; runs: number }>();
  for (const r of which) {
    const mean = difference[r] ?? Number.NaN;
    if (Number.isNaN(mean)) continue;
    const s = session[r] ?? 0;
    const before = bySession.get(s) ?? { mean: 0, variance: 0, runs: 0 };
    bySession.set(s, {
      mean: before.mean + mean,
      variance: before.variance + (sampling[r] ?? 0),
      runs: before.runs + 1,
    });
  }
  return [...bySession].map(([s, { mean, variance, runs }]) => ({
    at: sessionAt[s] ?? 0,
    mean: mean / runs,
    variance: variance / (runs * runs),
  }));
}
