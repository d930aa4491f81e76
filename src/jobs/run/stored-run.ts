// A run that was made before of exactly the same: suite, exam and release. For who edits something else and asks again at once.

import { examFingerprint, type SnapshotSummary } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { plannedAssignment, type RunSettings } from '../../engine/arms/run-suite.ts';
import { withVotes } from '../../engine/examiners/judge-examiners.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

/** The newest whole and valid one that was measured here; null where there is none. What a provider changed since is not in it. */
export async function storedRun(
  { store }: Pick<Workplace, 'store'>,
  assignment: Assignment,
  settings: RunSettings,
): Promise<SnapshotSummary | null> {
  const { suite, release, judge, embedder } = plannedAssignment(assignment, settings);
  const exam = examFingerprint(suite, {
    judge: withVotes(judge, settings.judgeVotes)?.fingerprint ?? null,
    embedder: embedder?.fingerprint ?? null,
  });
  const runs = await store.list({ suite: suite.name, fingerprint: release.fingerprint, purposes: ['run'] });
  const same = runs.find(
    (run) =>
      run.suiteHash === suite.hash &&
      run.exam === exam &&
      run.state === 'finished' &&
      run.validity === 'valid' &&
      run.imported !== true &&
      run.answered === run.plannedTrials &&
      run.ungraded === 0,
  );
  return same ?? null;
}
