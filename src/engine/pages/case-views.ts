// The opened cases of a page, most important first, until the page is large enough.

import type { CaseView } from '../../report/index.ts';

/** Stored text of trials put into one page, in characters of JSON. */
export const DETAIL_BUDGET = 6_000_000;
/** After so many cases in a row that did not fit, the rest of a large suite is not read to find one that does. */
const MOST_REFUSED = 50;

export interface ReadCase {
  /** Characters of stored text it would put into the page. */
  readonly size: number;
  view(): CaseView;
}

/** Reads cases in their order, one at a time. What did not fit is `missing`. */
export async function viewsWithin<T extends { readonly id: string }>(
  budget: number,
  cases: readonly T[],
  read: (c: T) => Promise<ReadCase>,
): Promise<{ readonly views: Map<string, CaseView>; readonly missing: readonly T[] }> {
  const views = new Map<string, CaseView>();
  const missing: T[] = [];
  let spent = 0;
  let refused = 0;
  for (const c of cases) {
    if (spent >= budget || refused >= MOST_REFUSED) {
      missing.push(c);
      continue;
    }
    const { size, view } = await read(c);
    if (spent + size > budget && views.size > 0) {
      refused++;
      missing.push(c);
      continue;
    }
    refused = 0;
    spent += size;
    views.set(c.id, view());
  }
  return { views, missing };
}
