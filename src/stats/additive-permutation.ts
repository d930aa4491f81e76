// Permutation test of statistics that add up over cases: any score of a case's passes, weighted by what was known of it before.

import { logMarginPmf } from './count-sums.ts';
import type { TwoArms } from './fisher.ts';
import { Mt19937 } from './rng.ts';
import type { WestfallYoung } from './westfall-young.ts';
import { chooseReplicates, familyFromColumns, type PermutationFamily } from './within-stratum-permutation.ts';

/** One statistic: for each case what a number of passes in arm b contributes; small = arm b is worse. */
export interface AdditiveStatistic {
  /** `scores[i][xB]` for xB = 0 to kB of case i; undefined = the case is no part of it. */
  readonly scores: readonly (ArrayLike<number> | undefined)[];
  /** Share of the family's error rate. */
  readonly weight: number;
}

export interface AdditiveOptions {
  readonly seed: number;
  readonly replicates?: number;
  /** Unit of each case; cases of one unit exchange their labels together. -1 = a unit of its own, whose trials are exchanged. */
  readonly units?: Int32Array | undefined;
}

interface Single {
  readonly stratum: number;
  readonly low: number;
  readonly cumulative: Float64Array;
}

/** Both directions of one family; the statistics of the second may be fewer. */
export interface AdditiveFamilies {
  readonly less: WestfallYoung;
  readonly greater: WestfallYoung;
  readonly replicates: number;
}

/** `additivePermutation` with other statistics (by index) and shares in the direction `greater`. */
export function additiveFamilies(
  strata: readonly TwoArms[],
  statistics: readonly AdditiveStatistic[],
  options: AdditiveOptions,
  upward: { readonly statistics: readonly number[]; readonly weights: readonly number[] },
): AdditiveFamilies {
  const columns = additiveColumns(strata, statistics, options);
  const tolerance = toleranceOf(columns);
  const { less } = familyFromColumns(
    columns,
    tolerance,
    statistics.map((s) => s.weight),
  );
  const up = upward.statistics.map((s) => columns[s] ?? new Float64Array(1));
  const { greater } = familyFromColumns(up, tolerance, upward.weights);
  return { less, greater, replicates: (columns[0]?.length ?? 1) - 1 };
}

function toleranceOf(columns: readonly Float64Array[]): number {
  return 1e-9 * Math.max(1e-3, ...columns.map((c) => Math.abs(c[0] ?? 0)));
}

/**
 * Westfall–Young min-p of statistics that are sums over strata of a score of (passes in arm b), given the stratum's passes in both
 * arms. Under exchange of labels within a stratum the count in arm b is hypergeometric; whatever the scores are built on, as long as
 * it is not the split itself, the test is exact. Strata of one unit are exchanged whole: arm a's rate takes arm b's place.
 * `less` is small where arm b is worse. Stream: per replicate, one next() a unit in order of first appearance, then one a stratum
 * whose margins leave a choice.
 */
export function additivePermutation(
  strata: readonly TwoArms[],
  statistics: readonly AdditiveStatistic[],
  options: AdditiveOptions,
): PermutationFamily {
  const columns = additiveColumns(strata, statistics, options);
  return familyFromColumns(
    columns,
    toleranceOf(columns),
    statistics.map((s) => s.weight),
  );
}

/** The statistics as observed (row 0) and of every replicate, one column a statistic. */
function additiveColumns(
  strata: readonly TwoArms[],
  statistics: readonly AdditiveStatistic[],
  { seed, replicates: asked = 9999, units }: AdditiveOptions,
): Float64Array[] {
  const singles: Single[] = [];
  const grouped = new Map<number, number[]>();
  for (const [i, { xA, kA, xB, kB }] of strata.entries()) {
    const unit = units?.[i] ?? -1;
    if (unit >= 0) {
      const members = grouped.get(unit);
      if (members === undefined) grouped.set(unit, [i]);
      else members.push(i);
      continue;
    }
    const marked = xA + xB;
    const low = Math.max(0, marked - kA);
    const high = Math.min(kB, marked);
    if (low === high) continue;
    const logs = logMarginPmf(low, high, marked, kA, kB);
    const cumulative = new Float64Array(logs.length);
    let sum = 0;
    for (const [j, l] of logs.entries()) {
      sum += Math.exp(l);
      cumulative[j] = sum;
    }
    cumulative[logs.length - 1] = 1;
    singles.push({ stratum: i, low, cumulative });
  }
  const observed = statistics.map(({ scores }) =>
    strata.reduce((sum, { xB }, i) => sum + (scores[i]?.[xB] ?? 0), 0),
  );
  // What no exchange changes, then each unit's contribution kept and exchanged, per statistic.
  const fixed = statistics.map(({ scores }, s) => {
    let sum = observed[s] ?? 0;
    for (const { stratum } of singles) sum -= scores[stratum]?.[strata[stratum]?.xB ?? 0] ?? 0;
    for (const members of grouped.values())
      for (const i of members) sum -= scores[i]?.[strata[i]?.xB ?? 0] ?? 0;
    return sum;
  });
  const exchanged = [...grouped.values()].map((members) => ({
    kept: statistics.map(({ scores }) =>
      members.reduce((sum, i) => sum + (scores[i]?.[strata[i]?.xB ?? 0] ?? 0), 0),
    ),
    swapped: statistics.map(({ scores }) =>
      members.reduce((sum, i) => sum + swappedScore(scores[i], strata[i]), 0),
    ),
  }));
  const replicates = Math.min(
    asked,
    chooseReplicates(8 * statistics.length * (singles.length + exchanged.length)),
  );
  const columns = statistics.map((_, s) => {
    const column = new Float64Array(replicates + 1);
    column[0] = observed[s] ?? 0;
    return column;
  });
  const tables = statistics.map(({ scores }) => singles.map(({ stratum }) => scores[stratum]));
  const rng = new Mt19937(seed);
  const sums = new Float64Array(statistics.length);
  for (let row = 1; row <= replicates; row++) {
    for (let s = 0; s < sums.length; s++) sums[s] = fixed[s]!;
    for (const { kept, swapped } of exchanged) {
      const from = rng.next() < 0.5 ? kept : swapped;
      for (let s = 0; s < sums.length; s++) sums[s]! += from[s]!;
    }
    for (let j = 0; j < singles.length; j++) {
      const { low, cumulative } = singles[j]!;
      const u = rng.next();
      let at = 0;
      while (u >= cumulative[at]!) at++;
      const xB = low + at;
      for (let s = 0; s < sums.length; s++) {
        const table = tables[s]![j];
        if (table !== undefined) sums[s]! += table[xB]!;
      }
    }
    for (let s = 0; s < sums.length; s++) columns[s]![row] = sums[s]!;
  }
  return columns;
}

/** The score if the arms had changed places; with unequal numbers of trials, arm a's rate in arm b's number of trials, interpolated. */
function swappedScore(scores: ArrayLike<number> | undefined, stratum: TwoArms | undefined): number {
  if (scores === undefined || stratum === undefined) return 0;
  const at = (stratum.xA / stratum.kA) * stratum.kB;
  const below = Math.floor(at + 1e-9);
  const share = at - below;
  return (1 - share) * (scores[below] ?? 0) + (share > 1e-9 ? share * (scores[below + 1] ?? 0) : 0);
}
