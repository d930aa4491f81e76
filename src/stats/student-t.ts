// Student's t distribution: both tails and quantile, through the incomplete beta function.
import { betaInc, betaRoot } from './beta.ts';
import { requireOpenUnit } from './numeric.ts';

/**
 * Student's t distribution function: p = P(T <= t) and sf = P(T > t), df > 0 (need not be whole).
 * Tail = I_{df/(df+t^2)}(df/2, 1/2) / 2; the small tail keeps its relative precision.
 */
export function studentTCdf(t: number, df: number): { p: number; sf: number } {
  if (!(df > 0)) throw new RangeError(`studentTCdf requires df > 0, got ${df}`);
  const square = t * t;
  const tail = 0.5 * betaInc(df / (df + square), square / (df + square), df / 2, 0.5).lower;
  return t >= 0 ? { p: 1 - tail, sf: tail } : { p: tail, sf: 1 - tail };
}

/** Student's t quantile for 0 < p < 1, df > 0. */
export function studentTQuantile(p: number, df: number): number {
  requireOpenUnit(p, 'p of studentTQuantile');
  if (!(df > 0)) throw new RangeError(`studentTQuantile requires df > 0, got ${df}`);
  if (p === 0.5) return 0;
  const { x, y } = betaRoot(2 * Math.min(p, 1 - p), df / 2, 0.5);
  const t = Math.sqrt((df * y) / x);
  return p < 0.5 ? -t : t;
}
