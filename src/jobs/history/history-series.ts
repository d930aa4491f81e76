// Reads a suite's snapshots into one small table: passed and graded trials per case and snapshot. Never reads a payload.

import {
  type CaseExam,
  changedLayers,
  examDifferences,
  type HistoryPoint,
  type SeriesChange,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { wilson } from '../../stats/index.ts';

/** Graded trials of a case in a snapshot; none where it was asked and nothing could be graded. */
interface Cell {
  readonly passed: number;
  readonly trials: number;
}

export interface Series {
  /** Oldest first. */
  readonly summaries: readonly SnapshotSummary[];
  /** Case id → one cell a snapshot; null where the case was not asked under its newest exam, or the snapshot is invalid. */
  readonly cells: ReadonlyMap<string, readonly (Cell | null)[]>;
  readonly tags: ReadonlyMap<string, readonly string[]>;
}

/** All finished runs of a suite. One snapshot's numbers are in memory at a time. */
export async function readSeries(work: Pick<Workplace, 'store'>, suite: string): Promise<Series> {
  const newestFirst = (await work.store.list({ suite, purposes: ['run'] })).filter(
    (s) => s.state === 'finished',
  );
  const n = newestFirst.length;
  const cells = new Map<string, (Cell | null)[]>();
  const tags = new Map<string, readonly string[]>();
  const exams = new Map<string, CaseExam>();
  for (const [back, summary] of newestFirst.entries()) {
    if (summary.validity === 'invalid') continue;
    const results = await work.store.results(summary.id);
    for (const c of results.cases) {
      const reference = exams.get(c.id);
      if (reference === undefined) {
        exams.set(c.id, c.exam);
        tags.set(c.id, c.tags);
        cells.set(c.id, new Array<Cell | null>(n).fill(null));
      } else if (examDifferences(c.exam, reference).length > 0) continue;
      const row = cells.get(c.id);
      if (row !== undefined) row[n - 1 - back] = cellOf(c);
    }
  }
  return { summaries: [...newestFirst].reverse(), cells, tags };
}

function cellOf(c: SnapshotResults['cases'][number]): Cell {
  let passed = 0;
  let trials = 0;
  for (const t of c.trials) {
    if (t.pass === null) continue;
    trials++;
    if (t.pass) passed++;
  }
  return { passed, trials };
}

/** Mean pass rate of the cases in each snapshot; null where none of them was graded. */
export function ratesOfCases(series: Series, ids: readonly string[]): (number | null)[] {
  return series.summaries.map((_, at) => {
    let sum = 0;
    let known = 0;
    for (const id of ids) {
      const cell = series.cells.get(id)?.[at];
      if (cell === null || cell === undefined || cell.trials === 0) continue;
      sum += cell.passed / cell.trials;
      known++;
    }
    return known === 0 ? null : sum / known;
  });
}

/** Which cases a series can be made of, and which of its runs are runs of something else. */
export interface CommonCases {
  readonly ids: readonly string[];
  /** One entry a snapshot. */
  readonly subset: readonly boolean[];
}

/**
 * The cases that the runs have in common, from the newest back. A run with fewer than half of the cases of the largest one, or that would
 * leave the others fewer in common, is a subset run: joined with the others, its other cases would look like a change of behaviour.
 */
export function commonCases(series: Series, all: readonly string[]): CommonCases {
  const asked = (id: string, at: number): boolean => (series.cells.get(id)?.[at] ?? null) !== null;
  const counts = series.summaries.map((_, at) => all.filter((id) => asked(id, at)).length);
  const least = Math.max(...counts, 0) / 2;
  const subset = counts.map(() => false);
  let ids = all;
  for (let at = counts.length - 1; at >= 0; at--) {
    if (counts[at] === 0) continue;
    const shared = ids.filter((id) => asked(id, at));
    if (shared.length < least) subset[at] = true;
    else ids = shared;
  }
  return { ids, subset };
}

/** The series as if its subset runs had measured nothing. */
export function withoutSubsets(series: Series, subset: readonly boolean[]): Series {
  const cells = [...series.cells].map(
    ([id, row]) => [id, row.map((cell, at) => (subset[at] === true ? null : cell))] as const,
  );
  return { ...series, cells: new Map(cells) };
}

/** One point a snapshot. */
export function pointsOf(series: Series, { ids, subset }: CommonCases): HistoryPoint[] {
  const rates = ratesOfCases(series, ids);
  return series.summaries.map((s, at) => {
    let passed = 0;
    let trials = 0;
    let cases = 0;
    for (const id of ids) {
      const cell = series.cells.get(id)?.[at];
      if (cell === null || cell === undefined || cell.trials === 0) continue;
      passed += cell.passed;
      trials += cell.trials;
      cases++;
    }
    const interval = wilson(passed, trials, 0.95);
    return {
      snapshot: s.id,
      at: s.startedAt,
      release: s.release,
      fingerprint: s.fingerprint,
      validity: s.validity,
      passRate: rates[at] ?? null,
      interval: interval === null ? null : [interval.lower, interval.upper],
      passed,
      trials,
      cases,
      subset: subset[at] === true,
    };
  });
}

/** Trials of each case over a stretch of the series, as strata for the exact test. */
export function strataBetween(
  series: Series,
  ids: readonly string[],
  before: readonly [number, number],
  after: readonly [number, number],
): { xA: number; kA: number; xB: number; kB: number }[] {
  const sum = (row: readonly (Cell | null)[], [from, to]: readonly [number, number]): Cell => {
    let passed = 0;
    let trials = 0;
    for (let i = from; i < to; i++) {
      const cell = row[i];
      if (cell === null || cell === undefined) continue;
      passed += cell.passed;
      trials += cell.trials;
    }
    return { passed, trials };
  };
  return ids.flatMap((id) => {
    const row = series.cells.get(id);
    if (row === undefined) return [];
    const a = sum(row, before);
    const b = sum(row, after);
    return a.trials === 0 || b.trials === 0
      ? []
      : [{ xA: a.passed, kA: a.trials, xB: b.passed, kB: b.trials }];
  });
}

/** What changed in the configuration from each snapshot to the next. Invalid snapshots and runs of a part of the suite are skipped. */
export function changesOf(
  summaries: readonly SnapshotSummary[],
  subset: readonly boolean[] = [],
): SeriesChange[] {
  const changes: SeriesChange[] = [];
  let before: SnapshotSummary | undefined;
  for (const [index, s] of summaries.entries()) {
    if (s.validity === 'invalid' || subset[index] === true) continue;
    if (before !== undefined) {
      const change = changeBetween(before, s, index);
      if (change !== null) changes.push(change);
    }
    before = s;
  }
  return changes;
}

/** null when neither the configuration nor anything the provider disclosed differs. */
export function changeBetween(
  before: SnapshotSummary,
  after: SnapshotSummary,
  index: number,
): SeriesChange | null {
  const layersChanged = changedLayers(before, after);
  const servedModels = disclosedChange(before.servedModels, after.servedModels);
  const systemFingerprints = disclosedChange(before.systemFingerprints, after.systemFingerprints);
  const examChanged = before.exam !== after.exam;
  if (layersChanged.length === 0 && servedModels === null && systemFingerprints === null && !examChanged)
    return null;
  return {
    index,
    snapshot: after.id,
    at: after.startedAt,
    layersChanged,
    release:
      before.fingerprint === after.fingerprint ? null : { before: before.release, after: after.release },
    servedModels,
    systemFingerprints,
    examChanged,
  };
}

/** "Not disclosed" is no change: only disclosed values are compared, and only where both sides disclose some. */
function disclosedChange(
  before: readonly (string | null)[],
  after: readonly (string | null)[],
): { before: string[]; after: string[] } | null {
  const a = [...new Set(before.filter((v) => v !== null))].sort();
  const b = [...new Set(after.filter((v) => v !== null))].sort();
  if (a.length === 0 || b.length === 0 || a.join('\n') === b.join('\n')) return null;
  return { before: a, after: b };
}
