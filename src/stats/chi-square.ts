// The chi-square distribution, through the regularised incomplete gamma function.
import { lnGamma } from './gamma.ts';

/** Regularised incomplete gamma functions P(a, x) and Q(a, x) = 1 - P: series below a+1, continued fraction above. */
function gammaInc(a: number, x: number): { lower: number; upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 };
  const front = Math.exp(a * Math.log(x) - x - lnGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 100_000; n++) {
      term *= x / (a + n);
      sum += term;
      if (term < sum * 1e-17) break;
    }
    const lower = Math.min(1, front * sum);
    return { lower, upper: 1 - lower };
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < 100_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = 1 / (an * d + b);
    c = b + an / c;
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  const upper = Math.min(1, front * value);
  return { lower: 1 - upper, upper };
}

function check(x: number, df: number): void {
  if (!(df > 0)) throw new RangeError(`the chi-square distribution requires df > 0, got ${df}`);
  if (Number.isNaN(x)) throw new RangeError('the chi-square distribution requires a number');
}

/** Chi-square distribution function P(X <= x) with df > 0 degrees of freedom. */
export function chiSquareCdf(x: number, df: number): number {
  check(x, df);
  return x === Number.POSITIVE_INFINITY ? 1 : gammaInc(df / 2, x / 2).lower;
}

/** Chi-square upper tail P(X > x), accurate for small tails. */
export function chiSquareSf(x: number, df: number): number {
  check(x, df);
  return x === Number.POSITIVE_INFINITY ? 0 : gammaInc(df / 2, x / 2).upper;
}
