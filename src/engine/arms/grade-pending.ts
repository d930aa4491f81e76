// Resuming: answers that were paid for but could not be graded, because the judge failed or the run was cut off, are graded from the ledger.

import {
  type Case,
  type Failure,
  type GradedTrial,
  isRemoved,
  type Release,
  type SnapshotPurpose,
} from '../../core/index.ts';
import type { StopCause } from '../../run/index.ts';
import type { JudgeBatching } from '../examiners/batched-judges.ts';
import { type ExaminerOptions, openExaminers, withVotes } from '../examiners/judge-examiners.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import { AnswerEmbedder, embedsAnswers } from './embed-outputs.ts';
import { examinerOptions, type RunSettings } from './run-settings.ts';
import type { Arm, ArmsReport } from './run-suite.ts';
import { TrialRecord } from './trial-record.ts';

/** Trials graded at once; judge calls have a limit of their own. */
const AT_ONCE = 32;
/** The same where questions are gathered into batches: each waits until its batch is back. */
const AT_ONCE_IN_BATCHES = 10_000;

/** What grading came to. */
export interface PendingGraded {
  /** The failure after which the judge could not be asked any more. */
  readonly lost: Failure | null;
  /** Why batches of questions were not waited for to their end. */
  readonly stoppedBy: StopCause | null;
  /** The most frequent reason of an answer that stays ungraded. */
  readonly ungradedBy: string | null;
}

/**
 * Grades (and where that is asked for, embeds) the answered trials of an open snapshot that are without their grades. No subject
 * is called.
 */
export async function gradePending(
  work: Workplace,
  assignment: Assignment,
  snapshotId: string,
  purpose: SnapshotPurpose | undefined,
  options: ExaminerOptions,
): Promise<PendingGraded> {
  const { judge, embedder, programs, suite } = assignment;
  const open = await work.store.resolve(snapshotId, { now: work.clock.now() });
  if (open.ungraded === 0 || (judge === null && embedder === null))
    return { lost: null, stoppedBy: null, ungradedBy: null };
  let lost: Failure | null = null;
  const onFatal = (failure: Failure, release: Release): void => {
    lost ??= examinerLost(failure, release);
  };
  const examiners = await openExaminers(work, { judge, embedder }, { ...options, programs, onFatal });
  const embedding = embedsAnswers(work, assignment, purpose);
  const vectors =
    examiners.outputs !== null && embedding ? new AnswerEmbedder(work, examiners.outputs) : null;
  const record = new TrialRecord(work, snapshotId, { grader: examiners.grader, vectors });
  const grade = async ([c, was]: Pending): Promise<void> => {
    if (lost !== null || work.signal.aborted) return;
    await record.finish(c, was, work.hardSignal);
  };
  const atOnce = options.batch === undefined ? AT_ONCE : AT_ONCE_IN_BATCHES;
  let stoppedBy: StopCause | null = null;
  try {
    let batch: Pending[] = [];
    let removed = 0;
    // Both in the order of the suite, so that neither is ever in memory as a whole.
    const cases = suite.cases[Symbol.iterator]();
    let next = cases.next();
    for await (const stored of work.store.trials(snapshotId)) {
      while (next.done !== true && next.value.id !== stored.trial.caseId) next = cases.next();
      if (next.done === true) throw new Error(`case "${stored.trial.caseId}" is not in its suite`);
      if (!isPending(stored)) continue;
      // It stays as it is: what stands in the answer's place must not be graded.
      if (isRemoved(stored.trial)) removed++;
      else batch.push([next.value, stored]);
      if (batch.length < atOnce) continue;
      await Promise.all(batch.map(grade));
      batch = [];
    }
    await Promise.all(batch.map(grade));
    stoppedBy = examiners.stoppedBy;
    if (lost === null && stoppedBy === null && !work.signal.aborted) examiners.settle();
    if (removed > 0)
      work.progress.warn({
        code: 'ANSWERS_REMOVED',
        message: `${removed} ${removed === 1 ? 'answer stays' : 'answers stay'} without a grade: the ledger does not have ${removed === 1 ? 'it' : 'them'} (pruned, forgotten or never kept)`,
      });
  } finally {
    await examiners.close();
  }
  return { lost, stoppedBy, ungradedBy: record.losses.ungraded };
}

/** Asks what only a judge can grade, once all answers are in. What is left is asked when the snapshot is resumed. */
export async function judgedInBatches(
  work: Workplace,
  arm: Arm,
  ran: ArmsReport,
  { settings, judging, startedMs }: { settings: RunSettings; judging: JudgeBatching; startedMs: number },
): Promise<ArmsReport> {
  if (ran.stoppedBy === 'fatal' || ran.stoppedBy === 'deadline' || work.signal.aborted) return ran;
  const { deadlineMs: given, purpose } = settings;
  const deadlineMs = given === undefined ? undefined : given - (work.clock.now().getTime() - startedMs);
  const assignment = { ...arm.assignment, judge: withVotes(arm.assignment.judge, settings.judgeVotes) };
  const { lost, stoppedBy, ungradedBy } = await gradePending(work, assignment, arm.snapshotId, purpose, {
    ...examinerOptions(settings),
    batch: { ...judging, deadlineMs },
  });
  const losses = {
    ...ran.losses,
    [arm.name]: { failed: ran.losses?.[arm.name]?.failed ?? null, ungraded: ungradedBy },
  };
  if (lost !== null) return { ...ran, losses, stoppedBy: 'fatal', fatal: lost };
  return { ...ran, losses, stoppedBy: ran.stoppedBy ?? stoppedBy };
}

type Pending = readonly [Case, GradedTrial];

/** The failure of a judge or embedder as one that stops a run. */
export function examinerLost(failure: Failure, release: Release): Failure {
  return {
    ...failure,
    message: `the judge or embedder "${release.name}" cannot be asked: ${failure.message}`,
  };
}

export function isPending({ grades, trial }: GradedTrial): boolean {
  if (trial.status !== 'answered') return false;
  return grades.some(
    (g) => g.status === 'ungraded' && (g.cause === 'judge_error' || g.cause === 'judge_truncated'),
  );
}
