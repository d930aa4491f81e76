// lastgood rollout replay: builds the state from the log alone, and compares it with the flag in force.

import { isDeepStrictEqual } from 'node:util';
import type { ShippingStore, SnapshotStore } from '../../core/index.ts';
import type { ReplayedEvent, RolloutReplay } from '../../core/rollout-plan.ts';
import { flagsOf } from '../../rollout/flags.ts';
import { replayRollout } from '../../rollout/rollout-machine.ts';
import { newestOf } from '../flag/set-flag.ts';
import { PERCENT_FLAG, percentDefinition } from './apply-effects.ts';
import { knownRollout, type RolloutPlace, rolloutEvents } from './rollout-log.ts';

export async function replayJob(
  store: SnapshotStore,
  shipping: ShippingStore,
  place: RolloutPlace,
): Promise<RolloutReplay> {
  const { spec, percent, disabled, pending } = await knownRollout(store, place);
  const all = await rolloutEvents(store, place);
  const events: ReplayedEvent[] = [];
  replayRollout(all, ({ rollout, seq, at, by, kind }, after) => {
    if (rollout === spec.id) events.push({ seq, at, by, kind, percent: after.percent, status: after.status });
  });
  const flag = newestOf(flagsOf(await shipping.changes(0)), { key: PERCENT_FLAG, ...place });
  const asked = percentDefinition({ percent, disabled });
  const agrees =
    pending.length === 0 &&
    flag !== undefined &&
    isDeepStrictEqual({ type: flag.type, value: flag.value, rules: flag.rules }, asked);
  return {
    schemaVersion: 1,
    kind: 'rollout-replay',
    id: spec.id,
    events,
    ignored: all.length - events.length,
    percent,
    flag: typeof flag?.value === 'number' ? flag.value : null,
    agrees,
  };
}
