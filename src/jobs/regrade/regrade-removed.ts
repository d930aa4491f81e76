// Re-grading where some answers are gone: what can still be graded, and which old grades still hold.

import {
  caseExam,
  type Examiner,
  examDifferences,
  type SnapshotStore,
  type SnapshotSummary,
  type Suite,
} from '../../core/index.ts';
import { answersRemoved } from '../../engine/examiners/judge-outputs.ts';

/**
 * Has a re-graded snapshot trials that could be graded now? Those of failed judge calls: what failed was not remembered, and what was
 * judged is not paid for twice. An answer that is gone stays gone.
 */
export async function canBeTriedAgain(store: SnapshotStore, regraded: SnapshotSummary): Promise<boolean> {
  if (regraded.ungraded === 0) return false;
  const removed = await store.removedOutputs(regraded.id);
  const { cases } = await store.results(regraded.id);
  return cases.some((c) =>
    c.trials.some((t) => t.status === 'answered' && t.pass === null && !removed.get(c.id)?.has(t.trial)),
  );
}

/** What is to be done about answers that the ledger does not have (any more). */
export interface Removed {
  /** Cases whose exam stays what it was, so that the grades they have are still theirs. */
  readonly sameExam: ReadonlySet<string>;
}

/** Throws `REGRADE_ANSWERS_REMOVED` where that leaves nothing to do. `examiner`: null = no old grade is to be kept. */
export async function removedOf(
  store: SnapshotStore,
  source: SnapshotSummary,
  suite: Suite,
  examiner: Examiner | null,
): Promise<Removed> {
  const removed = await store.removedOutputs(source.id);
  const sameExam = new Set<string>();
  if (removed.size === 0) return { sameExam };
  const before = new Map((await store.results(source.id)).cases.map((c) => [c.id, c]));
  let answered = 0;
  let there = 0;
  let sameHere = 0;
  for (const c of suite.cases) {
    const was = before.get(c.id);
    if (was === undefined) continue;
    const trials = was.trials.filter((t) => t.status === 'answered');
    answered += trials.length;
    there += trials.filter((t) => !removed.get(c.id)?.has(t.trial)).length;
    if (examiner === null || examDifferences(caseExam(c, examiner), was.exam).length > 0) continue;
    sameExam.add(c.id);
    sameHere += trials.length;
  }
  // Neither an answer to grade nor a change that concerns only some of the cases.
  if (answered > 0 && there === 0 && (sameHere === 0 || sameHere === answered))
    throw answersRemoved('REGRADE_ANSWERS_REMOVED', source.id, answered);
  return { sameExam };
}
