// One scheduled night: run, compare with the pinned baseline pool, and gather the fresh evidence an alarm needs.

import { compareSnapshots } from '../../compare/index.ts';
import { decideNight, NIGHT_LEVELS, type NightDecision } from '../../compare/nights.ts';
import {
  type Comparison,
  examDifferences,
  type Policy,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import { answerVectors } from '../compare/answer-vectors.ts';
import { withExamples } from '../compare/compare-stored.ts';
import { onlyCases } from '../rollback/rollback-suite.ts';
import { remaining, type Spent } from '../rollback/verify-candidate.ts';
import type { Assignment } from '../run/assignment.ts';
import { type RunResult, type RunSettings, runSuite } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';

export interface Night {
  readonly summary: SnapshotSummary;
  /** Against the baseline; null on the night before there is one. */
  readonly comparison: Comparison | null;
  /** The fresh second run, where the first looked bad. */
  readonly rerun: { readonly summary: SnapshotSummary; readonly comparison: Comparison } | null;
  /** Snapshots with the fresh trials of single cases. */
  readonly fresh: readonly SnapshotSummary[];
  /** null on the night before there is a baseline. */
  readonly decision: NightDecision | null;
  readonly alarm: boolean;
  /** Everything the night cost, and why any of its runs ended early. */
  readonly spent: Spent;
}

/** What came before tonight, for the windows; without it tonight stands alone. */
export interface NightContext {
  /** Usable nights of the same fingerprint since the baseline, oldest first; as many as `nightsNeeded` asks for, less tonight. */
  readonly earlier: readonly SnapshotResults[];
  /** Tonight's number among them, from 1. */
  readonly number: number;
  /** Give cases that look worse fresh trials. */
  readonly confirmCases: boolean;
  /** Run a suspicious night a second time (default true); pointless while an alarm is open already. */
  readonly rerun?: boolean | undefined;
}

const ALONE: NightContext = { earlier: [], number: 1, confirmCases: false };

/** Runs one night. `pool` holds further clean snapshots of the baseline's fingerprint. */
export async function runNight(
  work: Workplace,
  assignment: Assignment,
  baseline: SnapshotResults | null,
  pool: readonly SnapshotResults[],
  settings: RunSettings = {},
  context: NightContext = ALONE,
): Promise<Night> {
  const policy = nightPolicy(resolvePolicy(assignment.suite.policy));
  const ledger = new NightLedger(settings);
  const first = await ledger.run(work, assignment, { ...settings, ...labelled(settings, 'night') });
  const { summary } = first;
  const done = { summary, comparison: null, rerun: null, fresh: [], decision: null, alarm: false };
  if (baseline === null) return { ...done, spent: ledger.spent };

  const tonight = await work.store.results(summary.id);
  const nights = [...context.earlier, tonight];
  const evidence = {
    baseline,
    pool,
    nights,
    number: context.number,
    policy,
    examineCases: context.confirmCases,
  };
  let rerun: SnapshotResults | undefined;
  const fresh: SnapshotResults[] = [];
  let decision = settle(decideNight(evidence), context);
  // Each turn of the loop runs something that was wanted; a case is wanted at most twice and the suite once.
  while (ledger.spent.stoppedBy === null && (decision.wanted.rerun || decision.wanted.cases.length > 0)) {
    const left = remaining(settings, ledger.spent);
    if (left === null) break;
    if (decision.wanted.rerun) {
      const again = await ledger.run(work, assignment, { ...left, ...labelled(settings, 'rerun') });
      rerun = await work.store.results(again.summary.id);
    } else {
      const suite = onlyCases(assignment.suite, decision.wanted.cases, NIGHT_LEVELS.caseTrials);
      const confirm = await ledger.run(
        work,
        { ...assignment, suite },
        {
          ...left,
          trials: undefined,
          purpose: 'confirmation',
          labels: { ...settings.labels, nightly: 'cases', confirms: summary.id },
        },
      );
      fresh.push(await work.store.results(confirm.summary.id));
    }
    decision = settle(decideNight({ ...evidence, rerun, fresh: fresh.flatMap((f) => f.cases) }), context);
  }

  const compare = async (candidate: SnapshotResults): Promise<Comparison> => {
    const compared = compareSnapshots(baseline, candidate, {
      policy,
      pool,
      vectors: await answerVectors(work.store, baseline, candidate, policy),
      ...(fresh.length === 0 ? {} : { confirmation: { baseline: [], candidate: mergeFresh(fresh) } }),
      callsSpent: ledger.spent.calls,
    });
    return withExamples(work.store, compared, baseline, candidate);
  };
  return {
    summary,
    comparison: await compare(tonight),
    rerun: rerun === undefined ? null : { summary: rerun.summary, comparison: await compare(rerun) },
    fresh: fresh.map((f) => f.summary),
    decision,
    alarm: decision.outcome === 'alarm',
    spent: ledger.spent,
  };
}

/** Comparisons printed for a night use the levels its decision uses, so that the two never contradict each other. */
function nightPolicy(policy: Policy): Policy {
  return { ...policy, alphaAggregate: NIGHT_LEVELS.rerun, alphaCase: NIGHT_LEVELS.caseAlarm };
}

function labelled(settings: RunSettings, nightly: string): Pick<RunSettings, 'labels'> {
  return { labels: { ...settings.labels, nightly } };
}

/** The decision without the second run, where none is to be made. */
function settle(decision: NightDecision, context: NightContext): NightDecision {
  if (context.rerun !== false) return decision;
  return { ...decision, wanted: { ...decision.wanted, rerun: false } };
}

/** Several helpings of fresh trials of the same cases as one. */
function mergeFresh(runs: readonly SnapshotResults[]): SnapshotResults['cases'] {
  const byId = new Map<string, SnapshotResults['cases'][number]>();
  for (const c of runs.flatMap((r) => r.cases)) {
    const before = byId.get(c.id);
    if (before === undefined) byId.set(c.id, c);
    else if (examDifferences(before.exam, c.exam).length === 0)
      byId.set(c.id, {
        ...before,
        plannedTrials: before.plannedTrials + c.plannedTrials,
        trials: [...before.trials, ...c.trials],
      });
  }
  return [...byId.values()];
}

/** Adds up what the runs of a night cost. */
class NightLedger {
  spent: Spent = { calls: 0, knownCostUsd: 0, stoppedBy: null, fatal: null };
  readonly #settings: RunSettings;

  constructor(settings: RunSettings) {
    this.#settings = settings;
  }

  async run(work: Workplace, assignment: Assignment, settings: RunSettings): Promise<RunResult> {
    const result = await runSuite(work, assignment, { ...this.#settings, ...settings });
    const { calls, knownCostUsd, stoppedBy, fatal } = result.report;
    this.spent = {
      calls: this.spent.calls + calls,
      knownCostUsd: this.spent.knownCostUsd + knownCostUsd,
      stoppedBy: stoppedBy ?? this.spent.stoppedBy,
      fatal: fatal ?? this.spent.fatal,
    };
    return result;
  }
}
