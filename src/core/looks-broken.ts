// Does a case look broken although nothing was proven? Such a case is never shown as passed.

import type { PairedDelta } from './comparison.ts';

/** A drop of half the trials is a break, whatever the number of trials says about chance. */
const BREAK = 0.5;
/** A smaller drop looks broken when chance alone would rarely make it. */
const RARE = 0.05;

/** Fresh trials decide where there are any: they were run because the first ones looked bad. */
export function looksBroken(d: PairedDelta): boolean {
  if (d.verdict === 'regressed' || d.verdict === 'improved' || d.delta >= 0) return false;
  const fresh = d.confirmation?.candidate;
  if (fresh !== undefined && fresh.trials > 0)
    return d.baseline.passRate - fresh.passed / fresh.trials >= BREAK - 1e-9;
  return -d.delta >= BREAK - 1e-9 || (d.p !== null && d.p <= RARE);
}
