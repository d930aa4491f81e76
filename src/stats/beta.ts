// The beta distribution: regularised incomplete beta function and its inverse.
import { lnBeta } from './gamma.ts';
import { requireUnit } from './numeric.ts';

/** Continued fraction of the incomplete beta function (DiDonato & Morris 1992 form of NIST DLMF 8.17.22), by Lentz. */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 - ((a + b) * x) / (a + 1);
  d = 1 / (Math.abs(d) < tiny ? tiny : d);
  let value = d;
  for (let m = 1; m <= 200_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    if (Math.abs(c) < tiny) c = tiny;
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-15) return value;
  }
  return value;
}

/**
 * Regularised incomplete beta I_x(a, b) and its complement, from x and y = 1 - x given apart
 * (so that neither is lost by subtraction when it is tiny).
 */
export function betaInc(x: number, y: number, a: number, b: number): { lower: number; upper: number } {
  if (!(a > 0 && b > 0)) throw new RangeError(`betaInc requires a > 0 and b > 0, got ${a} and ${b}`);
  if (x <= 0) return { lower: 0, upper: 1 };
  if (y <= 0) return { lower: 1, upper: 0 };
  const lnX = x < 0.5 ? Math.log(x) : Math.log1p(-y);
  const lnY = y < 0.5 ? Math.log(y) : Math.log1p(-x);
  const front = Math.exp(a * lnX + b * lnY - lnBeta(a, b));
  if (x <= (a + 1) / (a + b + 2)) {
    const lower = Math.min(1, (front * betaFraction(a, b, x)) / a);
    return { lower, upper: 1 - lower };
  }
  const upper = Math.min(1, (front * betaFraction(b, a, y)) / b);
  return { lower: 1 - upper, upper };
}

/** Beta distribution function P(X <= x), X ~ Beta(a, b), a, b > 0. */
export function betaCdf(x: number, a: number, b: number): number {
  return betaInc(x, 1 - x, a, b).lower;
}

/**
 * Solves I_x(a, b) = p, 1 - I_x = q for a root in (0, 1/2]: Newton steps on the logarithm of the smaller of the two tails
 * against ln x, inside a shrinking bracket. Given p and q apart, neither is lost when it is tiny.
 */
function lowerRoot(p: number, q: number, a: number, b: number): number {
  const lnB = lnBeta(a, b);
  const byLower = p <= q;
  const target = Math.log(byLower ? p : q);
  let lo = -745;
  let hi = Math.log(0.5);
  // I_x is about x^a / (a B(a,b)) near 0
  let u = Math.min(hi, Math.max(lo, (Math.log(p) + Math.log(a) + lnB) / a));
  for (let i = 0; i < 200; i++) {
    const x = Math.exp(u);
    const tails = betaInc(x, 1 - x, a, b);
    const tail = byLower ? tails.lower : tails.upper;
    const gap = (byLower ? 1 : -1) * ((tail > 0 ? Math.log(tail) : Number.NEGATIVE_INFINITY) - target);
    if (gap === 0) return x;
    if (gap > 0) hi = u;
    else lo = u;
    const slope = Math.exp(a * u + (b - 1) * Math.log1p(-x) - lnB) / tail;
    let next = u - gap / slope;
    if (!(next > lo && next < hi)) next = (lo + hi) / 2;
    if (Math.abs(next - u) < 1e-15 * Math.max(1, Math.abs(u)) || hi - lo < 1e-16) return Math.exp(next);
    u = next;
  }
  return Math.exp(u);
}

/** Beta quantile as x and its complement 1 - x, each with full relative precision. */
export function betaRoot(p: number, a: number, b: number): { x: number; y: number } {
  requireUnit(p, 'p of betaQuantile');
  if (!(a > 0 && b > 0)) throw new RangeError(`betaQuantile requires a > 0 and b > 0, got ${a} and ${b}`);
  if (p === 0) return { x: 0, y: 1 };
  if (p === 1) return { x: 1, y: 0 };
  if (betaInc(0.5, 0.5, a, b).lower >= p) {
    const x = lowerRoot(p, 1 - p, a, b);
    return { x, y: 1 - x };
  }
  const y = lowerRoot(1 - p, p, b, a);
  return { x: 1 - y, y };
}

/** Beta quantile: the x with P(X <= x) = p, X ~ Beta(a, b). RangeError for p outside [0, 1] or a, b <= 0. */
export function betaQuantile(p: number, a: number, b: number): number {
  return betaRoot(p, a, b).x;
}
