// Quantiles of a sample.
import { requireUnit } from './numeric.ts';

/** Type-7 quantile of values that are already in ascending order. */
export function quantile7Sorted(sorted: ArrayLike<number>, p: number): number {
  requireUnit(p, 'p of quantile7');
  const n = sorted.length;
  if (n === 0) throw new RangeError('quantile7 requires at least one value');
  const h = (n - 1) * p;
  const i = Math.floor(h);
  const low = sorted[i]!;
  return i + 1 < n ? low + (h - i) * (sorted[i + 1]! - low) : low;
}

/** Sample quantile, type 7 of Hyndman & Fan 1996 (linear between order statistics at (n-1)p). RangeError when empty. */
export function quantile7(values: ArrayLike<number>, p: number): number {
  return quantile7Sorted(Float64Array.from(values).sort(), p);
}
