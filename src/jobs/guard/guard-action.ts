// One action of an agent before it is taken: asked of the stops, the flags, the ticket and the log, and written down.

import { randomBytes } from 'node:crypto';
import type {
  FlagValue,
  GuardDecision,
  GuardedAction,
  GuardRules,
  GuardStop,
  GuardStore,
} from '../../core/index.ts';
import { type GuardSituation, ruleOn, stopFor, stopsOf } from '../../rollout/guard-rules.ts';
import { answerFlag } from '../../rollout/serve-flags.ts';
import type { ShippingState } from '../flag/flag-state.ts';
import type { FoundRules } from './ticket-rules.ts';

/** Decides, and says in the log why. */
export function guardAction(
  store: GuardStore,
  input: {
    readonly action: GuardedAction;
    readonly dryRun: boolean;
    readonly state: ShippingState;
    readonly found: FoundRules;
    readonly now: Date;
  },
): Promise<GuardDecision> {
  const { action, dryRun, state, found, now } = input;
  const at = { now: now.getTime(), newId: `a_${randomBytes(8).toString('hex')}` };
  if (!found.ok)
    return store.decide(action, at, () => ({
      outcome: 'stopped',
      reason: `the ticket of the feature cannot be read (${found.code}), so what it forbids is not known`,
    }));
  const situation: GuardSituation = {
    rules: found.rules,
    stop: stopFor(stopsOf(state.changes, action.environment), action),
    ...modesOf(action, state, now),
    dryRun,
  };
  return store.decide(action, at, (facts) => ruleOn(action, situation, facts));
}

/** The flags that change what agents may do, for this action. */
function modesOf(
  { feature, environment, agent, action, key, impact }: GuardedAction,
  state: ShippingState,
  now: Date,
): Pick<GuardSituation, 'toolsOff' | 'mode'> {
  const properties = {
    feature,
    action,
    ...(agent === null ? {} : { agent }),
    ...(impact === null ? {} : { impact }),
  };
  const flagOf = (flag: string): FlagValue | null => {
    const context = { targetingKey: key, properties };
    const answer = answerFlag(state, flag, { environment, context, now });
    return answer.ok ? answer.value : null;
  };
  const mode = flagOf('ai.action.mode');
  return { toolsOff: flagOf('ai.tools.enabled') === false, mode: typeof mode === 'string' ? mode : null };
}

/** What an agent is told while it runs: whether it is stopped, and the rules it needs where the server cannot be reached. */
export interface GuardState {
  readonly feature: string;
  readonly environment: string;
  readonly generation: number;
  readonly stop: GuardStop | null;
  readonly fail: GuardRules['fail'];
  readonly approveAbove: GuardRules['approveAbove'];
}

export function guardState(
  state: ShippingState,
  place: { readonly feature: string; readonly environment: string; readonly agent: string | null },
  found: FoundRules,
): GuardState {
  const rules = found.ok ? found.rules : null;
  return {
    feature: place.feature,
    environment: place.environment,
    generation: state.generation,
    stop: stopFor(stopsOf(state.changes, place.environment), place),
    fail: rules?.fail ?? 'closed',
    approveAbove: rules?.approveAbove ?? {},
  };
}
