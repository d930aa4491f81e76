// One suite of a check: run it, give fresh trials to the cases that look worse, compare with the stored baseline.

import { type CompareOptions, compareSnapshots, flagCases } from '../../compare/index.ts';
import {
  type Comparison,
  type FirstRunCase,
  type Policy,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { StopCause } from '../../run/index.ts';
import { answerVectors } from '../compare/answer-vectors.ts';
import { TIERS } from '../compare/compare-plan.ts';
import { withExamples } from '../compare/compare-stored.ts';
import type { Assignment } from '../run/assignment.ts';
import { type RunResult, type RunSettings, runSuite } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { onlyCases } from './changed.ts';
import { type FoundBaseline, resultsOf } from './check-baseline.ts';
import { canConfirm } from './check-estimate.ts';

/** What is left of the limits that hold for the whole check; undefined = no limit. */
export interface Purse {
  calls: number | undefined;
  costUsd: number | undefined;
}

export interface SuiteRun {
  readonly summary: SnapshotSummary;
  readonly confirmation: SnapshotSummary | null;
  readonly stoppedBy: StopCause | null;
  /** Why no further call could have succeeded. */
  readonly fatal: string | null;
  readonly calls: number;
  /** null = unknown. */
  readonly costUsd: number | null;
  readonly comparison: Comparison;
  readonly firstRun: readonly FirstRunCase[];
}

/** Runs the cases in scope and compares them. `ids` undefined = the whole suite. */
export async function runAndCompare(
  work: Workplace,
  assignment: Assignment,
  baseline: FoundBaseline,
  plan: {
    readonly ids: ReadonlySet<string> | undefined;
    readonly tier: Policy['tier'];
    readonly settings: RunSettings;
    readonly purse: Purse;
  },
): Promise<SuiteRun> {
  const { store } = work;
  const policy = resolvePolicy(assignment.suite.policy);
  const spent: RunResult[] = [];
  const run = async (what: Assignment, settings: RunSettings): Promise<RunResult> => {
    const result = await runSuite(work, what, { ...settings, ...limitsLeft(plan.purse, plan.settings) });
    spend(plan.purse, result);
    spent.push(result);
    return result;
  };

  const first = await run(assignment, { ...plan.settings, purpose: 'compare' });
  const fresh = await store.results(first.summary.id);
  const stored = resultsOf(await store.results(baseline.summary.id), plan.ids);
  const pool: SnapshotResults[] = [];
  for (const id of baseline.pool) pool.push(resultsOf(await store.results(id), plan.ids));

  const options = { policy, pool, tier: plan.tier };
  const confirming = first.report.stoppedBy === null && canConfirm(assignment.release);
  const flagged = confirming ? suspects(stored, fresh, options) : [];
  const second = flagged.length === 0 ? null : await confirm(flagged);
  const confirmed = second === null ? [] : (await store.results(second.summary.id)).cases;
  const comparison = compareSnapshots(stored, fresh, {
    ...options,
    vectors: await answerVectors(store, stored, fresh, policy),
    callsSpent: spent.reduce((n, r) => n + r.report.calls, 0),
    ...(confirming ? { confirmation: { baseline: [], candidate: confirmed } } : {}),
  });
  const costs = spent.map((r) => r.report.costUsd);
  return {
    summary: first.summary,
    confirmation: second?.summary ?? null,
    stoppedBy: first.report.stoppedBy ?? second?.report.stoppedBy ?? null,
    fatal: first.report.fatal?.message ?? second?.report.fatal?.message ?? null,
    calls: spent.reduce((n, r) => n + r.report.calls, 0),
    costUsd: costs.some((c) => c === null) ? null : costs.reduce<number>((sum, c) => sum + (c ?? 0), 0),
    comparison: await withExamples(store, comparison, stored, fresh),
    firstRun: plan.ids !== undefined && comparison.coverage.paired === 0 ? firstRunCases(fresh) : [],
  };

  function confirm(ids: readonly string[]): Promise<RunResult | null> {
    const trials = TIERS[plan.tier].confirmTrials;
    const affordable = plan.purse.calls === undefined ? ids.length : Math.floor(plan.purse.calls / trials);
    const chosen = new Set(ids.slice(0, affordable));
    if (chosen.size === 0 || plan.purse.costUsd === 0) return Promise.resolve(null);
    return run(
      { ...assignment, suite: onlyCases(assignment.suite, chosen) },
      {
        ...plan.settings,
        trials,
        purpose: 'confirmation',
        labels: { ...plan.settings.labels, confirms: first.summary.id },
      },
    );
  }
}

/** The cases the screen picks, and every critical one that looks worse: those decide alone, so none of them is left undecided by the cap. */
function suspects(stored: SnapshotResults, fresh: SnapshotResults, options: CompareOptions): string[] {
  const { flagged } = flagCases(stored, fresh, options);
  const looked = compareSnapshots(stored, fresh, { ...options, replicates: 99 });
  const critical = looked.cases
    .filter((d) => d.critical && 'delta' in d && d.delta < 0 && d.evidence === 'suspected')
    .map((d) => d.id);
  return [...new Set([...critical, ...flagged])];
}

function limitsLeft(purse: Purse, settings: RunSettings): Pick<RunSettings, 'maxCalls' | 'maxCostUsd'> {
  return { maxCalls: purse.calls ?? settings.maxCalls, maxCostUsd: purse.costUsd ?? settings.maxCostUsd };
}

function spend(purse: Purse, { report }: RunResult): void {
  if (purse.calls !== undefined) purse.calls = Math.max(0, purse.calls - report.calls);
  if (purse.costUsd !== undefined) purse.costUsd = Math.max(0, purse.costUsd - report.knownCostUsd);
}

/** Without a floor of its own a new case has to pass more often than not: one that never passes teaches nothing. */
const FIRST_RUN_FLOOR = 0.5;

function firstRunCases(fresh: SnapshotResults): FirstRunCase[] {
  return fresh.cases.map((c): FirstRunCase => {
    const graded = c.trials.filter((t) => t.pass !== null);
    const passed = graded.filter((t) => t.pass).length;
    const floor = c.minPassRate ?? FIRST_RUN_FLOOR;
    const reached = graded.length > 0 && passed / graded.length >= floor - 1e-9;
    const missed = graded.length > 0 && c.minPassRate !== null ? 'fail' : 'inconclusive';
    return { id: c.id, passed, trials: graded.length, floor, outcome: reached ? 'pass' : missed };
  });
}
