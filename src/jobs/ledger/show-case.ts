// One case of a snapshot with everything that was kept of it.

import { didYouMean, LastgoodError } from '../../base/index.ts';
import type { CaseContent, SnapshotStore, StoredTrial } from '../../core/index.ts';
import { contentOf } from '../../engine/comparison/compare-stored.ts';

export interface ShownCase {
  readonly content: CaseContent;
  readonly trials: readonly StoredTrial[];
  /** The same case in the suite's baseline; null when this snapshot is the baseline, or there is none with the case. */
  readonly baseline: { readonly snapshot: string; readonly trials: readonly StoredTrial[] } | null;
}

/** A case's input, its trials, and those of the baseline; an unknown id is an error that names the closest one. */
export async function showCase(
  store: SnapshotStore,
  snapshot: { readonly id: string; readonly suite: string },
  caseId: string,
): Promise<ShownCase> {
  const asked = await store.caseOf(snapshot.id, caseId);
  if (asked === undefined) {
    const ids = (await store.caseOutlines(snapshot.id)).map((c) => c.id);
    const close = didYouMean(caseId, ids);
    throw new LastgoodError({
      code: 'CASE_NOT_FOUND',
      message: `snapshot ${snapshot.id} has no case "${caseId}"`,
      hint: close === undefined ? `lastgood show ${snapshot.id} lists its cases` : `did you mean "${close}"?`,
    });
  }
  return {
    content: contentOf(asked),
    trials: await trialsOf(store, snapshot.id, caseId),
    baseline: await baselineOf(store, snapshot, caseId),
  };
}

async function baselineOf(
  store: SnapshotStore,
  { id, suite }: { readonly id: string; readonly suite: string },
  caseId: string,
): Promise<ShownCase['baseline']> {
  const blessed = (await store.blessings(suite)).at(-1)?.snapshot;
  if (blessed === undefined || blessed === id) return null;
  const trials = await trialsOf(store, blessed, caseId);
  return trials.length === 0 ? null : { snapshot: blessed, trials };
}

async function trialsOf(store: SnapshotStore, snapshot: string, caseId: string): Promise<StoredTrial[]> {
  const trials: StoredTrial[] = [];
  for await (const stored of store.trials(snapshot, caseId)) trials.push(stored);
  return trials;
}
