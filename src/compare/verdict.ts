// The verdict on the whole suite: the first rule that fires, and the sentence that says so with its numbers.

import type { OverallVerdict } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { type Decision, decideVerdict } from '../stats/decision.ts';
import type { Confirmed } from './confirmation.ts';
import type { Evidence, OwnP, Sensitivity } from './evidence.ts';
import { deltaInterval, meanDelta, ownP } from './evidence.ts';
import { MIN_CASES_FOR_UNCHANGED } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { armRate } from './slices.ts';
import { intervalText, percent, plural, points, probability, tally } from './wording.ts';

export interface Decided {
  readonly verdict: OverallVerdict;
  readonly reason: string;
  /** A detectable drop was let pass because it lies within the margin. */
  readonly tolerated?: boolean;
}

/** A decision, and whether it let a detectable drop pass because its whole interval lies within the margin. */
export interface Ruling extends Decision {
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
): Ruling {
  const decision = decideVerdict(
    {
      strata: pairs.length,
      pLess: evidence.pRegression,
      pGreater: evidence.pImprovement,
      pSingleMin: confirmed.best?.p ?? null,
      flagged: confirmed.tested,
      lower: evidence.interval[0],
      upper: evidence.interval[1],
    },
    { alphaAggregate: policy.alphaAggregate, alphaSingle: policy.alphaCase, margin: policy.margin },
  );
  const tolerated =
    decision.rule === 'aggregate-less' &&
    policy.requireMargin &&
    confirmed.listed.length === 0 &&
    fellWithinMargin(pairs, evidence, policy);
  const settled = tolerated || decision.verdict === 'unchanged';
  if (settled && pairs.length < MIN_CASES_FOR_UNCHANGED)
    return { verdict: 'inconclusive', rule: 'no-rule', tolerated };
  return tolerated
    ? { verdict: 'unchanged', rule: 'interval-inside-margin', tolerated }
    : { ...decision, tolerated };
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
export interface Told {
  readonly pairs: readonly PairedCase[];
  readonly rates: { readonly baseline: number; readonly candidate: number };
  readonly evidence: Evidence;
  readonly sensitivity: Sensitivity;
  readonly confirmed: Confirmed;
  readonly policy: Policy;
}

/** Puts a decision into words. */
export function explain(decision: Ruling, told: Told): string {
  switch (decision.rule) {
    case 'not-comparable':
    case 'nothing-matched':
      return 'nothing could be compared';
    case 'aggregate-less': {
      const { what, exact } = moved(told, 'less');
      return `${what}: ${adjusted(told.evidence.pRegression, told.policy)}${exact}${withinMarginText(told)}`;
    }
    case 'aggregate-greater': {
      const { what, exact } = moved(told, 'greater');
      return `${what}: ${adjusted(told.evidence.pImprovement, told.policy)}${exact}`;
    }
    case 'single-less':
      return singleCase(told);
    case 'interval-inside-margin':
      if (decision.tolerated) {
        const { what } = moved(told, 'less');
        return `${what}: detectable (${adjusted(told.evidence.pRegression, told.policy)}), but its whole interval lies within the margin of ${points(told.policy.margin)}`;
      }
      return `${intervalSentence(told)} lies within ±${points(told.policy.margin)}: ${rateChange(told)}`;
    case 'no-rule':
      return undecided(told);
  }
}

function adjusted(p: number, { alphaAggregate }: Policy): string {
  return `adjusted one-sided p = ${probability(p)} ≤ ${alphaAggregate}`;
}

function rateChange({ rates, pairs }: Pick<Told, 'rates' | 'pairs'>): string {
  return `${percent(rates.baseline)} → ${percent(rates.candidate)} over ${plural(pairs.length, 'case')}`;
}

/** Which pass rate moved, by how much, and its own exact p where that says more than the adjusted one. */
function moved(told: Told, direction: 'less' | 'greater'): { readonly what: string; readonly exact: string } {
  const verb = direction === 'less' ? 'fell' : 'rose';
  const driver = told.evidence.drivenBy[direction];
  if (driver === 'suite')
    return {
      what: `the pass rate ${verb} by ${points(told.evidence.delta)} (${rateChange(told)})`,
      exact: exactText('the suite', told.evidence.suite),
    };
  const members = told.pairs.filter((pair) => pair.tags.includes(driver));
  const rates = {
    baseline: armRate(members, 'baseline').passRate,
    candidate: armRate(members, 'candidate').passRate,
  };
  return {
    what: `the pass rate of \`${driver}\` ${verb} by ${points(meanDelta(members))} (${rateChange({ rates, pairs: members })}; whole suite ${rateChange(told)})`,
    exact: exactText(`\`${driver}\``, ownP(members)),
  };
}

/** An adjusted p cannot go below one in the number of replicates; the exact one of a single statistic can. */
function exactText(what: string, { twoSided, log10TwoSided }: OwnP): string {
  return log10TwoSided < -4
    ? `; ${what} alone, exact and two-sided, p = ${probability(twoSided, log10TwoSided)}`
    : '';
}

function withinMarginText({ pairs, evidence, confirmed, policy }: Told): string {
  return fellWithinMargin(pairs, evidence, policy) && confirmed.listed.length === 0
    ? `; detectable, but the interval lies within the margin of ${points(policy.margin)}`
    : '';
}

function singleCase({ confirmed, policy }: Told): string {
  const { best, tested } = confirmed;
  const test = best === null ? undefined : confirmed.tests.get(best.id);
  if (best === null || test === undefined) return 'a confirmed case regressed';
  const against = test.baseline.trials > 0 ? `${tally(test.baseline)} → ` : '';
  return `case ${best.id} failed again on fresh trials (${against}${tally(test.candidate)}): p = ${probability(best.p)} times ${tested} flagged = ${probability(Math.min(1, best.p * tested))} ≤ ${policy.alphaCase}`;
}

function intervalSentence({ evidence, policy }: Told): string {
  return `the ${Number((100 * policy.confidence).toPrecision(3))} % interval of the change ${intervalText(evidence.interval)}`;
}

function undecided(told: Told): string {
  const { pairs, evidence, sensitivity, policy } = told;
  const start = `no change was shown (p = ${probability(Math.min(evidence.pRegression, evidence.pImprovement))}), and no absence of one: `;
  if (pairs.length < MIN_CASES_FOR_UNCHANGED)
    return `${start}${plural(pairs.length, 'case')} are too few to show that nothing changed (at least ${MIN_CASES_FOR_UNCHANGED})`;
  const needed =
    sensitivity.trialsNeeded === null
      ? ''
      : `; about ${plural(sensitivity.trialsNeeded, 'trial')} per case and arm would settle it`;
  return `${start}${intervalSentence(told)} reaches beyond ±${points(policy.margin)}${needed}`;
}
