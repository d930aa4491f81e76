// A shadow run: a candidate on stored live inputs, shown to no user, beside what users got or what another release answers.

import type { Comparison } from './comparison.ts';

/** The form of an answer, roughly: what a parser or a page would notice first. */
export type AnswerForm = 'empty' | 'json' | 'code' | 'table' | 'list' | 'headings' | 'text';

/** Observations that inputs were drawn from. */
export interface ShadowSample {
  /** ISO times, whole hours: from inclusive, to exclusive. */
  readonly from: string;
  readonly to: string;
  readonly observations: number;
  /** Of them: without a stored question. */
  readonly withoutQuestion: number;
  /** Observations that were drawn, by their ids. */
  readonly drawn: number;
  /** Different questions among them: one case each. */
  readonly questions: number;
  /** How much answers of one release to one question differ in production; null under ten such pairs. */
  readonly noise: { readonly pairs: number; readonly distance: number } | null;
}

/** How far answers of two sides lie apart. */
export interface ShadowDifference {
  /** Questions that both sides answered. */
  readonly pairs: number;
  /** Answers that are not word for word the same. */
  readonly changed: number;
  /** Cosine distance of the embeddings: mean, median, 95% quantile. */
  readonly distance: { readonly mean: number; readonly p50: number; readonly p95: number };
  /** Characters: medians of both sides, and the median of candidate / baseline. */
  readonly length: {
    readonly baseline: number;
    readonly candidate: number;
    /** null where a median pair has an empty answer. */
    readonly ratio: number | null;
  };
  /** Answers whose form changed, and into what. */
  readonly form: {
    readonly changed: number;
    readonly moves: readonly { readonly from: AnswerForm; readonly to: AnswerForm; readonly n: number }[];
  };
  readonly refusals: { readonly baseline: number; readonly candidate: number };
  /** Answers that call other tools than before. */
  readonly tools: number;
}

export interface ShadowGroup extends ShadowDifference {
  readonly by: 'template' | 'segment' | 'tag';
  readonly value: string;
}

/** One side's use of money and time. */
export interface ShadowCost {
  /** US dollars a call; null = not known for at least one. */
  readonly perCallUsd: number | null;
  /** Milliseconds, medians; null = not known. */
  readonly latencyMs: number | null;
}

export interface ShadowReport {
  readonly feature: string;
  readonly release: { readonly name: string; readonly fingerprint: string };
  /** null = what users got. */
  readonly against: { readonly name: string; readonly fingerprint: string } | null;
  readonly sample: ShadowSample;
  /** candidate: null = it was not begun. */
  readonly snapshots: { readonly baseline: string; readonly candidate: string | null };
  readonly stoppedBy: string | null;
  /** Questions without a pair: the candidate failed, was not asked, or the other side has no answer. */
  readonly unpaired: {
    readonly candidateFailed: number;
    readonly candidateNotAsked: number;
    readonly baselineWithout: number;
  };
  readonly embedding: string;
  /** null without a single pair. */
  readonly difference: ShadowDifference | null;
  /** Where it differs most, by distance; groups of fewer than five pairs are left out. */
  readonly groups: readonly ShadowGroup[];
  readonly cost: {
    readonly baseline: ShadowCost;
    readonly candidate: ShadowCost;
    readonly candidateUsd: number | null;
  };
  /** In both orders, on a part of the pairs; null = no judge, or nothing to judge. */
  readonly preference: {
    readonly better: number;
    readonly worse: number;
    readonly tie: number;
    readonly inconsistent: number;
    readonly ungraded: number;
    readonly p: number;
    readonly verdict: 'better' | 'worse' | 'no difference shown' | 'invalid';
    readonly judgeCalls: number;
  } | null;
  /** Graders of the feature's suite that apply to any input; null = there are none. */
  readonly comparison: Comparison | null;
  readonly graders: readonly string[];
}
