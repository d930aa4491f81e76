// Missing trials: an outage is neither a regression nor a success. Where much is missing, the verdict must survive both extremes.

import { percent, probability } from '../base/numbers.ts';
import type { MissingTrials, OverallVerdict } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { type Reason, reason, statistic } from '../core/reason.ts';
import { fisherTwoSided } from '../stats/fisher.ts';
import { withMissingAs } from './arm.ts';
import type { PairedCase } from './pairing.ts';

export interface Availability {
  readonly baseline: MissingTrials;
  readonly candidate: MissingTrials;
  /** So much or so unevenly missing that the verdict has to be checked. */
  readonly suspicious: boolean;
  /** Why, with counts by reason; empty when not suspicious. */
  readonly sentence: Reason;
}

/** One-in-a-hundred difference between the arms' missing rates. */
const UNEVEN_P = 0.01;

function missingOf(pairs: readonly PairedCase[], arm: 'baseline' | 'candidate'): MissingTrials {
  let planned = 0;
  let missing = 0;
  const byReason: Record<string, number> = {};
  for (const pair of pairs) {
    const tally = pair[arm];
    planned += tally.planned;
    if (tally.missingTotal === 0) continue;
    missing += tally.missingTotal;
    for (const [reason, count] of Object.entries(tally.missing))
      byReason[reason] = (byReason[reason] ?? 0) + count;
  }
  return {
    planned,
    missing,
    byReason: Object.fromEntries(Object.entries(byReason).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function rate({ planned, missing }: MissingTrials): number {
  return planned === 0 ? 0 : missing / planned;
}

/** `7 of 90 (7.8 %): 5 judge_error, 2 timeout` */
export function missingText(missing: MissingTrials): string {
  const reasons = Object.entries(missing.byReason).map(([reason, count]) => `${count} ${reason}`);
  const detail = reasons.length === 0 ? '' : `: ${reasons.join(', ')}`;
  return `${missing.missing} of ${missing.planned} (${percent(rate(missing))})${detail}`;
}

/** Counts what is missing among the cases that could have been compared, and says whether it is too much or too uneven. */
export function availabilityOf(comparable: readonly PairedCase[], policy: Policy): Availability {
  const baseline = missingOf(comparable, 'baseline');
  const candidate = missingOf(comparable, 'candidate');
  const p = fisherTwoSided({
    xA: baseline.missing,
    kA: baseline.planned,
    xB: candidate.missing,
    kB: candidate.planned,
  });
  const many = rate(baseline) > policy.maxMissing || rate(candidate) > policy.maxMissing;
  const uneven = p <= UNEVEN_P;
  const suspicious = many || uneven;
  const why = many
    ? reason`above the limit of ${percent(policy.maxMissing)}`
    : reason`more on one side than on the other${statistic(` (p = ${probability(p)})`)}`;
  return {
    baseline,
    candidate,
    suspicious,
    sentence: suspicious
      ? reason`trials without a grade, baseline ${missingText(baseline)}; candidate ${missingText(candidate)}; ${why}`
      : reason``,
  };
}

/** The comparable cases with every missing trial counted as passed (1) or failed (0). */
export function imputed(comparable: readonly PairedCase[], value: 0 | 1): PairedCase[] {
  return comparable.map((pair) => ({
    ...pair,
    baseline: withMissingAs(pair.baseline, value),
    candidate: withMissingAs(pair.candidate, value),
  }));
}

/** The verdict that stands when trials are missing: the observed one if both extremes agree with it, else could-not-tell. */
export function availabilityVerdict(
  observed: OverallVerdict,
  extremes: { readonly asFailed: OverallVerdict; readonly asPassed: OverallVerdict },
  availability: Availability,
): { readonly verdict: OverallVerdict; readonly reason: Reason | null } {
  if (extremes.asFailed === observed && extremes.asPassed === observed)
    return { verdict: observed, reason: null };
  return {
    verdict: 'inconclusive',
    reason: reason`inconclusive (availability): ${availability.sentence}; counted as failed the verdict would be ${extremes.asFailed}, counted as passed ${extremes.asPassed}`,
  };
}
