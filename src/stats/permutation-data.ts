// The shape in which stratified values travel to the permutation tests: flat typed arrays.
import { requireSameLength } from './numeric.ts';

/**
 * Values of two arms in strata, pooled: for stratum 0 its kA[0] values of arm a, then its kB[0] values of arm b; then
 * stratum 1; and so on. `weights` (default all 1) weigh the strata in every mean over strata.
 */
export interface PooledStrata {
  readonly values: Float64Array;
  readonly kA: Int32Array;
  readonly kB: Int32Array;
  readonly weights?: Float64Array;
}

/** A statistic = the weighted mean over these strata of (mean of arm b - mean of arm a); null = over all strata. */
export type StrataSubset = Int32Array | readonly number[] | null;

/** Packs one array a stratum and arm into PooledStrata. RangeError when an arm of a stratum is empty. */
export function poolStrata(
  A: readonly ArrayLike<number>[],
  B: readonly ArrayLike<number>[],
  weights?: Float64Array,
): PooledStrata {
  requireSameLength(A, B, 'poolStrata');
  const kA = Int32Array.from(A, (a) => a.length);
  const kB = Int32Array.from(B, (b) => b.length);
  let size = 0;
  for (let i = 0; i < kA.length; i++) size += kA[i]! + kB[i]!;
  const values = new Float64Array(size);
  let at = 0;
  for (let i = 0; i < A.length; i++)
    for (const arm of [A[i]!, B[i]!]) for (let j = 0; j < arm.length; j++) values[at++] = arm[j]!;
  const data = weights === undefined ? { values, kA, kB } : { values, kA, kB, weights };
  checkStrata(data);
  return data;
}

/** Throws RangeError when the arrays do not fit together, an arm is empty, a value is not finite or a weight is not > 0. */
export function checkStrata({ values, kA, kB, weights }: PooledStrata): void {
  requireSameLength(kA, kB, 'PooledStrata');
  if (weights !== undefined) requireSameLength(kA, weights, 'PooledStrata');
  let size = 0;
  for (let i = 0; i < kA.length; i++) {
    if (kA[i]! < 1 || kB[i]! < 1) throw new RangeError(`stratum ${i} has no value in one of its arms`);
    if (weights !== undefined && !(weights[i]! > 0 && weights[i]! < Number.POSITIVE_INFINITY))
      throw new RangeError(`stratum ${i} has a weight that is not a positive number`);
    size += kA[i]! + kB[i]!;
  }
  if (size !== values.length)
    throw new RangeError(`PooledStrata: kA and kB add up to ${size} values, got ${values.length}`);
  for (let i = 0; i < size; i++)
    if (!Number.isFinite(values[i]!)) throw new RangeError(`PooledStrata: value ${i} is not a finite number`);
}

/**
 * Tolerance under which two statistics count as tied: 1e-9 of the spread of the values (1e-9 when they are all equal).
 * Rounding makes permutations of the same numbers differ in the last digits; comparing them with === would break ties.
 */
export function tieTolerance(values: ArrayLike<number>): number {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < lo) lo = values[i]!;
    if (values[i]! > hi) hi = values[i]!;
  }
  return hi > lo ? 1e-9 * (hi - lo) : 1e-9;
}
