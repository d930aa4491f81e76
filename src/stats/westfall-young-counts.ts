// Westfall-Young min-p for yes/no outcomes with any number of values an arm: sampled as sums of counts, so that size costs little.
import { convolve, logMarginPmf, power, type Window } from './count-sums.ts';
import type { TwoArms } from './fisher.ts';
import { requireCount } from './numeric.ts';
import type { StrataSubset } from './permutation-data.ts';
import { Mt19937 } from './rng.ts';
import { type StrataCells, strataCells } from './strata-cells.ts';
import {
  chooseReplicates,
  familyFromColumns,
  type PermutationFamily,
  type PermutationOptions,
} from './within-stratum-permutation.ts';

/** Two statistics of yes/no outcomes tie within this much: 1e-9 of the spread of the values, as in withinStratumPermutation. */
const TOLERANCE = 1e-9;
/** A sum is found by halving its support: about as many steps as this many values take to be shuffled. */
const STEPS = 8;

/** The sum of the counts of arm b over strata of one cell and one pair of arm sizes. */
interface Drawn {
  readonly cell: number;
  /** 1/kA + 1/kB: what one success more in arm b adds to a stratum's difference. */
  readonly scale: number;
  readonly least: number;
  /** P(sum <= least), P(sum <= least + 1), and so on. */
  readonly cumulative: Float64Array;
}

interface CountSums {
  readonly cells: StrataCells;
  readonly drawn: readonly Drawn[];
  /** Differences of the cells' strata were arm b to have no success at all, plus what their margins leave no choice in. */
  readonly fixed: Float64Array;
  /** As observed. */
  readonly observed: Float64Array;
  readonly sizes: Int32Array;
}

/** Strata of one cell with the same margins: the least count of arm b, and the log probabilities from there on. */
interface MarginGroup {
  readonly low: number;
  readonly logPmf: Float64Array;
  count: number;
}

function check({ xA, kA, xB, kB }: TwoArms): void {
  requireCount(xA, 'xA');
  requireCount(xB, 'xB');
  requireCount(kA, 'kA');
  requireCount(kB, 'kB');
  if (kA < 1 || kB < 1 || xA > kA || xB > kB)
    throw new RangeError('westfallYoungCounts requires x <= k and k >= 1 in both arms of every stratum');
}

function countSums(strata: readonly TwoArms[], statistics: readonly StrataSubset[]): CountSums {
  const cells = strataCells(strata.length, statistics);
  const fixed = new Float64Array(cells.cells);
  const observed = new Float64Array(cells.cells);
  const sizes = new Int32Array(cells.cells);
  const byArms = new Map<string, { cell: number; scale: number; byMarked: Map<number, MarginGroup> }>();
  for (let i = 0; i < strata.length; i++) {
    const stratum = strata[i]!;
    check(stratum);
    const cell = cells.cellOf[i]!;
    if (cell < 0) continue;
    const { xA, kA, xB, kB } = stratum;
    const marked = xA + xB;
    const low = Math.max(0, marked - kA);
    const high = Math.min(kB, marked);
    sizes[cell]! += 1;
    observed[cell]! += xB / kB - xA / kA;
    if (low === high) {
      fixed[cell]! += xB / kB - xA / kA;
      continue;
    }
    fixed[cell]! -= marked / kA;
    const key = `${cell}/${kA}/${kB}`;
    let arms = byArms.get(key);
    if (arms === undefined) {
      arms = { cell, scale: 1 / kA + 1 / kB, byMarked: new Map() };
      byArms.set(key, arms);
    }
    const group = arms.byMarked.get(marked);
    if (group === undefined)
      arms.byMarked.set(marked, { low, logPmf: logMarginPmf(low, high, marked, kA, kB), count: 1 });
    else group.count += 1;
  }
  return { cells, drawn: [...byArms.values()].map(drawnOf), fixed, observed, sizes };
}

function drawnOf(arms: { cell: number; scale: number; byMarked: Map<number, MarginGroup> }): Drawn {
  const { cell, scale } = arms;
  const windows = [...arms.byMarked.values()].map(
    ({ low, logPmf, count }): Window => power({ offset: low, mass: logPmf.map(Math.exp) }, count),
  );
  windows.sort((a, b) => a.mass.length - b.mass.length);
  const { offset, mass } = windows.reduce(convolve);
  const cumulative = new Float64Array(mass.length);
  let sum = 0;
  for (let j = 0; j < mass.length; j++) {
    sum += mass[j]!;
    cumulative[j] = sum;
  }
  // What was trimmed or rounded away belongs to the last.
  cumulative[mass.length - 1] = 1;
  return { cell, scale, least: offset, cumulative };
}

/** The first j with u < cumulative[j]. */
function draw(cumulative: Float64Array, u: number): number {
  let lo = 0;
  let hi = cumulative.length - 1;
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (u < cumulative[mid]!) hi = mid;
    else lo = mid + 1;
  }
  return lo;
}

/**
 * Westfall-Young min-p of yes/no outcomes in strata; a statistic is the mean over its strata of (share of arm b - share of arm a).
 *
 * Exchanging labels within a stratum makes its count in arm b hypergeometric, independent over strata. So the sum over the strata
 * of a cell is drawn whole, from its exact distribution: the same null distribution as withinStratumPermutation on zeros and ones,
 * one random number a cell and pair of arm sizes. Replicates are reduced as by chooseReplicates only where cells are very many.
 * Stream: per replicate, one next() for each such pair in order of first appearance, looked up in the cumulative distribution.
 */
export function westfallYoungCounts(
  strata: readonly TwoArms[],
  statistics: readonly StrataSubset[],
  { seed, replicates: asked = 9999, weights }: PermutationOptions,
): PermutationFamily {
  requireCount(asked, 'replicates');
  const { cells, drawn, fixed, observed, sizes } = countSums(strata, statistics);
  const replicates = Math.min(asked, chooseReplicates(STEPS * drawn.length));
  const columns = statistics.map(() => new Float64Array(replicates + 1));
  const rng = new Mt19937(seed);
  const sums = observed.slice();
  for (let row = 0; row <= replicates; row++) {
    if (row > 0) {
      sums.set(fixed);
      for (let d = 0; d < drawn.length; d++) {
        const { cell, scale, least, cumulative } = drawn[d]!;
        sums[cell]! += scale * (least + draw(cumulative, rng.next()));
      }
    }
    for (let s = 0; s < columns.length; s++) {
      const list = cells.cellsOf[s]!;
      let total = 0;
      let size = 0;
      for (let t = 0; t < list.length; t++) {
        total += sums[list[t]!]!;
        size += sizes[list[t]!]!;
      }
      columns[s]![row] = total / size;
    }
  }
  return weights === undefined
    ? familyFromColumns(columns, TOLERANCE)
    : familyFromColumns(columns, TOLERANCE, weights);
}
