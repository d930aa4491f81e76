// The gate policy of a suite: how much evidence and how much effect it takes to call something a regression.

import type { z } from 'zod';
import type { policySchema } from './policy-schema.ts';

/** The policy as a suite file gives it. */
export type PolicyFile = z.input<typeof policySchema>;

export type ChannelAction = 'warn' | 'fail' | 'off';

/** The policy with every default filled in. Rates and probabilities are shares in [0, 1]. */
export interface Policy {
  readonly margin: number;
  readonly confidence: number;
  readonly minPassRate: number | null;
  readonly tagMinPassRate: Readonly<Record<string, number>>;
  readonly alphaAggregate: number;
  readonly alphaCase: number;
  readonly alphaList: number;
  readonly requireMargin: boolean;
  /** Standard deviation of a session on the logit scale before any run was seen; worth four runs. */
  readonly sessionSd: number;
  /** What an undecided comparison does to the gate. */
  readonly undecided: 'pass-if-sensitive' | 'fail' | 'pass';
  /** Drop that must have been visible 4 times in 5 for `pass-if-sensitive`. */
  readonly sensitivity: number;
  /** Largest fall of the mean score that is still no change. */
  readonly scoreMargin: number;
  readonly tier: 'smoke' | 'std' | 'deep' | 'ladder';
  readonly appError: 'missing' | 'fail';
  readonly maxMissing: number;
  readonly maxInvalid: number;
  /** Most a rollback target may cost and take, as multiples of the last good release; null = any. */
  readonly rollback: { readonly maxCostRatio: number | null; readonly maxLatencyRatio: number | null };
  readonly channels: {
    readonly length: ChannelAction;
    readonly latency: ChannelAction;
    readonly cost: ChannelAction;
    readonly embedding: ChannelAction;
    readonly score: ChannelAction;
  };
}

/** Does the policy ask for the embedding channel, and so for a vector of every answer? */
export function wantsEmbeddings(file: PolicyFile | undefined): boolean {
  return resolvePolicy(file).channels.embedding !== 'off';
}

/** Fills in the defaults. */
export function resolvePolicy(file: PolicyFile | undefined): Policy {
  const p = file ?? {};
  return {
    margin: p.margin ?? 0.05,
    confidence: p.confidence ?? 0.9,
    minPassRate: p['min-pass-rate'] ?? null,
    tagMinPassRate: Object.fromEntries(
      Object.entries(p.tags ?? {}).map(([tag, t]) => [tag, t['min-pass-rate']]),
    ),
    alphaAggregate: p.alpha?.aggregate ?? 0.04,
    alphaCase: p.alpha?.case ?? 0.01,
    alphaList: p.alpha?.list ?? 0.1,
    requireMargin: p['require-margin'] ?? true,
    sessionSd: p['session-sd'] ?? 0.2,
    undecided: p.undecided ?? 'pass-if-sensitive',
    sensitivity: p.sensitivity ?? 0.1,
    scoreMargin: p['score-margin'] ?? 0.05,
    tier: p.tier ?? 'std',
    appError: p['app-error'] ?? 'missing',
    maxMissing: p['max-missing'] ?? 0.02,
    maxInvalid: p['max-invalid'] ?? 0.3,
    rollback: {
      maxCostRatio: p.rollback?.['max-cost-ratio'] ?? null,
      maxLatencyRatio: p.rollback?.['max-latency-ratio'] ?? null,
    },
    channels: {
      length: p.channels?.length ?? 'warn',
      latency: p.channels?.latency ?? 'warn',
      cost: p.channels?.cost ?? 'warn',
      embedding: p.channels?.embedding ?? 'off',
      score: p.channels?.score ?? 'warn',
    },
  };
}
