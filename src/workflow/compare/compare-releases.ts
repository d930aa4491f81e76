// Compare two releases by running both, interleaved, in one session: rounds with early looks, fresh trials for the cases that
// look worse, and one comparison over it all. Both arms and the fresh trials are snapshots like any other.

import { type Confirmation, compareSnapshots, flagCases } from '../../compare/index.ts';
import {
  type Comparison,
  type Finding,
  newSnapshotId,
  type SnapshotPurpose,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import { interleaveJobs, type Job, judgeValidity, type RunReport } from '../../run/index.ts';
import { withCases, withTrials } from '../../suite/index.ts';
import { withVotes } from '../judge/judge-examiners.ts';
import { judgingFindings } from '../judge/judge-outputs.ts';
import type { Assignment } from '../run/assignment.ts';
import { type Arm, closeArm, openSnapshot, runArms } from '../run/run-suite.ts';
import { Spending } from '../run/spending.ts';
import type { Workplace } from '../workplace.ts';
import { answerVectors } from './answer-vectors.ts';
import { type ComparePlan, looksAfter, policyAfterLooks, stopsEarly, TIERS } from './compare-plan.ts';
import {
  ARMS,
  type ArmName,
  type Both,
  both,
  type CompareInput,
  closeSession,
  jobsOf,
  openSession,
  planOf,
  preflightBoth,
  type Session,
} from './compare-session.ts';
import { withExamples } from './compare-stored.ts';

export type StoppedBy = RunReport['stoppedBy'];

export type CompareResult =
  | { readonly kind: 'plan'; readonly plan: ComparePlan }
  | {
      readonly kind: 'compared';
      readonly plan: ComparePlan;
      readonly baseline: SnapshotSummary;
      readonly candidate: SnapshotSummary;
      /** null when the run was interrupted before its last round, or no further call could succeed. */
      readonly comparison: Comparison | null;
      readonly stoppedBy: StoppedBy;
      readonly next: string;
    };

/** Runs the comparison. Throws only on wrong input or when the work could not be done; whatever the models do is a result. */
export async function compareReleases(work: Workplace, input: CompareInput): Promise<CompareResult> {
  const session = await openSession(work, input);
  try {
    const plan = planOf(session);
    input.onPlan(plan);
    return input.dryRun ? { kind: 'plan', plan } : await run(session, plan);
  } finally {
    await closeSession(session);
  }
}

async function run(session: Session, plan: ComparePlan): Promise<CompareResult> {
  const { work, input, policy, trials } = session;
  const spending = new Spending(work.clock, input.settings);
  const found = await preflightBoth(session);
  const arms = await openArms(session, session.assignments, 'compare');
  const staged = await runRounds(session, arms, spending);
  const closed = await closeArms(session, arms, staged, spending, found);
  const base = { kind: 'compared' as const, plan, ...closed };
  const ended = spending.stoppedBy;
  if (ended === 'cancelled' || ended === 'fatal')
    return { ...base, comparison: null, stoppedBy: ended, next: nextWithoutResult(closed) };

  const { baseline, candidate } = await resultsOf(work, arms, staged.rounds);
  const options = {
    policy: policyAfterLooks(policy, trials),
    interleaved: true,
    tier: input.settings.trials === undefined ? session.tier : `${session.tier}, ${trials} trials`,
  };
  const usable = baseline.summary.validity !== 'invalid' && candidate.summary.validity !== 'invalid';
  const { flagged } = usable ? flagCases(baseline, candidate, options) : { flagged: [] };
  const fresh = await confirm(session, arms, flagged, spending);
  const compared = compareSnapshots(baseline, candidate, {
    ...options,
    confirmation: fresh?.confirmation,
    vectors: await answerVectors(work.store, baseline, candidate, policy),
    callsSpent: spending.calls,
  });
  const told = {
    ...compared,
    notes: [...compared.notes, ...sessionNotes(session, staged, fresh?.ids ?? null, spending)],
  };
  const comparison = await withExamples(work.store, told, baseline, candidate);
  await work.store.keepRecord({
    kind: 'comparison',
    suite: comparison.suite,
    at: work.clock.now().toISOString(),
    body: comparison as never,
  });
  return { ...base, comparison, stoppedBy: spending.stoppedBy, next: nextAfter(session, comparison) };
}

// Rounds

async function openArms(
  session: Session,
  assignments: Both<Assignment>,
  purpose: SnapshotPurpose,
  labels: (arm: ArmName, ids: Both<string>) => Record<string, string> = armLabels,
): Promise<Both<Arm>> {
  const { work, input, providers } = session;
  const ids = both(() => newSnapshotId(work.rng));
  for (const arm of ARMS)
    await openSnapshot(work, assignments[arm], ids[arm], {
      purpose,
      judgeVotes: input.settings.judgeVotes,
      labels: { ...input.settings.labels, ...labels(arm, ids) },
    });
  return both((arm) => ({
    name: arm,
    assignment: assignments[arm],
    provider: providers[arm],
    snapshotId: ids[arm],
    trials: undefined,
    done: undefined,
    purpose,
  }));
}

function armLabels(arm: ArmName, ids: Both<string>): Record<string, string> {
  return { arm, 'compared-with': ids[arm === 'baseline' ? 'candidate' : 'baseline'] };
}

interface Staged {
  /** Rounds that were run. */
  readonly rounds: number;
  /** p at the look that ended it; null = it went its whole length (or was stopped by a limit). */
  readonly stoppedAtP: number | null;
}

/** Runs the rounds up to each look, and ends at the first look whose evidence is overwhelming. */
async function runRounds(session: Session, arms: Both<Arm>, spending: Spending): Promise<Staged> {
  const { work, trials, assignments, policy, tier } = session;
  const planned = interleaveJobs(
    ARMS.map((arm) => jobsOf(session, arm, assignments[arm].suite)),
    work.rng,
  );
  const stops = [...looksAfter(trials), trials];
  let from = 0;
  for (const to of stops) {
    const jobs = planned.filter((job) => job.trial >= from && job.trial < to);
    await runWithin(session, arms, jobs, spending);
    if (spending.stoppedBy !== null) return { rounds: trials, stoppedAtP: null };
    from = to;
    if (to === trials) break;
    const { baseline, candidate } = await resultsOf(work, arms, to);
    const look = compareSnapshots(asIfClosed(baseline), asIfClosed(candidate), { policy, tier });
    const p = look.verdict === 'invalid' ? null : look.overall.pRegression;
    if (p !== null && stopsEarly(p)) return { rounds: to, stoppedAtP: p };
  }
  return { rounds: trials, stoppedAtP: null };
}

async function runWithin(
  session: Session,
  arms: Both<Arm>,
  jobs: readonly Job[],
  spending: Spending,
): Promise<void> {
  const settings = spending.left();
  if (settings === null) return;
  const report = await runArms(
    session.work,
    ARMS.map((arm) => arms[arm]),
    jobs,
    settings,
  );
  spending.add(report);
}

/** What the arms hold after `rounds` rounds, as if no more had been planned. */
async function resultsOf(work: Workplace, arms: Both<Arm>, rounds: number): Promise<Both<SnapshotResults>> {
  const read = async (arm: ArmName): Promise<SnapshotResults> => {
    const { summary, cases } = await work.store.results(arms[arm].snapshotId);
    return {
      summary: { ...summary, plannedTrials: rounds * cases.length },
      cases: cases.map((c) => ({ ...c, plannedTrials: rounds })),
    };
  };
  return { baseline: await read('baseline'), candidate: await read('candidate') };
}

/** A running snapshot counts as invalid; a look at it asks what its trials say so far. */
function asIfClosed(results: SnapshotResults): SnapshotResults {
  return { ...results, summary: { ...results.summary, validity: 'valid' } };
}

async function closeArms(
  session: Session,
  arms: Both<Arm>,
  staged: Staged,
  spending: Spending,
  found: Both<readonly Finding[]> = { baseline: [], candidate: [] },
): Promise<Both<SnapshotSummary>> {
  const { judgeVotes } = session.input.settings;
  const close = (arm: ArmName): Promise<SnapshotSummary> =>
    staged.stoppedAtP === null
      ? closeArm(session.work, arms[arm], spending.report(arm), { judgeVotes }, found[arm])
      : closeStoppedEarly(session, arms[arm], staged, found[arm]);
  return { baseline: await close('baseline'), candidate: await close('candidate') };
}

/** Closes an arm that was ended by a look: what was not run any more was not lost. */
async function closeStoppedEarly(
  session: Session,
  arm: Arm,
  { rounds, stoppedAtP }: Staged,
  found: readonly Finding[],
): Promise<SnapshotSummary> {
  const { work, trials, policy, input } = session;
  const { release, judge } = arm.assignment;
  const open = await work.store.resolve(arm.snapshotId, { now: work.clock.now() });
  const { validity, reasons } = judgeValidity({
    planned: rounds * open.cases,
    answered: open.answered,
    failed: open.failed,
    appErrors: open.appErrors,
    skipped: open.skipped,
    ungraded: open.ungraded,
    policy,
  });
  const findings: Finding[] = [
    {
      code: 'STOPPED_EARLY',
      message: `the comparison was decided after ${rounds} of ${trials} rounds (p = ${stoppedAtP}); the other rounds were not run`,
    },
    ...found,
  ];
  if (release.pin.state === 'floating')
    findings.push({ code: 'MODEL_FLOATING', message: release.pin.reason });
  const served = open.servedModels.filter((model) => model !== null);
  if (served.length > 1)
    findings.push({
      code: 'SERVED_MODEL_CHANGED',
      message: `more than one model was served within this run: ${served.join(', ')}`,
    });
  findings.push(
    ...(await judgingFindings(work.store, arm.snapshotId, withVotes(judge, input.settings.judgeVotes))),
  );
  return work.store.finish(arm.snapshotId, {
    finishedAt: work.clock.now().toISOString(),
    state: 'finished',
    validity,
    validityReasons: reasons,
    findings,
    plannedTrialsPerCase: rounds,
  });
}

// Fresh trials

interface Fresh {
  readonly confirmation: Confirmation;
  /** Snapshots that hold them; null when no case looked worse. */
  readonly ids: Both<string> | null;
}

/** Runs fresh trials of the flagged cases in both arms, interleaved again, and keeps them as snapshots of their own; null when a limit forbids it. */
async function confirm(
  session: Session,
  arms: Both<Arm>,
  flagged: readonly string[],
  spending: Spending,
): Promise<Fresh | null> {
  if (flagged.length === 0) return { confirmation: { baseline: [], candidate: [] }, ids: null };
  if (spending.left() === null) return null;
  const { work, tier, trials, assignments } = session;
  const { confirmTrials } = TIERS[tier];
  const wanted = new Set(flagged);
  const narrowed = both((arm): Assignment => {
    const { suite } = assignments[arm];
    const chosen = withCases(
      suite,
      suite.cases.filter((c) => wanted.has(c.id)),
    );
    return { ...assignments[arm], suite: withTrials(chosen, confirmTrials) };
  });
  const opened = await openArms(session, narrowed, 'confirmation', (arm) => ({
    arm,
    'confirmation-of': arms[arm].snapshotId,
  }));
  // Numbered on from the first stage: a recording, or an application that looks at the number, must not repeat itself.
  const jobs = interleaveJobs(
    ARMS.map((arm) =>
      jobsOf(session, arm, narrowed[arm].suite).map((job) => ({ ...job, trial: job.trial + trials })),
    ),
    work.rng,
  );
  await runWithin(session, opened, jobs, spending);
  const { baseline, candidate } = await closeArms(
    session,
    opened,
    { rounds: confirmTrials, stoppedAtP: null },
    spending,
  );
  return {
    confirmation: {
      baseline: (await work.store.results(baseline.id)).cases,
      candidate: (await work.store.results(candidate.id)).cases,
    },
    ids: { baseline: baseline.id, candidate: candidate.id },
  };
}

// What is said about it

function sessionNotes(
  session: Session,
  staged: Staged,
  freshIds: Both<string> | null,
  spending: Spending,
): string[] {
  const { assignments, trials } = session;
  const notes: string[] = [];
  if (staged.stoppedAtP !== null)
    notes.push(
      `stopped early: after ${staged.rounds} of ${trials} rounds p was ${staged.stoppedAtP}, and a look stops at 0.001`,
    );
  if (freshIds !== null)
    notes.push(
      `fresh trials: snapshots ${freshIds.baseline} (baseline) and ${freshIds.candidate} (candidate)`,
    );
  if (spending.stoppedBy !== null)
    notes.push(
      `the run was cut short (${spending.stoppedBy}): what is missing counts as missing, never as failed`,
    );
  if (assignments.baseline.release.fingerprint === assignments.candidate.release.fingerprint)
    notes.push('both releases have the same fingerprint: what differs is noise, or the provider');
  return notes;
}

/** The cheapest way to run as many trials as it takes: a tier if one is large enough. */
function sizeFor(trials: number): string {
  const tier = (['smoke', 'std', 'deep'] as const).find((name) => TIERS[name].trials >= trials);
  return tier === undefined ? `--tier deep --trials ${trials}` : `--tier ${tier}`;
}

/** Both arms can be finished one after the other, and compared then. */
function nextWithoutResult({ baseline, candidate }: Both<SnapshotSummary>): string {
  return `lastgood run --resume ${baseline.id}; lastgood run --resume ${candidate.id}; lastgood diff ${baseline.id} ${candidate.id}`;
}

function nextAfter(session: Session, comparison: Comparison): string {
  const { input, trials } = session;
  const again = `lastgood compare ${input.suite} --baseline-release ${input.baselineRelease} --release ${input.release}`;
  const worst = comparison.cases.find((c) => c.verdict === 'regressed');
  switch (comparison.verdict) {
    case 'regressed':
      return worst === undefined
        ? `lastgood show ${comparison.candidate.id}`
        : `lastgood show ${comparison.candidate.id} --case ${worst.id}`;
    case 'improved':
    case 'unchanged':
      return `lastgood bless ${comparison.candidate.id} --by NAME --why TEXT`;
    case 'inconclusive':
      return `${again} ${sizeFor(Math.max(comparison.overall.trialsNeeded ?? 0, trials + 1))}`;
    case 'invalid':
      return `lastgood show ${comparison.candidate.id}`;
  }
}
