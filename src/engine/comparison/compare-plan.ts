// How an interleaved comparison is laid out before it starts: tiers, early looks and the error each of them may spend, calls.

import type { EmbeddingEstimate, Policy } from '../../core/index.ts';
import type { JudgeEstimate } from '../examiners/judge-estimate.ts';

/** A number of trials with a name. `ladder` in a policy is a way through them. */
export type Tier = Exclude<Policy['tier'], 'ladder'>;

/** Trials per case and arm, and fresh trials per arm for each case that looks worse. */
export const TIERS: Readonly<Record<Tier, { readonly trials: number; readonly confirmTrials: number }>> = {
  smoke: { trials: 1, confirmTrials: 8 },
  std: { trials: 3, confirmTrials: 8 },
  deep: { trials: 5, confirmTrials: 8 },
};

/** An early look stops the run only on evidence this strong (Haybittle 1971; Peto et al. 1976). */
const LOOK_ALPHA = 0.001;
const MOST_LOOKS = 2;

/**
 * Numbers of finished rounds after which the evidence is looked at early: at most two, spread evenly, never the last round.
 * A round is one trial of every case in both arms; a single round has no early look.
 */
export function looksAfter(rounds: number): number[] {
  const looks = Math.min(MOST_LOOKS, rounds - 1);
  return Array.from({ length: Math.max(0, looks) }, (_, i) => Math.ceil(((i + 1) * rounds) / (looks + 1)));
}

/** The policy for the comparison at the end: its aggregate alpha less what the early looks may have spent. */
export function policyAfterLooks(policy: Policy, rounds: number): Policy {
  const spent = LOOK_ALPHA * looksAfter(rounds).length;
  const left = Math.max(policy.alphaAggregate - spent, policy.alphaAggregate / 2);
  return { ...policy, alphaAggregate: Number(left.toPrecision(12)) };
}

/** Is the evidence of a regression already so strong that further rounds would only cost money? */
export function stopsEarly(pRegression: number | null): boolean {
  return pRegression !== null && pRegression <= LOOK_ALPHA;
}

/** Most cases that are given fresh trials: five, or a tenth of the suite (the screen's own cap). */
export function mostConfirmed(cases: number): number {
  return Math.min(cases, Math.max(5, Math.ceil(0.1 * cases)));
}

/** One judgement, as planned. Calls are of both arms. */
export interface PlannedRung {
  readonly tier: Tier;
  readonly trials: number;
  /** Added by this rung, and further ones at most for fresh trials. */
  readonly calls: number;
  readonly confirmCallsUpper: number;
  readonly alphaAggregate: number;
  readonly alphaCase: number;
  readonly confidence: number;
}

/** What a comparison will do and may cost, known before its first call. */
export interface ComparePlan {
  readonly suite: string;
  readonly tier: Policy['tier'];
  readonly baseline: { readonly release: string; readonly fingerprint: string };
  readonly candidate: { readonly release: string; readonly fingerprint: string };
  readonly cases: number;
  /** Per case and arm. */
  readonly trials: number;
  readonly confirmTrials: number;
  /** Finished rounds after which it may stop early. */
  readonly looks: readonly number[];
  /** Calls of both arms when every first attempt answers and it goes its whole length. */
  readonly calls: number;
  /** The same when the first rung decides; without a ladder as many as `calls`. */
  readonly callsLeast: number;
  /** Where it is judged, in order; more than one only in a ladder. */
  readonly rungs: readonly PlannedRung[];
  /** What was asked of this pair before, and what follows from it; null = nothing was. */
  readonly askedBefore: string | null;
  /** Further calls of both arms, if as many cases as allowed look worse. */
  readonly confirmCallsUpper: number;
  /** Does every trial also ask a judge? */
  readonly judged: boolean;
  /** The judge's part of `calls`, apart from them; only in a dry run. null = no judge. */
  readonly judge?: JudgeEstimate | null | undefined;
  /** The embedder's, like the judge's. null = nothing is embedded. */
  readonly embedding?: EmbeddingEstimate | null | undefined;
  /** US dollars for all of these calls, without the judge's and the embedder's; null = a price or a token bound is unknown. */
  readonly costUpperUsd: number | null;
  /** Error rates of the verdict at the end: suite and tags together, single cases together. */
  readonly alpha: { readonly aggregate: number; readonly case: number };
}

/**
 * Most cases that are given fresh trials at the `nth` rung (from 1): as many as the screen picks, and all it picked before, which
 * are tried again while they look worse.
 */
export function mostConfirmedAt(cases: number, nth: number): number {
  return Math.min(cases, nth * mostConfirmed(cases));
}
