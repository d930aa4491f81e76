// Westfall-Young single-step min-p: one family of statistics, one error rate, from the joint permutation distribution.
import { requireSameLength } from './numeric.ts';

/** One tail of a Westfall-Young family. */
export interface WestfallYoung {
  /** Unadjusted p of each statistic. */
  readonly raw: number[];
  /** Family-wise adjusted p of each statistic. */
  readonly adjusted: number[];
  /** Adjusted p of the whole family: that of its smallest weighted p. */
  readonly globalP: number;
  /** Index of the statistic with the smallest weighted p; -1 for an empty family. */
  readonly minimum: number;
}

/** Weights of a family of one overall statistic and `subsets` others: 1/2 and 1/2 shared equally; [1] when alone. */
export function familyWeights(subsets: number): number[] {
  return subsets === 0 ? [1] : [0.5, ...Array.from({ length: subsets }, () => 0.5 / subsets)];
}

/** p of every row of one statistic: the share of rows at or below it (ties within `tolerance` counted fully). */
function rankP(column: Float64Array, sign: 1 | -1, tolerance: number): Float64Array {
  const n = column.length;
  const sorted = sign === 1 ? column.slice() : column.map((v) => -v);
  sorted.sort();
  const out = new Float64Array(n);
  for (let b = 0; b < n; b++) {
    const cut = sign * column[b]! + tolerance;
    let lo = 0;
    let hi = n;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (sorted[mid]! <= cut) lo = mid + 1;
      else hi = mid;
    }
    out[b] = lo / n;
  }
  return out;
}

/** Min-p over a family given the p of every statistic (outer) in every row (inner); row 0 is the observed one. */
export function minPFromRows(p: readonly Float64Array[], weights: ArrayLike<number>): WestfallYoung {
  requireSameLength(p, weights, 'westfallYoungMinP');
  if (p.length === 0) return { raw: [], adjusted: [], globalP: 1, minimum: -1 };
  const rows = p[0]!.length;
  const smallest = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
  for (let j = 0; j < p.length; j++) {
    const w = weights[j]!;
    if (!(w > 0)) throw new RangeError(`westfallYoungMinP requires weights > 0, got ${w}`);
    const column = p[j]!;
    for (let b = 0; b < rows; b++) smallest[b] = Math.min(smallest[b]!, column[b]! / w);
  }
  const sorted = smallest.slice().sort();
  const adjust = (scaled: number): number => {
    let lo = 0;
    let hi = rows;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (sorted[mid]! <= scaled + 1e-12) lo = mid + 1;
      else hi = mid;
    }
    return lo / rows;
  };
  let minimum = 0;
  for (let j = 1; j < p.length; j++)
    if (p[j]![0]! / weights[j]! < p[minimum]![0]! / weights[minimum]! - 1e-12) minimum = j;
  return {
    raw: p.map((column) => column[0]!),
    adjusted: p.map((column, j) => adjust(column[0]! / weights[j]!)),
    globalP: adjust(smallest[0]!),
    minimum,
  };
}

/**
 * Westfall-Young single-step min-p with weights (Westfall & Young 1993, ch. 2).
 *
 * `columns[j]` holds statistic j for every row: row 0 observed, the others from permutations that move all statistics
 * together. p_j(b) = rank of row b among all rows; m_b = min_j p_j(b)/w_j; adjusted p_j = #{b: m_b <= p_j(0)/w_j} / rows.
 * `tail` says which direction is surprising. RangeError on ragged columns or weights <= 0.
 */
export function westfallYoungMinP(
  columns: readonly Float64Array[],
  weights: ArrayLike<number>,
  tail: 'less' | 'greater',
  tolerance = 1e-9,
): WestfallYoung {
  for (const column of columns)
    if (column.length === 0 || column.length !== columns[0]!.length)
      throw new RangeError('westfallYoungMinP requires columns of one length, at least 1');
  const sign = tail === 'less' ? 1 : -1;
  return minPFromRows(
    columns.map((column) => rankP(column, sign, tolerance)),
    weights,
  );
}
