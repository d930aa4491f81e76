// The cases that a change adds or edits: run under the branch's own exam, held to their floors, not part of the verdict.

import { type CaseResult, type FirstRunCase, resolvePolicy, type Suite } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { type RunSettings, runSuite } from '../../engine/arms/run-suite.ts';
import type { Spending } from '../../engine/arms/spending.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { RunReport, StopCause } from '../../run/index.ts';
import { firstRunCases } from './check-suite.ts';

/** What an edit replaced, by case id. */
export type Replaced = ReadonlyMap<string, Pick<CaseResult, 'minPassRate' | 'critical'>>;

export interface FirstRunPlan {
  /** The branch's suite with these cases only. */
  readonly assignment: Assignment;
  readonly replaced: Replaced;
  readonly settings: RunSettings;
  readonly spending: Spending;
}

export interface FirstRunResult {
  readonly snapshot: string | null;
  readonly cases: readonly FirstRunCase[];
  readonly calls: number;
  /** null = unknown. */
  readonly costUsd: number | null;
  readonly stoppedBy: StopCause | null;
  /** Why no further call could have succeeded. */
  readonly fatal: string | null;
}

/** The cases of a suite as an edit finds them. */
export function replacedBy(suite: Suite): Replaced {
  return new Map(suite.cases.map(({ id, minPassRate, critical }) => [id, { minPassRate, critical }]));
}

/** Runs them within what is left of the limits. Where nothing is left they stay open, never green. */
export async function runFirst(work: Workplace, plan: FirstRunPlan): Promise<FirstRunResult> {
  const { assignment, replaced, spending, settings } = plan;
  const policy = resolvePolicy(assignment.suite.policy);
  if (spending.callsLeft === 0 || spending.costLeftUsd === 0 || work.signal.aborted)
    return {
      snapshot: null,
      cases: firstRunCases(
        { cases: assignment.suite.cases.filter((c) => c.graders.length > 0).map(notRun) },
        policy,
        replaced,
      ),
      calls: 0,
      costUsd: 0,
      stoppedBy: work.signal.aborted ? 'cancelled' : null,
      fatal: null,
    };
  const { summary, report } = await runSuite(work, assignment, {
    ...settings,
    ...spending.limitsOf(settings),
    purpose: 'compare',
    labels: { ...settings.labels, exam: 'branch' },
  });
  spending.add(report);
  const results = await work.store.results(summary.id);
  return { snapshot: summary.id, cases: firstRunCases(results, policy, replaced), ...spent(report) };
}

function spent({
  calls,
  costUsd,
  stoppedBy,
  fatal,
}: RunReport): Pick<FirstRunResult, 'calls' | 'costUsd' | 'stoppedBy' | 'fatal'> {
  return { calls, costUsd, stoppedBy, fatal: fatal?.message ?? null };
}

function notRun(c: Suite['cases'] extends Iterable<infer C> ? C : never): CaseResult {
  const { id, tags, group, critical, minPassRate, contentHash, gradersHash, trials } = c;
  return {
    id,
    tags,
    group,
    critical,
    minPassRate,
    exam: { contentHash, gradersHash, judge: null, embedder: null, graderCode: 0 },
    plannedTrials: trials,
    trials: [],
  };
}
