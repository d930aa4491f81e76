// Distances between samples of vectors: blocked maximum mean discrepancy and energy distance.
import { median } from 'simple-statistics';
import { requireSameLength } from './numeric.ts';

/** One vector: numbers of one dimension throughout. */
export type Vector = ArrayLike<number>;

/** Checks stratified vectors of two arms and gives their dimension. RangeError on empty arms or mixed dimensions. */
export function dimensionOf(A: readonly (readonly Vector[])[], B: readonly (readonly Vector[])[]): number {
  requireSameLength(A, B, 'stratified vectors');
  if (A.length === 0) throw new RangeError('stratified vectors require at least one stratum');
  const dimension = A[0]?.[0]?.length ?? 0;
  for (const arm of [A, B])
    for (const [i, vectors] of arm.entries()) {
      if (vectors.length === 0) throw new RangeError(`stratum ${i} has no vector in one of its arms`);
      for (const v of vectors)
        if (v.length !== dimension)
          throw new RangeError('stratified vectors require vectors of one dimension');
    }
  return dimension;
}

/** Squared Euclidean length. */
export function squaredLength(v: ArrayLike<number>): number {
  let total = 0;
  for (let d = 0; d < v.length; d++) total += v[d]! * v[d]!;
  return total;
}

function squaredDistance(x: Vector, y: Vector): number {
  let total = 0;
  for (let d = 0; d < x.length; d++) total += (x[d]! - y[d]!) ** 2;
  return total;
}

/** Kernel of the blocked MMD: RBF exp(-gamma |x-y|^2), or cosine similarity. */
export type Kernel = { readonly kernel: 'rbf'; readonly gamma: number } | { readonly kernel: 'cosine' };

function kernelValue(x: Vector, y: Vector, kernel: Kernel): number {
  if (kernel.kernel === 'rbf') return Math.exp(-kernel.gamma * squaredDistance(x, y));
  let product = 0;
  for (let d = 0; d < x.length; d++) product += x[d]! * y[d]!;
  const lengths = Math.sqrt(squaredLength(x) * squaredLength(y));
  return lengths === 0 ? 0 : product / lengths;
}

/**
 * Squared maximum mean discrepancy, unbiased within each stratum and averaged over strata (Gretton et al. 2012, Lemma 6);
 * every stratum needs at least two vectors in each arm. RangeError otherwise.
 */
export function mmdBlocked(
  A: readonly (readonly Vector[])[],
  B: readonly (readonly Vector[])[],
  kernel: Kernel,
): number {
  dimensionOf(A, B);
  let total = 0;
  for (let i = 0; i < A.length; i++) {
    const x = A[i]!;
    const y = B[i]!;
    if (x.length < 2 || y.length < 2)
      throw new RangeError(`mmdBlocked requires two vectors an arm, stratum ${i} has fewer`);
    let cross = 0;
    for (const u of x) for (const v of y) cross += kernelValue(u, v, kernel);
    total += pairMean(x, kernel) + pairMean(y, kernel) - (2 * cross) / (x.length * y.length);
  }
  return total / A.length;
}

function pairMean(vectors: readonly Vector[], kernel: Kernel): number {
  let total = 0;
  for (let i = 0; i < vectors.length; i++)
    for (let j = i + 1; j < vectors.length; j++) total += kernelValue(vectors[i]!, vectors[j]!, kernel);
  return (2 * total) / (vectors.length * (vectors.length - 1));
}

/** RBF width by the median heuristic: gamma = 1 / median distance^2 over all pairs; null when that is 0 or undefined. */
export function medianGamma(vectors: readonly Vector[]): number | null {
  const distances: number[] = [];
  for (let i = 0; i < vectors.length; i++)
    for (let j = i + 1; j < vectors.length; j++)
      distances.push(Math.sqrt(squaredDistance(vectors[i]!, vectors[j]!)));
  if (distances.length === 0) return null;
  const width = median(distances);
  return width === 0 ? null : 1 / (width * width);
}

/** Energy distance 2 E|X-Y| - E|X-X'| - E|Y-Y'| over all pairs (Szekely & Rizzo 2013). RangeError when empty. */
export function energyDistance(x: readonly Vector[], y: readonly Vector[]): number {
  if (x.length === 0 || y.length === 0)
    throw new RangeError('energyDistance requires a vector in each sample');
  const meanDistance = (a: readonly Vector[], b: readonly Vector[]): number => {
    let total = 0;
    for (const u of a) for (const v of b) total += Math.sqrt(squaredDistance(u, v));
    return total / (a.length * b.length);
  };
  return 2 * meanDistance(x, y) - meanDistance(x, x) - meanDistance(y, y);
}
