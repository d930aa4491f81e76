// The runs that a night is judged with, reduced to passes and trials per case: all that the charts need of them.

import { type CaseExam, examDifferences } from '../core/exam.ts';
import type { Policy } from '../core/policy.ts';
import type { SnapshotResults } from '../core/snapshot.ts';
import { tallyOf } from './arm.ts';
import { byId } from './pairing.ts';

/** A case of the suite as the charts see it. */
export interface ChartCase {
  readonly id: string;
  readonly exam: CaseExam;
}

/** One run without its answers: a few numbers a case, so that a hundred nights fit in memory. */
export interface TalliedRun {
  readonly id: string;
  readonly fingerprint: string;
  /** When it started, in days. */
  readonly at: number;
  /** Cases with a graded trial, sorted by id. */
  readonly cases: readonly ChartCase[];
  /** Passes and trials of each case. */
  readonly counts: Counts;
  /** Equal for runs of the same cases under the same exam. */
  readonly key: string;
}

export interface Counts {
  readonly passed: Float64Array;
  readonly graded: Float64Array;
  /** Passes divided by trials, and 1 divided by trials; 0 where there is no trial. */
  readonly rate: Float64Array;
  readonly inverse: Float64Array;
  /** Does every case have a trial? */
  readonly complete: boolean;
}

/** A usable night before tonight that was no part of an alarm. */
export interface EarlierNight {
  /** Its place among the usable nights of this baseline, from 1. */
  readonly number: number;
  /** Green, so that it may join the baseline's pool (default true). */
  readonly clean?: boolean | undefined;
  /** The night's run, and the second one where it was run again. */
  readonly runs: readonly TalliedRun[];
}

const DAY_MS = 86_400_000;

function counted(passed: Float64Array, graded: Float64Array): Counts {
  return {
    passed,
    graded,
    rate: passed.map((x, i) => (graded[i]! > 0 ? x / graded[i]! : 0)),
    inverse: graded.map((k) => (k > 0 ? 1 / k : 0)),
    complete: graded.every((k) => k > 0),
  };
}

/** Equal for equal lists of cases. */
export function caseKey(cases: readonly ChartCase[]): string {
  return cases
    .map(({ id, exam }) =>
      [id, exam.contentHash, exam.gradersHash, exam.judge, exam.embedder, exam.graderCode].join('\u0000'),
    )
    .join('\u0001');
}

/** The same results give the same tallies; a bench and a job ask for them again and again. */
const tallied = new WeakMap<SnapshotResults, { appError: Policy['appError']; run: TalliedRun }>();

export function tallyRun(results: SnapshotResults, appError: Policy['appError']): TalliedRun {
  const known = tallied.get(results);
  if (known?.appError === appError) return known.run;
  const rows = results.cases
    .map((c) => ({ c, tally: tallyOf(c, appError) }))
    .filter(({ tally }) => tally.graded > 0)
    .sort((a, b) => byId(a.c, b.c));
  const cases = rows.map(({ c }) => ({ id: c.id, exam: c.exam }));
  const { id, fingerprint, startedAt } = results.summary;
  const run = {
    id,
    fingerprint,
    at: Date.parse(startedAt) / DAY_MS,
    cases,
    counts: counted(
      Float64Array.from(rows, ({ tally }) => tally.passed),
      Float64Array.from(rows, ({ tally }) => tally.graded),
    ),
    key: caseKey(cases),
  };
  tallied.set(results, { appError, run });
  return run;
}

/** A run's counts in the order of these cases, sorted by id; 0 trials = absent, or under another exam. */
export function countsOf(run: TalliedRun, cases: readonly ChartCase[], key: string): Counts {
  if (run.key === key) return run.counts;
  const passed = new Float64Array(cases.length);
  const graded = new Float64Array(cases.length);
  let at = 0;
  for (const [i, { id, exam }] of cases.entries()) {
    while (at < run.cases.length && (run.cases[at]?.id ?? '') < id) at++;
    const found = run.cases[at];
    if (found?.id !== id || examDifferences(found.exam, exam).length > 0) continue;
    passed[i] = run.counts.passed[at]!;
    graded[i] = run.counts.graded[at]!;
  }
  return counted(passed, graded);
}
