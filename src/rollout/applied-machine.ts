// An applied rollback as a state machine: (state, event) → state with the effects that are pending. Pure.

import type {
  AppliedEffect,
  AppliedEvent,
  AppliedStatus,
  LoggedAppliedEvent,
} from '../core/applied-rollback.ts';
import { lookApplied } from './applied-look.ts';
import {
  type AppliedState,
  appliedStage,
  beginApplied,
  freshStage,
  isAppliedOver,
  isLastStage,
} from './applied-state.ts';

/** The newest applied rollback of a log. Events out of place are of writers that lost a race, and do not count. null = none. */
export function replayApplied(
  events: readonly LoggedAppliedEvent[],
  counts?: (event: LoggedAppliedEvent, after: AppliedState) => void,
): AppliedState | null {
  let state: AppliedState | null = null;
  for (const event of events) {
    const isNext =
      event.kind === 'started'
        ? (state === null || isAppliedOver(state.status)) && event.seq === 1
        : event.rollback === state?.spec.id && event.seq === state.seq + 1;
    if (!isNext) continue;
    state = nextApplied(event.kind === 'started' ? null : state, event);
    if (state !== null) counts?.(event, state);
  }
  return state;
}

/** The state after one more event. An event that this state does not take changes nothing but the number. */
export function nextApplied(state: AppliedState | null, event: AppliedEvent): AppliedState | null {
  if (state === null) return event.kind === 'started' ? beginApplied(event) : null;
  const counted = { ...state, seq: state.seq + 1 };
  if (!acceptsApplied(state, event.kind)) return counted;
  switch (event.kind) {
    case 'started':
      return counted;
    case 'applied':
      return event.through === state.seq ? { ...counted, pending: [], places: event.places } : counted;
    case 'looked':
      return lookApplied(counted, event);
    case 'advanced':
      return advanced(counted, event);
    case 'cancelled': {
      const effects: readonly AppliedEffect[] = isLastStage(state) ? [] : [{ kind: 'set', target: 0 }];
      const what = isLastStage(state)
        ? 'the watch was ended; the target stays in force'
        : 'cancelled: back to 0%';
      return decided({ ...counted, ...still('cancelled', null), pending: effects }, event, what);
    }
    case 'changed': {
      const reason = `${event.by} changed ${event.place} in the middle (change ${event.no}: ${event.why})`;
      return decided(
        {
          ...counted,
          ...still('interrupted', 'ROLLBACK_CHANGED'),
          // What was about to be set might undo what they did.
          pending: [{ kind: 'alert', event: 'rollback.held', reason }],
        },
        { ...event, why: reason },
        'interrupted',
      );
    }
  }
}

/** May this event come now? */
export function acceptsApplied(state: AppliedState, kind: AppliedEvent['kind']): boolean {
  const isUnderWay = !isAppliedOver(state.status);
  switch (kind) {
    case 'started':
      return false;
    case 'applied':
      return true;
    case 'looked':
    case 'cancelled':
    case 'changed':
      return isUnderWay;
    case 'advanced':
      return state.status === 'held' || (state.status === 'running' && !isLastStage(state));
  }
}

const still = (status: AppliedStatus, code: string | null) => ({ status, code, holds: null });

/** To the next stage; a stop in the last one is watched again with fresh evidence. */
function advanced(state: AppliedState, event: Extract<AppliedEvent, { kind: 'advanced' }>): AppliedState {
  const stage = isLastStage(state) ? state.stage : state.stage + 1;
  const next: AppliedState = {
    ...state,
    ...{ status: 'running', code: null, counts: event.counts },
    ...freshStage(state.spec, { stage, at: event.at, counts: event.counts }),
  };
  const { percent } = appliedStage(next);
  const effects: readonly AppliedEffect[] = stage === state.stage ? [] : [{ kind: 'set', target: percent }];
  const what = stage === state.stage ? 'watched again' : `to ${percent}% without waiting`;
  return decided({ ...next, pending: [...state.pending, ...effects] }, event, what);
}

function decided(
  state: AppliedState,
  { at, by, why }: { readonly at: string; readonly by: string; readonly why: string },
  what: string,
): AppliedState {
  return {
    ...state,
    ...{ reason: why, since: at, by },
    history: [...state.history, { at, by, what: `${what}: ${why}` }],
  };
}
