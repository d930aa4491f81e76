// The assigned units of a rollout since its percentage was set, out of the stored answers.

import { setImmediate as breathe } from 'node:timers/promises';
import type { MeasuredAnswer, ObservationStore } from '../../core/observation.ts';
import type { ArmCounts, RolloutSpec, UnitLook } from '../../core/rollout.ts';
import type { AssignedUnit } from '../../core/ticket.ts';
import { countsOf } from '../../monitor/window-counts.ts';
import type { RolloutState } from '../../rollout/rollout-state.ts';
import { ASSUMED_CALLS, UnitTable } from '../../rollout/unit-table.ts';
import { armOf, HISTORY_MS, isBefore } from './count-arms.ts';
import { countGate } from './gate-counts.ts';

type Window = Pick<RolloutState, 'spec' | 'excluded' | 'window'>;

/**
 * Weighs every gate by the units that the flag assigns: users, unless the ticket names something else. Where answers do not name them,
 * or one unit got both arms, calls are read, and as many as `ASSUMED_CALLS` of one user may share an outcome.
 */
export async function lookAtUnits(store: ObservationStore, window: Window, now: Date): Promise<UnitLook> {
  const declared = window.spec.unit ?? 'user';
  const unit = declared === 'request' ? 'user' : declared;
  const table = await readUnits(store, window, unit, now);
  const { unnamed, mixed } = table;
  // A ticket that says `request` is not believed where each user gets one arm only.
  if (declared === 'request' ? table.isProvenUnit() : table.isUnit()) return table.look(unit);
  const calls = await readUnits(store, window, 'request', now);
  if (declared === 'request') return calls.look('request');
  return { ...calls.look('unknown', ASSUMED_CALLS), unnamed, mixed };
}

/** Calls of the control that are read for design effects: the newest. */
const MOST_CALLS = 300_000;

/** How much calls of one unit hang together in the control's seven days: by stage length and gate. null = answers name no unit. */
export async function designEffects(
  store: ObservationStore,
  asked: {
    readonly spec: Pick<RolloutSpec, 'feature' | 'control' | 'candidate' | 'gates'>;
    readonly unit: AssignedUnit;
    readonly lengthsMs: readonly number[];
    /** Calls of the control in seven days. */
    readonly calls: number;
    readonly now: number;
  },
): Promise<readonly (readonly number[])[] | null> {
  const { spec, unit, lengthsMs, calls, now } = asked;
  const tables = lengthsMs.map(() => new UnitTable(spec.gates));
  const from = now - HISTORY_MS * Math.min(1, MOST_CALLS / Math.max(1, calls));
  for await (const page of store.measured({ feature: spec.feature, from, to: now + 1 })) {
    for (const answer of page) {
      if (!isBefore(answer.dimensions, spec)) continue;
      const name = nameOf(answer, unit);
      const counts = countsOfGates(spec, answer);
      lengthsMs.forEach((ms, i) => {
        // A stage sees what a unit does in its time, not in a week.
        const window = name === null ? null : `${name} ${Math.floor((now - answer.at) / ms)}`;
        tables[i]?.add(window, 'control', counts);
      });
    }
    await breathe();
  }
  if (tables.some((table) => !table.isUnit())) return null;
  return tables.map((table) => table.look(unit).gates.map((gate) => gate?.designEffect ?? 1));
}

async function readUnits(
  store: ObservationStore,
  { spec, excluded, window }: Window,
  unit: AssignedUnit,
  now: Date,
): Promise<UnitTable> {
  const table = new UnitTable(spec.gates);
  const query = { feature: spec.feature, from: window.from, to: now.getTime() + 1 };
  for await (const page of store.measured(query)) {
    for (const answer of page) {
      const { segment } = answer.dimensions;
      if (segment !== null && excluded.includes(segment)) continue;
      const arm = armOf(answer.dimensions, spec);
      if (arm !== null) table.add(nameOf(answer, unit), arm, countsOfGates(spec, answer));
    }
    await breathe();
  }
  return table;
}

function nameOf({ user, session, key }: MeasuredAnswer, unit: AssignedUnit): string | null {
  return unit === 'request' ? key : unit === 'session' ? session : user;
}

function countsOfGates({ gates }: Pick<RolloutSpec, 'gates'>, answer: MeasuredAnswer): readonly ArmCounts[] {
  const counts = countsOf(answer);
  return gates.map((gate) => countGate(gate, counts));
}
