// What a verification runs next, and how many trials would settle it.

import type { VerificationCondition } from '../core/index.ts';
import { normalQuantile, normalSf } from '../stats/index.ts';
import { CRITICAL_TRIALS, type criticalEvidence, MOST_SETTLED, SETTLE_TRIALS } from './case-conditions.ts';
import type { Reference } from './reference.ts';
import type { Bounded } from './suite-conditions.ts';
import type { VerifyInput } from './verify.ts';

/** A look is the last one where the chance that the rest of the trials would prove anything is below this. */
const HOPELESS = 0.05;

/** Trials still wanted before the answer: fresh ones of single cases, or the next look. */
export type Wanted =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'cases'; readonly trials: ReadonlyMap<string, number> }
  | { readonly kind: 'look' };

/** What more trials could settle: first single cases, which are cheap, then the critical ones, then all of them. */
export function wantedOf(
  { fresh, level, lastLevel = level, share = 1, policy }: VerifyInput,
  reference: Reference,
  open: readonly VerificationCondition[],
  suspects: readonly string[],
  critical: ReturnType<typeof criticalEvidence>,
  [rate, score]: readonly [Bounded | null, Bounded | null],
): Wanted {
  if (reference.cases.length === 0 || fresh.summary.validity !== 'valid') return { kind: 'nothing' };
  const is = (name: VerificationCondition['name']): boolean => open.some((c) => c.name === name);
  if (suspects.length > 0)
    return {
      kind: 'cases',
      trials: new Map(suspects.slice(0, MOST_SETTLED).map((id) => [id, SETTLE_TRIALS])),
    };
  const others = open.filter((c) => c.name !== 'critical');
  if (others.length === 0 && critical !== null && critical.trials < CRITICAL_TRIALS) {
    // In two halves: the first often is enough.
    const left = CRITICAL_TRIALS - critical.trials;
    const half = left <= CRITICAL_TRIALS / 2 ? left : Math.ceil(left / 2);
    const each = Math.ceil(half / critical.cases);
    return { kind: 'cases', trials: new Map(critical.ids.map((id) => [id, each])) };
  }
  if (share >= 1) return { kind: 'nothing' };
  const chance = (e: Bounded | null, margin: number): number =>
    e === null ? 1 : chanceOfProof(e, margin, share, lastLevel);
  const hopeless =
    (is('pass-rate') && chance(rate, policy.margin) < HOPELESS) ||
    (is('score') && chance(score, policy.scoreMargin) < HOPELESS) ||
    (others.length === 0 && is('critical'));
  return hopeless ? { kind: 'nothing' } : { kind: 'look' };
}

/** Chance that the last look proves non-inferiority, given the estimate so far and a normal predictive (Spiegelhalter et al. 1986). */
function chanceOfProof(e: Bounded, margin: number, share: number, level: number): number {
  const final = e.sd * Math.sqrt(share);
  const moves = e.sd * Math.sqrt(1 - share);
  const needed = normalQuantile(1 - level) * final - margin;
  return moves === 0 ? Number(e.delta >= needed) : normalSf((needed - e.delta) / moves);
}

/** Trials a case and arm with which a candidate that is as good would be proven 4 times in 5; null when trials alone cannot. */
export function trialsToSettle(
  rate: Bounded | null,
  { fresh, policy }: VerifyInput,
  bound: number,
): number | null {
  if (rate === null || fresh.cases.length === 0) return null;
  const each = fresh.cases.reduce((n, c) => n + c.trials.length, 0) / fresh.cases.length;
  const reach = policy.margin / (normalQuantile(1 - bound) + normalQuantile(0.8));
  const wanted = Math.ceil((each * rate.sd * rate.sd) / (reach * reach));
  return wanted <= each ? null : wanted;
}
