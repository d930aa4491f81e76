// The HTML page of one stored snapshot: its numbers, and every case with its input, answers, grades and reasons.

import type { SnapshotResults, SnapshotStore, StoredTrial } from '../../core/index.ts';
import { contentOf } from '../../engine/comparison/compare-stored.ts';
import { DETAIL_BUDGET, viewsWithin } from '../../engine/pages/case-views.ts';
import { type PageFrame, runCaseView, runPageCases, snapshotHtmlPieces } from '../../report/index.ts';

/** The page in pieces. */
export async function snapshotPage(
  store: SnapshotStore,
  results: SnapshotResults,
  { budget = DETAIL_BUDGET, frame }: { readonly budget?: number; readonly frame?: PageFrame } = {},
): Promise<Iterable<string>> {
  const { id } = results.summary;
  const { views, missing } = await viewsWithin(budget, runPageCases(results), async (c) => {
    const asked = await store.caseOf(id, c.id);
    const content = asked === undefined ? undefined : contentOf(asked);
    const trials: StoredTrial[] = [];
    for await (const stored of store.trials(id, c.id)) trials.push(stored);
    const shown = trials.map(({ trial, grades }) => [
      trial.status === 'answered' ? trial.output : trial.message,
      grades,
    ]);
    return {
      size: JSON.stringify([content, shown]).length,
      view: () => runCaseView(content, trials),
    };
  });
  return snapshotHtmlPieces(results, {
    views,
    frame,
    ...(missing.length === 0
      ? {}
      : {
          leftOut: `The answers of ${missing.length} cases are left out to keep the page small. To see one: lastgood show ${id} --case ID.`,
        }),
  });
}
