// One scheduled night: run, compare with the pinned baseline pool, and gather the fresh evidence an alarm needs.

import {
  decideNight,
  type EarlierNight,
  NIGHT_LEVELS,
  type NightDecision,
} from '../../compare/decide-night.ts';
import { compareSnapshots } from '../../compare/index.ts';
import {
  type Comparison,
  examDifferences,
  type Policy,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { onlyCases } from '../../engine/arms/rollback-suite.ts';
import { durationText, type RunSettings } from '../../engine/arms/run-settings.ts';
import { remaining, type Spent } from '../../engine/arms/spending.ts';
import { answerVectors } from '../../engine/comparison/answer-vectors.ts';
import { withExamples } from '../../engine/comparison/compare-stored.ts';
import { DEFAULT_SERIES } from '../../engine/records/night-records.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { NightRuns, type OpenNight } from './night-runs.ts';

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
  /** A batch is not back: undecided, until the next command continues with it. */
  readonly waits: boolean;
  /** Everything the night cost, and why any of its runs ended early. */
  readonly spent: Spent;
}

/** A suspicious night is run again after a while: a second run in the same hour would share the hour's troubles. */
export interface ConfirmLater {
  readonly afterMs: number;
  /** Waits; ends early when the signal is given. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What came before tonight, for the charts; without it tonight stands alone. */
export interface NightContext {
  /** Usable nights of the same fingerprint since the baseline that were part of no incident, oldest first. */
  readonly earlier: readonly EarlierNight[];
  /** Tonight's number among them, from 1. */
  readonly number: number;
  /** Give cases that look worse fresh trials. */
  readonly confirmCases: boolean;
  /** Run a suspicious night a second time (default true); pointless while an alarm is open already. */
  readonly rerun?: boolean | undefined;
  readonly confirm?: ConfirmLater | undefined;
  /** Start the trials of the first run evenly over this long. A second run and fresh trials of single cases are made at once. */
  readonly spreadMs?: number | undefined;
  /** Keeps the nights of a suite apart that are watched for different things. */
  readonly series?: string | undefined;
  /** A night that is continued instead of a new one. */
  readonly open?: OpenNight | null | undefined;
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
  const ledger = new NightRuns(work, settings, context.series ?? DEFAULT_SERIES, context.open ?? null);
  const { summary } = await ledger.run(
    assignment,
    { ...settings, ...spreadOver(work, context.spreadMs, settings.labels) },
    'night',
  );
  const undecided = (): Night => ({
    ...{ summary, comparison: null, rerun: null, fresh: [], decision: null, alarm: false },
    ...{ waits: ledger.waits, spent: ledger.spent },
  });
  if (baseline === null || ledger.waits) return undecided();

  const tonight = await work.store.results(summary.id);
  const evidence = {
    baseline,
    pool,
    tonight,
    earlier: context.earlier,
    number: context.number,
    policy,
    examineCases: context.confirmCases,
  };
  let rerun: SnapshotResults | undefined;
  const fresh: SnapshotResults[] = [];
  let waited = false;
  let decision = settle(decideNight(evidence), context);
  // Each turn of the loop runs something that was wanted; a case is wanted at most twice and the suite once.
  while (ledger.spent.stoppedBy === null && (decision.wanted.rerun || decision.wanted.cases.length > 0)) {
    const left = remaining(settings, ledger.spent);
    if (left === null) break;
    const { wanted } = decision;
    const now = wanted.cases.filter((id) => !wanted.later.cases.includes(id));
    const again = wanted.rerun && (!wanted.later.rerun || (waited && now.length === 0));
    if (now.length === 0 && !again && !waited) {
      // What is wanted now is in; the rest must not be of the same hour.
      waited = true;
      // What was run already had its time.
      if (!ledger.hasLater && !(await waitToConfirm(work, context.confirm, summary.finishedAt))) {
        ledger.cancel();
        break;
      }
      continue;
    }
    if (again) {
      const second = await ledger.run(assignment, left, 'rerun');
      if (ledger.waits) return undecided();
      rerun = await work.store.results(second.summary.id);
    } else {
      const suite = onlyCases(assignment.suite, now.length > 0 ? now : wanted.cases, NIGHT_LEVELS.caseTrials);
      const fewer: RunSettings = { ...left, trials: undefined, purpose: 'confirmation' };
      const confirm = await ledger.run({ ...assignment, suite }, fewer, 'cases');
      if (ledger.waits) return undecided();
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
    waits: false,
    spent: ledger.spent,
  };
}

/** Settings of the first run of a spread night, and a warning that states how long the night lasts. */
function spreadOver(
  { progress, clock }: Pick<Workplace, 'progress' | 'clock'>,
  spreadMs: number | undefined,
  labels: RunSettings['labels'],
): Pick<RunSettings, 'labels' | 'spreadMs'> {
  if (spreadMs === undefined) return { labels };
  const until = new Date(clock.now().getTime() + spreadMs);
  progress.warn({
    code: 'NIGHT_SPREAD',
    message: `the trials of tonight are spread over ${durationText(spreadMs)}: the last one starts before ${until.toISOString()}`,
    hint: 'Ctrl-C ends the night undecided and keeps its answers; `lastgood run --resume ID` makes the rest of the trials at once',
  });
  return { labels: { ...labels, spread: durationText(spreadMs) }, spreadMs };
}

/** Waits as long as asked and says so; false = it was cut short. */
async function waitToConfirm(
  { clock, progress, signal }: Pick<Workplace, 'clock' | 'progress' | 'signal'>,
  confirm: ConfirmLater | undefined,
  since: string | null,
): Promise<boolean> {
  if (confirm === undefined || confirm.afterMs <= 0) return !signal.aborted;
  // A night that is continued may have waited long enough.
  const waitedMs = since === null ? 0 : Math.max(0, clock.now().getTime() - Date.parse(since));
  const afterMs = confirm.afterMs - waitedMs;
  if (afterMs <= 0) return !signal.aborted;
  const until = new Date(Date.now() + afterMs);
  progress.warn({
    code: 'NIGHT_WAITS',
    message: `tonight looks worse; it is run again at ${until.toISOString()}, in another hour of the provider`,
    hint: 'Ctrl-C ends the night undecided; --confirm-after 0s runs it again at once',
  });
  await confirm.wait(afterMs, signal);
  return !signal.aborted;
}

/** Comparisons printed for a night use the levels its decision uses, so that the two never contradict each other. */
function nightPolicy(policy: Policy): Policy {
  return { ...policy, alphaAggregate: NIGHT_LEVELS.rerun, alphaCase: NIGHT_LEVELS.caseAlarm };
}

/** The decision without the second run, where none is to be made. */
function settle(decision: NightDecision, context: NightContext): NightDecision {
  if (context.rerun !== false) return decision;
  const { wanted } = decision;
  return { ...decision, wanted: { ...wanted, rerun: false, later: { ...wanted.later, rerun: false } } };
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
