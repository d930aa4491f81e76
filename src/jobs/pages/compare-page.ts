// Any two snapshots of the ledger compared, as a page or as data. Nothing is run, graded or written.

import type { Clock } from '../../base/index.ts';
import type { Comparison, SnapshotStore } from '../../core/index.ts';
import { compareWithPool } from '../../engine/comparison/compare-stored.ts';
import { type Distributions, diffPage, distributionsOf, valuesOf } from '../../engine/pages/diff-page.ts';
import type { PageFrame } from '../../report/index.ts';
import { nextCommand } from '../compare/diff-job.ts';

export interface ComparedPair {
  readonly baseline: string;
  readonly candidate: string;
  /** Which suite the references mean. */
  readonly suite: string | undefined;
}

/** Throws `REF_NOT_FOUND` or `REF_AMBIGUOUS`. */
export async function comparePair(
  work: { readonly store: SnapshotStore; readonly clock: Clock },
  pair: ComparedPair,
): Promise<{ readonly comparison: Comparison; readonly distributions: Distributions | undefined }> {
  const now = work.clock.now();
  const a = await work.store.resolve(pair.baseline, { suite: pair.suite, now });
  const b = await work.store.resolve(pair.candidate, { suite: pair.suite ?? a.suite, now });
  let distributions: Distributions | undefined;
  const comparison = await compareWithPool(work, a, b, (before, after) => {
    distributions = distributionsOf(valuesOf(before), valuesOf(after));
  });
  return { comparison, distributions };
}

/** The page in pieces: changed cases first, and every trial and vote of them. */
export async function comparePage(
  work: { readonly store: SnapshotStore; readonly clock: Clock },
  pair: ComparedPair,
  frame: PageFrame,
): Promise<Iterable<string>> {
  const { comparison, distributions } = await comparePair(work, pair);
  return diffPage(work.store, comparison, { next: nextCommand(comparison), distributions, frame });
}
