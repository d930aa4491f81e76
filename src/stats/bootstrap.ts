// Bootstrap intervals. The unit that is resampled is the stratum; resampling values within strata understates variance.

import { normalCdf, normalQuantile } from './normal.ts';
import { clamp, meanOf, requireOpenUnit, requireSameLength } from './numeric.ts';
import { quantile7, quantile7Sorted } from './quantile.ts';
import { Mt19937 } from './rng.ts';

/** Percentile limits, and for the mean the BCa limits with their bias and acceleration constants. */
export interface BootstrapCI {
  readonly estimate: number;
  readonly percentile: readonly [number, number];
  readonly bca?: readonly [number, number];
  readonly z0?: number;
  readonly acc?: number;
}

/** Statistic of a sample: mean, or the type-7 median or 95th percentile. */
export type SampleStatistic = 'mean' | 'p50' | 'p95';

/** Bootstrap settings: B resamples from a seed. */
export interface BootstrapOptions {
  readonly seed: number;
  readonly B?: number;
  readonly conf?: number;
}

/**
 * Bootstrap interval of a statistic of d (Efron & Tibshirani 1993): percentile limits, and BCa (ch. 14.3) for the mean.
 * Resample b takes indices floor(u n), n of them, in stream order. Limits are type-7 quantiles. RangeError when empty.
 */
export function bootstrapCI(
  d: ArrayLike<number>,
  statistic: SampleStatistic,
  { seed, B = 2000, conf = 0.95 }: BootstrapOptions,
): BootstrapCI {
  requireOpenUnit(conf, 'confidence level');
  const n = d.length;
  if (n === 0) throw new RangeError('bootstrapCI requires at least one value');
  const compute = (sample: Float64Array): number =>
    statistic === 'mean' ? meanOf(sample) : quantile7(sample, statistic === 'p50' ? 0.5 : 0.95);
  const data = Float64Array.from(d);
  const estimate = compute(data);
  const rng = new Mt19937(seed);
  const sample = new Float64Array(n);
  const resampled = new Float64Array(B);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < n; i++) sample[i] = data[Math.floor(rng.next() * n)]!;
    resampled[b] = compute(sample);
  }
  resampled.sort();
  const tail = (1 - conf) / 2;
  const percentile = [quantile7Sorted(resampled, tail), quantile7Sorted(resampled, 1 - tail)] as const;
  if (statistic !== 'mean') return { estimate, percentile };
  let below = 0;
  for (const value of resampled) below += value < estimate ? 1 : value === estimate ? 0.5 : 0;
  const z0 = normalQuantile(clamp(below / B, 0.5 / B, 1 - 0.5 / B));
  const acc = jackknifeAcceleration(data);
  const limit = (p: number): number => {
    const z = z0 + normalQuantile(p);
    return quantile7Sorted(resampled, normalCdf(z0 + z / (1 - acc * z)));
  };
  return { estimate, percentile, bca: [limit(tail), limit(1 - tail)], z0, acc };
}

/** Acceleration from the jackknifed mean: sum (m - m_i)^3 / (6 (sum (m - m_i)^2)^1.5); 0 when it is 0/0. */
function jackknifeAcceleration(d: Float64Array): number {
  const n = d.length;
  if (n < 2) return 0;
  const left = new Float64Array(n);
  const rest = new Float64Array(n - 1);
  for (let i = 0; i < n; i++) {
    rest.set(d.subarray(0, i));
    rest.set(d.subarray(i + 1), i);
    left[i] = meanOf(rest);
  }
  const centre = meanOf(left);
  let squares = 0;
  let cubes = 0;
  for (const m of left) {
    squares += (centre - m) ** 2;
    cubes += (centre - m) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

/** A ratio with its percentile limits; null where arm a's quantile is 0. */
export interface QuantileRatio {
  readonly ratio: number;
  readonly lower: number;
  readonly upper: number;
}

/**
 * Ratio of type-7 quantiles, arm b / arm a, of all values pooled over strata, with a percentile interval from resampling
 * whole strata (both arms of a stratum together). null when arm a's quantile is 0 in the data or any resample.
 */
export function quantileRatioCI(
  A: readonly ArrayLike<number>[],
  B: readonly ArrayLike<number>[],
  p: number,
  { seed, B: resamples = 2000, conf = 0.95 }: BootstrapOptions,
): QuantileRatio | null {
  requireSameLength(A, B, 'quantileRatioCI');
  requireOpenUnit(conf, 'confidence level');
  const n = A.length;
  if (n === 0) throw new RangeError('quantileRatioCI requires at least one stratum');
  const armA = sortedArm(A);
  const armB = sortedArm(B);
  const weights = new Int32Array(n).fill(1);
  const ratioNow = (): number | null => {
    const base = weightedQuantile(armA, weights, p);
    return base === 0 ? null : weightedQuantile(armB, weights, p) / base;
  };
  const ratio = ratioNow();
  if (ratio === null) return null;
  const rng = new Mt19937(seed);
  const resampled = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    weights.fill(0);
    for (let i = 0; i < n; i++) weights[Math.floor(rng.next() * n)]! += 1;
    const value = ratioNow();
    if (value === null) return null;
    resampled[b] = value;
  }
  resampled.sort();
  const tail = (1 - conf) / 2;
  return { ratio, lower: quantile7Sorted(resampled, tail), upper: quantile7Sorted(resampled, 1 - tail) };
}

/** One arm's values in ascending order, each with its stratum: sorted once, reused by every resample. */
interface SortedArm {
  readonly values: Float64Array;
  readonly stratum: Int32Array;
}

function sortedArm(arm: readonly ArrayLike<number>[]): SortedArm {
  const pairs = arm.flatMap((values, i) => {
    if (values.length === 0) throw new RangeError(`stratum ${i} has no value in one of its arms`);
    return Array.from(values, (v): [number, number] => [v, i]);
  });
  pairs.sort((a, b) => a[0] - b[0]);
  return { values: Float64Array.from(pairs, (q) => q[0]), stratum: Int32Array.from(pairs, (q) => q[1]) };
}

/** Type-7 quantile when every value counts weights[its stratum] times. */
function weightedQuantile({ values, stratum }: SortedArm, weights: Int32Array, p: number): number {
  let total = 0;
  for (let t = 0; t < values.length; t++) total += weights[stratum[t]!]!;
  const h = (total - 1) * p;
  const index = Math.floor(h);
  let seen = 0;
  let low = Number.NaN;
  for (let t = 0; t < values.length; t++) {
    seen += weights[stratum[t]!]!;
    if (Number.isNaN(low) && seen > index) low = values[t]!;
    if (seen > index + 1) return low + (h - index) * (values[t]! - low);
  }
  return low;
}
