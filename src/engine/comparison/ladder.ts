// The ladder: one comparison that begins with few trials and adds more only while the answer is open, at error rates fixed in advance.

import { openCases } from '../../compare/confirmation.ts';
import type { Comparison, Policy } from '../../core/index.ts';
import { spendingLevels } from '../../stats/index.ts';
import { policyAfterLooks, TIERS, type Tier } from './compare-plan.ts';

export const LADDER: readonly Tier[] = ['smoke', 'std', 'deep'];

/** What all repetitions of a comparison may spend together, as a part of the policy's rates and on top of them. */
const REPETITIONS_SHARE = 1 / 20;

/**
 * Of the rate of false alarms, what each rung may spend. The rungs test the same growing trials, so they are alike; that the sum
 * of their rates bounds all of them together (Bonferroni) needs no assumption about how. Half is for the last rung, which has
 * seen most. The rate of single cases is divided the same way and for the same reason: a case once flagged keeps its fresh trials
 * and is tested again at each rung, so it, too, is looked at three times.
 */
const SHARES: Readonly<Record<Tier, number>> = { smoke: 1 / 4, std: 1 / 4, deep: 1 / 2 };

/**
 * Of the rate at which "unchanged" may be claimed of a drop of exactly the margin, what is spent up to each rung. Three looks at an
 * ordinary interval would claim it about twice as often as one. Little is spent early: small suites decide late.
 */
const UNCHANGED_SPENT: Readonly<Record<Tier, number>> = { smoke: 0.1, std: 0.4, deep: 1 };

/** Fresh trials that look this bad keep a case under suspicion: the ladder neither ends green over it nor stops trying it. */
const STILL_SUSPECT = 0.05;

/** One judgement of a comparison: how many trials it waits for, and by which rates it is made. */
export interface Rung {
  readonly tier: Tier;
  /** Per case and arm, all rungs before included. */
  readonly trials: number;
  /** Numbers of finished rounds after which it may stop early; none in a ladder, whose rungs are its looks. */
  readonly looks: readonly number[];
  /** With this rung's own rates and confidence. */
  readonly policy: Policy;
}

/** The rungs of a ladder up to `top` trials, each with its part of the policy's rates. */
export function ladderRungs(policy: Policy, top: number = TIERS.deep.trials): Rung[] {
  const trials: Readonly<Record<Tier, number>> = {
    smoke: TIERS.smoke.trials,
    std: TIERS.std.trials,
    deep: Math.max(top, TIERS.deep.trials),
  };
  const levels = unchangedLevels(policy.confidence, trials);
  return LADDER.map((tier) => ({
    tier,
    trials: trials[tier],
    looks: [],
    policy: {
      ...policy,
      alphaAggregate: round(SHARES[tier] * policy.alphaAggregate),
      alphaCase: round(SHARES[tier] * policy.alphaCase),
      confidence: round(1 - 2 * levels[tier]),
    },
  }));
}

/** A tier that is judged once, at its end, with the policy's whole rates. */
export function onlyRung(policy: Policy, tier: Tier, trials: number, looks: readonly number[]): Rung {
  return { tier, trials, looks, policy: looks.length === 0 ? policy : policyAfterLooks(policy, trials) };
}

const known = new Map<string, Readonly<Record<Tier, number>>>();

/** One-sided level of "unchanged" at each rung. */
function unchangedLevels(
  confidence: number,
  trials: Readonly<Record<Tier, number>>,
): Readonly<Record<Tier, number>> {
  const key = `${confidence}/${trials.deep}`;
  let levels = known.get(key);
  if (levels === undefined) {
    const [smoke = 0, std = 0, deep = 0] = spendingLevels(
      (1 - confidence) / 2,
      LADDER.map((tier) => UNCHANGED_SPENT[tier]),
      LADDER.map((tier) => trials[tier]),
    );
    levels = { smoke, std, deep };
    known.set(key, levels);
  }
  return levels;
}

function round(x: number): number {
  return Number(x.toPrecision(6));
}

/** The policy for the `nth` repetition (from 1): its part of what repetitions may spend. The parts 1/(n(n+1)) of all of them add up to one. */
export function repetitionPolicy(policy: Policy, nth: number): Policy {
  const part = REPETITIONS_SHARE / (nth * (nth + 1));
  return {
    ...policy,
    alphaAggregate: round(part * policy.alphaAggregate),
    alphaCase: round(part * policy.alphaCase),
  };
}

// When it ends

/**
 * Is the answer in, so that no further rung is climbed? A regression always is. "Unchanged" and "improved" are, where nothing else
 * in the gate is open or red, and no case is still under suspicion on its fresh trials.
 */
export function isDecided(comparison: Comparison): boolean {
  const { verdict, gate } = comparison;
  if (verdict === 'regressed' || verdict === 'invalid') return true;
  if (gate.rules.some((rule) => rule.rule.startsWith('critical:') && rule.outcome === 'fail')) return true;
  return gate.outcome === 'pass' && suspects(comparison).length === 0;
}

/** Cases whose fresh trials look worse still. */
export function suspects(comparison: Comparison): string[] {
  return comparison.cases.flatMap((c) =>
    'confirmation' in c && c.confirmation !== null && c.p !== null && c.p <= STILL_SUSPECT ? [c.id] : [],
  );
}

/** Cases that the first batch of fresh trials left open: they get a second one before the rung is judged. */
export function leftOpen(comparison: Comparison): string[] {
  return openCases(
    comparison.cases.flatMap((c) =>
      'confirmation' in c && c.confirmation !== null
        ? [
            [
              c.id,
              { p: c.p, q: c.q, listed: c.verdict === 'regressed', candidate: c.confirmation.candidate },
            ] as const,
          ]
        : [],
    ),
  );
}
