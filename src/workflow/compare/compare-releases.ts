// Compare two releases by running both, interleaved, in one session: rounds with early looks, fresh trials for the cases that
// look worse, and one comparison over it all. Both arms and the fresh trials are snapshots like any other.

import { type Confirmation, compareSnapshots, flagCases } from '../../compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  type Finding,
  type JudgedRung,
  newSnapshotId,
  type SnapshotPurpose,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import { interleaveJobs, type Job, type RunReport } from '../../run/index.ts';
import { withCases, withTrials } from '../../suite/index.ts';
import type { Assignment } from '../run/assignment.ts';
import { closeArm } from '../run/close-arm.ts';
import { type Arm, openSnapshot, runArms } from '../run/run-suite.ts';
import { refuseUnpriced, Spending } from '../run/spending.ts';
import type { Workplace } from '../workplace.ts';
import { answerVectors } from './answer-vectors.ts';
import { closeEarly, soFar } from './close-early.ts';
import { nextAfter, nextWithoutResult } from './compare-next.ts';
import { type ComparePlan, stopsEarly, TIERS } from './compare-plan.ts';
import {
  ARMS,
  type ArmName,
  type Both,
  both,
  type CompareInput,
  closeSession,
  embeddingOf,
  jobsOf,
  judgingOf,
  openSession,
  planOf,
  preflightBoth,
  type Session,
} from './compare-session.ts';
import { withExamples } from './compare-stored.ts';
import { isDecided, type Rung, suspects } from './ladder.ts';
import { judgedAs, withMultiplicity } from './multiplicity.ts';
import { copyTrials, joined } from './taken-over.ts';

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
    if (input.dryRun)
      return {
        kind: 'plan',
        plan: { ...plan, judge: await judgingOf(session), embedding: embeddingOf(session) },
      };
    return await run(session, plan);
  } finally {
    await closeSession(session);
  }
}

async function run(session: Session, plan: ComparePlan): Promise<CompareResult> {
  const { work, input, standing } = session;
  const spending = new Spending(work.clock, input.settings);
  const found = await preflightBoth(session);
  const arms = await openArms(session, session.assignments, 'compare');
  const climb = await begin(session, arms);
  const keep = (c: Comparison): Promise<void> =>
    work.store.keepRecord({
      kind: 'comparison',
      suite: c.suite,
      at: work.clock.now().toISOString(),
      body: c as never,
    });

  for (const [i, rung] of standing.rungs.entries()) {
    const staged = await runRounds(session, climb, rung, spending);
    const ended = spending.stoppedBy;
    const last = i === standing.rungs.length - 1 || ended !== null;
    const closed = last ? await closeArms(session, arms, staged, spending, found) : null;
    if (closed !== null && (ended === 'cancelled' || ended === 'fatal')) {
      const next = nextWithoutResult(session, closed, climb.judged.length > 0);
      return { kind: 'compared', plan, ...closed, comparison: null, stoppedBy: ended, next };
    }
    const results = await resultsOf(work, arms, staged.rounds);
    const seen = closed === null ? asFarAs(session, results, staged.rounds) : results;
    const usable =
      seen.baseline.summary.validity !== 'invalid' && seen.candidate.summary.validity !== 'invalid';
    const options = {
      policy: rung.policy,
      interleaved: true,
      tier: tierText(session, rung),
    };
    const { flagged } = usable ? flagCases(seen.baseline, seen.candidate, options) : { flagged: [] };
    const fresh = await confirm(session, climb, flagged, spending);
    const judged = async ({ baseline, candidate }: Both<SnapshotResults>): Promise<Comparison> =>
      compareSnapshots(baseline, candidate, {
        ...options,
        vectors: await answerVectors(work.store, baseline, candidate, session.policy),
        confirmation: fresh?.confirmation,
        callsSpent: spending.calls,
      });
    const compared = await judged(seen);
    climb.judged.push(judgedAs(rung, compared, fresh?.ids ?? null));
    climb.suspects = suspects(compared);
    const undecided = !last && spending.stoppedBy === null && !isDecided(compared);
    if (undecided && affords(session, climb, i + 1, spending)) {
      await keep(withMultiplicity(compared, standing, climb.judged, session.policy));
      continue;
    }
    const summaries =
      closed ??
      (await closeArms(session, arms, { ...staged, decided: isDecided(compared) }, spending, found));
    const final = last ? seen : await resultsOf(work, arms, staged.rounds);
    const whole = last ? compared : await judged(final);
    const noted = {
      ...whole,
      notes: [...whole.notes, ...sessionNotes(session, climb, staged, spending)],
    };
    const told = withMultiplicity(noted, standing, climb.judged, session.policy);
    const comparison = await withExamples(work.store, told, final.baseline, final.candidate);
    await keep(comparison);
    const next = nextAfter(session, comparison, climb.judged);
    return { kind: 'compared', plan, ...summaries, comparison, stoppedBy: spending.stoppedBy, next };
  }
  throw new Error('a comparison has a last rung');
}

/** Can the next rung be run to its end? One that cannot is not begun: what is there can be gone on with later. */
function affords(session: Session, climb: Climb, next: number, spending: Spending): boolean {
  const to = session.standing.rungs[next]?.trials ?? 0;
  const needed = climb.planned.filter((job) => job.trial >= climb.rounds && job.trial < to).length;
  return spending.affords(needed);
}

function tierText({ tier, input }: Session, rung: Rung): string {
  if (tier === 'ladder') return `ladder, ${rung.tier}`;
  return input.settings.trials === undefined ? rung.tier : `${rung.tier}, ${rung.trials} trials`;
}

/** Where a comparison stands between two rungs. */
interface Climb {
  readonly arms: Both<Arm>;
  readonly planned: readonly Job[];
  readonly done: Both<ReadonlyMap<string, ReadonlySet<number>>>;
  readonly judged: JudgedRung[];
  /** Fresh trials so far, of every case that was ever flagged. */
  readonly fresh: { baseline: CaseResult[]; candidate: CaseResult[] };
  /** Snapshots they were run into, the newest last. */
  readonly freshIds: Both<string>[];
  /** Cases whose fresh trials look worse still. */
  suspects: readonly string[];
  /** Rounds that are run. */
  rounds: number;
}

/** Plans every trial up to the top, and takes over what an earlier comparison has. */
async function begin(session: Session, arms: Both<Arm>): Promise<Climb> {
  const { work, assignments, reuse, trials } = session;
  const none: Both<ReadonlyMap<string, ReadonlySet<number>>> = both(() => new Map());
  const done =
    reuse === null
      ? none
      : {
          baseline: await copyTrials(work.store, reuse.baseline, arms.baseline.snapshotId, trials),
          candidate: await copyTrials(work.store, reuse.candidate, arms.candidate.snapshotId, trials),
        };
  const planned = interleaveJobs(
    ARMS.map((arm) => jobsOf(session, arm, assignments[arm].suite)),
    work.rng,
  ).filter((job) => done[job.arm as ArmName].get(job.case.id)?.has(job.trial) !== true);
  const fresh = {
    baseline: [...(reuse?.fresh.baseline ?? [])],
    candidate: [...(reuse?.fresh.candidate ?? [])],
  };
  return {
    arms,
    planned,
    done,
    judged: [],
    fresh,
    freshIds: [],
    suspects: reuse?.suspects ?? [],
    rounds: 0,
  };
}

// Rounds

async function openArms(
  session: Session,
  assignments: Both<Assignment>,
  purpose: SnapshotPurpose,
  labels: (arm: ArmName, ids: Both<string>) => Record<string, string> = armLabels,
): Promise<Both<Arm>> {
  const { work, input, providers } = session;
  refuseUnpriced(work, input.settings);
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
  /** Ended by the verdict of a rung that is not the last. */
  readonly decided?: boolean;
}

/** Runs the rounds up to each look of a rung, and ends at the first look whose evidence is overwhelming. */
async function runRounds(session: Session, climb: Climb, rung: Rung, spending: Spending): Promise<Staged> {
  const { work, policy } = session;
  const { arms, planned } = climb;
  const { trials } = rung;
  const stops = [...rung.looks, trials];
  for (const to of stops) {
    const jobs = planned.filter((job) => job.trial >= climb.rounds && job.trial < to);
    await runWithin(session, arms, jobs, spending);
    if (spending.stoppedBy !== null) return { rounds: trials, stoppedAtP: null };
    climb.rounds = to;
    if (to === trials) break;
    const { baseline, candidate } = await resultsOf(work, arms, to);
    const look = compareSnapshots(asIfClosed(baseline), asIfClosed(candidate), { policy, tier: rung.tier });
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
  if (jobs.length === 0) return;
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

/** The arms between two rungs: as trustworthy as they would be if no more were run. */
function asFarAs(session: Session, results: Both<SnapshotResults>, rounds: number): Both<SnapshotResults> {
  return both((arm) => {
    const { summary, cases } = results[arm];
    const { validity, reasons } = soFar(session.policy, summary, rounds);
    return { cases, summary: { ...summary, validity, validityReasons: reasons } };
  });
}

async function closeArms(
  session: Session,
  arms: Both<Arm>,
  staged: Staged,
  spending: Spending,
  found: Both<readonly Finding[]> = { baseline: [], candidate: [] },
): Promise<Both<SnapshotSummary>> {
  const { judgeVotes, judgeLimit } = session.input.settings;
  const close = (arm: ArmName): Promise<SnapshotSummary> =>
    !endsEarly(session, staged, spending)
      ? closeArm(session.work, arms[arm], spending.report(arm), { judgeVotes, judgeLimit }, found[arm])
      : closeStoppedEarly(session, arms[arm], spending.report(arm), staged, found[arm]);
  return { baseline: await close('baseline'), candidate: await close('candidate') };
}

/** Is what was not run left out by design? A run that a person or a dead account stopped is one to be finished. */
function endsEarly({ trials }: Session, staged: Staged, { stoppedBy }: Spending): boolean {
  if (staged.stoppedAtP !== null || staged.decided === true) return true;
  return staged.rounds < trials && stoppedBy !== 'cancelled' && stoppedBy !== 'fatal';
}

/** Closes an arm whose other rounds are not to be run. */
function closeStoppedEarly(
  { work, trials, policy, input }: Session,
  arm: Arm,
  report: RunReport,
  { rounds, stoppedAtP, decided }: Staged,
  found: readonly Finding[],
): Promise<SnapshotSummary> {
  const why =
    stoppedAtP !== null ? `decided (p = ${stoppedAtP})` : decided === true ? 'decided' : 'stopped by a limit';
  const { judgeVotes, judgeLimit } = input.settings;
  const settings = { judgeVotes, judgeLimit };
  return closeEarly(work, arm, report, { policy, rounds, planned: trials, why, settings }, found);
}

// Fresh trials

interface Fresh {
  readonly confirmation: Confirmation;
  /** Snapshots that hold those of this rung; null when none were run. */
  readonly ids: Both<string> | null;
}

/**
 * Fresh trials of the flagged cases in both arms, interleaved again, and kept as snapshots of their own; null when a limit forbids it. A case
 * once flagged stays under test: what it has is used again, and it is given more while those look worse. Which cases are tested never
 * depends on their own fresh trials, so each p holds for its rung.
 */
async function confirm(
  session: Session,
  climb: Climb,
  flagged: readonly string[],
  spending: Spending,
): Promise<Fresh | null> {
  const { arms, fresh, suspects } = climb;
  const tested = new Set(fresh.candidate.map((c) => c.id));
  const wanted = new Set([...flagged.filter((id) => !tested.has(id)), ...suspects]);
  const told = (ids: Both<string> | null): Fresh => ({
    confirmation: { baseline: joined([fresh.baseline]), candidate: joined([fresh.candidate]) },
    ids,
  });
  if (wanted.size === 0) return told(null);
  if (spending.left() === null) return tested.size === 0 ? null : told(null);
  const { work, trials, assignments } = session;
  const { confirmTrials } = TIERS.std;
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
  const from = trials + confirmTrials * climb.freshIds.length;
  const jobs = interleaveJobs(
    ARMS.map((arm) =>
      jobsOf(session, arm, narrowed[arm].suite).map((job) => ({ ...job, trial: job.trial + from })),
    ),
    work.rng,
  );
  await runWithin(session, opened, jobs, spending);
  const { baseline, candidate } = await closeArms(
    { ...session, trials: confirmTrials },
    opened,
    { rounds: confirmTrials, stoppedAtP: null },
    spending,
  );
  fresh.baseline.push(...(await work.store.results(baseline.id)).cases);
  fresh.candidate.push(...(await work.store.results(candidate.id)).cases);
  const ids = { baseline: baseline.id, candidate: candidate.id };
  climb.freshIds.push(ids);
  return told(ids);
}

// What is said about it

function sessionNotes(session: Session, climb: Climb, staged: Staged, spending: Spending): string[] {
  const { assignments, trials, reuse } = session;
  const notes: string[] = [];
  if (staged.stoppedAtP !== null)
    notes.push(
      `stopped early: after ${staged.rounds} of ${trials} rounds p was ${staged.stoppedAtP}, and a look stops at 0.001`,
    );
  if (reuse !== null)
    notes.push(
      `trials taken over from ${reuse.baseline} (baseline) and ${reuse.candidate} (candidate); they were not paid again`,
    );
  for (const ids of climb.freshIds)
    notes.push(`fresh trials: snapshots ${ids.baseline} (baseline) and ${ids.candidate} (candidate)`);
  if (spending.stoppedBy !== null)
    notes.push(
      `the run was cut short (${spending.stoppedBy}): what is missing counts as missing, never as failed`,
    );
  if (assignments.baseline.release.fingerprint === assignments.candidate.release.fingerprint)
    notes.push('both releases have the same fingerprint: what differs is noise, or the provider');
  return notes;
}
