// Strata made ready for permuting: centred values, and what turns their sums into statistics.
import { checkStrata, type PooledStrata, type StrataSubset } from './permutation-data.ts';
import { type StrataCells, strataCells } from './strata-cells.ts';

/** Values centred within each stratum (constant strata become exactly 0) and scaled weights. */
export interface CentredStrata {
  readonly centred: Float64Array;
  /** w_i (1/kA + 1/kB): turns the centred sum of arm b into w_i (mean b - mean a). */
  readonly scale: Float64Array;
  readonly constant: Uint8Array;
  readonly cells: StrataCells;
  /** For each statistic, the sum of its strata weights. */
  readonly totals: Float64Array;
}

/** Checks and centres the data of a permutation. RangeError on malformed input. */
export function centreStrata(data: PooledStrata, statistics: readonly StrataSubset[]): CentredStrata {
  checkStrata(data);
  const n = data.kA.length;
  const centred = new Float64Array(data.values.length);
  const scale = new Float64Array(n);
  const constant = new Uint8Array(n);
  let base = 0;
  for (let i = 0; i < n; i++) {
    const kA = data.kA[i]!;
    const m = kA + data.kB[i]!;
    const first = data.values[base]!;
    let excess = 0;
    let same = true;
    for (let j = 0; j < m; j++) {
      const v = data.values[base + j]! - first;
      if (v !== 0) same = false;
      excess += v;
    }
    for (let j = 0; j < m; j++) centred[base + j] = same ? 0 : data.values[base + j]! - first - excess / m;
    constant[i] = same ? 1 : 0;
    scale[i] = (data.weights?.[i] ?? 1) * (1 / kA + 1 / (m - kA));
    base += m;
  }
  const cells = strataCells(n, statistics);
  const cellWeight = new Float64Array(cells.cells);
  for (let i = 0; i < n; i++)
    if (cells.cellOf[i]! >= 0) cellWeight[cells.cellOf[i]!]! += data.weights?.[i] ?? 1;
  const totals = Float64Array.from(cells.cellsOf, (list) =>
    list.reduce((sum, cell) => sum + cellWeight[cell]!, 0),
  );
  return { centred, scale, constant, cells, totals };
}

/** Adds the statistics' sums as observed, cell by cell. */
export function observedSums(
  data: PooledStrata,
  { centred, scale, cells }: CentredStrata,
  sums: Float64Array,
): void {
  let base = 0;
  for (let i = 0; i < scale.length; i++) {
    const m = data.kA[i]! + data.kB[i]!;
    let sumB = 0;
    for (let j = data.kA[i]!; j < m; j++) sumB += centred[base + j]!;
    if (cells.cellOf[i]! >= 0) sums[cells.cellOf[i]!]! += scale[i]! * sumB;
    base += m;
  }
}

/** Has every stratum one value in each arm? */
export function isSingle({ kA, kB }: PooledStrata): boolean {
  for (let i = 0; i < kA.length; i++) if (kA[i] !== 1 || kB[i] !== 1) return false;
  return true;
}
