// Fisher's exact test for two independent proportions.
import { hypergeomCdf, logHypergeomPmf } from './hypergeometric.ts';
import { requireCount } from './numeric.ts';

/** Successes and trials of two arms. */
export interface TwoArms {
  readonly xA: number;
  readonly kA: number;
  readonly xB: number;
  readonly kB: number;
}

function check({ xA, kA, xB, kB }: TwoArms): void {
  for (const [name, value] of Object.entries({ xA, kA, xB, kB })) requireCount(value, name);
  if (xA > kA || xB > kB) throw new RangeError("Fisher's test requires x <= k in both arms");
}

/** Fisher's exact test, one-sided: p = P(arm b has at most xB successes | margins), and its mid-p (Fisher 1935). */
export function fisherLess(arms: TwoArms): { p: number; midp: number } {
  check(arms);
  const { cdf, pmf } = hypergeomCdf(arms.xB, arms.kA + arms.kB, arms.xA + arms.xB, arms.kB);
  return { p: cdf, midp: cdf - 0.5 * pmf };
}

/** Fisher's exact test, two-sided: total probability of all tables no likelier than the one seen. */
export function fisherTwoSided(arms: TwoArms): number {
  check(arms);
  const N = arms.kA + arms.kB;
  const K = arms.xA + arms.xB;
  const cut = logHypergeomPmf(arms.xB, N, K, arms.kB) + 1e-7;
  let total = 0;
  for (let x = Math.max(0, arms.kB + K - N); x <= Math.min(arms.kB, K); x++) {
    const lp = logHypergeomPmf(x, N, K, arms.kB);
    if (lp <= cut) total += Math.exp(lp);
  }
  return Math.min(1, total);
}
