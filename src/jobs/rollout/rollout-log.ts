// The log of a feature's rollouts in the ledger. It is only added to; a writer that lost a race finds out.

import { randomUUID } from 'node:crypto';
import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { SnapshotStore } from '../../core/index.ts';
import type { LoggedRolloutEvent, RolloutEvent } from '../../core/rollout.ts';
import { nextState, replayRollout } from '../../rollout/rollout-machine.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';

export interface RolloutPlace {
  readonly feature: string;
  readonly environment: string;
}

const KIND = 'rollout';
const logOf = ({ feature, environment }: RolloutPlace): string => `${feature}@${environment}`;

export async function rolloutEvents(
  store: SnapshotStore,
  place: RolloutPlace,
): Promise<LoggedRolloutEvent[]> {
  return (await store.records(KIND, logOf(place))).map((r) => r.body as unknown as LoggedRolloutEvent);
}

/** The newest rollout; null = none was started. */
export async function rolloutOf(store: SnapshotStore, place: RolloutPlace): Promise<RolloutState | null> {
  return replayRollout(await rolloutEvents(store, place));
}

/** Places that have a log, in order. */
export async function rolloutPlaces(store: SnapshotStore): Promise<readonly RolloutPlace[]> {
  const logs = new Set((await store.records(KIND)).map((r) => r.suite));
  return [...logs].sort().map((log) => {
    const at = log.lastIndexOf('@');
    return { feature: log.slice(0, at), environment: log.slice(at + 1) };
  });
}

/** Throws `ROLLOUT_NONE`. */
export async function knownRollout(store: SnapshotStore, place: RolloutPlace): Promise<RolloutState> {
  const state = await rolloutOf(store, place);
  if (state !== null) return state;
  throw new LastgoodError({
    code: 'ROLLOUT_NONE',
    message: `no rollout of ${place.feature} was started in ${place.environment}`,
    hint: `lastgood rollout start ${place.feature} --why TEXT`,
  });
}

/** Writes one event behind `before` and returns the state after it. Throws `ROLLOUT_CHANGED` where another process was faster. */
export async function writeEvent(
  store: SnapshotStore,
  place: RolloutPlace,
  before: RolloutState | null,
  event: RolloutEvent,
): Promise<RolloutState> {
  const rollout = event.kind === 'started' ? event.spec.id : (before?.spec.id ?? '');
  const logged: LoggedRolloutEvent = { ...event, rollout, seq: (before?.seq ?? 0) + 1, writer: randomUUID() };
  // An event that the machine cannot take must never get into a log that is only added to.
  nextState(before, event);
  await store.keepRecord({
    kind: KIND,
    suite: logOf(place),
    at: event.at,
    body: JSON.parse(JSON.stringify(logged)) as JsonObject,
  });
  let won = false;
  const state = replayRollout(await rolloutEvents(store, place), (counted) => {
    if (counted.writer === logged.writer) won = true;
  });
  if (won && state !== null) return state;
  throw new LastgoodError({
    code: 'ROLLOUT_CHANGED',
    message: `another process changed the rollout of ${place.feature} at the same time, and this ${event.kind} does not count`,
    hint: 'read its status, then decide again',
    exitCode: 4,
  });
}
