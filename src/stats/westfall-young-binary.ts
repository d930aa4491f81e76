// Westfall-Young min-p for paired yes/no outcomes, one value an arm: sampled as binomials, so that size costs nothing.
import { binomialTails, logBinomPmf } from './binomial.ts';
import { requireCount } from './numeric.ts';
import type { StrataSubset } from './permutation-data.ts';
import { Mt19937 } from './rng.ts';
import { strataCells } from './strata-cells.ts';
import { familyWeights, minPFromRows, type WestfallYoung } from './westfall-young.ts';
import type { PermutationOptions } from './within-stratum-permutation.ts';

/** One tail: raw p are exact binomial tails, also as log10; the adjusted ones are Monte Carlo. */
interface BinaryWestfallYoung extends WestfallYoung {
  readonly rawLog10: number[];
}

/** Result for a family of sign statistics. */
export interface BinaryFamily {
  /** Each statistic as observed: mean of the signs over its strata. */
  readonly observed: number[];
  readonly replicates: number;
  readonly less: BinaryWestfallYoung;
  readonly greater: BinaryWestfallYoung;
  /** Exact two-sided p of each statistic (McNemar). */
  readonly rawTwoSided: number[];
}

function bitCount(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Bin(n, 1/2) as the number of ones among n random bits: ceil(n/32) draws. */
function fairBinomial(n: number, rng: Mt19937): number {
  let count = 0;
  let left = n;
  for (; left >= 32; left -= 32) count += bitCount(rng.uint32());
  if (left > 0) count += bitCount(rng.uint32() >>> (32 - left));
  return count;
}

/** P(Bin(n, 1/2) <= y) for y = 0..n, summed from the small end. */
function lowerTails(n: number): Float64Array {
  const out = new Float64Array(n + 1);
  let sum = 0;
  for (let y = 0; y <= n; y++) {
    sum += Math.exp(logBinomPmf(y, n, 0.5));
    out[y] = Math.min(1, sum);
  }
  out[n] = 1;
  return out;
}

/**
 * Westfall-Young min-p for paired outcomes with one value an arm. `signs[i]` = outcome of arm b - outcome of arm a, one of
 * -1, 0, +1; a statistic is the mean sign over its strata.
 *
 * Flipping labels within a stratum flips the sign of a discordant pair, so the count of +1 in each cell of strata is
 * Bin(discordant pairs, 1/2), independent over cells: the same null distribution as withinStratumPermutation, drawn 32
 * strata a random number. Raw p are exact binomial tails, and so are the p that min-p compares in every replicate.
 * The stream (bits of MT19937, cells in order of first appearance) differs from withinStratumPermutation's.
 */
export function westfallYoungBinaryK1(
  signs: Int8Array,
  statistics: readonly StrataSubset[],
  { seed, replicates = 9999, weights = familyWeights(statistics.length - 1) }: PermutationOptions,
): BinaryFamily {
  requireCount(replicates, 'replicates');
  const { cellOf, cells, cellsOf } = strataCells(signs.length, statistics);
  const discordant = new Int32Array(cells);
  const positive = new Int32Array(cells);
  const strata = new Int32Array(cells);
  for (let i = 0; i < signs.length; i++) {
    const sign = signs[i]!;
    if (sign < -1 || sign > 1)
      throw new RangeError(`westfallYoungBinaryK1 requires signs -1, 0 or 1, got ${sign}`);
    const cell = cellOf[i]!;
    if (cell < 0) continue;
    strata[cell]! += 1;
    if (sign !== 0) discordant[cell]! += 1;
    if (sign > 0) positive[cell]! += 1;
  }
  const total = (counts: Int32Array, s: number): number =>
    cellsOf[s]!.reduce((sum, cell) => sum + counts[cell]!, 0);
  const sizes = statistics.map((_, s) => total(discordant, s));
  const tables = sizes.map(lowerTails);
  const less = statistics.map(() => new Float64Array(replicates + 1));
  const greater = statistics.map(() => new Float64Array(replicates + 1));
  const rng = new Mt19937(seed);
  const drawn = positive.slice();
  for (let row = 0; row <= replicates; row++) {
    if (row > 0) for (let c = 0; c < cells; c++) drawn[c] = fairBinomial(discordant[c]!, rng);
    for (let s = 0; s < sizes.length; s++) {
      const list = cellsOf[s]!;
      let y = 0;
      for (let t = 0; t < list.length; t++) y += drawn[list[t]!]!;
      less[s]![row] = tables[s]![y]!;
      greater[s]![row] = tables[s]![sizes[s]! - y]!;
    }
  }
  const exact = sizes.map((n, s) => binomialTails(total(positive, s), n));
  return {
    observed: sizes.map((n, s) => (2 * total(positive, s) - n) / total(strata, s)),
    replicates,
    less: {
      ...minPFromRows(less, weights),
      raw: exact.map((e) => e.pLess),
      rawLog10: exact.map((e) => e.log10Less),
    },
    greater: {
      ...minPFromRows(greater, weights),
      raw: exact.map((e) => e.pGreater),
      rawLog10: exact.map((e) => e.log10Greater),
    },
    rawTwoSided: exact.map((e) => Math.min(1, 2 * Math.min(e.pLess, e.pGreater))),
  };
}
