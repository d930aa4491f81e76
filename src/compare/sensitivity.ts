// What a comparison could have seen, and what would settle it: the sizes and numbers of trials that reports print.

import type { Policy } from '../core/policy.ts';
import type { MeanChange } from '../stats/mean-change.ts';
import { familyWeights } from '../stats/westfall-young.ts';
import { changeOf, type TagMembers } from './evidence.ts';
import type { Findings } from './findings.ts';
import type { CompareOptions } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { changeUnseen, type Repeated } from './repeated-answers.ts';
import type { Sessions } from './sessions.ts';

/** What this design could have seen, and what a decision would take. */
export interface Sensitivity {
  /** Smallest uniform drop seen 4 times in 5; null when no trial ever disagreed with another, or nothing short of everything would be. */
  readonly minimumDetectable: number | null;
  /** Trials per arm and case that would place the interval inside the margin 4 times in 5 when nothing changed; null = no number would. */
  readonly trialsNeeded: number | null;
}

/** A size counts as seen when it is seen this often. */
const POWER = 0.8;
/**
 * A uniform drop shows in the mean, the likelihood ratio and the squared falls at once: together they see what a test of the mean would
 * see at this share of the family's level. Calibrated in bench/stat on suites and seeds that the bench does not judge.
 */
const SIZE_SHARE = 0.75;
/** More trials a case than this are no advice. */
const MOST_TRIALS = 200;

interface SizePolicy {
  readonly margin: number;
  readonly confidence: number;
  readonly alphaAggregate: number;
}

/** The smallest drop that this many trials a case in both arms, run together, would show 4 times in 5. */
export function detectableBy(
  change: MeanChange,
  trials: number,
  { alphaAggregate }: { readonly alphaAggregate: number },
): number | null {
  return change.detectableWith(trials, SIZE_SHARE * alphaAggregate, POWER);
}

/** Smallest detectable drop and trials needed, computed for the tests of arms that were run together. */
function sensitivity(
  pairs: readonly PairedCase[],
  { margin, confidence, alphaAggregate }: SizePolicy,
  change: MeanChange | null = pairs.length === 0 ? null : changeOf(pairs),
): Sensitivity {
  if (change === null) return { minimumDetectable: null, trialsNeeded: null };
  const needed = change.trialsFor(margin, (1 - confidence) / 2, POWER, MOST_TRIALS);
  return {
    minimumDetectable: change.detectable(SIZE_SHARE * alphaAggregate, POWER),
    trialsNeeded: moreThanNow(needed, pairs),
  };
}

/**
 * The same where the baseline is stored: what sessions add is tested on the mean alone, by its share of the level, and further trials
 * are the candidate's.
 */
function storedSensitivity(
  pairs: readonly PairedCase[],
  policy: SizePolicy,
  change: MeanChange,
  { sessions, tags }: { readonly sessions: Sessions; readonly tags: readonly TagMembers[] },
): Sensitivity {
  const [share = 1] = familyWeights(tags.filter((t) => t.tested).length);
  return {
    minimumDetectable: change.detectable(SIZE_SHARE * share * policy.alphaAggregate, POWER),
    trialsNeeded: candidateTrials(pairs, policy, change, sessions),
  };
}

/** Trials a case of the candidate with which it would be shown to be unchanged against the stored runs. */
function candidateTrials(
  pairs: readonly PairedCase[],
  { margin, confidence }: SizePolicy,
  change: MeanChange,
  { days }: Sessions,
  power = POWER,
): number | null {
  const claim = { margin, level: (1 - confidence) / 2, power };
  return moreThanNow(change.freshTrialsFor(claim, Math.max(1, days.length), MOST_TRIALS), pairs);
}

function moreThanNow(needed: number | null, pairs: readonly PairedCase[]): number | null {
  const now = pairs.reduce((sum, p) => sum + p.candidate.graded, 0) / pairs.length;
  return needed === null ? null : Math.max(needed, Math.floor(now) + 1);
}
/** A screening that nothing looks worse in settles a check; it does in nine of ten quiet ones. */
const QUIET_POWER = 0.9;

/** What could have been seen: by the trials at hand, and by the control that would have to prove it. */
export function sensitivityOf(
  {
    pairs,
    tags,
    evidence,
    today,
    sessions,
  }: Pick<Findings, 'pairs' | 'tags' | 'evidence' | 'today' | 'sessions'>,
  { control }: CompareOptions,
  policy: Policy,
  stands: boolean,
): Sensitivity {
  if (control === undefined)
    return sessions === null
      ? sensitivity(pairs, policy, evidence.change)
      : storedSensitivity(pairs, policy, evidence.change, { sessions, tags });
  const screened = {
    ...sensitivity(pairs, policy, evidence.change),
    // The stored runs alone can settle it, where today's control does not contradict them.
    trialsNeeded:
      sessions === null || !stands
        ? null
        : candidateTrials(pairs, policy, evidence.change, sessions, QUIET_POWER),
  };
  const proven = detectableBy(evidence.change, control.most, policy);
  const course =
    screened.minimumDetectable === null || proven === null
      ? null
      : Math.max(screened.minimumDetectable, proven);
  if (today === null) return { ...screened, minimumDetectable: course };
  const whole = today.pairs.length === pairs.length;
  const own = sensitivity(today.pairs, policy, today.evidence.change);
  // A control that ended early because it was quiet would have gone on had it not been: what the whole course could have seen counts,
  // as long as the stored runs still say what the baseline's release does.
  const sizes = [whole ? own.minimumDetectable : null, stands ? course : null].filter((d) => d !== null);
  return { ...screened, minimumDetectable: sizes.length === 0 ? null : Math.min(...sizes) };
}

export function sensitivityOfRepeated(seen: Sensitivity, repeated: Repeated | null): Sensitivity {
  if (repeated === null) return seen;
  const drop = changeUnseen(repeated, 1 - POWER);
  return { ...seen, minimumDetectable: Math.min(seen.minimumDetectable ?? 1, drop) };
}
