// How right a judge is, measured against people's labels.

/** A share with its 95 % interval (Wilson). */
export interface Share {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly n: number;
}

export interface Calibration {
  /** Items with a majority among people. */
  readonly items: number;
  /** Items on which people had no majority: nothing to be right about. */
  readonly noMajority: number;
  /** Of the items: replies that could not be read. They count as disagreement, and not as a verdict. */
  readonly unparsable: number;
  readonly raters: number;
  readonly labels: readonly string[];
  /** `confusion[i][j]`: people said `labels[i]`, the judge `labels[j]`; one more column for unparsable. */
  readonly confusion: readonly (readonly number[])[];
  readonly agreement: number;
  /** Cohen; unparsable is a class of its own. */
  readonly kappa: number;
  /** Cohen with quadratic weights over the readable verdicts; null without an order. */
  readonly weightedKappa: number | null;
  /** Gwet: keeps its meaning when nearly all labels are one. */
  readonly ac1: number;
  /** Krippendorff over the people, who are the ceiling of what a judge can reach; null with fewer than two of them. */
  readonly humanAlpha: number | null;
  /** Each pair of people against each other. */
  readonly humanPairs: readonly {
    readonly raters: readonly [number, number];
    readonly agreement: number;
    readonly kappa: number;
  }[];
  /** Passing items that the judge passes; null unless labels are pass and fail. */
  readonly sensitivity: Share | null;
  /** Failing items that the judge fails. */
  readonly specificity: Share | null;
  /** Sensitivity + specificity − 1. */
  readonly youden: { readonly J: number; readonly lower: number; readonly upper: number } | null;
  /** May its verdicts decide a gate? Only where the lower end of J is at least 0.5. */
  readonly mayGate: boolean;
  readonly whyNot: string | null;
  /** The pass rate behind the observed one, with the judge's errors taken out. */
  readonly corrected: {
    readonly observed: number;
    readonly value: number;
    readonly lower: number;
    readonly upper: number;
  } | null;
  /** Spearman of verdict and length for the judge and for people; a judge well above the people is flattered by length. */
  readonly length: {
    readonly judge: number | null;
    readonly human: number | null;
    readonly n: number;
  } | null;
  /** Of pairwise verdicts asked in both orders. */
  readonly position: {
    readonly pairs: number;
    readonly inconsistent: number;
    /** Of the inconsistent pairs: the text that stood first won both times. */
    readonly firstWins: number;
    readonly p: number;
    /** More than 30 % inconsistent: the verdicts say nothing. */
    readonly invalid: boolean;
  } | null;
  /** What limits how far these numbers can be trusted. */
  readonly notes: readonly string[];
}
