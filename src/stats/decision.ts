// The decision rules on numbers: which of five answers a set of p-values and limits supports.

/** What was measured. null = not measured (no stratum was confirmed on fresh data). */
export interface DecisionInput {
  /** Matched strata. */
  readonly strata: number;
  /** Family-wise adjusted p that arm b is lower / higher. */
  readonly pLess: number;
  readonly pGreater: number;
  /** Smallest p of a single stratum on fresh data, and how many strata were flagged for it. */
  readonly pSingleMin: number | null;
  readonly flagged: number;
  /** Confidence limits of the difference b - a; null when they could not be computed. */
  readonly lower: number | null;
  readonly upper: number | null;
  /** False when the two arms were not measured with the same instrument. Default true. */
  readonly comparable?: boolean;
}

/** Error rates and equivalence margin of the decision. */
export interface DecisionThresholds {
  readonly alphaAggregate: number;
  readonly alphaSingle: number;
  readonly margin: number;
}

/** The answer and the one rule that gave it. */
export interface Decision {
  readonly verdict: 'invalid' | 'regressed' | 'improved' | 'unchanged' | 'inconclusive';
  readonly rule:
    | 'not-comparable'
    | 'nothing-matched'
    | 'aggregate-less'
    | 'single-less'
    | 'aggregate-greater'
    | 'interval-inside-margin'
    | 'no-rule';
}

/**
 * First match wins: not comparable or nothing matched; lower (aggregate p <= alpha, or smallest single p times the number
 * flagged <= its alpha, Bonferroni); higher; interval strictly inside (-margin, margin); otherwise undecided.
 */
export function decideVerdict(input: DecisionInput, thresholds: DecisionThresholds): Decision {
  if (input.comparable === false) return { verdict: 'invalid', rule: 'not-comparable' };
  if (input.strata === 0) return { verdict: 'invalid', rule: 'nothing-matched' };
  if (input.pLess <= thresholds.alphaAggregate) return { verdict: 'regressed', rule: 'aggregate-less' };
  if (input.pSingleMin !== null && input.pSingleMin * input.flagged <= thresholds.alphaSingle)
    return { verdict: 'regressed', rule: 'single-less' };
  if (input.pGreater <= thresholds.alphaAggregate) return { verdict: 'improved', rule: 'aggregate-greater' };
  if (
    input.lower !== null &&
    input.upper !== null &&
    input.lower > -thresholds.margin &&
    input.upper < thresholds.margin
  )
    return { verdict: 'unchanged', rule: 'interval-inside-margin' };
  return { verdict: 'inconclusive', rule: 'no-rule' };
}

/** Answer to "is b worse than a by no more than the margin?" */
export type NonInferiority =
  | { readonly outcome: 'nonInferior'; readonly slack: number }
  | { readonly outcome: 'inferior'; readonly slack: number }
  | { readonly outcome: 'undecided'; readonly slack: number };

/**
 * Non-inferiority from a confidence interval of b - a (Schuirmann 1987): shown when lower > -margin, refuted when
 * upper < -margin, else undecided. With lower from a 90% interval each claim errs at most 5% of the time.
 * `slack` = lower + margin, the distance to the claim (negative when missed). RangeError unless margin > 0.
 */
export function nonInferiority({
  lower,
  upper,
  margin,
}: {
  lower: number;
  upper: number;
  margin: number;
}): NonInferiority {
  if (!(margin > 0)) throw new RangeError(`nonInferiority requires margin > 0, got ${margin}`);
  const slack = lower + margin;
  if (lower > -margin) return { outcome: 'nonInferior', slack };
  return upper < -margin ? { outcome: 'inferior', slack } : { outcome: 'undecided', slack };
}
