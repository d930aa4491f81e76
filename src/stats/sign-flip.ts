// The sign-flip test: differences that are symmetric about 0 under the null hypothesis.
import { exactTails } from './exact-sums.ts';
import { sumOf } from './numeric.ts';
import { tieTolerance } from './permutation-data.ts';
import { Mt19937 } from './rng.ts';

/** Result of a sign-flip test on a mean. */
export interface SignFlip {
  readonly mean: number;
  readonly pLess: number;
  readonly pGreater: number;
  readonly pTwoSided: number;
  readonly method: 'exact' | 'monteCarlo';
}

/** Monte Carlo settings for when full enumeration is too large. */
export interface SignFlipOptions {
  readonly seed?: number;
  readonly replicates?: number;
}

/** Distinct non-zero sizes up to which all sign patterns are enumerated. */
const MAX_EXACT = 34;

/**
 * Sign-flip (paired randomisation) test that the mean of d is 0 (Fisher 1935): all 2^n sign patterns, equally likely.
 * Exact up to 34 non-zero differences; beyond, Monte Carlo with p = (1 + hits) / (replicates + 1), one draw a non-zero
 * difference and replicate, sign kept when u >= 1/2. RangeError when empty.
 */
export function signFlip(
  d: ArrayLike<number>,
  { seed = 1, replicates = 9999 }: SignFlipOptions = {},
): SignFlip {
  const n = d.length;
  if (n === 0) throw new RangeError('signFlip requires at least one difference');
  const mean = sumOf(d) / n;
  const moving = Float64Array.from(d).filter((x) => x !== 0);
  if (moving.length === 0) return { mean, pLess: 1, pGreater: 1, pTwoSided: 1, method: 'exact' };
  const tolerance = tieTolerance([0, ...moving]);
  if (moving.length <= MAX_EXACT) {
    const parts = Array.from(moving, (x) => ({
      values: Float64Array.of(-Math.abs(x) / n, Math.abs(x) / n),
      probs: Float64Array.of(0.5, 0.5),
    }));
    return { mean, ...exactTails(parts, mean, tolerance, tolerance * 1e-3), method: 'exact' };
  }
  const rng = new Mt19937(seed);
  const kept = new Uint8Array(moving.length);
  const size = Math.abs(mean) - tolerance;
  let less = 1;
  let greater = 1;
  let both = 1;
  for (let b = 0; b < replicates; b++) {
    rng.coinFlips(kept);
    let sum = 0;
    for (let i = 0; i < moving.length; i++) sum += kept[i] === 1 ? moving[i]! : -moving[i]!;
    const t = sum / n;
    if (t <= mean + tolerance) less++;
    if (t >= mean - tolerance) greater++;
    if (Math.abs(t) >= size) both++;
  }
  const rows = replicates + 1;
  return { mean, pLess: less / rows, pGreater: greater / rows, pTwoSided: both / rows, method: 'monteCarlo' };
}
