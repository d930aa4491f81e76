// The two arms of a comparison as snapshots: opened, run within the limits, read, closed.

import {
  type Finding,
  newSnapshotId,
  type SnapshotPurpose,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { ARMS, type ArmName, type Both, both } from '../../engine/arms/both.ts';
import { closeArm } from '../../engine/arms/close-arm.ts';
import { closeEarly } from '../../engine/arms/close-early.ts';
import { type Arm, openSnapshot, runArms } from '../../engine/arms/run-suite.ts';
import { refuseUnpriced, type Spending } from '../../engine/arms/spending.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { Job, RunReport } from '../../run/index.ts';
import type { Session } from './compare-session.ts';

// Rounds

export async function openArms(
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

export interface Staged {
  /** Rounds that were run. */
  readonly rounds: number;
  /** p at the look that ended it; null = it went its whole length (or was stopped by a limit). */
  readonly stoppedAtP: number | null;
  /** Ended by the verdict of a rung that is not the last. */
  readonly decided?: boolean;
}

export async function runWithin(
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
export async function resultsOf(
  work: Workplace,
  arms: Both<Arm>,
  rounds: number,
): Promise<Both<SnapshotResults>> {
  const read = async (arm: ArmName): Promise<SnapshotResults> => {
    const { summary, cases } = await work.store.results(arms[arm].snapshotId);
    return {
      summary: { ...summary, plannedTrials: rounds * cases.length },
      cases: cases.map((c) => ({ ...c, plannedTrials: rounds })),
    };
  };
  return { baseline: await read('baseline'), candidate: await read('candidate') };
}

export async function closeArms(
  session: Session,
  arms: Both<Arm>,
  staged: Staged,
  spending: Spending,
  found: Both<readonly Finding[]> = { baseline: [], candidate: [] },
): Promise<Both<SnapshotSummary>> {
  const { judgeVotes, judgeLimit, requirePinned } = session.input.settings;
  const close = (arm: ArmName): Promise<SnapshotSummary> =>
    !endsEarly(session, staged, spending)
      ? closeArm(
          session.work,
          arms[arm],
          spending.report(arm),
          { judgeVotes, judgeLimit, requirePinned },
          found[arm],
        )
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
  const { judgeVotes, judgeLimit, requirePinned } = input.settings;
  const settings = { judgeVotes, judgeLimit, requirePinned };
  return closeEarly(work, arm, report, { policy, rounds, planned: trials, why, settings }, found);
}
