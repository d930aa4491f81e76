// Tails of a sum of failures of which variance and skewness are known: a shifted, scaled Poisson count (three cumulants matched).

import { chiSquareCdf, chiSquareSf } from './chi-square.ts';
import { normalCdf } from './normal.ts';

export interface SkewedMoments {
  readonly variance: number;
  /** Third central moment. */
  readonly third: number;
}

/** Poisson means beyond this are normal for every purpose here. */
const NORMAL_FROM = 1e5;

/**
 * P(X >= x) for X of mean 0. The count behind X has mean variance / unit², where unit = third / variance is what one more
 * failure adds; `half` (0 to 0.5) is the continuity in failures. Normal where X does not lean to failures.
 */
export function skewedAtLeast({ variance, third }: SkewedMoments, x: number, half: number): number {
  const unit = third / variance;
  const mean = unit <= 0 ? Number.POSITIVE_INFINITY : variance / (unit * unit);
  if (mean > NORMAL_FROM) return normalCdf(-x / Math.sqrt(variance));
  const f = snap(mean + x / unit) + half;
  // P(F >= f) = P(gamma(f) <= mean).
  return f <= 0 ? 1 : chiSquareCdf(2 * mean, 2 * f);
}

/** P(X <= x). */
export function skewedAtMost({ variance, third }: SkewedMoments, x: number, half: number): number {
  const unit = third / variance;
  const mean = unit <= 0 ? Number.POSITIVE_INFINITY : variance / (unit * unit);
  if (mean > NORMAL_FROM) return normalCdf(x / Math.sqrt(variance));
  const f = snap(mean + x / unit) - half + 1;
  return f <= 0 ? 0 : chiSquareSf(2 * mean, 2 * f);
}

/** Rounding must not lose a failure that the counts say is there. */
function snap(f: number): number {
  return Math.abs(f - Math.round(f)) < 1e-6 ? Math.round(f) : f;
}
