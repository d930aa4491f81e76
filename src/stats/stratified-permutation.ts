// The within-stratum permutation test of a mean difference by full enumeration.
import { type ExactTails, exactTails, type Finite, finiteFrom, MAX_SUPPORT } from './exact-sums.ts';
import { meanOf, requireSameLength } from './numeric.ts';
import { tieTolerance } from './permutation-data.ts';

/** Distribution of (mean b - mean a) over all ways to split the pooled values of one stratum, as sums times `scale`. */
function splitDistribution(a: ArrayLike<number>, b: ArrayLike<number>, scale: number, grain: number): Finite {
  const pool = [...Array.from(a), ...Array.from(b)];
  const kB = b.length;
  const kA = a.length;
  const first = pool[0]!;
  // counts[c] = distinct sums of c chosen values, with how many subsets reach each
  const layers: Finite[] = Array.from({ length: kB + 1 }, () => ({
    values: new Float64Array(0),
    probs: new Float64Array(0),
  }));
  layers[0] = { values: Float64Array.of(0), probs: Float64Array.of(1) };
  for (const v of pool)
    for (let c = kB; c >= 1; c--) {
      const from = layers[c - 1]!;
      if (from.values.length === 0) continue;
      const into = layers[c]!;
      const values = new Float64Array(into.values.length + from.values.length);
      const probs = new Float64Array(values.length);
      values.set(into.values);
      probs.set(into.probs);
      for (let i = 0; i < from.values.length; i++) {
        values[into.values.length + i] = from.values[i]! + (v - first);
        probs[into.values.length + i] = from.probs[i]!;
      }
      layers[c] = finiteFrom(values, probs, grain);
      if (layers[c]!.values.length > MAX_SUPPORT)
        throw new RangeError('too many distinct splits for an exact enumeration; use the Monte Carlo form');
    }
  const sums = layers[kB]!;
  const ways = sums.probs.reduce((total, p) => total + p, 0);
  let excess = 0;
  for (const v of pool) excess += v - first;
  return {
    values: sums.values.map((sumB) => scale * (sumB / kB - (excess - sumB) / kA)),
    probs: sums.probs.map((p) => p / ways),
  };
}

/**
 * Exact within-stratum permutation test (Fisher 1935; Pitman 1937) of delta = mean over strata of mean(b) - mean(a): every
 * split of every stratum's pooled values is equally likely. RangeError when an arm is empty or the enumeration is too large
 * (then use stratifiedPermutationMC).
 */
export function stratifiedPermutation(
  A: readonly ArrayLike<number>[],
  B: readonly ArrayLike<number>[],
): ExactTails & { readonly delta: number } {
  requireSameLength(A, B, 'stratifiedPermutation');
  const n = A.length;
  if (n === 0) throw new RangeError('stratifiedPermutation requires at least one stratum');
  const pooled = [...A, ...B].flatMap((arm) => Array.from(arm));
  const tolerance = tieTolerance(pooled);
  const grain = tolerance * 1e-3;
  let delta = 0;
  const parts: Finite[] = [];
  for (let i = 0; i < n; i++) {
    const a = A[i]!;
    const b = B[i]!;
    if (a.length === 0 || b.length === 0)
      throw new RangeError(`stratum ${i} has no value in one of its arms`);
    delta += (meanOf(b) - meanOf(a)) / n;
    parts.push(splitDistribution(a, b, 1 / n, grain));
  }
  return { delta, ...exactTails(parts, delta, tolerance, grain) };
}
