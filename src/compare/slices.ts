// The same comparison seen tag by tag, because a suite's average can hide a tag that broke.

import { count, percent, pointsApart, probability } from '../base/numbers.ts';
import type { Flips, Interval, Slice, Verdict } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { asReason, type InWords, reason, reasonOf, statistic } from '../core/reason.ts';
import { rateOf } from './arm.ts';
import type { AdjustedP, Evidence, OwnP, TagMembers } from './evidence.ts';
import { deltaInterval, meanDelta, ownP } from './evidence.ts';
import { MIN_CASES_FOR_SLICE, MIN_CASES_FOR_UNCHANGED, SLICE_MARGIN } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { keyOf } from './screen.ts';
import { intervalText } from './wording.ts';

/** Pass or fail of a case in one arm: more than half of its graded trials passed. */
function passes(passed: number, graded: number): boolean {
  return 2 * passed > graded;
}

/** How many cases passed before and after; with several trials a case passes when more than half of them do. */
export function flipsOf(pairs: readonly PairedCase[]): Flips {
  let passToFail = 0;
  let failToPass = 0;
  let bothPass = 0;
  let bothFail = 0;
  for (const { baseline, candidate } of pairs) {
    const before = passes(baseline.passed, baseline.graded);
    const after = passes(candidate.passed, candidate.graded);
    if (before && after) bothPass += 1;
    else if (before) passToFail += 1;
    else if (after) failToPass += 1;
    else bothFail += 1;
  }
  return { passToFail, failToPass, bothPass, bothFail };
}

/** Mean case rate and trial counts of one arm; the caller guarantees at least one pair. */
export function armRate(
  pairs: readonly PairedCase[],
  arm: 'baseline' | 'candidate',
): { passRate: number; passed: number; trials: number } {
  let rates = 0;
  let passed = 0;
  let trials = 0;
  for (const pair of pairs) {
    rates += rateOf(pair[arm]);
    passed += pair[arm].passed;
    trials += pair[arm].graded;
  }
  return { passRate: rates / pairs.length, passed, trials };
}

function decideSlice(
  pairs: readonly PairedCase[],
  adjusted: AdjustedP | null,
  interval: readonly [number, number],
  policy: Policy,
): { readonly verdict: Verdict; readonly reason: string } & InWords {
  const n = pairs.length;
  const change = `${percent(armRate(pairs, 'baseline').passRate)} → ${percent(armRate(pairs, 'candidate').passRate)} over ${count(n, 'case')}`;
  const alpha = policy.alphaAggregate;
  if (adjusted === null)
    return {
      verdict: 'inconclusive',
      reason: `${change}: fewer than ${MIN_CASES_FOR_SLICE} cases are not tested`,
    };
  if (adjusted.less <= alpha)
    return {
      verdict: 'regressed',
      ...asReason(
        reason`${change}${statistic(`: adjusted one-sided p = ${probability(adjusted.less)} ≤ ${alpha}`)}`,
      ),
    };
  if (adjusted.greater <= alpha)
    return {
      verdict: 'improved',
      ...asReason(
        reason`${change}${statistic(`: adjusted one-sided p = ${probability(adjusted.greater)} ≤ ${alpha}`)}`,
      ),
    };
  const inside = interval[0] > -SLICE_MARGIN && interval[1] < SLICE_MARGIN;
  if (inside && n >= MIN_CASES_FOR_UNCHANGED)
    return {
      verdict: 'unchanged',
      reason: `${change}: interval ${intervalText(interval)} lies within ±${pointsApart(SLICE_MARGIN)}`,
    };
  return {
    verdict: 'inconclusive',
    ...asReason(
      reason`${change}: no change was shown${statistic(` (adjusted p = ${probability(Math.min(adjusted.less, adjusted.greater))})`)}, interval ${intervalText(interval)}`,
    ),
  };
}

function adjustedOf(tag: TagMembers, size: number, evidence: Evidence): AdjustedP | null {
  if (tag.tested) return evidence.tagAdjusted.get(tag.tag) ?? null;
  // A tag on every case is the suite under another name.
  return tag.members.length === size && size >= MIN_CASES_FOR_SLICE ? evidence.suiteAdjusted : null;
}

/** Intervals by counts: of tens of thousands of tags with a case or two, few differ in them. */
function intervals(confidence: number): (members: readonly PairedCase[]) => Interval {
  const known = new Map<string, Interval>();
  return (members) => {
    if (members.length >= MIN_CASES_FOR_SLICE || members.some((m) => m.group !== null))
      return deltaInterval(members, confidence);
    const key = members.map(keyOf).sort().join();
    const interval = known.get(key) ?? deltaInterval(members, confidence);
    known.set(key, interval);
    return interval;
  };
}

/** One slice per tag, alphabetically. `withheld` says why no verdict may be given; null = it may. */
export function slicesOf(
  pairs: readonly PairedCase[],
  tags: readonly TagMembers[],
  evidence: Evidence,
  policy: Policy,
  withheld: string | null,
): Slice[] {
  const intervalOf = intervals(policy.confidence);
  return tags.map((tag) => {
    const members = Array.from(tag.members, (i) => pairs[i] as PairedCase);
    const interval = intervalOf(members);
    const adjusted = adjustedOf(tag, pairs.length, evidence);
    const own: OwnP = ownP(members);
    const decided =
      withheld === null
        ? decideSlice(members, adjusted, interval, policy)
        : { verdict: 'inconclusive' as const, reason: withheld };
    return {
      tag: tag.tag,
      cases: members.length,
      baseline: armRate(members, 'baseline'),
      candidate: armRate(members, 'candidate'),
      delta: meanDelta(members),
      interval,
      verdict: decided.verdict,
      ...asReason(reasonOf(decided)),
      p: own.twoSided,
      log10p: own.log10TwoSided,
      q: adjusted === null ? null : Math.min(adjusted.less, adjusted.greater),
      flips: flipsOf(members),
    };
  });
}
