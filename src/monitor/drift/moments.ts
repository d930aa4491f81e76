// Sums of one signal over the answers of a window, and the scale on which windows are compared.

/** Sums over the answers of a window. Windows are merged by adding. */
export interface Moments {
  /** Answers for which the value is known; completed tasks for a ratio. */
  readonly n: number;
  /** Sum of the values: the number of hits of a share, the cost of a ratio. */
  readonly sum: number;
  /** Sum of their squares; not used for shares and ratios. */
  readonly squares: number;
}

export const NO_MOMENTS: Moments = { n: 0, sum: 0, squares: 0 };

export function addMoments(a: Moments, b: Moments): Moments {
  return { n: a.n + b.n, sum: a.sum + b.sum, squares: a.squares + b.squares };
}

/** Moments of plain values. */
export function momentsOf(values: Iterable<number>): Moments {
  let n = 0;
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    n++;
    sum += value;
    squares += value * value;
  }
  return { n, sum, squares };
}

/**
 * `share`: hits among answers. `score`: a mean from 0 to 1. `log`: the mean of natural logarithms of a positive value, such as a length.
 * `ratio`: a positive sum for each unit, such as cost for each completed task.
 */
export type SignalScale = 'share' | 'score' | 'log' | 'ratio';

/**
 * The value at which windows are compared. Shares go through the arcsine square root (Anscombe 1948): its variance depends on the
 * count alone, and small counts do not look more surprising than they are.
 */
export function comparable(scale: SignalScale, n: number, sum: number): number {
  switch (scale) {
    case 'share':
      return Math.asin(Math.sqrt((sum + 3 / 8) / (n + 3 / 4)));
    case 'ratio':
      return Math.log(sum / n);
    default:
      return sum / n;
  }
}

/** From the scale of comparison to a value that people read; for `log` a factor is meaningful, the value itself is a geometric mean. */
export function readable(scale: SignalScale, value: number): number {
  switch (scale) {
    case 'share':
      return Math.sin(Math.min(Math.PI / 2, Math.max(0, value))) ** 2;
    case 'score':
      return value;
    default:
      return Math.exp(value);
  }
}

/** A readable level after a shift on the scale of comparison. */
export function movedLevel(scale: SignalScale, level: number, by: number): number {
  const place = scale === 'share' ? Math.asin(Math.sqrt(level)) : scale === 'score' ? level : Math.log(level);
  return readable(scale, place + by);
}

/** The smallest change that matters on the scale of comparison, at `level` on the readable scale, towards `sign`. */
export function comparableChange(scale: SignalScale, change: number, level: number, sign: 1 | -1): number {
  switch (scale) {
    case 'share': {
      const at = (p: number): number => Math.asin(Math.sqrt(Math.min(1, Math.max(0, p))));
      // Where the share cannot move so far, the change is mirrored.
      const moved = level + sign * change;
      const other = moved < 0 || moved > 1 ? level - sign * change : moved;
      return Math.abs(at(other) - at(level));
    }
    case 'score':
      return change;
    default:
      return sign > 0 ? Math.log1p(change) : -Math.log1p(-Math.min(0.99, change));
  }
}

/** Variance of one value within a template; a pseudo-value off by `change` keeps it above 0. */
export function withinVariance(scale: SignalScale, { n, sum, squares }: Moments, change: number): number {
  if (scale === 'share' || scale === 'ratio') return 0;
  const spread = n > 0 ? Math.max(0, squares - (sum * sum) / n) : 0;
  return (spread + change * change) / Math.max(1, n);
}
