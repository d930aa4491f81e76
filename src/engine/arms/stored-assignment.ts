// What an interrupted snapshot runs, read back from the ledger.

import { LastgoodError } from '../../base/index.ts';
import { type Release, type SnapshotSummary, wholeRelease } from '../../core/index.ts';
import { programsInTree } from '../examiners/known-programs.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import type { RunSettings } from './run-settings.ts';
import { refuseUnpriced } from './spending.ts';
import { REDACTED_LABEL } from './stored-suite.ts';

/** What an interrupted snapshot runs, out of the ledger. Throws where it cannot be resumed. */
export async function storedAssignment(
  work: Workplace,
  snapshotId: string,
  settings: RunSettings,
): Promise<{ readonly summary: SnapshotSummary; readonly assignment: Assignment }> {
  refuseUnpriced(work, settings);
  const { store } = work;
  const [suite, stored] = await Promise.all([store.suiteOf(snapshotId), store.releaseOf(snapshotId)]);
  const release = wholeRelease(stored, 'resumed');
  const summary = await store.resolve(snapshotId, { now: work.clock.now() });
  if (summary.labels[REDACTED_LABEL] !== undefined) {
    throw new LastgoodError({
      code: 'RESUME_REDACTED',
      message: `Snapshot ${snapshotId} cannot be resumed: its cases were redacted before they were stored, so they cannot be sent again unchanged.`,
      hint: 'run the suite anew',
    });
  }
  if (summary.purpose === 'regrade') {
    throw new LastgoodError({
      code: 'RESUME_REGRADE',
      message: `${snapshotId} grades stored outputs again; there is no call of the subject to finish`,
      hint: 'repeat the `lastgood regrade`: verdicts are cached',
    });
  }
  const examiner = async (role: 'judge' | 'embedder'): Promise<Release | null> =>
    summary[role] === null ? null : wholeRelease(await store.releaseOf(snapshotId, role), 'used again');
  const [judge, embedder] = [await examiner('judge'), await examiner('embedder')];
  const programs = await programsInTree(work, suite);
  return { summary, assignment: { suite, release, judge, embedder, programs } };
}
