// The log of a feature's applied rollbacks in the ledger. It is only added to; a writer that lost a race finds out.

import { randomUUID } from 'node:crypto';
import { type JsonObject, LastgoodError } from '../../base/index.ts';
import type { AppliedEvent, LoggedAppliedEvent } from '../../core/applied-rollback.ts';
import type { SnapshotStore } from '../../core/index.ts';
import { nextApplied, replayApplied } from '../../rollout/applied-machine.ts';
import { type AppliedState, isAppliedOver } from '../../rollout/applied-state.ts';

export interface AppliedPlace {
  readonly feature: string;
  readonly environment: string;
}

const KIND = 'applied-rollback';
const logOf = ({ feature, environment }: AppliedPlace): string => `${feature}@${environment}`;

async function appliedEvents(store: SnapshotStore, place: AppliedPlace): Promise<LoggedAppliedEvent[]> {
  return (await store.records(KIND, logOf(place))).map((r) => r.body as unknown as LoggedAppliedEvent);
}

/** The newest applied rollback; null = there was none. */
export async function appliedOf(store: SnapshotStore, place: AppliedPlace): Promise<AppliedState | null> {
  return replayApplied(await appliedEvents(store, place));
}

/** Throws `ROLLBACK_NONE`. */
export async function knownApplied(store: SnapshotStore, place: AppliedPlace): Promise<AppliedState> {
  const state = await appliedOf(store, place);
  if (state !== null) return state;
  throw new LastgoodError({
    code: 'ROLLBACK_NONE',
    message: `no rollback of ${place.feature} was applied in ${place.environment}`,
    hint: `lastgood rollback ${place.feature} --apply --why TEXT`,
  });
}

/** Applied rollbacks that are not over, or left something to do, in order of feature and environment. */
export async function appliedUnderWay(
  store: SnapshotStore,
  environment?: string,
): Promise<readonly AppliedState[]> {
  const logs = new Map<string, LoggedAppliedEvent[]>();
  for (const { suite, body } of await store.records(KIND)) {
    if (environment !== undefined && !suite.endsWith(`@${environment}`)) continue;
    const log = logs.get(suite) ?? [];
    logs.set(suite, log);
    log.push(body as unknown as LoggedAppliedEvent);
  }
  return [...logs]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, events]) => replayApplied(events))
    .filter((state): state is AppliedState => state !== null)
    .filter((state) => !isAppliedOver(state.status) || state.pending.length > 0);
}

/** Throws `ROLLBACK_RUNNING` while one has the percentage of the feature. */
export async function refuseWhileApplied(store: SnapshotStore, place: AppliedPlace): Promise<void> {
  const state = await appliedOf(store, place);
  if (state === null || isAppliedOver(state.status)) return;
  throw new LastgoodError({
    code: 'ROLLBACK_RUNNING',
    message: `the rollback ${state.spec.id} of ${place.feature} in ${place.environment} is ${state.status}, so no rollout can start`,
    hint: `lastgood rollback status ${place.feature}; end it with lastgood rollback cancel ${place.feature} --why TEXT`,
    exitCode: 3,
  });
}

/** Writes one event behind `before` and returns the state after it. Throws `ROLLBACK_RACE` where another process was faster. */
export async function writeApplied(
  store: SnapshotStore,
  place: AppliedPlace,
  before: AppliedState | null,
  event: AppliedEvent,
): Promise<AppliedState> {
  const rollback = event.kind === 'started' ? event.spec.id : (before?.spec.id ?? '');
  const seq = event.kind === 'started' ? 1 : (before?.seq ?? 0) + 1;
  const logged: LoggedAppliedEvent = { ...event, rollback, seq, writer: randomUUID() };
  // An event that the machine cannot take must never get into a log that is only added to.
  nextApplied(event.kind === 'started' ? null : before, event);
  await store.keepRecord({
    kind: KIND,
    suite: logOf(place),
    at: event.at,
    body: JSON.parse(JSON.stringify(logged)) as JsonObject,
  });
  let won: AppliedState | null = null;
  replayApplied(await appliedEvents(store, place), (counted, after) => {
    if (counted.writer === logged.writer) won = after;
  });
  if (won !== null) return won;
  throw new LastgoodError({
    code: 'ROLLBACK_RACE',
    message: `another process changed the rollback of ${place.feature} at the same time, and this ${event.kind} does not count`,
    hint: 'read its status, then decide again',
    exitCode: 4,
  });
}
