// One step of a rollout: read the new observations, let the gates decide, and do what they decided. Can be repeated at any time.

import { isDeepStrictEqual } from 'node:util';
import { percent } from '../../base/numbers.ts';
import type { ObservationStore } from '../../core/index.ts';
import type { RolloutEvent } from '../../core/rollout.ts';
import { flagsOf } from '../../rollout/flags.ts';
import { nextState } from '../../rollout/rollout-machine.ts';
import { isOver, type RolloutState } from '../../rollout/rollout-state.ts';
import { areUnitsDue } from '../../rollout/unit-look.ts';
import { newestOf } from '../flag/set-flag.ts';
import { foldAll } from '../observe/open-production.ts';
import { applyPending, PERCENT_FLAG, percentDefinition, type RolloutDesk } from './apply-effects.ts';
import { type CountedArms, countArms, newSince } from './count-arms.ts';
import { lookAtUnits } from './count-units.ts';
import { knownRollout, type RolloutPlace, writeEvent } from './rollout-log.ts';

type Looked = Extract<RolloutEvent, { kind: 'looked' }>;

/** Throws `ROLLOUT_NONE`, or `ROLLOUT_CHANGED` where another process was faster. */
export async function stepRollout(
  desk: RolloutDesk,
  production: ObservationStore,
  place: RolloutPlace,
  by: string,
): Promise<RolloutState> {
  const { work } = desk;
  let state = await applyPending(desk, await knownRollout(work.store, place), by);
  if (isOver(state.status)) return state;
  state = await noticePerson(desk, state);
  await foldAll(production);
  const counted = await countRollout(production, state, work.clock.now());
  const fresh: Looked = {
    ...{ kind: 'looked', at: work.clock.now().toISOString(), by },
    ...newSince(counted, state.spec.origin, state.seen),
  };
  const isDue = !isEmpty(fresh) && areUnitsDue(state, fresh);
  const event: Looked = isDue
    ? { ...fresh, units: await lookAtUnits(production, state, work.clock.now()) }
    : fresh;
  warnUnits(desk, state, event);
  warnUntagged(desk, state, counted);
  // A look at nothing new teaches nothing: it is shown, and not kept.
  if (isEmpty(event)) return { ...(nextState(state, event) as RolloutState), seq: state.seq };
  return applyPending(desk, await writeEvent(work.store, place, state, event), by);
}

/** Everything since the start, as the gates count it now. */
export function countRollout(
  production: ObservationStore,
  { spec, history, excluded }: Pick<RolloutState, 'spec' | 'history' | 'excluded'>,
  now: Date,
): Promise<CountedArms> {
  const startedAt = Date.parse(history[0]?.at ?? now.toISOString());
  return countArms(production, { spec, startedAt, now: now.getTime(), excluded });
}

function isEmpty(event: Looked): boolean {
  return (
    event.calls.candidate + event.calls.control === 0 &&
    event.gates.every((g) => g.candidate.n === 0 && g.control.n === 0)
  );
}

/** A person who set the percentage by hand is not overruled: the rollout pauses. */
async function noticePerson({ work, shipping }: RolloutDesk, state: RolloutState): Promise<RolloutState> {
  const { spec } = state;
  const { feature, environment } = spec;
  const flag = newestOf(flagsOf(await shipping.changes(0)), { key: PERCENT_FLAG, feature, environment });
  if (flag === undefined) return state;
  const { type, value, rules, by, why } = flag;
  if (isDeepStrictEqual({ type, value, rules }, percentDefinition(state))) return state;
  if (value === state.percent && state.status !== 'running' && state.status !== 'complete') return state;
  const event: RolloutEvent = {
    ...{ kind: 'flag-changed', at: work.clock.now().toISOString(), by, why, percent: Number(value) },
  };
  return writeEvent(work.store, spec, state, event);
}

function warnUnits({ work }: RolloutDesk, { spec }: RolloutState, { units }: Looked): void {
  if (units?.unit !== 'unknown') return;
  const unit = spec.unit ?? 'user';
  const unnamed = `${percent(units.unnamed)} of the observations of ${spec.feature} name no ${unit}`;
  const mixed = `${percent(units.mixed)} of the ${unit}s of several calls got both releases, so the flag assigns something else`;
  work.progress.warn({
    code: 'ROLLOUT_UNIT',
    message: `${units.unnamed > 0.5 ? unnamed : mixed}: the evidence allows ${units.assumed} calls of one user to share an outcome, and needs ${units.assumed} times as many`,
    hint: 'send the targeting key of the flag as `user` with each observation, or say in the ticket what is assigned: `unit: session` or `unit: request`',
  });
}

function warnUntagged(
  { work }: RolloutDesk,
  { spec }: RolloutState,
  { untagged, counts }: CountedArms,
): void {
  const tagged = counts.calls.candidate + counts.calls.control;
  if (untagged <= tagged) return;
  work.progress.warn({
    code: 'ROLLOUT_UNTAGGED',
    message: `${untagged} observations of ${spec.feature} name neither release, against ${tagged} that do`,
    hint: 'send the `variant` of the flag answer with each observation',
  });
}
