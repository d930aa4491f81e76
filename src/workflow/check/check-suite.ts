// One suite of a check: run it, give fresh trials to the cases that look worse, compare with the stored baseline.

import { type CompareOptions, compareSnapshots, flagCases } from '../../compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  type FirstRunCase,
  type JudgedRung,
  type Policy,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { RunReport, StopCause } from '../../run/index.ts';
import { answerVectors } from '../compare/answer-vectors.ts';
import { TIERS } from '../compare/compare-plan.ts';
import { withExamples } from '../compare/compare-stored.ts';
import { isDecided, suspects } from '../compare/ladder.ts';
import { judgedAs, rungsLeft, type Standing, withMultiplicity } from '../compare/multiplicity.ts';
import { joined, type TakenOver } from '../compare/taken-over.ts';
import type { Assignment } from '../run/assignment.ts';
import { type RunResult, type RunSettings, runSuite } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { CandidateRun } from './candidate-run.ts';
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
  /** Would the ladder go on with it? */
  readonly rungsLeft: boolean;
  readonly firstRun: readonly FirstRunCase[];
}

/** What one suite's check is told. */
export interface SuitePlan {
  /** undefined = the whole suite. */
  readonly ids: ReadonlySet<string> | undefined;
  readonly tier: Policy['tier'];
  readonly standing: Standing;
  /** Trials of an earlier check that this one goes on with. */
  readonly reuse: TakenOver | null;
  readonly settings: RunSettings;
  readonly purse: Purse;
}

/** Runs the cases in scope and compares them, rung by rung. */
export async function runAndCompare(
  work: Workplace,
  assignment: Assignment,
  baseline: FoundBaseline,
  plan: SuitePlan,
): Promise<SuiteRun> {
  const { store } = work;
  const policy = resolvePolicy(assignment.suite.policy);
  const stored = resultsOf(await store.results(baseline.summary.id), plan.ids);
  const pool: SnapshotResults[] = [];
  for (const id of baseline.pool) pool.push(resultsOf(await store.results(id), plan.ids));
  const reports: RunReport[] = [];
  const judged: JudgedRung[] = [];
  const fresh: CaseResult[] = [...(plan.reuse?.fresh.candidate ?? [])];
  let suspected: readonly string[] = plan.reuse?.suspects ?? [];
  let confirmation: SnapshotSummary | null = null;
  const keep = async (c: Comparison): Promise<void> => {
    if (c.verdict === 'invalid') return;
    await store.keepRecord({
      kind: 'comparison',
      suite: c.suite,
      at: work.clock.now().toISOString(),
      body: c as never,
    });
  };

  const run = await CandidateRun.open(work, assignment, { ...plan.settings, purpose: 'compare' }, plan.reuse);
  try {
    for (const [i, rung] of plan.standing.rungs.entries()) {
      const report = await run.runTo(rung.trials, limitsLeft(plan.purse, plan.settings));
      spend(plan.purse, report);
      reports.push(report);
      const last = i === plan.standing.rungs.length - 1 || report.stoppedBy !== null;
      let summary = last ? await run.close(policy, null) : null;
      const seen = last ? await store.results((summary as SnapshotSummary).id) : await run.results(policy);
      const options = {
        policy: rung.policy,
        pool,
        tier: plan.tier === 'ladder' ? `ladder, ${rung.tier}` : rung.tier,
      };
      const confirming = report.stoppedBy === null && canConfirm(assignment.release);
      const second = confirming ? await confirm(seen, options) : null;
      const compared = async (results: SnapshotResults): Promise<Comparison> =>
        compareSnapshots(stored, results, {
          ...options,
          vectors: await answerVectors(store, stored, results, policy),
          callsSpent: reports.reduce((n, r) => n + r.calls, 0),
          ...(confirming ? { confirmation: { baseline: [], candidate: joined([fresh]) } } : {}),
        });
      let comparison = await compared(seen);
      judged.push(
        judgedAs(rung, comparison, second === null ? null : { baseline: null, candidate: second.summary.id }),
      );
      suspected = suspects(comparison);
      const stoppedBy = report.stoppedBy ?? second?.report.stoppedBy ?? null;
      const decided = isFirstRun(plan, comparison) ? rung.trials >= TIERS.std.trials : isDecided(comparison);
      const next = plan.standing.rungs[i + 1];
      const room = next === undefined || affords(plan.purse, run.needed(next.trials));
      if (!last && stoppedBy === null && !decided && room) {
        await keep(withMultiplicity(comparison, plan.standing, judged, policy));
        continue;
      }
      if (summary === null) {
        summary = await run.close(policy, decided ? 'decided' : 'stopped by a limit');
        comparison = await compared(await store.results(summary.id));
      }
      const told = withMultiplicity(comparison, plan.standing, judged, policy);
      const whole = await withExamples(store, told, stored, seen);
      await keep(whole);
      const costs = reports.map((r) => r.costUsd);
      return {
        summary,
        confirmation,
        stoppedBy: stoppedBy ?? (decided || last ? null : 'max-calls'),
        fatal: report.fatal?.message ?? second?.report.fatal?.message ?? null,
        calls: reports.reduce((n, r) => n + r.calls, 0),
        costUsd: costs.some((c) => c === null) ? null : costs.reduce<number>((sum, c) => sum + (c ?? 0), 0),
        comparison: whole,
        rungsLeft: rungsLeft(plan.standing, judged).length > 0,
        firstRun: isFirstRun(plan, whole) ? firstRunCases(seen) : [],
      };
    }
  } finally {
    await run.dispose();
  }
  throw new Error('a check has a last rung');

  /** Fresh trials of what looks worse and has none yet, and of what looks worse still. */
  async function confirm(seen: SnapshotResults, options: CompareOptions): Promise<RunResult | null> {
    const trials = TIERS.std.confirmTrials;
    const tested = new Set(fresh.map((c) => c.id));
    const flagged = suspectsOf(stored, seen, options).filter((id) => !tested.has(id));
    const wanted = [...new Set([...suspected, ...flagged])];
    const affordable = plan.purse.calls === undefined ? wanted.length : Math.floor(plan.purse.calls / trials);
    const chosen = new Set(wanted.slice(0, affordable));
    if (chosen.size === 0 || plan.purse.costUsd === 0) return null;
    const result = await runSuite(
      work,
      { ...assignment, suite: onlyCases(assignment.suite, chosen) },
      {
        ...plan.settings,
        ...limitsLeft(plan.purse, plan.settings),
        trials,
        purpose: 'confirmation',
        labels: { ...plan.settings.labels, confirms: seen.summary.id },
      },
    );
    spend(plan.purse, result.report);
    reports.push(result.report);
    fresh.push(...(await store.results(result.summary.id)).cases);
    confirmation = result.summary;
    return result;
  }
}

/** Only new or edited cases: there is nothing to compare them with. */
function isFirstRun(plan: SuitePlan, c: Comparison): boolean {
  return plan.ids !== undefined && c.coverage.paired === 0;
}

function affords(purse: Purse, calls: number): boolean {
  return (purse.calls === undefined || purse.calls >= calls) && purse.costUsd !== 0;
}

/** The cases the screen picks, and every critical one that looks worse: those decide alone, so none of them is left undecided by the cap. */
function suspectsOf(stored: SnapshotResults, fresh: SnapshotResults, options: CompareOptions): string[] {
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

function spend(purse: Purse, report: RunReport): void {
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
