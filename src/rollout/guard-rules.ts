// What the guard decides of an action, and which stops are in force. Pure.

import type { GuardedAction, GuardFacts, GuardRules, GuardRuling, GuardStop } from '../core/guard.ts';
import { EVERY_FEATURE, type ShippingChange } from '../core/shipping.ts';

/** The stops in force in an environment, oldest first. */
export function stopsOf(changes: readonly ShippingChange[], environment: string): readonly GuardStop[] {
  const newest = new Map<string, ShippingChange>();
  for (const change of changes)
    if (change.kind === 'stop' && change.environment === environment) {
      const key = JSON.stringify([change.feature, change.name]);
      newest.delete(key);
      newest.set(key, change);
    }
  return [...newest.values()]
    .filter(({ body }) => body['stopped'] === true)
    .map(({ feature, name, at, by, why }) => ({ feature, agent: name === '' ? null : name, at, by, why }));
}

/** The first stop that holds for an agent of a feature; null = none. */
export function stopFor(
  stops: readonly GuardStop[],
  { feature, agent }: { readonly feature: string; readonly agent: string | null },
): GuardStop | null {
  return (
    stops.find(
      (s) =>
        (s.feature === feature || s.feature === EVERY_FEATURE) && (s.agent === null || s.agent === agent),
    ) ?? null
  );
}

/** What holds for an action beside what the log knows of it. */
export interface GuardSituation {
  readonly rules: GuardRules;
  readonly stop: GuardStop | null;
  /** `ai.tools.enabled` is false. */
  readonly toolsOff: boolean;
  /** `ai.action.mode`; null = not set. */
  readonly mode: string | null;
  /** The agent asked for nothing to be executed. */
  readonly dryRun: boolean;
}

/** Stops first, then dry runs, approvals and rates: what costs a person time is asked last but one, and a rate is only used up by what runs. */
export function ruleOn(action: GuardedAction, situation: GuardSituation, facts: GuardFacts): GuardRuling {
  const { stop, toolsOff, mode, dryRun, rules } = situation;
  if (stop !== null)
    return { outcome: 'stopped', reason: `stopped by ${stop.by} at ${stop.at}: ${stop.why}` };
  if (toolsOff) return { outcome: 'stopped', reason: 'the flag ai.tools.enabled is false' };
  if (dryRun) return { outcome: 'dry-run', reason: 'the agent runs dry' };
  if (mode === 'draft' || mode === 'queued')
    return { outcome: 'dry-run', reason: `the flag ai.action.mode is ${mode}` };
  const approved = approvalRuling(action, mode, rules, facts);
  if (approved !== null && approved.outcome !== 'allowed') return approved;
  const rate = Object.hasOwn(rules.rate, action.action) ? rules.rate[action.action] : undefined;
  if (rate !== undefined) {
    const recent = facts.taken(rate.count);
    const oldest = recent.at(rate.count - 1);
    const waitMs = oldest === undefined ? 0 : oldest + rate.perMs - facts.now;
    if (waitMs > 0)
      return {
        outcome: 'rate-limited',
        reason: `${rate.count} of ${action.action} in ${rate.perMs / 1000} s were allowed; the next in ${Math.ceil(waitMs / 1000)} s`,
        approval: approved?.approval,
      };
  }
  return approved ?? { outcome: 'allowed', reason: 'no rule is against it' };
}

/** null = no approval is needed. */
function approvalRuling(
  { action, impact }: GuardedAction,
  mode: string | null,
  rules: GuardRules,
  { approval }: GuardFacts,
): GuardRuling | null {
  const above = Object.hasOwn(rules.approveAbove, action) ? (rules.approveAbove[action] ?? null) : null;
  // An impact that is not known may be above any threshold.
  const needed = mode === 'human' || (above !== null && (impact === null || impact > above));
  if (!needed) return null;
  const why =
    mode === 'human'
      ? 'the flag ai.action.mode is human'
      : impact === null
        ? `the impact is not given, and above ${above} a person must approve`
        : `the impact ${impact} is above ${above}`;
  if (approval === null)
    return { outcome: 'approval-pending', reason: why, ask: { above: mode === 'human' ? null : above } };
  if (approval.state === 'pending')
    return { outcome: 'approval-pending', reason: why, approval: approval.id };
  const by = approval.answer?.by ?? 'a person';
  return approval.state === 'denied'
    ? {
        outcome: 'approval-denied',
        reason: `denied by ${by}: ${approval.answer?.why}`,
        approval: approval.id,
      }
    : { outcome: 'allowed', reason: `approved by ${by}: ${approval.answer?.why}`, approval: approval.id };
}
