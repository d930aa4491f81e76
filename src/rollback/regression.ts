// The regression a rollback must cure: which cases, and what their trials look like on both sides.

import type { CaseResult, Comparison, SnapshotResults } from '../core/index.ts';

/** Passed and graded trials of one case. */
export interface PassCounts {
  readonly passed: number;
  readonly trials: number;
}

/** Counts only graded trials: a failed measurement is no evidence either way. */
export function tally(result: CaseResult | undefined): PassCounts {
  let passed = 0;
  let trials = 0;
  for (const t of result?.trials ?? []) {
    if (t.pass === null) continue;
    trials++;
    if (t.pass) passed++;
  }
  return { passed, trials };
}

/** Cases of a snapshot by id. */
export function byId(snapshot: SnapshotResults): ReadonlyMap<string, CaseResult> {
  return new Map(snapshot.cases.map((c) => [c.id, c]));
}

/**
 * The cases to be cured, worst first. Those with the verdict `regressed`; where the drop is spread so thinly that no single
 * case carries it, every case that passed less often than in the baseline.
 */
export function regressedCases(comparison: Comparison): string[] {
  const paired = comparison.cases.filter((c) => 'delta' in c);
  const worstFirst = (a: { delta: number; id: string }, b: { delta: number; id: string }): number =>
    a.delta - b.delta || (a.id < b.id ? -1 : 1);
  const listed = paired.filter((c) => c.verdict === 'regressed').sort(worstFirst);
  if (listed.length > 0) return listed.map((c) => c.id);
  return paired
    .filter((c) => c.delta < 0)
    .sort(worstFirst)
    .map((c) => c.id);
}
