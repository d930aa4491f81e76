// A mean whose observations come in clusters, and its test when there are too few clusters for a normal theory.
import { mean as kahanMean } from 'simple-statistics';
import { requireSameLength } from './numeric.ts';
import { type SignFlip, type SignFlipOptions, signFlip } from './sign-flip.ts';
import { studentTCdf, studentTQuantile } from './student-t.ts';

/** Mean with cluster-robust standard error; null = cannot be computed (fewer than two clusters, or no spread for t). */
export interface ClusteredMean {
  readonly mean: number;
  readonly se: number | null;
  readonly df: number;
  readonly t: number | null;
  readonly pTwoSided: number | null;
  readonly lo95: number | null;
  readonly hi95: number | null;
}

function clusterTotals(d: ArrayLike<number>, cluster: ArrayLike<unknown>, centre: number): number[] {
  const totals = new Map<unknown, number>();
  for (let i = 0; i < d.length; i++) totals.set(cluster[i], (totals.get(cluster[i]) ?? 0) + d[i]! - centre);
  return [...totals.values()];
}

/**
 * Mean of d with the CR1 cluster-robust standard error: SE = sqrt(C/(C-1) sum_g (sum_{i in g} (d_i - mean))^2) / n,
 * t on C-1 degrees of freedom (Liang & Zeger 1986; Miller 2024). `cluster[i]` is any key. RangeError when empty.
 */
export function clusteredMean(d: readonly number[], cluster: ArrayLike<unknown>): ClusteredMean {
  requireSameLength(d, cluster, 'clusteredMean');
  if (d.length === 0) throw new RangeError('clusteredMean requires at least one value');
  const mean = kahanMean([...d]);
  const totals = clusterTotals(d, cluster, mean);
  const C = totals.length;
  const df = C - 1;
  if (C < 2) return { mean, se: null, df, t: null, pTwoSided: null, lo95: null, hi95: null };
  const squares = totals.reduce((sum, x) => sum + x * x, 0);
  const raw = Math.sqrt((C / (C - 1)) * squares) / d.length;
  const largest = d.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
  // Equal values leave only rounding, which is not a spread.
  const se = raw <= 1e-14 * largest ? 0 : raw;
  if (se === 0) return { mean, se, df, t: null, pTwoSided: mean === 0 ? 1 : 0, lo95: mean, hi95: mean };
  const t = mean / se;
  const half = studentTQuantile(0.975, df) * se;
  const pTwoSided = Math.min(1, 2 * studentTCdf(-Math.abs(t), df).p);
  return { mean, se, df, t, pTwoSided, lo95: mean - half, hi95: mean + half };
}

/** Number of clusters under which the t interval of clusteredMean should not be trusted. */
export const FEW_CLUSTERS = 10;

/** Sign-flip test of "mean 0" that flips whole clusters: exact at any number of clusters, for when they are few. */
export function clusterSignFlip(
  d: readonly number[],
  cluster: ArrayLike<unknown>,
  options?: SignFlipOptions,
): SignFlip {
  requireSameLength(d, cluster, 'clusterSignFlip');
  const totals = clusterTotals(d, cluster, 0);
  const result = signFlip(totals, options);
  return { ...result, mean: (result.mean * totals.length) / d.length };
}
