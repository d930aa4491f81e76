// The value of a signal over a period with its standard error, from blocks of time: neighbouring answers are not independent.

import type { WindowCounts } from '../core/observation.ts';
import { studentTQuantile } from '../stats/student-t.ts';

/** How counts become a share or mean: `sum` by `n`. `squares`: of a mean, for its spread; null for a share. */
export interface RatioOf {
  readonly sum: string;
  readonly n: string;
  readonly squares: string | null;
}

export interface PeriodEstimate {
  readonly value: number;
  readonly n: number;
  readonly se: number;
  /** Blocks that know the signal, less one. */
  readonly df: number;
}

/**
 * A ratio over blocks with the standard error of the ratio estimator (Cochran 1977, 6.13), and never less than that of independent
 * answers: few calm blocks must not pass for certainty. null where nothing is known.
 */
export function periodEstimate(blocks: readonly WindowCounts[], of: RatioOf): PeriodEstimate | null {
  const at = (block: WindowCounts, name: string): number => block.get(name) ?? 0;
  const known = blocks.filter((block) => at(block, of.n) > 0);
  const total = (name: string): number => known.reduce((sum, block) => sum + at(block, name), 0);
  const n = total(of.n);
  if (n === 0) return null;
  const value = total(of.sum) / n;
  const squares = known.reduce((sum, b) => sum + (at(b, of.sum) - value * at(b, of.n)) ** 2, 0);
  const blocked = known.length < 2 ? 0 : Math.sqrt((squares * known.length) / (known.length - 1)) / n;
  return { value, n, se: Math.max(blocked, independentError(value, n, of, total)), df: known.length - 1 };
}

function independentError(value: number, n: number, of: RatioOf, total: (name: string) => number): number {
  if (of.squares === null) {
    // Two more of each side (Agresti & Caffo 2000): no hits at all are not certainty.
    const p = (value * n + 2) / (n + 4);
    return Math.sqrt((p * (1 - p)) / (n + 4));
  }
  if (n < 2) return 0;
  return Math.sqrt(Math.max(0, (total(of.squares) / n - value * value) * (n / (n - 1))) / n);
}

/** a − b with a two-sided interval at `confidence`, t on the fewer degrees of freedom. */
export function differenceOf(
  a: PeriodEstimate,
  b: PeriodEstimate,
  confidence: number,
): { readonly value: number; readonly interval: readonly [number, number] } {
  const value = a.value - b.value;
  const t = studentTQuantile(1 - (1 - confidence) / 2, Math.max(1, Math.min(a.df, b.df)));
  const half = t * Math.hypot(a.se, b.se);
  return { value, interval: [value - half, value + half] };
}
