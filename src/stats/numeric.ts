// Argument checks and small numeric pieces that several formulas share.

/** Natural logarithm of 10, to turn log p into log10 p. */
export const LN10: number = Math.LN10;

/** log(1 - e^x) for x <= 0 (Maechler 2012). */
export function log1mExp(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

/** Holds a value inside [lower, upper]. */
export function clamp(value: number, lower: number, upper: number): number {
  return value < lower ? lower : value > upper ? upper : value;
}

/** Throws RangeError unless p is strictly between 0 and 1. */
export function requireOpenUnit(p: number, what: string): void {
  if (!(p > 0 && p < 1)) throw new RangeError(`${what} must lie strictly between 0 and 1, got ${p}`);
}

/** Throws RangeError unless p is in [0, 1]. */
export function requireUnit(p: number, what: string): void {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${what} must lie in [0, 1], got ${p}`);
}

/** Throws RangeError unless n is a whole number >= 0. */
export function requireCount(n: number, what: string): void {
  if (!(Number.isSafeInteger(n) && n >= 0))
    throw new RangeError(`${what} must be a whole number >= 0, got ${n}`);
}

/** Throws RangeError unless two arrays have the same length. */
export function requireSameLength(a: ArrayLike<unknown>, b: ArrayLike<unknown>, what: string): void {
  if (a.length !== b.length)
    throw new RangeError(`${what} requires arrays of one length, got ${a.length} and ${b.length}`);
}

/** Plain left-to-right sum. */
export function sumOf(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
}

/** Arithmetic mean by plain summation; the caller guarantees at least one value. */
export function meanOf(values: ArrayLike<number>): number {
  return sumOf(values) / values.length;
}

/**
 * Unbiased sample variance (divisor n-1); 0 for fewer than two values, which carry no spread of their own.
 * Taken about the first value, so that equal values give exactly 0.
 */
export function varianceOf(values: ArrayLike<number>): number {
  const n = values.length;
  if (n < 2) return 0;
  const origin = values[0]!;
  let first = 0;
  for (let i = 0; i < n; i++) first += values[i]! - origin;
  const m = first / n;
  let total = 0;
  for (let i = 0; i < n; i++) total += (values[i]! - origin - m) ** 2;
  return total / (n - 1);
}
