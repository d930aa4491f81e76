// The evidence of one gate by assigned units: each user's calls together, however they depend on each other.

import type { RolloutGateSpec, UnitGateEvidence } from '../core/rollout.ts';
import { assignmentLogE } from '../stats/assignment-evidence.ts';
import { harmfulShares } from './gate-evidence.ts';

/** What a gate counts of the units of which its signal is known, as parallel arrays. */
export interface UnitColumn {
  /** 1 = the candidate answers this unit. */
  readonly isCandidate: Uint8Array;
  readonly n: Float64Array;
  readonly hits: Float64Array;
  readonly sum: Float64Array;
}

/** Sizes of the harm in means, as `UNIT_WEIGHTS` has them. */
const MEAN_HARMS = [1, 2, 4];
/** ln of the most that one unit can be worth: no single user decides. */
const MOST_SCORE = 4;
/** The control's history is worth at most this many calls as a guess of its rate. */
const MOST_HISTORY = 2000;

/** What the units of a window say; null = the signal is known of none. */
export function weighUnits(gate: RolloutGateSpec, units: UnitColumn): UnitGateEvidence | null {
  if (units.n.length === 0) return null;
  let [candidates, calls, largest] = [0, 0, 0];
  for (let i = 0; i < units.n.length; i++) {
    if (units.isCandidate[i] === 0) continue;
    const n = units.n[i] as number;
    candidates += 1;
    calls += n;
    if (n > largest) largest = n;
  }
  const { logs, designEffect } =
    gate.measure.kind === 'ratio' ? weighMeans(gate, units) : weighShares(gate, units, candidates);
  return {
    logs,
    candidate: candidates,
    control: units.n.length - candidates,
    largest: calls === 0 ? 0 : largest / calls,
    designEffect,
  };
}

type Weighed = Pick<UnitGateEvidence, 'logs' | 'designEffect'>;

/** Units of as many calls and hits. */
interface Cell {
  readonly n: number;
  readonly hits: number;
  first: number;
  all: number;
}

function cellsOf({ isCandidate, n, hits }: UnitColumn): readonly Cell[] {
  const cells = new Map<number, Cell>();
  for (let i = 0; i < n.length; i++) {
    const key = (n[i] as number) * 2 ** 26 + (hits[i] as number);
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = { n: n[i] as number, hits: hits[i] as number, first: 0, all: 0 };
      cells.set(key, cell);
    }
    cell.all += 1;
    cell.first += isCandidate[i] as number;
  }
  return [...cells.values()];
}

/** Likelihood ratios of the harmful shares among units of as many calls, weighted by how much calls of a unit tell beside each other. */
function weighShares(gate: RolloutGateSpec, units: UnitColumn, candidates: number): Weighed {
  const cells = cellsOf(units);
  const calls = sumOf(units.n);
  const bad = sumOf(units.hits);
  const rate = bad / calls;
  const correlation = shareCorrelation(cells, rate);
  const { history } = gate;
  const worth = history.n === 0 ? 0 : Math.min(1, MOST_HISTORY / history.n);
  const share = (bad + history.hits * worth + 0.5) / (calls + history.n * worth + 25);
  const arm = candidates / units.n.length;
  const strata = strataOf(cells);
  const logs = harmfulShares(gate, share).map((_, i) => {
    const control = controlShareOf(gate, { share, arm, harm: i });
    const harm = harmfulShares(gate, control)[i] as number;
    const odds = Math.log((harm * (1 - control)) / (control * (1 - harm)));
    let log = 0;
    for (const of of strata) {
      const scores = Float64Array.from(of, ({ n, hits }) =>
        Math.min(MOST_SCORE, (hits * odds) / (1 + (n - 1) * correlation)),
      );
      log += assignmentLogE({ scores, first: of.map((c) => c.first), all: of.map((c) => c.all) });
    }
    return log;
  });
  let squares = 0;
  for (const c of cells) squares += c.all * (c.hits - rate * c.n) ** 2;
  const variance = calls * rate * (1 - rate);
  return { logs, designEffect: variance > 0 ? Math.max(1, squares / variance) : 1 };
}

/**
 * Units of about as many calls are compared with each other only: a release after which users call less, or more, is not worse for that.
 * Cells of one stratum differ by less than a quarter in their calls.
 */
function strataOf(cells: readonly Cell[]): readonly (readonly Cell[])[] {
  const strata = new Map<number, Cell[]>();
  for (const cell of cells) {
    const stratum = sizeClass(cell.n);
    const of = strata.get(stratum);
    if (of === undefined) strata.set(stratum, [cell]);
    else of.push(cell);
  }
  return [...strata.values()];
}

function sizeClass(n: number): number {
  return n <= 4 ? n : 4 + Math.ceil(Math.log(n / 4) / Math.log(1.25));
}

/** Intraclass correlation of the calls of a unit, by moments, from 0 to 1. Arms are pooled, so it says nothing of them. */
function shareCorrelation(cells: readonly Cell[], rate: number): number {
  const each = rate * (1 - rate);
  let [beyond, pairs] = [0, 0];
  for (const { n, hits, all } of cells) {
    beyond += all * ((hits - rate * n) ** 2 - n * each);
    pairs += all * n * (n - 1) * each;
  }
  return pairs === 0 ? 0 : Math.min(1, Math.max(0, beyond / pairs));
}

/** The control's share that gives the share of both arms together, were the harm there. */
function controlShareOf(
  gate: RolloutGateSpec,
  { share, arm, harm }: { readonly share: number; readonly arm: number; readonly harm: number },
): number {
  let [low, high] = [share / 1000, share];
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    const both = (1 - arm) * middle + arm * (harmfulShares(gate, middle)[harm] as number);
    if (both > share) high = middle;
    else low = middle;
  }
  return high;
}

/** Normal likelihood ratios of the means among units of as many calls. The candidate's values are divided by how much they may differ: half of the harm. */
function weighMeans(gate: RolloutGateSpec, units: UnitColumn): Weighed {
  const none = { logs: MEAN_HARMS.map(() => 0), designEffect: 1 };
  const fair = fairValues(gate, units);
  if (fair === null) return none;
  const { values, bases, harm } = fair;
  const sum = sumOf(values);
  const base = sumOf(bases);
  if (!(base > 0) || !(sum > 0)) return none;
  const mean = sum / base;
  const residuals = values.map((value, i) => value / mean - (bases[i] as number));
  const { single, more } = varianceBySize(residuals, units.n);
  if (!(single > 0)) return none;
  const calls = sumOf(units.n);
  const step = harm(mean) * (base / calls);
  const strata = placesBySize(units.n);
  const logs = MEAN_HARMS.map((times) => {
    let log = 0;
    for (const places of strata) {
      const scores = Float64Array.from(places, (i) => {
        const ratio =
          (times * step * (residuals[i] as number)) / (single + more * ((units.n[i] as number) - 1));
        return Math.max(-MOST_SCORE, Math.min(MOST_SCORE, ratio));
      });
      const first = places.map((i) => units.isCandidate[i] as number);
      log += assignmentLogE({ scores, first, all: null });
    }
    return log;
  });
  const squares = residuals.reduce((all, r) => all + r * r, 0);
  return { logs, designEffect: Math.max(1, squares / (single * calls)) };
}

/** Units of about as many calls, by their places. */
function placesBySize(n: Float64Array): readonly (readonly number[])[] {
  const strata = new Map<number, number[]>();
  for (let i = 0; i < n.length; i++) {
    const stratum = sizeClass(n[i] as number);
    const of = strata.get(stratum);
    if (of === undefined) strata.set(stratum, [i]);
    else of.push(i);
  }
  return [...strata.values()];
}

interface FairValues {
  /** Sums of the units; the candidate's as if it did what the null allows at most. */
  readonly values: Float64Array;
  readonly bases: Float64Array;
  /** The smallest harm beyond the null, as a share of the mean. */
  readonly harm: (mean: number) => number;
}

function fairValues({ rule, reference, measure }: RolloutGateSpec, units: UnitColumn): FairValues | null {
  const { isCandidate, n, hits, sum } = units;
  if (rule.kind === 'worse-by') {
    // Only what lies in [0, 1] has a difference that a ticket can name.
    if (measure.kind !== 'ratio' || !measure.bounded) return null;
    const half = rule.share / 2;
    return {
      values: sum.map((value, i) => value - half * (isCandidate[i] as number) * (n[i] as number)),
      bases: n,
      harm: (mean) => half / mean,
    };
  }
  if (rule.kind !== 'times') return null;
  const halfway = 1 + (rule.times - 1) / 2;
  let [cost, done] = [0, 0];
  for (let i = 0; i < n.length; i++) {
    if (isCandidate[i] === 1) continue;
    cost += sum[i] as number;
    done += hits[i] as number;
  }
  if (done === 0 || cost <= 0) return null;
  // A price that the control exceeds as well is not the candidate's doing.
  const allowed = halfway * Math.max(1, ((reference ?? 0) * done) / cost);
  return {
    values: sum.map((value, i) => (isCandidate[i] === 1 ? value / allowed : value)),
    bases: hits,
    harm: () => rule.times / halfway - 1,
  };
}

const sumOf = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

/** The variance of a residual of n calls is n (single + more (n - 1)), because calls of a unit depend on each other. Least squares. */
function varianceBySize(
  residuals: Float64Array,
  n: Float64Array,
): { readonly single: number; readonly more: number } {
  let [x, y, xx, xy] = [0, 0, 0, 0];
  for (let i = 0; i < n.length; i++) {
    const others = (n[i] as number) - 1;
    const square = (residuals[i] as number) ** 2 / (others + 1);
    x += others;
    y += square;
    xx += others * others;
    xy += others * square;
  }
  const count = n.length;
  const spread = count * xx - x * x;
  const more = spread > 0 ? Math.max(0, (count * xy - x * y) / spread) : 0;
  const single = (y - more * x) / count;
  // A slope that leaves nothing for one call is noise of few large units.
  return single > (0.1 * y) / count
    ? { single, more }
    : { single: y / count / 2, more: x > 0 ? y / 2 / x : 0 };
}
