// Does the candidate get the share of the traffic that was set? If not, its numbers are of other users than the control's.

import { logMixture, oneArmLogE } from '../stats/two-arm-evidence.ts';

/** Users differ in how much they ask, so the share of the calls is never exactly that of the keys. */
const TOLERANCE = 0.25;
/** A share is called wrong at this e-value: 1 in 1,000 at most where it is right. */
export const RATIO_LOG_LIMIT = Math.log(1000);

/** ln of the capital by direction and distance. */
export type RatioEvidence = readonly number[];

const FACTORS = [0.2, 0.5, 2, 5];

/** Learns the calls of one look at a percentage. */
export function learnRatio(
  before: RatioEvidence,
  percent: number,
  calls: { readonly candidate: number; readonly control: number },
): RatioEvidence {
  const set = percent / 100;
  if (!(set > 0 && set < 1)) return before;
  const block = { n: calls.candidate + calls.control, hits: calls.candidate };
  return FACTORS.map((factor, i) => {
    const limit =
      factor < 1 ? set * (1 - TOLERANCE) : Math.min(set * (1 + TOLERANCE), 1 - (1 - set) * (1 - TOLERANCE));
    // In terms of odds, so that it stays below 1.
    const odds = (set / (1 - set)) * factor;
    const theta = odds / (1 + odds);
    const away = factor < 1 ? theta < limit : theta > limit;
    return (before[i] ?? 0) + (away ? oneArmLogE(block, limit, theta) : 0);
  });
}

export function ratioLogE(evidence: RatioEvidence): number {
  return evidence.length === 0
    ? 0
    : logMixture(
        evidence,
        FACTORS.map(() => 1 / FACTORS.length),
      );
}
