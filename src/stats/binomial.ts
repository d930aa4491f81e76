// The binomial distribution: probabilities and tails that stay exact, and stay finite as logarithms, at any n.
import { devianceTerm, stirlingError } from './gamma.ts';
import { LN10, log1mExp, requireCount, requireUnit } from './numeric.ts';

const LN_2PI = 1.8378770664093453;

/** ln P(X = x), X ~ Bin(n, p): Loader's saddle-point form (Loader 2000), about 15 digits at any n. -Infinity = impossible. */
export function logBinomPmf(x: number, n: number, p: number): number {
  if (x < 0 || x > n) return Number.NEGATIVE_INFINITY;
  if (p === 0) return x === 0 ? 0 : Number.NEGATIVE_INFINITY;
  if (p === 1) return x === n ? 0 : Number.NEGATIVE_INFINITY;
  if (n === 0) return 0;
  if (x === 0) return n * Math.log1p(-p);
  if (x === n) return n * Math.log(p);
  const q = 1 - p;
  const core =
    stirlingError(n) -
    stirlingError(x) -
    stirlingError(n - x) -
    devianceTerm(x, n * p) -
    devianceTerm(n - x, n * q);
  return core - 0.5 * (LN_2PI + Math.log(x) + Math.log1p(-x / n));
}

/** ln P(X <= x) by summing term ratios downward from x; meant for x at or below the mean. */
function logLowerSum(x: number, n: number, p: number): number {
  let term = 1;
  let sum = 1;
  for (let k = x; k > 0; k--) {
    term *= (k * (1 - p)) / ((n - k + 1) * p);
    sum += term;
    if (term < sum * 1e-18) break;
  }
  return logBinomPmf(x, n, p) + Math.log(sum);
}

/**
 * ln P(X <= x) and ln P(X > x), X ~ Bin(n, p), both with full relative precision in whichever tail is small.
 * Terms are summed from the cut outward, so a tail of 1e-30000 is as exact as one of 0.3.
 */
export function logBinomTails(x: number, n: number, p: number): { lower: number; upper: number } {
  requireCount(n, 'n of the binomial');
  requireUnit(p, 'p of the binomial');
  if (x < 0) return { lower: Number.NEGATIVE_INFINITY, upper: 0 };
  if (x >= n) return { lower: 0, upper: Number.NEGATIVE_INFINITY };
  if (p === 0) return { lower: 0, upper: Number.NEGATIVE_INFINITY };
  if (p === 1) return { lower: Number.NEGATIVE_INFINITY, upper: 0 };
  const cut = Math.floor(x);
  if (cut <= n * p) {
    const lower = Math.min(0, logLowerSum(cut, n, p));
    return { lower, upper: log1mExp(lower) };
  }
  const upper = Math.min(0, logLowerSum(n - cut - 1, n, 1 - p));
  return { lower: log1mExp(upper), upper };
}

/** Binomial probabilities: cdf = P(X <= x), sf = P(X > x), pmf = P(X = x), X ~ Bin(n, p). */
export function binomCdf(x: number, n: number, p: number): { cdf: number; sf: number; pmf: number } {
  const tails = logBinomTails(x, n, p);
  return { cdf: Math.exp(tails.lower), sf: Math.exp(tails.upper), pmf: Math.exp(logBinomPmf(x, n, p)) };
}

/** Both tails that include x: P(X <= x) and P(X >= x), X ~ Bin(n, p), as p-values and as log10 (finite where p underflows). */
export function binomialTails(
  x: number,
  n: number,
  p = 0.5,
): { pLess: number; pGreater: number; log10Less: number; log10Greater: number } {
  requireCount(x, 'x of the binomial');
  const less = logBinomTails(x, n, p).lower;
  const greater = logBinomTails(x - 1, n, p).upper;
  return {
    pLess: Math.exp(less),
    pGreater: Math.exp(greater),
    log10Less: less / LN10,
    log10Greater: greater / LN10,
  };
}
