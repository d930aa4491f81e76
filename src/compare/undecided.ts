// An undecided comparison in which nothing looks worse and a drop that matters would have been seen: not "unchanged", but good enough to pass.

import { count, percent, pointsApart } from '../base/numbers.ts';
import type { PairedDelta } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { Repeated } from './repeated-answers.ts';
import type { Sensitivity } from './sensitivity.ts';

/** A family at or below this p looks worse, whatever it takes to prove it. */
export const LOOKS_WORSE = 0.1;
/** Fresh trials at or below this p leave a case looking worse. */
export const CASE_LOOKS_WORSE = 0.05;

/** Cases that look worse and were not cleared: suspected on the list's rate, or still bad on fresh trials, or flipped on a single trial. */
export function stillSuspected(
  cases: readonly PairedDelta[],
  policy: Policy,
  cleared: ReadonlySet<string>,
): string[] {
  return cases.flatMap((c) => {
    if (c.evidence !== 'suspected' || c.delta >= 0 || cleared.has(c.id)) return [];
    if (c.confirmation !== null) return c.p === null || c.p <= CASE_LOOKS_WORSE ? [c.id] : [];
    return c.p === null || (c.q ?? 1) <= policy.alphaList ? [c.id] : [];
  });
}

/** What decides whether an undecided comparison is sensitive enough. */
export interface Undecided {
  /** p of a drop of the suite or a tag, on the trials that would show one. */
  readonly p: number;
  readonly suspected: readonly string[];
  readonly sensitivity: Sensitivity;
  /** Given where every answer repeats the baseline's. */
  readonly repeated: Repeated | null;
  readonly policy: Policy;
  readonly rates: { readonly baseline: number; readonly candidate: number };
  readonly cases: number;
}

/** How a reason says it. */
export const EVERY_ANSWER_REPEATS = "every answer repeats the baseline's, word for word";

/** The sentence for `no-regression-found`; null where something looks worse or a drop of `sensitivity` could have gone unseen. */
export function noRegressionFound({
  p,
  suspected,
  sensitivity,
  repeated,
  policy,
  rates,
  cases,
}: Undecided): string | null {
  if (policy.undecided !== 'pass-if-sensitive') return null;
  const { minimumDetectable } = sensitivity;
  if (p <= LOOKS_WORSE || suspected.length > 0) return null;
  if (minimumDetectable === null) return null;
  // One release that answers the same again was not changed by anybody: it passes at any number of cases.
  if (minimumDetectable > policy.sensitivity && repeated?.sameRelease !== true) return null;
  const size = `a drop of ${pointsApart(minimumDetectable)} or more would have`;
  if (repeated !== null)
    return `${EVERY_ANSWER_REPEATS} (${percent(rates.baseline)} → ${percent(rates.candidate)} over ${count(cases, 'case')}); ${size} changed an answer 4 times in 5`;
  return `nothing looks worse (${percent(rates.baseline)} → ${percent(rates.candidate)} over ${count(cases, 'case')}); ${size} been seen 4 times in 5`;
}
