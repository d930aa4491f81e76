// When the assigned units are read anew, and what a look learns of them.

import type { RolloutEvent, UnitLook, UnitReading } from '../core/rollout.ts';
import type { RolloutState } from './rollout-state.ts';
import { learnRatio, type RatioEvidence } from './sample-ratio.ts';

type Looked = Extract<RolloutEvent, { kind: 'looked' }>;

/** Reading all units takes time. It is worth it once so much more is known than the last time, and earlier while a rule is met. */
const GROWTH = 1.1;
const GROWTH_WHILE_RED = 1.01;

/** Calls of a look, and what its gates know of them: late outcomes count as news. */
export function newsOf({ calls, gates }: Pick<Looked, 'calls' | 'gates'>): number {
  const known = gates.reduce((sum, g) => sum + g.candidate.n + g.control.n, 0);
  return calls.candidate + calls.control + known;
}

/** The evidence holds at every look, so looks may come when something seems wrong. */
export function areUnitsDue(
  { spec, percent, window, gates }: Pick<RolloutState, 'spec' | 'percent' | 'window' | 'gates'>,
  event: Pick<Looked, 'calls' | 'gates'>,
): boolean {
  const counted = window.counted + newsOf(event);
  const growth = gates.some((g) => g.reading.literal === 'red') ? GROWTH_WHILE_RED : GROWTH;
  return spec.evidence === 'units' && percent > 0 && percent < 100 && counted > growth * window.read;
}

/** Does the candidate get its share of the units? Where calls are read for units, they may be of one user. */
export function unitRatio({ candidate, control, every, assumed }: UnitLook, percent: number): RatioEvidence {
  const set = percent / 100;
  const kept = (100 * set) / (set + (1 - set) / every);
  return learnRatio([], kept, { candidate, control }).map((log) => log / assumed);
}

export function unitReading(look: UnitLook, gate: number): UnitReading | null {
  const found = look.gates[gate];
  if (found === null || found === undefined) return null;
  const { candidate, control, largest, designEffect } = found;
  const { unit, assumed, unnamed } = look;
  return { unit, assumed, unnamed, candidate, control, largest, designEffect };
}
