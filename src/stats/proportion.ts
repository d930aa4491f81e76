// Confidence intervals and posteriors of one proportion.
import { betaCdf, betaQuantile } from './beta.ts';
import { twoSidedZ } from './normal.ts';
import { clamp, requireOpenUnit } from './numeric.ts';

/** An interval on the scale of the estimate. */
export interface Interval {
  readonly lower: number;
  readonly upper: number;
}

function check(x: number, n: number, conf: number): void {
  requireOpenUnit(conf, 'confidence level');
  if (!(n >= 0 && x >= 0 && x <= n))
    throw new RangeError(`a proportion requires 0 <= x <= n, got x=${x} n=${n}`);
}

/** Wilson score interval for x successes of n (Wilson 1927); n may be an effective size. n = 0 gives null. */
export function wilson(x: number, n: number, conf = 0.95): Interval | null {
  check(x, n, conf);
  if (n === 0) return null;
  const z2 = twoSidedZ(conf) ** 2;
  const p = x / n;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = Math.sqrt(z2 * ((p * (1 - p)) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return { lower: x === 0 ? 0 : clamp(centre - half, 0, 1), upper: x === n ? 1 : clamp(centre + half, 0, 1) };
}

/** Clopper-Pearson exact interval (Clopper & Pearson 1934): beta quantiles; never too narrow. n = 0 gives null. */
export function clopperPearson(x: number, n: number, conf = 0.95): Interval | null {
  check(x, n, conf);
  if (n === 0) return null;
  const tail = (1 - conf) / 2;
  return {
    lower: x === 0 ? 0 : betaQuantile(tail, x, n - x + 1),
    upper: x === n ? 1 : betaQuantile(1 - tail, x + 1, n - x),
  };
}

/** Jeffreys interval: equal-tailed quantiles of Beta(x + 1/2, n - x + 1/2) (Brown, Cai & DasGupta 2001). n = 0 gives null. */
export function jeffreys(x: number, n: number, conf = 0.95): Interval | null {
  check(x, n, conf);
  if (n === 0) return null;
  const tail = (1 - conf) / 2;
  return {
    lower: betaQuantile(tail, x + 0.5, n - x + 0.5),
    upper: betaQuantile(1 - tail, x + 0.5, n - x + 0.5),
  };
}

/** Posterior Beta(a + x, b + k - x) of a proportion: mean, sd, 95% limits and P(proportion < threshold). */
export function betaPosterior(
  x: number,
  k: number,
  prior: { a: number; b: number; threshold: number },
): { mean: number; sd: number; q025: number; q975: number; probBelow: number } {
  check(x, k, 0.95);
  const a = prior.a + x;
  const b = prior.b + k - x;
  return {
    mean: a / (a + b),
    sd: Math.sqrt((a * b) / ((a + b) ** 2 * (a + b + 1))),
    q025: betaQuantile(0.025, a, b),
    q975: betaQuantile(0.975, a, b),
    probBelow: betaCdf(prior.threshold, a, b),
  };
}
