// Do repeated measurements vary more than their own sampling error explains?
import { chiSquareSf } from './chi-square.ts';
import { requireSameLength, sumOf } from './numeric.ts';

/** Heterogeneity of repeated means: Cochran's Q, its p, and the overdispersion factor phi >= 1. */
export interface RunNoise {
  readonly Q: number;
  readonly p: number;
  readonly phi: number;
}

/**
 * Q = sum (m_r - m)^2 / s_r^2 with m the inverse-variance weighted mean (Cochran 1954; the plain mean when the variances are
 * equal), p = chi-square upper tail on R-1 degrees of freedom, phi = max(1, Q/(R-1)). Variances are of the means.
 * A zero variance (a run whose values never varied) is taken as the average of the others; if all are zero, Q is 0 for
 * equal means and Infinity otherwise. Fewer than two runs: Q = 0, p = 1, phi = 1. RangeError on a negative variance.
 */
export function runNoise(means: ArrayLike<number>, variances: ArrayLike<number>): RunNoise {
  requireSameLength(means, variances, 'runNoise');
  const R = means.length;
  if (R < 2) return { Q: 0, p: 1, phi: 1 };
  const positive = Array.from(variances).filter((v) => v > 0);
  for (let r = 0; r < R; r++)
    if (!(variances[r]! >= 0)) throw new RangeError(`runNoise requires variances >= 0, got ${variances[r]}`);
  if (positive.length === 0) {
    const same = Array.from(means).every((m) => Math.abs(m - means[0]!) <= 1e-12);
    return same
      ? { Q: 0, p: 1, phi: 1 }
      : { Q: Number.POSITIVE_INFINITY, p: 0, phi: Number.POSITIVE_INFINITY };
  }
  const fallback = sumOf(positive) / positive.length;
  const weights = Float64Array.from(variances, (v) => 1 / (v > 0 ? v : fallback));
  let centre = 0;
  for (let r = 0; r < R; r++) centre += weights[r]! * means[r]!;
  centre /= sumOf(weights);
  let Q = 0;
  for (let r = 0; r < R; r++) Q += weights[r]! * (means[r]! - centre) ** 2;
  return { Q, p: chiSquareSf(Q, R - 1), phi: Math.max(1, Q / (R - 1)) };
}
