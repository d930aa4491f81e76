// The within-stratum permutation of one mean difference, of several measures of the same trials by the same draws.
import { type CentredStrata, centreStrata, isSingle, observedSums } from './centred-strata.ts';
import { requireCount, requireSameLength } from './numeric.ts';
import { type PooledStrata, tieTolerance } from './permutation-data.ts';
import { Mt19937 } from './rng.ts';

/** One-sided p of a mean difference: small when arm b is lower, small when it is higher. */
export interface MeanTails {
  readonly less: number;
  readonly greater: number;
}

/** Do two measures have the same number of values in every arm of every stratum, so that one exchange of labels suits both? */
export function sameStrata(x: PooledStrata, y: PooledStrata): boolean {
  const n = x.kA.length;
  if (y.kA.length !== n) return false;
  for (let i = 0; i < n; i++) if (x.kA[i] !== y.kA[i] || x.kB[i] !== y.kB[i]) return false;
  return true;
}

/** A measure that can change, and how often a replicate was at least as extreme as what was observed. */
interface Moving {
  readonly strata: CentredStrata;
  readonly total: number;
  readonly most: number;
  readonly least: number;
  readonly hits: { less: number; greater: number };
}

/**
 * Tails of the weighted mean difference (mean of arm b - mean of arm a) of every measure. Each replicate exchanges the labels
 * once for all of them, from the random stream of `permutationColumns`: every p is the one that `withinStratumPermutation`
 * gives for that measure alone. RangeError on malformed input, or measures of different strata.
 */
export function meanPermutation(
  measures: readonly PooledStrata[],
  { seed, replicates = 9999 }: { readonly seed: number; readonly replicates?: number },
): MeanTails[] {
  requireCount(replicates, 'replicates');
  const first = measures[0];
  if (first === undefined) return [];
  for (const measure of measures) {
    requireSameLength(measure.kA, first.kA, 'meanPermutation');
    if (!sameStrata(measure, first))
      throw new RangeError('meanPermutation requires measures of the same strata');
  }
  const known = measures.map((measure) => movingOf(measure, replicates));
  const moving = known.filter((m) => m !== null);
  if (moving.length > 0) {
    const rng = new Mt19937(seed);
    if (isSingle(first)) flipSigns(moving, replicates, rng);
    else if (isNarrow(first, moving.length)) lookUpDraws(first, moving, replicates, rng);
    else exchangeLabels(first, moving, replicates, rng);
  }
  const rows = replicates + 1;
  // What is the same in both arms of every stratum ties with itself in every replicate.
  return known.map((m) =>
    m === null ? { less: 1, greater: 1 } : { less: m.hits.less / rows, greater: m.hits.greater / rows },
  );
}

function movingOf(data: PooledStrata, replicates: number): Moving | null {
  const strata = centreStrata(data, [null]);
  if (strata.constant.every((c) => c === 1) || replicates === 0) return null;
  const total = strata.totals[0]!;
  const sums = new Float64Array(1);
  observedSums(data, strata, sums);
  const observed = sums[0]! / total;
  const tolerance = tieTolerance(data.values);
  return {
    strata,
    total,
    most: observed + tolerance,
    least: observed - tolerance,
    hits: { less: 1, greater: 1 },
  };
}

function count({ hits, total, most, least }: Moving, sum: number): void {
  const t = sum / total;
  if (t <= most) hits.less++;
  if (t >= least) hits.greater++;
}

/**
 * One value an arm: a replicate flips the sign of each difference, by the top bit of one draw. What four strata add up to is looked up
 * by their four flips, which is a quarter of the additions.
 */
function flipSigns(measures: readonly Moving[], replicates: number, rng: Mt19937): void {
  const n = measures[0]!.strata.constant.length;
  const quads = Math.ceil(n / 4);
  const parts = measures.map((measure) => {
    const { scale, centred } = measure.strata;
    const table = new Float64Array(16 * quads);
    let whole = 0;
    for (let i = 0; i < n; i++) {
      // scale (= 2w) times the centred value of arm b is w (b - a)
      const delta = scale[i]! * centred[2 * i + 1]!;
      whole += delta;
      for (let flips = 0; flips < 16; flips++)
        if ((flips >> (i & 3)) & 1) table[16 * (i >> 2) + flips]! += delta;
    }
    return { measure, table, whole };
  });
  const flips = new Uint8Array(quads);
  for (let row = 1; row <= replicates; row++) {
    rng.coinQuads(flips, n);
    for (let p = 0; p < parts.length; p++) {
      const { measure, table, whole } = parts[p]!;
      count(measure, 2 * keptByFour(table, flips) - whole);
    }
  }
}

/** Sum of the differences that keep their sign. */
function keptByFour(table: Float64Array, flips: Uint8Array): number {
  let even = 0;
  let odd = 0;
  let g = 0;
  for (; g + 1 < flips.length; g += 2) {
    even += table[16 * g + flips[g]!]!;
    odd += table[16 * g + 16 + flips[g + 1]!]!;
  }
  return g < flips.length ? even + odd + table[16 * g + flips[g]!]! : even + odd;
}

/** Sums are looked up instead of added up while a stratum has at most this many, ... */
const MOST_WAYS = 4096;
/** ... and those of all strata and measures stay in the processor's cache. */
const MOST_SUMS = 131_072;

/** In how many ways the values of arm b can be drawn one after the other; Infinity = more than are looked up. */
function waysOf(a: number, b: number): number {
  let ways = 1;
  for (let left = a + b; left > a; left--) {
    ways *= left;
    if (ways > MOST_WAYS) return Number.POSITIVE_INFINITY;
  }
  return ways;
}

function isNarrow({ kA, kB }: PooledStrata, measures: number): boolean {
  let sums = 0;
  for (let i = 0; i < kA.length && sums <= MOST_SUMS; i++) sums += measures * waysOf(kA[i]!, kB[i]!);
  return sums <= MOST_SUMS;
}

/**
 * The weighted sum of arm b for every way to draw its values, in the order of `exchangeLabels`: the place of the first value counts
 * in steps of all the ways to draw the others, and so on.
 */
function sumsOfDraws(centred: Float64Array, base: number, m: number, b: number, scale: number): Float64Array {
  let sums = Float64Array.of(0);
  let pools: number[][] = [Array.from({ length: m }, (_, j) => centred[base + j]!)];
  for (let last = m - 1; last >= m - b; last--) {
    const next = new Float64Array(sums.length * (last + 1));
    const rests: number[][] = [];
    for (let w = 0; w < sums.length; w++) {
      const pool = pools[w]!;
      for (let at = 0; at <= last; at++) {
        next[w * (last + 1) + at] = sums[w]! + pool[at]!;
        const rest = pool.slice(0, last);
        if (at < last) rest[at] = pool[last]!;
        rests.push(rest);
      }
    }
    sums = next;
    pools = rests;
  }
  return sums.map((sum) => scale * sum);
}

/** Few values a stratum: each way to draw those of arm b is numbered, and what they add up to is looked up. */
function lookUpDraws(
  { kA, kB }: PooledStrata,
  measures: readonly Moving[],
  replicates: number,
  rng: Mt19937,
): void {
  const n = kA.length;
  const still = stillIn(n, measures);
  const starts = new Int32Array(n);
  let size = 0;
  for (let i = 0; i < n; i++) {
    starts[i] = size;
    if (still[i] === 0) size += waysOf(kA[i]!, kB[i]!);
  }
  const tables = measures.map(({ strata: { centred, scale } }) => {
    const table = new Float64Array(size);
    let base = 0;
    for (let i = 0; i < n; i++) {
      const m = kA[i]! + kB[i]!;
      if (still[i] === 0) table.set(sumsOfDraws(centred, base, m, kB[i]!, scale[i]!), starts[i]!);
      base += m;
    }
    return table;
  });
  const ways = new Int32Array(n);
  for (let row = 1; row <= replicates; row++) {
    let unused = 0;
    let drawn = 0;
    for (let i = 0; i < n; i++) {
      const a = kA[i]!;
      const m = a + kB[i]!;
      if (still[i] === 1) {
        unused += m - 1;
        continue;
      }
      if (unused > 0) rng.skip(unused);
      ways[drawn++] = starts[i]! + rng.way(m, a + 1);
      // The a-1 draws left would only reorder arm a.
      unused = a - 1;
    }
    if (unused > 0) rng.skip(unused);
    for (let m = 0; m < measures.length; m++) {
      const table = tables[m]!;
      let sum = 0;
      for (let d = 0; d < drawn; d++) sum += table[ways[d]!]!;
      count(measures[m]!, sum);
    }
  }
}

/** Which strata have nothing to exchange in any measure. */
function stillIn(n: number, measures: readonly Moving[]): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) =>
    measures.every((m) => m.strata.constant[i] === 1) ? 1 : 0,
  );
}

/** Any number of values: the positions that go to arm b are drawn once, then every measure adds up its own values there. */
function exchangeLabels(
  { kA, kB }: PooledStrata,
  measures: readonly Moving[],
  replicates: number,
  rng: Mt19937,
): void {
  const n = kA.length;
  const widest = kA.reduce((most, a, i) => Math.max(most, a + kB[i]!), 0);
  const pool = Int32Array.from({ length: widest }, (_, j) => j);
  const from = new Int32Array(widest);
  const taken = new Int32Array(widest);
  const still = stillIn(n, measures);
  const sums = new Float64Array(measures.length);
  for (let row = 1; row <= replicates; row++) {
    sums.fill(0);
    let base = 0;
    let unused = 0;
    for (let i = 0; i < n; i++) {
      const a = kA[i]!;
      const b = kB[i]!;
      if (still[i] === 1) {
        unused += a + b - 1;
        base += a + b;
        continue;
      }
      if (unused > 0) rng.skip(unused);
      for (let t = 0, j = a + b - 1; t < b; t++, j--) {
        const at = Math.floor(rng.next() * (j + 1));
        const index = pool[at]!;
        from[t] = at;
        taken[t] = index;
        pool[at] = pool[j]!;
      }
      for (let t = b - 1; t >= 0; t--) pool[from[t]!] = taken[t]!;
      // The a-1 draws left would only reorder arm a.
      unused = a - 1;
      for (let m = 0; m < measures.length; m++) {
        const { centred, scale } = measures[m]!.strata;
        let sumB = 0;
        for (let t = 0; t < b; t++) sumB += centred[base + taken[t]!]!;
        sums[m]! += scale[i]! * sumB;
      }
      base += a + b;
    }
    if (unused > 0) rng.skip(unused);
    for (let m = 0; m < measures.length; m++) count(measures[m]!, sums[m]!);
  }
}
