// How far vectors in strata moved from arm a to arm b, measured one stratum at a time, so that only sums and short projections stay in memory.
import { embeddingDrift } from './embedding-drift.ts';
import { Mt19937 } from './rng.ts';
import { squaredLength, type Vector } from './vector-distance.ts';

/** Numbers a vector is projected to before its labels are permuted; shorter vectors are taken as they are. */
const PROJECTED_DIMENSION = 128;
/** Multiplications one permutation test may take: about a second. */
const WORK = 3e8;
/** Any fixed number: the projection looks neither at the labels nor at the data. */
const PROJECTION_SEED = 0x6c676564;

/**
 * A fixed linear map to fewer numbers that keeps lengths and angles on average: every coordinate is added, with a random sign, to one
 * of them (a count sketch, Charikar, Chen & Farach-Colton 2002, with equally filled buckets). Same dimension, same map, everywhere.
 */
export class Projection {
  readonly size: number;
  private readonly bucket: Int32Array | null;
  private readonly sign: Int8Array;

  constructor(dimension: number, size = PROJECTED_DIMENSION) {
    this.size = Math.min(dimension, size);
    this.sign = new Int8Array(dimension);
    this.bucket = dimension <= size ? null : new Int32Array(dimension);
    if (this.bucket === null) return;
    const rng = new Mt19937(PROJECTION_SEED);
    const order = rng.shuffle(Int32Array.from({ length: dimension }, (_, d) => d));
    for (let j = 0; j < dimension; j++) {
      this.bucket[order[j]!] = j % size;
      this.sign[order[j]!] = rng.next() < 0.5 ? -1 : 1;
    }
  }

  /** The projection of `scale` times the vector; an empty vector becomes zeros. */
  of(vector: Vector, scale = 1): Float64Array {
    const out = new Float64Array(this.size);
    const { bucket, sign } = this;
    if (bucket === null) for (let d = 0; d < vector.length; d++) out[d] = vector[d]! * scale;
    else for (let d = 0; d < vector.length; d++) out[bucket[d]!]! += sign[d]! * vector[d]! * scale;
    return out;
  }
}

/** What a `DriftMeter` found. null = undefined (see each). */
export interface VectorDrift {
  readonly strata: number;
  readonly nA: number;
  readonly nB: number;
  /** Squared length of the mean over strata of (mean b - mean a). */
  readonly centroidShiftSq: number;
  /**
   * Unbiased estimate of the same of the true means, that is without the noise of finite samples: the mean over pairs of different
   * strata of the product of their shifts. About 0 when nothing moved, negative by chance; null under two strata.
   */
  readonly commonShiftSq: number | null;
  /** null when a centroid is zero. */
  readonly centroidCosine: number | null;
  /** Pooled within-stratum variance, b over a; null when arm a has none. */
  readonly dispersionRatio: number | null;
  /** Blocked unbiased squared MMD with the cosine kernel, over strata with two vectors in each arm; null without any. */
  readonly mmd: number | null;
}

/** One arm of one stratum: the sum of its unit vectors and what their spread is made of. */
interface ArmSum {
  readonly sum: Float64Array;
  readonly k: number;
  /** Vectors that are not zero, each of which counts one in the sum of squared lengths. */
  readonly squares: number;
  readonly deviation: number;
}

/** Takes strata one by one. Vectors count with unit length; an empty or zero vector stays zero. RangeError on mixed dimensions. */
export class DriftMeter {
  readonly dimension: number;
  private readonly projection: Projection;
  private readonly shortA: Float64Array[][] = [];
  private readonly shortB: Float64Array[][] = [];
  private readonly centreA: Float64Array;
  private readonly centreB: Float64Array;
  private ownShifts = 0;
  private readonly spread = { a: 0, b: 0, freedomA: 0, freedomB: 0, lengthsA: 0, lengthsB: 0 };
  private mmdSum = 0;
  private mmdStrata = 0;
  private nA = 0;
  private nB = 0;

  constructor(dimension: number) {
    if (!Number.isSafeInteger(dimension) || dimension < 1)
      throw new RangeError('DriftMeter requires a dimension of at least 1');
    this.dimension = dimension;
    this.projection = new Projection(dimension);
    this.centreA = new Float64Array(dimension);
    this.centreB = new Float64Array(dimension);
  }

  add(A: readonly Vector[], B: readonly Vector[]): void {
    if (A.length === 0 || B.length === 0) throw new RangeError('a stratum has no vector in one of its arms');
    const a = this.sumOf(A, this.shortA);
    const b = this.sumOf(B, this.shortB);
    let own = 0;
    let cross = 0;
    for (let d = 0; d < this.dimension; d++) {
      const meanA = a.sum[d]! / a.k;
      const meanB = b.sum[d]! / b.k;
      this.centreA[d]! += meanA;
      this.centreB[d]! += meanB;
      own += (meanB - meanA) ** 2;
      cross += meanA * meanB;
    }
    this.ownShifts += own;
    this.nA += a.k;
    this.nB += b.k;
    const { spread } = this;
    spread.a += a.deviation;
    spread.b += b.deviation;
    spread.freedomA += a.k - 1;
    spread.freedomB += b.k - 1;
    spread.lengthsA += a.squares;
    spread.lengthsB += b.squares;
    if (a.k < 2 || b.k < 2) return;
    this.mmdSum += pairMean(a) + pairMean(b) - 2 * cross;
    this.mmdStrata += 1;
  }

  result(): VectorDrift {
    const n = this.shortA.length;
    let shift = 0;
    let product = 0;
    for (let d = 0; d < this.dimension; d++) {
      shift += (this.centreB[d]! - this.centreA[d]!) ** 2;
      product += this.centreA[d]! * this.centreB[d]!;
    }
    const lengths = Math.sqrt(squaredLength(this.centreA) * squaredLength(this.centreB));
    const { spread } = this;
    const dispersionA = dispersion(spread.a, spread.freedomA, spread.lengthsA);
    const dispersionB = dispersion(spread.b, spread.freedomB, spread.lengthsB);
    const mmd = this.mmdStrata === 0 ? null : this.mmdSum / this.mmdStrata;
    return {
      strata: n,
      nA: this.nA,
      nB: this.nB,
      centroidShiftSq: n === 0 ? 0 : shift / (n * n),
      commonShiftSq: n < 2 ? null : (shift - this.ownShifts) / (n * (n - 1)),
      centroidCosine: lengths === 0 ? null : Math.max(-1, Math.min(1, product / lengths)),
      dispersionRatio:
        dispersionA === null || dispersionA === 0 || dispersionB === null ? null : dispersionB / dispersionA,
      // Equal vectors leave only rounding.
      mmd: mmd !== null && Math.abs(mmd) < 1e-12 ? 0 : mmd,
    };
  }

  /**
   * Within-stratum permutation p of the centroid shift, on the projected vectors: exact, because the projection does not look at the
   * labels. The same seed gives the same p. At most `replicates`, fewer where they would take long.
   */
  permutationP(seed: number, replicates: number): number {
    let chosen = 0;
    for (const arm of this.shortB) chosen += arm.length;
    // A larger suite has power to spare: it is projected further, so that the time stays bounded.
    let size = this.projection.size;
    while (size > 16 && chosen * size * 999 > WORK) size = Math.ceil(size / 2);
    const affordable = [9999, 4999, 1999].find((r) => chosen * size * r <= WORK) ?? 999;
    const [A, B] = size === this.projection.size ? [this.shortA, this.shortB] : this.shorter(size);
    return embeddingDrift(A, B, { seed, replicates: Math.min(replicates, affordable) }).pCentroidShift;
  }

  private shorter(size: number): [Float64Array[][], Float64Array[][]] {
    const again = new Projection(this.projection.size, size);
    const halve = (arm: Float64Array[][]): Float64Array[][] =>
      arm.map((vectors) => vectors.map((v) => again.of(v)));
    return [halve(this.shortA), halve(this.shortB)];
  }

  private sumOf(vectors: readonly Vector[], short: Float64Array[][]): ArmSum {
    const sum = new Float64Array(this.dimension);
    const scales = vectors.map((v) => {
      if (v.length !== 0 && v.length !== this.dimension)
        throw new RangeError(`a vector has ${v.length} numbers, expected ${this.dimension}`);
      const length = Math.sqrt(squaredLength(v));
      return length === 0 ? 0 : 1 / length;
    });
    short.push(vectors.map((v, i) => this.projection.of(v, scales[i])));
    for (const [i, v] of vectors.entries()) {
      const scale = scales[i]!;
      for (let d = 0; d < v.length; d++) sum[d]! += v[d]! * scale;
    }
    const k = vectors.length;
    let deviation = 0;
    if (k > 1)
      for (const [i, v] of vectors.entries()) {
        const scale = scales[i]!;
        for (let d = 0; d < this.dimension; d++) deviation += ((v[d] ?? 0) * scale - sum[d]! / k) ** 2;
      }
    return { sum, k, squares: scales.filter((s) => s > 0).length, deviation };
  }
}

/** Mean of the products of different unit vectors of one arm. */
function pairMean({ sum, k, squares }: ArmSum): number {
  return (squaredLength(sum) - squares) / (k * (k - 1));
}

/** null without a repeated vector; equal vectors leave only rounding, which is not a spread. */
function dispersion(deviation: number, freedom: number, lengths: number): number | null {
  if (freedom === 0) return null;
  return deviation <= 1e-28 * lengths ? 0 : deviation / freedom;
}
