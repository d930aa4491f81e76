// Permutation of whole units, each a row of values that must move together (when the unit, not the value, is exchangeable).
import { requireCount } from './numeric.ts';
import { tieTolerance } from './permutation-data.ts';
import { Mt19937 } from './rng.ts';
import {
  familyFromColumns,
  type PermutationFamily,
  type PermutationOptions,
} from './within-stratum-permutation.ts';

/**
 * Two groups of units (rows), each with one value per statistic (columns): whole rows are exchanged between the groups,
 * and every statistic is mean over group b - mean over group a, adjusted together by Westfall-Young min-p.
 * Stream: per replicate, Fisher-Yates of the pooled rows (a then b), the first |a| go to a.
 * RangeError on an empty group or ragged rows. All columns are assumed to be on one scale for ties.
 */
export function unitPermutation(
  unitsA: readonly ArrayLike<number>[],
  unitsB: readonly ArrayLike<number>[],
  { seed, replicates = 9999, weights }: PermutationOptions,
): PermutationFamily {
  requireCount(replicates, 'replicates');
  if (unitsA.length === 0 || unitsB.length === 0)
    throw new RangeError('unitPermutation requires units in both groups');
  const width = unitsA[0]!.length;
  const rows = [...unitsA, ...unitsB];
  for (const row of rows)
    if (row.length !== width) throw new RangeError('unitPermutation requires rows of one length');
  const kA = unitsA.length;
  const kB = unitsB.length;
  const order = Int32Array.from({ length: rows.length }, (_, i) => i);
  const identity = order.slice();
  const columns = Array.from({ length: width }, () => new Float64Array(replicates + 1));
  const rng = new Mt19937(seed);
  for (let b = 0; b <= replicates; b++) {
    if (b > 0) {
      order.set(identity);
      rng.shuffle(order);
    }
    for (let s = 0; s < width; s++) {
      let sumA = 0;
      let sumB = 0;
      for (let i = 0; i < kA; i++) sumA += rows[order[i]!]![s]!;
      for (let i = kA; i < order.length; i++) sumB += rows[order[i]!]![s]!;
      columns[s]![b] = sumB / kB - sumA / kA;
    }
  }
  const tolerance = tieTolerance(rows.flatMap((row) => Array.from(row)));
  return weights === undefined
    ? familyFromColumns(columns, tolerance)
    : familyFromColumns(columns, tolerance, weights);
}
