// The within-stratum permutation test: arm labels are exchanged inside each stratum, never across strata.
import { type CentredStrata, centreStrata, isSingle, observedSums } from './centred-strata.ts';
import { requireCount } from './numeric.ts';
import { type PooledStrata, poolStrata, type StrataSubset, tieTolerance } from './permutation-data.ts';
import { Mt19937 } from './rng.ts';
import { familyWeights, type WestfallYoung, westfallYoungTails } from './westfall-young.ts';

/** Result of a within-stratum permutation of one family of statistics. */
export interface PermutationFamily {
  /** Each statistic as observed: weighted mean over its strata of (mean of arm b - mean of arm a). */
  readonly observed: number[];
  readonly replicates: number;
  /** Small when arm b is lower. */
  readonly less: WestfallYoung;
  /** Small when arm b is higher. */
  readonly greater: WestfallYoung;
  /** Unadjusted two-sided p of each statistic: share of rows with |T| at least the observed one. */
  readonly rawTwoSided: number[];
}

/** How many replicates, from which seed, and with which share of the error rate for each statistic. */
export interface PermutationOptions {
  readonly seed: number;
  readonly replicates?: number;
  /** Westfall-Young weights; default: half to the first statistic, the rest shared by the others. */
  readonly weights?: ArrayLike<number>;
}

/**
 * Replicates for data of `nValues` pooled values: 9999, and fewer (never under 999) once that would shuffle more than
 * 6e8 values, some four seconds. The p-value stays exact; only its resolution, 1/(replicates + 1), is coarser.
 */
export function chooseReplicates(nValues: number): number {
  requireCount(nValues, 'nValues');
  for (const replicates of [9999, 4999, 1999]) if (nValues * replicates <= 6e8) return replicates;
  return 999;
}

/**
 * The statistics of the observed data (row 0) and of every replicate, one column a statistic.
 *
 * Random stream, so that any implementation can reproduce it: per replicate, strata in order; pool = values of arm a then
 * of arm b; full Fisher-Yates i = m-1..1 with j = floor(u (i+1)); the first kA are arm a. Every stratum takes its m-1
 * draws, also a constant one (whose draws are passed over uncomputed, like those that only reorder arm a).
 */
export function permutationColumns(
  data: PooledStrata,
  statistics: readonly StrataSubset[],
  replicates: number,
  rng: Mt19937,
): Float64Array[] {
  requireCount(replicates, 'replicates');
  const prepared = centreStrata(data, statistics);
  const columns = statistics.map(() => new Float64Array(replicates + 1));
  const sums = new Float64Array(prepared.cells.cells);
  const store = (row: number): void => {
    for (let s = 0; s < columns.length; s++) {
      const list = prepared.cells.cellsOf[s]!;
      let total = 0;
      for (let t = 0; t < list.length; t++) total += sums[list[t]!]!;
      columns[s]![row] = total / prepared.totals[s]!;
    }
  };
  observedSums(data, prepared, sums);
  store(0);
  if (isSingle(data)) runSingles(data, prepared, sums, replicates, rng, store);
  else runGeneral(data, prepared, sums, replicates, rng, store);
  return columns;
}

function runGeneral(
  data: PooledStrata,
  { centred, scale, constant, cells }: CentredStrata,
  sums: Float64Array,
  replicates: number,
  rng: Mt19937,
  store: (row: number) => void,
): void {
  const { kA, kB } = data;
  const { cellOf } = cells;
  const n = kA.length;
  const widest = kB.reduce((a, b) => Math.max(a, b), 0);
  const takenFrom = new Int32Array(widest);
  const taken = new Float64Array(widest);
  for (let row = 1; row <= replicates; row++) {
    sums.fill(0);
    let base = 0;
    let unused = 0;
    for (let i = 0; i < n; i++) {
      const a = kA[i]!;
      const b = kB[i]!;
      const cell = cellOf[i]!;
      if (constant[i] === 1 || cell < 0) {
        unused += a + b - 1;
        base += a + b;
        continue;
      }
      if (unused > 0) rng.skip(unused);
      let sumB = 0;
      for (let t = 0, j = a + b - 1; t < b; t++, j--) {
        const from = base + Math.floor(rng.next() * (j + 1));
        const value = centred[from]!;
        sumB += value;
        takenFrom[t] = from;
        taken[t] = value;
        centred[from] = centred[base + j]!;
      }
      for (let t = b - 1; t >= 0; t--) centred[takenFrom[t]!] = taken[t]!;
      // The a-1 draws left would only reorder arm a.
      unused = a - 1;
      sums[cell]! += scale[i]! * sumB;
      base += a + b;
    }
    if (unused > 0) rng.skip(unused);
    store(row);
  }
}

/** One value an arm: a replicate flips the sign of each difference, by the top bit of one draw. */
function runSingles(
  data: PooledStrata,
  { centred, scale, constant, cells }: CentredStrata,
  sums: Float64Array,
  replicates: number,
  rng: Mt19937,
  store: (row: number) => void,
): void {
  const n = data.kA.length;
  // Only strata that can change anything, sorted by cell, so that each cell is summed in registers.
  const active: number[] = [];
  for (let i = 0; i < n; i++) if (constant[i] === 0 && cells.cellOf[i]! >= 0) active.push(i);
  active.sort((x, y) => cells.cellOf[x]! - cells.cellOf[y]! || x - y);
  const position = Int32Array.from(active);
  // scale (= 2w) times the centred value of arm b is w (b - a)
  const delta = Float64Array.from(active, (i) => scale[i]! * centred[2 * i + 1]!);
  const starts = new Int32Array(cells.cells + 1);
  for (const i of active) starts[cells.cellOf[i]! + 1]! += 1;
  for (let c = 0; c < cells.cells; c++) starts[c + 1]! += starts[c]!;
  const whole = new Float64Array(cells.cells);
  for (let c = 0; c < cells.cells; c++)
    for (let t = starts[c]!; t < starts[c + 1]!; t++) whole[c]! += delta[t]!;
  const flips = new Uint8Array(n);
  for (let row = 1; row <= replicates; row++) {
    // floor(2u) = 1 leaves the pair as it is, 0 swaps it
    rng.coinFlips(flips);
    for (let c = 0; c < cells.cells; c++)
      sums[c] = 2 * keptSum(delta, position, flips, starts[c]!, starts[c + 1]!) - whole[c]!;
    store(row);
  }
}

/** Sum of the differences that keep their sign: those whose flip is 1. */
function keptSum(
  delta: Float64Array,
  position: Int32Array,
  flips: Uint8Array,
  from: number,
  to: number,
): number {
  let even = 0;
  let odd = 0;
  let t = from;
  for (; t + 1 < to; t += 2) {
    even += delta[t]! * flips[position[t]!]!;
    odd += delta[t + 1]! * flips[position[t + 1]!]!;
  }
  return t < to ? even + odd + delta[t]! * flips[position[t]!]! : even + odd;
}

function twoSidedP(column: Float64Array, tolerance: number): number {
  const cut = Math.abs(column[0]!) - tolerance;
  let count = 0;
  for (let b = 0; b < column.length; b++) if (Math.abs(column[b]!) >= cut) count++;
  return count / column.length;
}

/** Raw, adjusted and global p of a family from its permutation columns (row 0 observed). */
export function familyFromColumns(
  columns: readonly Float64Array[],
  tolerance: number,
  weights: ArrayLike<number> = familyWeights(columns.length - 1),
): PermutationFamily {
  return {
    observed: columns.map((c) => c[0]!),
    replicates: (columns[0]?.length ?? 1) - 1,
    ...westfallYoungTails(columns, weights, tolerance),
    rawTwoSided: columns.map((c) => twoSidedP(c, tolerance)),
  };
}

/**
 * Within-stratum permutation test of a family of statistics, adjusted together by Westfall-Young min-p in both tails.
 * Values may be of any kind (0/1, scores, logarithms); p = (1 + #replicates at least as extreme) / (replicates + 1).
 * Two statistics tie within 1e-9 of the spread of the values. RangeError on malformed input (see checkStrata).
 */
export function withinStratumPermutation(
  data: PooledStrata,
  statistics: readonly StrataSubset[],
  { seed, replicates = 9999, weights }: PermutationOptions,
): PermutationFamily {
  const columns = permutationColumns(data, statistics, replicates, new Mt19937(seed));
  return familyFromColumns(
    columns,
    tieTolerance(data.values),
    weights ?? familyWeights(statistics.length - 1),
  );
}

/** Monte Carlo within-stratum permutation of the mean difference, from one array a stratum and arm. */
export function stratifiedPermutationMC(
  A: readonly ArrayLike<number>[],
  B: readonly ArrayLike<number>[],
  { seed, replicates = 9999 }: { seed: number; replicates?: number },
): { delta: number; pLess: number; pGreater: number; pTwoSided: number } {
  const family = withinStratumPermutation(poolStrata(A, B), [null], { seed, replicates });
  return {
    delta: family.observed[0]!,
    pLess: family.less.raw[0]!,
    pGreater: family.greater.raw[0]!,
    pTwoSided: family.rawTwoSided[0]!,
  };
}
