// Resuming: answers that were paid for but could not be graded, because the judge failed or the run was cut off, are graded from the ledger.

import {
  type Case,
  type Failure,
  type GradedTrial,
  isRemoved,
  type Release,
  type SnapshotPurpose,
} from '../../core/index.ts';
import { type ExaminerOptions, openExaminers } from '../examiners/judge-examiners.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import { AnswerEmbedder, embedsAnswers } from './embed-outputs.ts';
import { TrialRecord } from './trial-record.ts';

/** Trials graded at once; judge calls have a limit of their own. */
const BATCH = 32;

/**
 * Grades (and where that is asked for, embeds) the answered trials of a reopened snapshot that are without their grades. No subject
 * is called. Gives back the failure after which the judge could not be asked any more.
 */
export async function gradePending(
  work: Workplace,
  assignment: Assignment,
  snapshotId: string,
  purpose: SnapshotPurpose | undefined,
  options: ExaminerOptions,
): Promise<Failure | null> {
  const { judge, embedder, programs, suite } = assignment;
  const open = await work.store.resolve(snapshotId, { now: work.clock.now() });
  if (open.ungraded === 0 || (judge === null && embedder === null)) return null;
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
      if (batch.length < BATCH) continue;
      await Promise.all(batch.map(grade));
      batch = [];
    }
    await Promise.all(batch.map(grade));
    if (removed > 0)
      work.progress.warn({
        code: 'ANSWERS_REMOVED',
        message: `${removed} ${removed === 1 ? 'answer stays' : 'answers stay'} without a grade: the ledger does not have ${removed === 1 ? 'it' : 'them'} (pruned, forgotten or never kept)`,
      });
  } finally {
    await examiners.close();
  }
  return lost;
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
