// The hypergeometric distribution: marked items among n drawn without replacement.
import { logBinomPmf } from './binomial.ts';

function check(N: number, K: number, n: number): void {
  for (const value of [N, K, n])
    if (!(Number.isSafeInteger(value) && value >= 0))
      throw new RangeError(`the hypergeometric distribution requires whole numbers >= 0, got ${value}`);
  if (K > N || n > N)
    throw new RangeError(
      `the hypergeometric distribution requires K <= N and n <= N, got N=${N} K=${K} n=${n}`,
    );
}

/**
 * ln P(X = x): x marked among n drawn from N of which K are marked.
 * A ratio of three binomial probabilities (Loader 2000), so large N loses no digits.
 */
export function logHypergeomPmf(x: number, N: number, K: number, n: number): number {
  if (x < Math.max(0, n + K - N) || x > Math.min(n, K)) return Number.NEGATIVE_INFINITY;
  if (n === 0 || n === N) return 0;
  const p = n / N;
  return logBinomPmf(x, K, p) + logBinomPmf(n - x, N - K, p) - logBinomPmf(n, N, p);
}

/** Sum of probabilities from x outward (step -1 or +1), by term ratios. */
function tailSum(x: number, N: number, K: number, n: number, step: -1 | 1): number {
  const rest = N - K;
  let term = Math.exp(logHypergeomPmf(x, N, K, n));
  let sum = term;
  for (let k = x; term > 0; ) {
    term *=
      step < 0
        ? (k * (rest - n + k)) / ((K - k + 1) * (n - k + 1))
        : ((K - k) * (n - k)) / ((k + 1) * (rest - n + k + 1));
    k += step;
    sum += term;
    if (term < sum * 1e-18) break;
  }
  return Math.min(1, sum);
}

/** Hypergeometric probabilities: cdf = P(X <= x), sf = P(X > x), pmf = P(X = x); N items, K marked, n drawn. */
export function hypergeomCdf(
  x: number,
  N: number,
  K: number,
  n: number,
): { cdf: number; sf: number; pmf: number } {
  check(N, K, n);
  const pmf = Math.exp(logHypergeomPmf(x, N, K, n));
  const lo = Math.max(0, n + K - N);
  const hi = Math.min(n, K);
  if (x < lo) return { cdf: 0, sf: 1, pmf };
  if (x >= hi) return { cdf: 1, sf: 0, pmf };
  if (x <= (n * K) / N) {
    const cdf = tailSum(x, N, K, n, -1);
    return { cdf, sf: 1 - cdf, pmf };
  }
  const sf = tailSum(x + 1, N, K, n, 1);
  return { cdf: 1 - sf, sf, pmf };
}
