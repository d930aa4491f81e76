// Resuming: answers that were paid for but could not be graded, because the judge failed or the run was cut off, are graded from the ledger.

import { type Failure, type GradedTrial, isRemoved, type Release } from '../../core/index.ts';
import { type ExaminerOptions, openExaminers } from '../judge/judge-examiners.ts';
import type { Workplace } from '../workplace.ts';
import type { Assignment } from './assignment.ts';
import { ledgerWriter } from './ledger-writer.ts';

/** Trials graded at once; judge calls have a limit of their own. */
const BATCH = 32;

/**
 * Grades the answered trials of a reopened snapshot that a judge left ungraded. No subject is called. Gives back the failure
 * after which the judge could not be asked any more.
 */
export async function gradePending(
  work: Workplace,
  assignment: Assignment,
  snapshotId: string,
  options: ExaminerOptions,
): Promise<Failure | null> {
  const { judge, embedder, suite } = assignment;
  const open = await work.store.resolve(snapshotId, { now: work.clock.now() });
  if (open.ungraded === 0 || (judge === null && embedder === null)) return null;
  let lost: Failure | null = null;
  const onFatal = (failure: Failure, release: Release): void => {
    lost ??= examinerLost(failure, release);
  };
  const examiners = await openExaminers(work, { judge, embedder }, { ...options, onFatal });
  const writer = ledgerWriter(work.store, snapshotId, 'regrade');
  const cases = new Map(suite.cases.map((c) => [c.id, c]));
  const grade = async (was: GradedTrial): Promise<void> => {
    const c = cases.get(was.trial.caseId);
    if (c === undefined || lost !== null || work.signal.aborted) return;
    const graded = await examiners.grader.gradeTrial(c, was.trial, work.hardSignal);
    const judgeCostUsd = sum(was.judgeCostUsd, graded.judgeCostUsd);
    const kept = work.privacy?.kept({ ...graded, judgeCostUsd }) ?? { ...graded, judgeCostUsd };
    await writer.write(work.mask.json(kept as never) as typeof graded);
  };
  try {
    let batch: GradedTrial[] = [];
    let removed = 0;
    for await (const stored of work.store.trials(snapshotId)) {
      if (!isPending(stored)) continue;
      // It stays as it is: what stands in the answer's place must not be graded.
      if (isRemoved(stored.trial)) removed++;
      else batch.push(stored);
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

/** The failure of a judge or embedder as one that stops a run. */
export function examinerLost(failure: Failure, release: Release): Failure {
  return {
    ...failure,
    message: `the judge or embedder "${release.name}" cannot be asked: ${failure.message}`,
  };
}

function isPending({ grades, trial }: GradedTrial): boolean {
  if (trial.status !== 'answered') return false;
  return grades.some(
    (g) => g.status === 'ungraded' && (g.cause === 'judge_error' || g.cause === 'judge_truncated'),
  );
}

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}
