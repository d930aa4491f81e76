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

/** The state was read before the newest stop, flag or release. */
class StaleState extends Error {}
/** Changes that may come between reading and deciding; more than that is a ledger that does not keep what it counts. */
const MOST_READS = 100;

interface ActionRequest {
  readonly action: GuardedAction;
  readonly dryRun: boolean;
  readonly found: FoundRules;
  readonly now: Date;
}

/** Decides, and says in the log why. Once a stop is recorded nothing is allowed any more, whatever was read before it. */
export async function guardAction(
  store: GuardStore,
  /** `state`: reads what is in force now. */
  request: ActionRequest & { readonly state: () => Promise<ShippingState> },
): Promise<GuardDecision> {
  for (let reads = 1; ; reads++) {
    try {
      return await decideUnder(await request.state(), store, request);
    } catch (error) {
      if (!(error instanceof StaleState) || reads === MOST_READS) throw error;
    }
  }
}

function decideUnder(
  state: ShippingState,
  store: GuardStore,
  { action, dryRun, found, now }: ActionRequest,
): Promise<GuardDecision> {
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
  return store.decide(action, at, (facts) => {
    if (facts.generation > state.generation) throw new StaleState();
    return ruleOn(action, situation, facts);
  });
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
