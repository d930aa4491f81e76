// Slow change in a series: Mann-Kendall test with Theil-Sen slope, and the lower CUSUM path.
import { median } from 'simple-statistics';
import { normalSf } from './normal.ts';

/** Mann-Kendall test and Theil-Sen line of a series at times 0, 1, 2, ... */
export interface Trend {
  readonly S: number;
  readonly varS: number;
  readonly z: number;
  readonly pTwoSided: number;
  /** Theil-Sen slope, per step. */
  readonly slope: number;
  readonly intercept: number;
}

/**
 * Mann-Kendall trend test (Mann 1945; Kendall 1975), variance corrected for ties, continuity correction 1; with the
 * Theil-Sen slope (median of pairwise slopes, Sen 1968) and intercept median(y) - slope median(t).
 * Cost n^2. RangeError when empty.
 */
export function mannKendall(y: readonly number[]): Trend {
  const n = y.length;
  if (n === 0) throw new RangeError('mannKendall requires at least one value');
  let S = 0;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let at = 0;
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      const rise = y[j]! - y[i]!;
      S += Math.sign(rise);
      slopes[at++] = rise / (j - i);
    }
  const counts = new Map<number, number>();
  for (const v of y) counts.set(v, (counts.get(v) ?? 0) + 1);
  let varS = n * (n - 1) * (2 * n + 5);
  for (const t of counts.values()) varS -= t * (t - 1) * (2 * t + 5);
  varS /= 18;
  const z = varS > 0 && S !== 0 ? (S - Math.sign(S)) / Math.sqrt(varS) : 0;
  const slope = n < 2 ? 0 : middle(slopes.sort());
  return {
    S,
    varS,
    z,
    pTwoSided: Math.min(1, 2 * normalSf(Math.abs(z))),
    slope,
    intercept: median([...y]) - (slope * (n - 1)) / 2,
  };
}

function middle(sorted: Float64Array): number {
  const half = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/**
 * Lower one-sided CUSUM (Page 1954): S_t = max(0, S_{t-1} - z_t - k) on standardised values; the alarm index is the first t
 * with S_t > h, null when there is none. Its error rate is not calibrated when the centre was estimated.
 */
export function cusumLower(
  z: ArrayLike<number>,
  { k = 0.5, h = 20 }: { k?: number; h?: number } = {},
): { path: number[]; alarmIndex: number | null } {
  const path: number[] = [];
  let sum = 0;
  let alarmIndex: number | null = null;
  for (let t = 0; t < z.length; t++) {
    sum = Math.max(0, sum - z[t]! - k);
    path.push(sum);
    if (alarmIndex === null && sum > h) alarmIndex = t;
  }
  return { path, alarmIndex };
}
