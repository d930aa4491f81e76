// Judge and embedder of a stored snapshot.

import type { Release, SnapshotResults } from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** Judge and embedder as they were when a snapshot was graded. */
export async function examinersOf(
  work: Pick<Workplace, 'store'>,
  snapshot: SnapshotResults,
): Promise<{ judge: Release | null; embedder: Release | null }> {
  const { id, judge, embedder } = snapshot.summary;
  return {
    judge: judge === null ? null : await work.store.releaseOf(id, 'judge'),
    embedder: embedder === null ? null : await work.store.releaseOf(id, 'embedder'),
  };
}
