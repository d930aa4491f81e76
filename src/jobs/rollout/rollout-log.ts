// The log of a feature's rollouts in the ledger. It is only added to; a writer that lost a race finds out.

import { randomUUID } from 'node:crypto';
import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { SnapshotStore } from '../../core/index.ts';
import type { LoggedRolloutEvent, RolloutEvent } from '../../core/rollout.ts';
import { nextState, replayRollout } from '../../rollout/rollout-machine.ts';
import { isOver, type RolloutState } from '../../rollout/rollout-state.ts';

export interface RolloutPlace {
  readonly feature: string;
  readonly environment: string;
}

export const ROLLOUT_RECORD = 'rollout';
export const logOf = ({ feature, environment }: RolloutPlace): string => `${feature}@${environment}`;

export async function rolloutEvents(
  store: SnapshotStore,
  place: RolloutPlace,
): Promise<LoggedRolloutEvent[]> {
  return (await store.records(ROLLOUT_RECORD, logOf(place))).map(
    (r) => r.body as unknown as LoggedRolloutEvent,
  );
}

/** The newest rollout; null = none was started. */
export async function rolloutOf(store: SnapshotStore, place: RolloutPlace): Promise<RolloutState | null> {
  return replayRollout(await rolloutEvents(store, place));
}

/** Features whose newest rollout is not over, or left something to do, in order. */
export async function placesUnderWay(
  store: SnapshotStore,
  environment: string,
): Promise<readonly RolloutPlace[]> {
  const end = `@${environment}`;
  const logs = new Map<string, LoggedRolloutEvent[]>();
  for (const { suite, body } of await store.records(ROLLOUT_RECORD)) {
    if (!suite.endsWith(end)) continue;
    const log = logs.get(suite) ?? [];
    logs.set(suite, log);
    log.push(body as unknown as LoggedRolloutEvent);
  }
  return [...logs]
    .filter(([, events]) => {
      const state = replayRollout(events);
      return state !== null && (!isOver(state.status) || state.pending.length > 0);
    })
    .map(([log]) => ({ feature: log.slice(0, -end.length), environment }))
    .sort((a, b) => (a.feature < b.feature ? -1 : 1));
}

/** Throws `ROLLOUT_NONE`. */
export async function knownRollout(store: SnapshotStore, place: RolloutPlace): Promise<RolloutState> {
  const state = await rolloutOf(store, place);
  if (state !== null) return state;
  throw noRollout(place);
}

export function noRollout({ feature, environment }: RolloutPlace): LastgoodError {
  return new LastgoodError({
    code: 'ROLLOUT_NONE',
    message: `no rollout of ${feature} was started in ${environment}`,
    hint: `lastgood rollout start ${feature} --why TEXT`,
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
    kind: ROLLOUT_RECORD,
    suite: logOf(place),
    at: event.at,
    body: JSON.parse(JSON.stringify(logged)) as JsonObject,
  });
  const state = await stateIfWon(store, place, before, logged);
  if (state !== null) return state;
  throw new LastgoodError({
    code: 'ROLLOUT_CHANGED',
    message: `another process changed the rollout of ${place.feature} at the same time, and this ${event.kind} does not count`,
    hint: 'read its status, then decide again',
    exitCode: 4,
  });
}

/** The first event with a number is the one that counts. A start is replayed, because it depends on how the rollout before ended. */
async function stateIfWon(
  store: SnapshotStore,
  place: RolloutPlace,
  before: RolloutState | null,
  logged: LoggedRolloutEvent,
): Promise<RolloutState | null> {
  const events = await rolloutEvents(store, place);
  const { rollout, seq, writer } = logged;
  if (logged.kind !== 'started') {
    const first = events.find((e) => e.rollout === rollout && e.seq === seq);
    return first?.writer === writer ? nextState(before, logged) : null;
  }
  let won = false;
  const state = replayRollout(events, (counted) => {
    if (counted.writer === writer) won = true;
  });
  return won ? state : null;
}
