// Since when? The first snapshot of a series in which the regressed cases' pass rate fell and stayed down.

import { examDifferences } from '../core/exam.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { changePointL2, changePointPenalty } from '../stats/change-point.ts';
import { rateOf, tallyOf } from './arm.ts';

export interface Onset {
  /** Index in the series of the first bad snapshot. */
  readonly index: number;
  /** Index of the last snapshot known to be good, and of the first bad one: the change happened in between. */
  readonly interval: readonly [number, number];
  readonly method: 'change point' | 'first bad';
  /** Mean rate of the cases before and from the onset on. */
  readonly before: number;
  readonly after: number;
}

/** Usable snapshots from which a change-point search is worth more than looking for the first bad one. */
const MIN_POINTS = 6;

/**
 * Mean pass rate of the named cases in each snapshot, oldest first; null where it is not known (invalid snapshot, none of
 * the cases graded under the exam of the newest snapshot that has them).
 */
function ratesOver(
  series: readonly SnapshotResults[],
  caseIds: readonly string[],
  appError: Policy['appError'] = 'missing',
): (number | null)[] {
  const wanted = new Set(caseIds);
  const newest = new Map<string, CaseResult>();
  for (const snapshot of series)
    for (const result of snapshot.cases) if (wanted.has(result.id)) newest.set(result.id, result);
  return series.map((snapshot) => {
    if (snapshot.summary.validity === 'invalid') return null;
    let sum = 0;
    let known = 0;
    for (const result of snapshot.cases) {
      const reference = newest.get(result.id);
      if (reference === undefined || examDifferences(result.exam, reference.exam).length > 0) continue;
      const tallied = tallyOf(result, appError);
      if (tallied.graded === 0) continue;
      sum += rateOf(tallied);
      known += 1;
    }
    return known === 0 ? null : sum / known;
  });
}

/** The onset of a drop in the named cases over a series of snapshots, oldest first; null when they never were better than they are now. */
export function onsetOf(
  series: readonly SnapshotResults[],
  caseIds: readonly string[],
  appError: Policy['appError'] = 'missing',
): Onset | null {
  return onsetOfRates(ratesOver(series, caseIds, appError));
}

/** The onset in a series of rates; null entries are snapshots that tell nothing. */
export function onsetOfRates(rates: readonly (number | null)[]): Onset | null {
  const points = rates.flatMap((rate, index) => (rate === null ? [] : [{ rate, index }]));
  const values = points.map((point) => point.rate);
  const changed = values.length < MIN_POINTS ? null : byChangePoint(values);
  const start = changed ?? fallAndStay(values);
  if (start === null) return null;
  const first = points[start];
  const last = points[start - 1];
  if (first === undefined || last === undefined) return null;
  return {
    index: first.index,
    interval: [last.index, first.index],
    method: changed === null ? 'first bad' : 'change point',
    before: mean(values.slice(0, start)),
    after: mean(values.slice(start)),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Start of the run of segments, up to the end, that lie nearer to the final level than to the best one before. */
function byChangePoint(values: readonly number[]): number | null {
  const penalty = changePointPenalty(values);
  // A series without noise would be cut at every step; looking for the first bad value is exact there.
  if (penalty === 0) return null;
  const { changePoints } = changePointL2(values, { penalty, minSegment: 2 });
  const starts = [0, ...changePoints];
  const levels = starts.map((start, i) => mean(values.slice(start, starts[i + 1])));
  const at = fallAndStay(levels);
  return at === null ? null : (starts[at] ?? null);
}

/** Index of the first of the trailing levels at or below the midpoint of the best and the final level; null when nothing fell. */
function fallAndStay(levels: readonly number[]): number | null {
  const final = levels.at(-1);
  if (final === undefined) return null;
  const best = Math.max(...levels);
  if (best - final < 1e-9) return null;
  const midpoint = (best + final) / 2;
  let start = levels.length - 1;
  while (start > 0 && (levels[start - 1] ?? best) <= midpoint) start -= 1;
  return start === 0 ? null : start;
}
