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

/** One statistic in every row: which of its distinct values each row has, and the p of these values in both directions. */
interface RankedColumn {
  readonly which: Int32Array;
  /** Share of rows at or below the value, ties within the tolerance counted fully; then 0, for what is no number. */
  readonly less: Float64Array;
  /** Share of rows at or above it. */
  readonly greater: Float64Array;
}

/** Ranks by the distinct values: statistics of counts have few of them, however many rows there are. */
function rankColumn(column: Float64Array, tolerance: number): RankedColumn {
  const n = column.length;
  const sorted = column.slice().sort();
  // Distinct values over what is sorted, and how many rows stand before each.
  const before = new Int32Array(n + 1);
  let distinct = 0;
  for (let b = 0; b < n; b++) {
    const value = sorted[b]!;
    if (Number.isNaN(value)) break;
    if (distinct > 0 && value === sorted[distinct - 1]!) {
      before[distinct]! += 1;
    } else {
      sorted[distinct++] = value;
      before[distinct] = b + 1;
    }
  }
  const less = new Float64Array(distinct + 1);
  for (let v = 0, upTo = 0; v < distinct; v++) {
    const cut = sorted[v]! + tolerance;
    while (upTo < distinct && sorted[upTo]! <= cut) upTo++;
    less[v] = before[upTo]! / n;
  }
  const greater = new Float64Array(distinct + 1);
  const numbers = before[distinct]!;
  for (let v = distinct - 1, from = distinct; v >= 0; v--) {
    const cut = -sorted[v]! + tolerance;
    while (from > 0 && -sorted[from - 1]! <= cut) from--;
    greater[v] = (numbers - before[from]!) / n;
  }
  const which = new Int32Array(n);
  for (let b = 0; b < n; b++) {
    const value = column[b]!;
    let lo = 0;
    let hi = distinct;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (sorted[mid]! < value) lo = mid + 1;
      else hi = mid;
    }
    which[b] = Number.isNaN(value) ? distinct : lo;
  }
  return { which, less, greater };
}

function checkWeight(w: number): void {
  if (!(w > 0)) throw new RangeError(`westfallYoungMinP requires weights > 0, got ${w}`);
}

/** Min-p over a family given the p of every statistic (outer) in every row (inner); row 0 is the observed one. */
export function minPFromRows(p: readonly Float64Array[], weights: ArrayLike<number>): WestfallYoung {
  requireSameLength(p, weights, 'westfallYoungMinP');
  const smallest = new Float64Array(p[0]?.length ?? 0).fill(Number.POSITIVE_INFINITY);
  for (let j = 0; j < p.length; j++) {
    const w = weights[j]!;
    checkWeight(w);
    const column = p[j]!;
    for (let b = 0; b < smallest.length; b++) smallest[b] = Math.min(smallest[b]!, column[b]! / w);
  }
  return adjustBy(
    smallest,
    p.map((column) => column[0]!),
    weights,
  );
}

function minPOfRanked(
  columns: readonly RankedColumn[],
  tail: 'less' | 'greater',
  weights: ArrayLike<number>,
): WestfallYoung {
  requireSameLength(columns, weights, 'westfallYoungMinP');
  const smallest = new Float64Array(columns[0]?.which.length ?? 0).fill(Number.POSITIVE_INFINITY);
  for (let j = 0; j < columns.length; j++) {
    const w = weights[j]!;
    checkWeight(w);
    const { which, [tail]: p } = columns[j]!;
    const weighted = p.map((value) => value / w);
    for (let b = 0; b < smallest.length; b++) {
      const value = weighted[which[b]!]!;
      if (value < smallest[b]!) smallest[b] = value;
    }
  }
  return adjustBy(
    smallest,
    columns.map((column) => column[tail][column.which[0]!]!),
    weights,
  );
}

/** Adjusted p from the smallest weighted p of every row (row 0 observed), and the unadjusted p as observed. */
function adjustBy(smallest: Float64Array, raw: number[], weights: ArrayLike<number>): WestfallYoung {
  if (raw.length === 0) return { raw: [], adjusted: [], globalP: 1, minimum: -1 };
  const scaled = raw.map((p, j) => p / weights[j]!);
  const asked = [...scaled, smallest[0]!];
  const cuts = Float64Array.from(asked, (p) => p + 1e-12).sort();
  // Each row is counted at the first cut it does not exceed, so that one pass serves them all.
  const counts = new Int32Array(cuts.length + 1);
  for (let b = 0; b < smallest.length; b++) {
    const value = smallest[b]!;
    let lo = 0;
    let hi = cuts.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (value <= cuts[mid]!) hi = mid;
      else lo = mid + 1;
    }
    counts[lo]! += 1;
  }
  for (let c = 1; c < cuts.length; c++) counts[c]! += counts[c - 1]!;
  const adjust = (p: number): number => counts[cuts.lastIndexOf(p + 1e-12)]! / smallest.length;
  let minimum = 0;
  for (let j = 1; j < scaled.length; j++) if (scaled[j]! < scaled[minimum]! - 1e-12) minimum = j;
  return { raw, adjusted: scaled.map(adjust), globalP: adjust(smallest[0]!), minimum };
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
  return minPOfRanked(rankColumns(columns, tolerance), tail, weights);
}

/** Both tails of a family, of columns as for `westfallYoungMinP`. */
export function westfallYoungTails(
  columns: readonly Float64Array[],
  weights: ArrayLike<number>,
  tolerance: number,
): { less: WestfallYoung; greater: WestfallYoung } {
  const ranked = rankColumns(columns, tolerance);
  return { less: minPOfRanked(ranked, 'less', weights), greater: minPOfRanked(ranked, 'greater', weights) };
}

function rankColumns(columns: readonly Float64Array[], tolerance: number): RankedColumn[] {
  for (const column of columns)
    if (column.length === 0 || column.length !== columns[0]!.length)
      throw new RangeError('westfallYoungMinP requires columns of one length, at least 1');
  return columns.map((column) => rankColumn(column, tolerance));
}
