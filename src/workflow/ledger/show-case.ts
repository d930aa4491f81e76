// One case of a snapshot with everything that was kept of it.

import { didYouMean, LastgoodError, type SnapshotStore, type StoredTrial } from '../../core/index.ts';

/** All trials of a case; an unknown id is an error that names the closest one. */
export async function showCase(
  store: SnapshotStore,
  snapshotId: string,
  caseId: string,
): Promise<StoredTrial[]> {
  const trials: StoredTrial[] = [];
  for await (const stored of store.trials(snapshotId, caseId)) trials.push(stored);
  if (trials.length === 0) {
    const ids = (await store.suiteOf(snapshotId)).cases.map((c) => c.id);
    if (!ids.includes(caseId)) {
      const close = didYouMean(caseId, ids);
      throw new LastgoodError({
        code: 'CASE_NOT_FOUND',
        message: `snapshot ${snapshotId} has no case "${caseId}"`,
        hint:
          close === undefined ? `lastgood show ${snapshotId} lists its cases` : `did you mean "${close}"?`,
      });
    }
  }
  return trials;
}
