// Agreement of raters: Cohen's kappa, Gwet's AC1, Krippendorff's alpha.
import { requireSameLength } from './numeric.ts';

/** A label: any value that is equal to itself. */
export type Label = string | number | boolean;

function tabulate(r1: readonly Label[], r2: readonly Label[], categories: readonly Label[]): number[][] {
  requireSameLength(r1, r2, 'agreement');
  if (r1.length === 0) throw new RangeError('agreement requires at least one pair of labels');
  const index = new Map(categories.map((c, i) => [c, i]));
  const table = categories.map(() => categories.map(() => 0));
  for (let i = 0; i < r1.length; i++) {
    const a = index.get(r1[i]!);
    const b = index.get(r2[i]!);
    if (a === undefined || b === undefined)
      throw new RangeError(`label ${String(a === undefined ? r1[i] : r2[i])} is not one of the categories`);
    table[a]![b]! += 1 / r1.length;
  }
  return table;
}

function margins(table: readonly (readonly number[])[]): {
  rows: number[];
  columns: number[];
  agreement: number;
} {
  return {
    rows: table.map((row) => row.reduce((s, v) => s + v, 0)),
    columns: table.map((_, j) => table.reduce((s, row) => s + row[j]!, 0)),
    agreement: table.reduce((s, row, i) => s + row[i]!, 0),
  };
}

/**
 * Cohen's kappa (Cohen 1960; weighted 1968): 1 - sum w o / sum w e, disagreement weights 0/1 ('none'), |i-j| ('linear') or
 * (i-j)^2 ('quadratic') over the order of `categories`. Expected disagreement 0 gives 1. RangeError on unknown labels.
 */
export function cohenKappa(
  r1: readonly Label[],
  r2: readonly Label[],
  categories: readonly Label[],
  weights: 'none' | 'linear' | 'quadratic' = 'none',
): { kappa: number; agreement: number } {
  const table = tabulate(r1, r2, categories);
  const { rows, columns, agreement } = margins(table);
  let seen = 0;
  let expected = 0;
  for (let i = 0; i < categories.length; i++)
    for (let j = 0; j < categories.length; j++) {
      const apart = Math.abs(i - j);
      const w = weights === 'none' ? Math.sign(apart) : weights === 'linear' ? apart : apart * apart;
      seen += w * table[i]![j]!;
      expected += w * rows[i]! * columns[j]!;
    }
  return { kappa: expected < 1e-15 ? 1 : 1 - seen / expected, agreement };
}

/**
 * Gwet's AC1 (Gwet 2008): (p_a - p_e)/(1 - p_e), p_e = sum pi_c (1 - pi_c) / (q - 1) over q categories; stays meaningful when
 * nearly all labels are one category. A single category gives 1.
 */
export function gwetAC1(r1: readonly Label[], r2: readonly Label[], categories: readonly Label[]): number {
  const { rows, columns, agreement } = margins(tabulate(r1, r2, categories));
  if (categories.length < 2) return 1;
  const chance =
    rows.reduce((sum, r, c) => {
      const share = (r + columns[c]!) / 2;
      return sum + share * (1 - share);
    }, 0) /
    (categories.length - 1);
  return (agreement - chance) / (1 - chance);
}

/**
 * Krippendorff's alpha from the coincidence matrix (Krippendorff 2011), any number of raters, null = missing.
 * `units[u]` = the labels one unit got. Levels: nominal, ordinal (labels are ranked as numbers), interval.
 * No expected disagreement gives 1; no unit with two labels is undefined: null.
 */
export function krippendorffAlpha(
  units: readonly (readonly (number | null)[])[],
  level: 'nominal' | 'ordinal' | 'interval',
): number | null {
  const pairable = units.map((u) => u.filter((v): v is number => v !== null)).filter((u) => u.length >= 2);
  if (pairable.length === 0) return null;
  const values = [...new Set(pairable.flat())].sort((a, b) => a - b);
  const index = new Map(values.map((v, i) => [v, i]));
  const coincidence = values.map(() => values.map(() => 0));
  for (const unit of pairable)
    for (let i = 0; i < unit.length; i++)
      for (let j = 0; j < unit.length; j++)
        if (i !== j) coincidence[index.get(unit[i]!)!]![index.get(unit[j]!)!]! += 1 / (unit.length - 1);
  const counts = coincidence.map((row) => row.reduce((s, v) => s + v, 0));
  const total = counts.reduce((s, v) => s + v, 0);
  const distance = (a: number, b: number): number => {
    if (a === b) return 0;
    if (level === 'nominal') return 1;
    if (level === 'interval') return (values[a]! - values[b]!) ** 2;
    let between = -(counts[a]! + counts[b]!) / 2;
    for (let g = Math.min(a, b); g <= Math.max(a, b); g++) between += counts[g]!;
    return between * between;
  };
  let seen = 0;
  let expected = 0;
  for (let a = 0; a < values.length; a++)
    for (let b = 0; b < values.length; b++) {
      seen += coincidence[a]![b]! * distance(a, b);
      expected += counts[a]! * counts[b]! * distance(a, b);
    }
  return expected === 0 ? 1 : 1 - ((total - 1) * seen) / expected;
}
