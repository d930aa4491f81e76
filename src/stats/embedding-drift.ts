// Drift of vectors in strata: centroid shift with its permutation p, centroid cosine and dispersion ratio.
import { Mt19937 } from './rng.ts';
import { dimensionOf, squaredLength, type Vector } from './vector-distance.ts';

/** Centroid shift between two arms of vectors. null = undefined (a zero centroid, no repeated vector in arm a). */
export interface EmbeddingDrift {
  readonly centroidCosine: number | null;
  /** Squared length of the mean over strata of (mean b - mean a). */
  readonly centroidShiftSq: number;
  /** Pooled within-stratum variance: sum of squared distances to the stratum mean / sum of (k-1); 0 when all k are 1. */
  readonly dispersionA: number;
  readonly dispersionB: number;
  readonly dispersionRatio: number | null;
  readonly pCentroidShift: number;
}

/** Full enumeration of all splits, or Monte Carlo replicates from a seed. */
export type DriftMode =
  | { readonly enumerate: true }
  | { readonly seed: number; readonly replicates?: number };

const MAX_SPLITS = 5_000_000;

function meanVector(vectors: readonly Vector[], dimension: number): Float64Array {
  const out = new Float64Array(dimension);
  for (const v of vectors) for (let d = 0; d < dimension; d++) out[d]! += v[d]! / vectors.length;
  return out;
}

function dispersion(arm: readonly (readonly Vector[])[], dimension: number): number {
  let squares = 0;
  let lengths = 0;
  let freedom = 0;
  for (const vectors of arm) {
    const centre = meanVector(vectors, dimension);
    for (const v of vectors) {
      for (let d = 0; d < dimension; d++) squares += (v[d]! - centre[d]!) ** 2;
      lengths += squaredLength(v);
    }
    freedom += vectors.length - 1;
  }
  // Equal vectors leave only rounding, which is not a spread.
  return freedom === 0 || squares <= 1e-28 * lengths ? 0 : squares / freedom;
}

/** Pooled, centred vectors of every stratum (arm a first) in one flat array, with the arm sizes. */
interface PooledVectors {
  readonly flat: Float64Array;
  readonly kA: Int32Array;
  readonly kB: Int32Array;
  readonly dimension: number;
}

function poolVectors(
  A: readonly (readonly Vector[])[],
  B: readonly (readonly Vector[])[],
  dimension: number,
): PooledVectors {
  const kA = Int32Array.from(A, (a) => a.length);
  const kB = Int32Array.from(B, (b) => b.length);
  const flat = new Float64Array((kA.reduce((s, k) => s + k, 0) + kB.reduce((s, k) => s + k, 0)) * dimension);
  let at = 0;
  for (let i = 0; i < A.length; i++) {
    const pool = [...A[i]!, ...B[i]!];
    const centre = meanVector(pool, dimension);
    for (const v of pool) for (let d = 0; d < dimension; d++) flat[at++] = v[d]! - centre[d]!;
  }
  return { flat, kA, kB, dimension };
}

/** Adds w * (sum of k chosen vectors from `first` on) of stratum i; centred pools make that mean b - mean a, up to the factor. */
function addSplit(
  pool: PooledVectors,
  base: number,
  chosen: Int32Array,
  first: number,
  k: number,
  w: number,
  into: Float64Array,
): void {
  const { flat, dimension } = pool;
  for (let t = first; t < first + k; t++) {
    const from = (base + chosen[t]!) * dimension;
    for (let d = 0; d < dimension; d++) into[d]! += w * flat[from + d]!;
  }
}

function enumerateP(pool: PooledVectors, observed: number, tolerance: number): number {
  const n = pool.kA.length;
  let splits = 1;
  const choices: Int32Array[][] = [];
  for (let i = 0; i < n; i++) {
    const list = subsets(pool.kA[i]! + pool.kB[i]!, pool.kB[i]!);
    choices.push(list);
    splits *= list.length;
    if (splits > MAX_SPLITS)
      throw new RangeError('too many splits for an exact enumeration; give a seed for the Monte Carlo form');
  }
  const stack = Array.from({ length: n + 1 }, () => new Float64Array(pool.dimension));
  let hits = 0;
  const visit = (i: number, base: number): void => {
    if (i === n) {
      if (squaredLength(stack[n]!) >= observed - tolerance) hits++;
      return;
    }
    const a = pool.kA[i]!;
    const b = pool.kB[i]!;
    for (const chosen of choices[i]!) {
      stack[i + 1]!.set(stack[i]!);
      addSplit(pool, base, chosen, 0, b, (1 / a + 1 / b) / n, stack[i + 1]!);
      visit(i + 1, base + a + b);
    }
  };
  visit(0, 0);
  return hits / splits;
}

function subsets(m: number, k: number): Int32Array[] {
  const out: Int32Array[] = [];
  const current = new Int32Array(k);
  const extend = (from: number, depth: number): void => {
    if (depth === k) {
      if (out.length >= MAX_SPLITS) throw new RangeError('too many splits for an exact enumeration');
      out.push(current.slice());
      return;
    }
    for (let v = from; v <= m - (k - depth); v++) {
      current[depth] = v;
      extend(v + 1, depth + 1);
    }
  };
  extend(0, 0);
  return out;
}

/** Up to this many vectors a stratum, its splits are few enough to keep the sum of each. */
const WIDEST_KEPT = 12;
/** Replicates at a time: their running sums stay in the processor's cache. */
const BLOCK = 256;

function monteCarloP(
  pool: PooledVectors,
  observed: number,
  tolerance: number,
  seed: number,
  replicates: number,
): number {
  const n = pool.kA.length;
  const rng = new Mt19937(seed);
  const widest = pool.kA.reduce((m, a, i) => Math.max(m, a + pool.kB[i]!), 0);
  const order = new Int32Array(widest);
  const totals = Array.from({ length: Math.min(BLOCK, replicates) }, () => new Float64Array(pool.dimension));
  const splits = new Int32Array(totals.length * n);
  let hits = 1;
  for (let done = 0; done < replicates; done += totals.length) {
    const block = Math.min(totals.length, replicates - done);
    // Draws go replicate by replicate; a narrow stratum's split is kept as the bits of a number and added when its turn comes.
    for (let r = 0; r < block; r++) {
      const total = totals[r]!.fill(0);
      let base = 0;
      for (let i = 0; i < n; i++) {
        const a = pool.kA[i]!;
        const m = a + pool.kB[i]!;
        shuffledOrder(order, m, rng);
        if (m <= WIDEST_KEPT) {
          let bits = 0;
          for (let t = a; t < m; t++) bits |= 1 << order[t]!;
          splits[r * n + i] = bits;
        } else addSplit(pool, base, order, a, m - a, (1 / a + 1 / (m - a)) / n, total);
        base += m;
      }
    }
    addKeptSplits(pool, splits, totals, block);
    for (let r = 0; r < block; r++) if (squaredLength(totals[r]!) >= observed - tolerance) hits++;
  }
  return hits / (replicates + 1);
}

/** 0..m-1 in random order, by the shuffle of `Mt19937`. */
function shuffledOrder(order: Int32Array, m: number, rng: Mt19937): void {
  for (let j = 0; j < m; j++) order[j] = j;
  for (let j = m - 1; j > 0; j--) {
    const t = Math.floor(rng.next() * (j + 1));
    const held = order[j]!;
    order[j] = order[t]!;
    order[t] = held;
  }
}

/** Adds the splits of the narrow strata to the totals, one stratum after the other, summing each distinct split once. */
function addKeptSplits(
  pool: PooledVectors,
  splits: Int32Array,
  totals: readonly Float64Array[],
  block: number,
): void {
  const n = pool.kA.length;
  const { dimension } = pool;
  let base = 0;
  for (let i = 0; i < n; i++) {
    const a = pool.kA[i]!;
    const b = pool.kB[i]!;
    if (a + b <= WIDEST_KEPT) {
      const sums = new Map<number, Float64Array>();
      for (let r = 0; r < block; r++) {
        const bits = splits[r * n + i]!;
        let sum = sums.get(bits);
        if (sum === undefined) {
          sum = new Float64Array(dimension);
          addSplit(pool, base, itemsOf(bits, b), 0, b, (1 / a + 1 / b) / n, sum);
          sums.set(bits, sum);
        }
        const total = totals[r]!;
        for (let d = 0; d < dimension; d++) total[d]! += sum[d]!;
      }
    }
    base += a + b;
  }
}

function itemsOf(bits: number, k: number): Int32Array {
  const items = new Int32Array(k);
  let at = 0;
  for (let j = 0; at < k; j++) if ((bits & (1 << j)) !== 0) items[at++] = j;
  return items;
}

/**
 * Centroid shift T = |mean over strata of (mean b - mean a)|^2 with its within-stratum permutation p = P(T* >= T), cosine of
 * the two centroids (means of stratum means), and within-stratum dispersions. Exact by enumeration, or Monte Carlo with the
 * random stream of withinStratumPermutation. RangeError on empty arms, mixed dimensions, or too many splits to enumerate.
 */
export function embeddingDrift(
  A: readonly (readonly Vector[])[],
  B: readonly (readonly Vector[])[],
  mode: DriftMode,
): EmbeddingDrift {
  const dimension = dimensionOf(A, B);
  const centreA = meanVector(
    A.map((v) => meanVector(v, dimension)),
    dimension,
  );
  const centreB = meanVector(
    B.map((v) => meanVector(v, dimension)),
    dimension,
  );
  const centroidShiftSq = squaredLength(centreB.map((v, d) => v - centreA[d]!));
  const lengths = Math.sqrt(squaredLength(centreA) * squaredLength(centreB));
  const product = centreA.reduce((sum, v, d) => sum + v * centreB[d]!, 0);
  const dispersionA = dispersion(A, dimension);
  const dispersionB = dispersion(B, dimension);
  const pool = poolVectors(A, B, dimension);
  const scale = squaredLength(pool.flat) / (pool.flat.length / Math.max(1, dimension));
  const tolerance = 1e-9 * (scale > 0 ? scale : 1);
  return {
    centroidCosine: lengths === 0 ? null : product / lengths,
    centroidShiftSq,
    dispersionA,
    dispersionB,
    dispersionRatio: dispersionA === 0 ? null : dispersionB / dispersionA,
    pCentroidShift:
      'enumerate' in mode
        ? enumerateP(pool, centroidShiftSq, tolerance)
        : monteCarloP(pool, centroidShiftSq, tolerance, mode.seed, mode.replicates ?? 9999),
  };
}
