// Compare two releases by running both, interleaved, in one session: rounds with early looks, fresh trials for the cases that
// look worse, and one comparison over it all. Both arms and the fresh trials are snapshots like any other.

import { compareSnapshots, flagCases } from '../../compare/index.ts';
import type { Comparison, SnapshotResults, SnapshotSummary } from '../../core/index.ts';
import { wrongModel } from '../../engine/arms/arm-findings.ts';
import { ARMS, type ArmName, type Both, both } from '../../engine/arms/both.ts';
import { soFar } from '../../engine/arms/close-early.ts';
import type { Arm } from '../../engine/arms/run-suite.ts';
import { Spending } from '../../engine/arms/spending.ts';
import { answerVectors } from '../../engine/comparison/answer-vectors.ts';
import { type ComparePlan, stopsEarly } from '../../engine/comparison/compare-plan.ts';
import { withExamples } from '../../engine/comparison/compare-stored.ts';
import { isDecided, leftOpen, type Rung, suspects } from '../../engine/comparison/ladder.ts';
import { judgedAs, keepComparison, withMultiplicity } from '../../engine/comparison/repeated-comparisons.ts';
import { copyTrials } from '../../engine/comparison/reused-trials.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { callBounds, interleaveJobs, type RunReport } from '../../run/index.ts';
import { closeArms, openArms, resultsOf, runWithin, type Staged } from './compare-arms.ts';
import { nextAfter, nextWithoutResult } from './compare-next.ts';
import {
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
import { confirm, type LadderState } from './fresh-trials.ts';

type StoppedBy = RunReport['stoppedBy'];

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
      readonly next: string | undefined;
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

/** What every step of one comparison works on. */
interface Ascent {
  readonly session: Session;
  readonly climb: LadderState;
  readonly spending: Spending;
}

async function run(session: Session, plan: ComparePlan): Promise<CompareResult> {
  const { work, input, standing } = session;
  const spending = new Spending(input.settings, work.clock);
  const found = await preflightBoth(session);
  const arms = await openArms(session, session.assignments, 'compare');
  const climb = await begin(session, arms);
  const ascent: Ascent = { session, climb, spending };

  for (const [i, rung] of standing.rungs.entries()) {
    const staged = await runRounds(ascent, rung);
    const ended = spending.stoppedBy;
    const last = i === standing.rungs.length - 1 || ended !== null;
    const closed = last ? await closeArms(session, arms, staged, spending, found) : null;
    if (closed !== null && (ended === 'cancelled' || ended === 'fatal')) {
      const next = nextWithoutResult(session, closed, climb.judged.length > 0);
      return { kind: 'compared', plan, ...closed, comparison: null, stoppedBy: ended, next };
    }
    const results = await resultsOf(work, arms, staged.rounds);
    const seen = closed === null ? asFarAs(session, results, staged.rounds) : results;
    const { compared, compare } = await judgeRung(ascent, rung, seen);
    const undecided = !last && spending.stoppedBy === null && !isDecided(compared);
    if (undecided && affords(ascent, i + 1)) {
      await keepComparison(work, withMultiplicity(compared, standing, climb.judged, session.policy));
      continue;
    }
    const summaries =
      closed ??
      (await closeArms(session, arms, { ...staged, decided: isDecided(compared) }, spending, found));
    const final = last ? seen : await resultsOf(work, arms, staged.rounds);
    const comparison = await concluded(ascent, staged, final, last ? compared : await compare(final));
    await keepComparison(work, comparison);
    const next = nextAfter(session, comparison, climb.judged);
    return { kind: 'compared', plan, ...summaries, comparison, stoppedBy: spending.stoppedBy, next };
  }
  throw new Error('a comparison has a last tier');
}

/** Compares what a rung has run: what looks worse is given fresh trials first, and once more where they leave a case open. */
async function judgeRung(
  { session, climb, spending }: Ascent,
  rung: Rung,
  seen: Both<SnapshotResults>,
): Promise<{
  readonly compared: Comparison;
  readonly compare: (results: Both<SnapshotResults>) => Promise<Comparison>;
}> {
  const { store } = session.work;
  const usable =
    seen.baseline.summary.validity !== 'invalid' && seen.candidate.summary.validity !== 'invalid';
  const options = { policy: rung.policy, interleaved: true, tier: tierText(session, rung) };
  const { flagged } = usable ? flagCases(seen.baseline, seen.candidate, options) : { flagged: [] };
  let fresh = await confirm(session, climb, flagged, spending);
  const compare = async ({ baseline, candidate }: Both<SnapshotResults>): Promise<Comparison> =>
    compareSnapshots(baseline, candidate, {
      ...options,
      vectors: await answerVectors(store, baseline, candidate, session.policy),
      confirmation: fresh?.confirmation,
      callsSpent: spending.calls,
    });
  let compared = await compare(seen);
  const open = leftOpen(compared);
  if (open.length > 0 && spending.stoppedBy === null) {
    climb.suspects = open;
    fresh = await confirm(session, climb, [], spending);
    compared = await compare(seen);
  }
  climb.judged.push(judgedAs(rung, compared, fresh?.ids ?? null));
  climb.suspects = suspects(compared);
  return { compared, compare };
}

/** The comparison as it is stored and shown. */
async function concluded(
  ascent: Ascent,
  staged: Staged,
  { baseline, candidate }: Both<SnapshotResults>,
  compared: Comparison,
): Promise<Comparison> {
  const { work, standing, policy } = ascent.session;
  const noted = { ...compared, notes: [...compared.notes, ...sessionNotes(ascent, staged)] };
  const counted = withMultiplicity(noted, standing, ascent.climb.judged, policy);
  return await withExamples(work.store, counted, baseline, candidate);
}

/** Can the next rung be run to its end? One that cannot is not begun: what is there can be continued later. */
function affords({ session, climb, spending }: Ascent, next: number): boolean {
  const to = session.standing.rungs[next]?.trials ?? 0;
  const needed = climb.planned
    .filter((job) => job.trial >= climb.rounds && job.trial < to)
    .reduce((n, job) => n + callBounds(job.release, job.case).least, 0);
  return spending.affords(needed);
}

function tierText({ tier, input }: Session, rung: Rung): string {
  if (tier === 'ladder') return `ladder, ${rung.tier}`;
  return input.settings.trials === undefined ? rung.tier : `${rung.tier}, ${rung.trials} trials`;
}

/** Plans every trial up to the top, and takes over what an earlier comparison has. */
async function begin(session: Session, arms: Both<Arm>): Promise<LadderState> {
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

/** Runs the rounds up to each look of a rung, and ends at the first look whose evidence is overwhelming. */
async function runRounds({ session, climb, spending }: Ascent, rung: Rung): Promise<Staged> {
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

/** A running snapshot counts as invalid; a look at it asks what its trials say so far. */
function asIfClosed(results: SnapshotResults): SnapshotResults {
  return { ...results, summary: { ...results.summary, validity: 'valid' } };
}

/** The arms between two rungs: as trustworthy as they would be if no more were run. */
function asFarAs(session: Session, results: Both<SnapshotResults>, rounds: number): Both<SnapshotResults> {
  return both((arm) => {
    const { summary, cases } = results[arm];
    const { release } = session.assignments[arm];
    const other = wrongModel(release, summary, session.input.settings);
    const { validity, reasons } = soFar(session.policy, summary, rounds * summary.cases, other);
    return { cases, summary: { ...summary, validity, validityReasons: reasons } };
  });
}

// What is said about it

function sessionNotes({ session, climb, spending }: Ascent, staged: Staged): string[] {
  const { assignments, trials, reuse } = session;
  const notes: string[] = [];
  if (staged.stoppedAtP !== null)
    notes.push(
      `stopped early: after ${staged.rounds} of ${trials} rounds p was ${staged.stoppedAtP}, and an interim test stops at 0.001`,
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
