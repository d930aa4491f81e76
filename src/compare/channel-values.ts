// The values of a secondary channel, case by case in both arms, as the permutation wants them.

import type { Distribution } from '../core/comparison.ts';
import type { TrialResult } from '../core/snapshot.ts';
import type { PooledStrata } from '../stats/permutation-data.ts';
import { quantile7Sorted } from '../stats/quantile.ts';
import type { SameInput } from './pairing.ts';

/** What a channel reads off a trial; null = not known. */
export type Reading = (trial: TrialResult) => number | null;

/** The known values of one channel in one arm, one after another: case `i` has those from `starts[i]` to before `starts[i + 1]`. */
export interface ArmReadings {
  readonly values: Float64Array;
  readonly starts: Int32Array;
  /** Answered trials of which the channel is not known. */
  readonly unknown: number;
}

/** One channel in both arms. */
export interface Readings {
  readonly baseline: ArmReadings;
  readonly candidate: ArmReadings;
}

function readArm(cases: readonly SameInput[], arm: 'baseline' | 'candidate', reading: Reading): ArmReadings {
  let most = 0;
  for (const pair of cases) most += pair[arm].trials.length;
  const values = new Float64Array(most);
  const starts = new Int32Array(cases.length + 1);
  let at = 0;
  let unknown = 0;
  for (const [i, pair] of cases.entries()) {
    for (const trial of pair[arm].trials) {
      if (trial.status !== 'answered') continue;
      const value = reading(trial);
      if (value === null) unknown += 1;
      else values[at++] = value;
    }
    starts[i + 1] = at;
  }
  return { values: values.subarray(0, at), starts, unknown };
}

/** The channel's values over these cases. */
export function readingsOf(cases: readonly SameInput[], reading: Reading): Readings {
  return {
    baseline: readArm(cases, 'baseline', reading),
    candidate: readArm(cases, 'candidate', reading),
  };
}

/** Count, mean and quantiles of one arm; null without a value. */
export function distributionOf({ values }: ArmReadings): Distribution | null {
  const n = values.length;
  if (n === 0) return null;
  const sorted = values.slice().sort();
  return {
    n,
    mean: sumOf(values) / n,
    p50: quantile7Sorted(sorted, 0.5),
    p95: quantile7Sorted(sorted, 0.95),
  };
}

/** Plain sum. */
export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum;
}

/** Does case `i` have a value in both arms? */
export function isPaired({ baseline: a, candidate: b }: Readings, i: number): boolean {
  return (
    (a.starts[i + 1] as number) > (a.starts[i] as number) &&
    (b.starts[i + 1] as number) > (b.starts[i] as number)
  );
}

/** The cases with a value in both arms, transformed. */
export function strataOf(readings: Readings, transform: (value: number) => number): PooledStrata {
  const { baseline, candidate } = readings;
  const cases = baseline.starts.length - 1;
  const kA = new Int32Array(cases);
  const kB = new Int32Array(cases);
  const values = new Float64Array(baseline.values.length + candidate.values.length);
  let at = 0;
  const take = ({ values: from, starts }: ArmReadings, i: number): number => {
    const start = starts[i] as number;
    const end = starts[i + 1] as number;
    for (let j = start; j < end; j++) values[at++] = transform(from[j] as number);
    return end - start;
  };
  let n = 0;
  for (let i = 0; i < cases; i++) {
    if (!isPaired(readings, i)) continue;
    kA[n] = take(baseline, i);
    kB[n] = take(candidate, i);
    n++;
  }
  return { values: values.subarray(0, at), kA: kA.subarray(0, n), kB: kB.subarray(0, n) };
}

/** Mean of the candidate minus mean of the baseline, stratum by stratum. */
export function meanDifferences({ values, kA, kB }: PooledStrata): number[] {
  const differences = new Array<number>(kA.length);
  let at = 0;
  const mean = (count: number): number => {
    let sum = 0;
    for (const end = at + count; at < end; at++) sum += values[at] as number;
    return sum / count;
  };
  for (let i = 0; i < kA.length; i++) {
    const before = mean(kA[i] as number);
    differences[i] = mean(kB[i] as number) - before;
  }
  return differences;
}
