// Fresh trials of the cases that look worse, in both arms, kept as snapshots of their own.

import type { Confirmation } from '../../compare/index.ts';
import type { CaseResult, JudgedRung } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { ARMS, type Both, both } from '../../engine/arms/both.ts';
import type { Arm } from '../../engine/arms/run-suite.ts';
import type { Spending } from '../../engine/arms/spending.ts';
import { TIERS } from '../../engine/comparison/compare-plan.ts';
import { joined } from '../../engine/comparison/reused-trials.ts';
import { interleaveJobs, type Job } from '../../run/index.ts';
import { withCases, withTrials } from '../../suite/index.ts';
import { closeArms, openArms, runWithin } from './compare-arms.ts';
import { jobsOf, type Session } from './compare-session.ts';

/** Where a comparison stands between two rungs. */
export interface LadderState {
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
export async function confirm(
  session: Session,
  climb: LadderState,
  flagged: readonly string[],
  spending: Spending,
): Promise<Fresh | null> {
  const { arms, fresh, suspects } = climb;
  const tested = new Set(fresh.candidate.map((c) => c.id));
  const wanted = new Set([...flagged.filter((id) => !tested.has(id)), ...suspects]);
  const soFar = (ids: Both<string> | null): Fresh => ({
    confirmation: { baseline: joined([fresh.baseline]), candidate: joined([fresh.candidate]) },
    ids,
  });
  if (wanted.size === 0) return soFar(null);
  if (spending.left() === null) return tested.size === 0 ? null : soFar(null);
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
  return soFar(ids);
}
