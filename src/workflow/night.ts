// One scheduled night: run, compare with the pinned baseline pool, and alarm only on what a fresh second run confirms.

import { compareSnapshots } from '../compare/index.ts';
import { type Comparison, resolvePolicy, type SnapshotResults, type SnapshotSummary } from '../core/index.ts';
import type { Assignment } from './assignment.ts';
import { withExamples } from './compare-stored.ts';
import { type RunSettings, runSuite } from './run-suite.ts';
import type { Workplace } from './workplace.ts';

/** A night this unusual is run again at once. */
const SUSPICION = 0.05;
/** What the fresh second run must reach: the level that keeps 90 unchanged nights quiet. */
const CONFIRMATION = 0.003;

export interface Night {
  readonly summary: SnapshotSummary;
  /** Against the baseline; null on the night before there is one. */
  readonly comparison: Comparison | null;
  /** The fresh second run, where the first looked bad. */
  readonly rerun: { readonly summary: SnapshotSummary; readonly comparison: Comparison } | null;
  /** Both runs say so. */
  readonly alarm: boolean;
}

/** Runs one night. `pool` holds further clean snapshots of the baseline's fingerprint. */
export async function runNight(
  work: Workplace,
  assignment: Assignment,
  baseline: SnapshotResults | null,
  pool: readonly SnapshotResults[],
  settings: RunSettings = {},
): Promise<Night> {
  const policy = resolvePolicy(assignment.suite.policy);
  const look = async (): Promise<{ summary: SnapshotSummary; comparison: Comparison | null }> => {
    const { summary } = await runSuite(work, assignment, settings);
    if (baseline === null) return { summary, comparison: null };
    const results = await work.store.results(summary.id);
    const compared = compareSnapshots(baseline, results, {
      policy: { ...policy, alphaAggregate: CONFIRMATION },
      pool,
    });
    return { summary, comparison: await withExamples(work.store, compared, baseline, results) };
  };
  const first = await look();
  const p = first.comparison?.overall.pRegression ?? 1;
  if (p > SUSPICION && first.comparison?.verdict !== 'regressed')
    return { ...first, rerun: null, alarm: false };
  const second = await look();
  if (second.comparison === null) return { ...first, rerun: null, alarm: false };
  return {
    ...first,
    rerun: { summary: second.summary, comparison: second.comparison },
    alarm: second.comparison.verdict === 'regressed',
  };
}
