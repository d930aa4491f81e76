// The verdict on the whole suite: the first rule that fires, and the sentence that says so with its numbers.

import { count, percent, pointsApart, probability } from '../base/numbers.ts';
import type { OverallVerdict } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { type Reason, reason, statistic } from '../core/reason.ts';
import { type Decision, decideVerdict } from '../stats/decision.ts';
import type { Confirmed } from './confirmation.ts';
import type { Evidence, OwnP } from './evidence.ts';
import { deltaInterval, meanDelta, ownP } from './evidence.ts';
import { MIN_CASES_FOR_UNCHANGED } from './options.ts';
import type { PairedCase } from './pairing.ts';
import type { Repeated } from './repeated-answers.ts';
import type { Sensitivity } from './sensitivity.ts';
import { armRate } from './slices.ts';
import { EVERY_ANSWER_REPEATS } from './undecided.ts';
import { intervalText, tally } from './wording.ts';

export interface Decided {
  readonly verdict: OverallVerdict;
  readonly reason: Reason;
  /** A detectable drop was let pass because it lies within the margin. */
  readonly tolerated?: boolean | undefined;
}

/** A decision, and whether it let a detectable drop pass because its whole interval lies within the margin. */
export interface VerdictRule {
  readonly verdict: Decision['verdict'];
  /** `set-less`: the flagged cases together; `collapse`: a fall that needs no control. */
  readonly rule: Decision['rule'] | 'set-less' | 'collapse';
  readonly tolerated: boolean;
}

/**
 * Applies the rules in order. Red needs evidence and effect: with `require-margin` a detectable drop is tolerated (and
 * warned of) when the interval of everything that fell lies within the margin and no single case is confirmed. `unchanged`
 * additionally needs enough cases to claim it.
 */
export function decide(
  pairs: readonly PairedCase[],
  evidence: Evidence,
  confirmed: Confirmed,
  policy: Policy,
): VerdictRule {
  const decision = decideVerdict(
    {
      strata: pairs.length,
      pLess: dropP(evidence, confirmed),
      pGreater: evidence.pImprovement,
      // Adjusted over the flagged cases already: the list of regressed cases and this verdict are one decision.
      pSingleMin: confirmed.best?.q ?? null,
      flagged: 1,
      lower: evidence.interval[0],
      upper: evidence.interval[1],
    },
    { alphaAggregate: policy.alphaAggregate, alphaSingle: policy.alphaCase, margin: policy.margin },
  );
  const tolerated =
    decision.rule === 'aggregate-less' &&
    policy.requireMargin &&
    confirmed.listed.length === 0 &&
    !setDecides(evidence, confirmed) &&
    fellWithinMargin(pairs, evidence, policy);
  if (decision.rule === 'aggregate-less' && setDecides(evidence, confirmed))
    return { verdict: 'regressed', rule: 'set-less', tolerated: false };
  const settled = tolerated || decision.verdict === 'unchanged';
  if (settled && pairs.length < MIN_CASES_FOR_UNCHANGED)
    return { verdict: 'inconclusive', rule: 'no-rule', tolerated };
  return tolerated
    ? { verdict: 'unchanged', rule: 'interval-inside-margin', tolerated }
    : { ...decision, tolerated };
}

/** Of the rate for suite and tags, the share of the flagged cases as one set; the family has the rest. */
export const SET_SHARE = 0.25;

/** p of a drop: of the suite and its tags, or of the flagged cases together; each divided by its share where there is such a set. */
function dropP({ pRegression }: Evidence, { together }: Pick<Confirmed, 'together'>): number {
  if (together === null) return pRegression;
  return Math.min(1, pRegression / (1 - SET_SHARE), together.p / SET_SHARE);
}

/** The same of the set alone: where the suite was not run on both sides. */
export function setDropP({ together }: Pick<Confirmed, 'together'>): number {
  return together === null ? 1 : Math.min(1, together.p / SET_SHARE);
}

/** Is it the set of flagged cases that shows the drop? */
function setDecides({ pRegression }: Evidence, { together }: Confirmed): boolean {
  return together !== null && together.p / SET_SHARE < pRegression / (1 - SET_SHARE);
}

/** Does the interval of everything that detectably fell (the suite, and each such tag) lie strictly inside ±margin? */
function fellWithinMargin(pairs: readonly PairedCase[], evidence: Evidence, policy: Policy): boolean {
  const inside = ([lower, upper]: readonly [number, number]): boolean =>
    lower > -policy.margin && upper < policy.margin;
  const fell = (p: number, name: string): boolean =>
    p <= policy.alphaAggregate || evidence.drivenBy.less === name;
  if (fell(evidence.suiteAdjusted.less, 'suite') && !inside(evidence.interval)) return false;
  return [...evidence.tagAdjusted].every(
    ([tag, p]) =>
      !fell(p.less, tag) ||
      inside(
        deltaInterval(
          pairs.filter((pair) => pair.tags.includes(tag)),
          policy.confidence,
        ),
      ),
  );
}

/** Numbers that several sentences need. */
export interface Weighed {
  readonly pairs: readonly PairedCase[];
  readonly rates: { readonly baseline: number; readonly candidate: number };
  readonly evidence: Evidence;
  readonly sensitivity: Sensitivity;
  /** The baseline's trials are stored: only the candidate can be given more. */
  readonly stored: boolean;
  readonly repeated: Repeated | null;
  readonly confirmed: Confirmed;
  readonly policy: Policy;
}

/** Puts a decision into words. */
export function explain(decision: VerdictRule, weighed: Weighed): Reason {
  switch (decision.rule) {
    case 'not-comparable':
    case 'nothing-matched':
      return reason`nothing could be compared`;
    case 'set-less':
      return setSentence(weighed);
    case 'aggregate-less': {
      const { what, exact } = moved(weighed, 'less');
      return reason`${what}${adjusted(weighed.evidence.pRegression, weighed.policy)}${exact}${withinMarginText(weighed)}`;
    }
    case 'aggregate-greater': {
      const { what, exact } = moved(weighed, 'greater');
      return reason`${what}${adjusted(weighed.evidence.pImprovement, weighed.policy)}${exact}`;
    }
    case 'collapse':
      return reason`the pass rate collapsed by ${pointsApart(weighed.evidence.delta)} (${rateChange(weighed)}), far more than runs of one release differ by`;
    case 'single-less':
      return singleCase(weighed);
    case 'interval-inside-margin':
      if (decision.tolerated) {
        const { what } = moved(weighed, 'less');
        return reason`${what}: detectable${statistic(` (${adjustedText(weighed.evidence.pRegression, weighed.policy)})`)}, but its whole interval lies within the margin of ${pointsApart(weighed.policy.margin)}`;
      }
      return reason`${weighed.repeated === null ? '' : `${EVERY_ANSWER_REPEATS}; `}${intervalSentence(weighed)} lies within ±${pointsApart(weighed.policy.margin)}: ${rateChange(weighed)}`;
    case 'no-rule':
      return undecided(weighed);
  }
}

function setSentence({ confirmed: { together }, policy: { alphaAggregate } }: Weighed): Reason {
  if (together === null) return reason`the cases that looked worse are worse together`;
  const { cases, baseline, candidate, p } = together;
  const exact = statistic(
    `: exact one-sided p = ${probability(p)} ≤ ${Number((SET_SHARE * alphaAggregate).toPrecision(3))}`,
  );
  return reason`the ${count(cases, 'case')} that looked worse are worse together on fresh trials (${tally(baseline)} → ${tally(candidate)})${exact}`;
}

function adjusted(p: number, policy: Policy): Reason {
  return statistic(`: ${adjustedText(p, policy)}`);
}

function adjustedText(p: number, { alphaAggregate }: Policy): string {
  return `adjusted one-sided p = ${probability(p)} ≤ ${alphaAggregate}`;
}

function rateChange({ rates, pairs }: Pick<Weighed, 'rates' | 'pairs'>): string {
  return `${percent(rates.baseline)} → ${percent(rates.candidate)} over ${count(pairs.length, 'case')}`;
}

/** Which pass rate moved, by how much, and its own exact p where that says more than the adjusted one. */
function moved(
  weighed: Weighed,
  direction: 'less' | 'greater',
): { readonly what: string; readonly exact: Reason } {
  const verb = direction === 'less' ? 'fell' : 'rose';
  const driver = weighed.evidence.drivenBy[direction];
  if (driver === 'suite')
    return {
      what: `the pass rate ${verb} by ${pointsApart(weighed.evidence.delta)} (${rateChange(weighed)})`,
      exact: exactText('the suite', weighed.evidence.suite),
    };
  const members = weighed.pairs.filter((pair) => pair.tags.includes(driver));
  const rates = {
    baseline: armRate(members, 'baseline').passRate,
    candidate: armRate(members, 'candidate').passRate,
  };
  return {
    what: `the pass rate of \`${driver}\` ${verb} by ${pointsApart(meanDelta(members))} (${rateChange({ rates, pairs: members })}; whole suite ${rateChange(weighed)})`,
    exact: exactText(`\`${driver}\``, ownP(members)),
  };
}

/** An adjusted p cannot go below one in the number of replicates; the exact one of a single statistic can. */
function exactText(what: string, { twoSided, log10TwoSided }: OwnP): Reason {
  return statistic(
    log10TwoSided < -4
      ? `; ${what} alone, exact and two-sided, p = ${probability(twoSided, log10TwoSided)}`
      : '',
  );
}

function withinMarginText({ pairs, evidence, confirmed, policy }: Weighed): string {
  return fellWithinMargin(pairs, evidence, policy) && confirmed.listed.length === 0
    ? `; detectable, but the interval lies within the margin of ${pointsApart(policy.margin)}`
    : '';
}

function singleCase({ confirmed, policy }: Weighed): Reason {
  const { best, tested } = confirmed;
  const test = best === null ? undefined : confirmed.tests.get(best.id);
  if (best === null || test === undefined) return reason`a confirmed case regressed`;
  const against = test.baseline.trials > 0 ? `${tally(test.baseline)} → ` : '';
  const others = confirmed.listed.length - 1;
  const more = others > 0 ? `, and ${count(others, 'case')} more` : '';
  const numbers = statistic(
    `: p = ${probability(best.p)}, adjusted for ${count(tested, 'suspected case')} q = ${probability(best.q)} ≤ ${policy.alphaCase}`,
  );
  return reason`case ${best.id}${more} failed again on fresh trials (${against}${tally(test.candidate)})${numbers}`;
}

function intervalSentence({ evidence, policy }: Weighed): string {
  return `the ${Number((100 * policy.confidence).toPrecision(3))} % interval of the change ${intervalText(evidence.interval)}`;
}

function undecided(weighed: Weighed): Reason {
  const { pairs, evidence, sensitivity, policy } = weighed;
  const p = statistic(` (p = ${probability(Math.min(evidence.pRegression, evidence.pImprovement))})`);
  const start = reason`no change was shown${p}, and no absence of one: `;
  if (pairs.length < MIN_CASES_FOR_UNCHANGED)
    return reason`${start}${count(pairs.length, 'case')} are too few to show that nothing changed (at least ${MIN_CASES_FOR_UNCHANGED})`;
  const needed =
    sensitivity.trialsNeeded === null
      ? ''
      : `; about ${count(sensitivity.trialsNeeded, 'trial')} per case ${weighed.stored ? 'of the candidate' : 'and arm'} would settle it`;
  return reason`${start}${intervalSentence(weighed)} reaches beyond ±${pointsApart(policy.margin)}${needed}`;
}
