// The rollout as a state machine: (state, event) → state with the effects that are pending. Pure: the log of events is all there is.

import type { LoggedRolloutEvent, RolloutEffect, RolloutEvent, RolloutStatus } from '../core/rollout.ts';
import { look } from './look.ts';
import { freshGates, isOver, noCounts, type RolloutState, stageOf } from './rollout-state.ts';

/**
 * The newest rollout of a log. Events out of place are what a process wrote that lost a race: they do not count. `counts` = the events
 * that do. `from` = the state after the events before these. null = none was started.
 */
export function replayRollout(
  events: readonly LoggedRolloutEvent[],
  counts?: (event: LoggedRolloutEvent, after: RolloutState) => void,
  from: RolloutState | null = null,
): RolloutState | null {
  let state = from;
  for (const event of events) {
    const isNext =
      event.kind === 'started'
        ? (state === null || isOver(state.status)) && event.seq === 1
        : event.rollout === state?.spec.id && event.seq === state.seq + 1;
    if (!isNext) continue;
    state = nextState(event.kind === 'started' ? null : state, event);
    if (state !== null) counts?.(event, state);
  }
  return state;
}

/** The state after one more event. An event that this state does not know changes nothing but the number. */
export function nextState(state: RolloutState | null, event: RolloutEvent): RolloutState | null {
  if (state === null) return event.kind === 'started' ? begin(event) : null;
  const counted = { ...state, seq: state.seq + 1 };
  if (!accepts(state.status, event.kind)) return counted;
  switch (event.kind) {
    case 'started':
      return counted;
    case 'applied':
      return event.through === state.seq ? { ...counted, pending: [] } : counted;
    case 'looked':
      return look(counted, event);
    case 'paused':
      return decided({ ...counted, status: 'paused', holds: null }, event, 'paused');
    case 'resumed':
      return resumed(counted, event);
    case 'flag-changed':
      return decided(
        { ...counted, status: 'paused', percent: event.percent, holds: null },
        event,
        `paused: ${event.by} set ai.rollout.percent to ${event.percent}`,
      );
    case 'aborted':
      return decided(
        withEffects({ ...counted, status: 'aborted', percent: 0, holds: null }, [flags(0)]),
        event,
        'aborted',
      );
    case 'promoted':
      return decided(
        withEffects({ ...counted, status: 'promoted', percent: 0, holds: null }, [flags(0)]),
        event,
        'promoted',
      );
  }
}

/** May this event come now? */
export function accepts(status: RolloutStatus, kind: RolloutEvent['kind']): boolean {
  switch (kind) {
    case 'applied':
      return true;
    case 'started':
      return false;
    case 'looked':
    case 'aborted':
      return !isOver(status);
    case 'paused':
    case 'flag-changed':
      return status === 'running' || status === 'complete' || (kind === 'flag-changed' && !isOver(status));
    case 'resumed':
      return status === 'paused' || status === 'frozen';
    case 'promoted':
      return status === 'complete';
  }
}

function begin(event: Extract<RolloutEvent, { kind: 'started' }>): RolloutState {
  const { spec, at, by, why } = event;
  const percent = spec.stages[0]?.percent ?? 0;
  return {
    spec,
    seq: 1,
    status: 'running',
    reason: why,
    since: at,
    by,
    stage: 0,
    percent,
    greenMs: 0,
    dataAt: Date.parse(at),
    calls: { candidate: 0, control: 0 },
    gates: freshGates(spec),
    ratio: [],
    holds: 'no observation yet',
    disabled: [],
    excluded: [],
    seen: noCounts(spec),
    looks: 0,
    lookedAt: null,
    pending: [{ kind: 'set-flags', percent, flags: spec.flags, disabled: [] }],
    history: [{ at, by, what: `started at ${percent}%: ${why}` }],
  };
}

/** A person decided to go on: what was seen so far counts no more, the stage begins again. */
function resumed(state: RolloutState, event: Extract<RolloutEvent, { kind: 'resumed' }>): RolloutState {
  const { percent } = stageOf(state);
  const again: RolloutState = {
    ...state,
    status: 'running',
    percent,
    greenMs: 0,
    dataAt: Date.parse(event.at),
    calls: { candidate: 0, control: 0 },
    gates: freshGates(state.spec),
    ratio: [],
    excluded: state.disabled,
    seen: event.seen,
    holds: 'no observation yet',
  };
  return decided(
    withEffects(again, [{ kind: 'set-flags', percent, flags: {}, disabled: state.disabled }]),
    event,
    `resumed at ${percent}%; the stage begins again`,
  );
}

const flags = (percent: number): RolloutEffect => ({ kind: 'set-flags', percent, flags: {}, disabled: [] });

function withEffects(state: RolloutState, more: readonly RolloutEffect[]): RolloutState {
  return { ...state, pending: [...state.pending, ...more] };
}

function decided(
  state: RolloutState,
  { at, by, why }: { readonly at: string; readonly by: string; readonly why: string },
  what: string,
): RolloutState {
  return {
    ...state,
    reason: why,
    since: at,
    by,
    history: [...state.history, { at, by, what: `${what}: ${why}` }],
  };
}
