// All shapes of incidents, with what each is to come to and what the proof of the first engine spent on it.

import type { Mt19937 } from './imports.ts';
import { makeSessionIncident, SESSION_SHAPES, type SessionShape } from './session-shapes.ts';
import { type Incident, makeIncident, SHAPES, type Shape } from './worlds.ts';

export const ALL_SHAPES: readonly (SessionShape | Shape)[] = [...SESSION_SHAPES, ...SHAPES];

/** Calls an incident that the proof of the candidate alone spent in the same worlds (mean of 12 incidents, whole program). */
export const CALLS_BEFORE: Readonly<Record<string, number>> = {
  'lost tone': 338,
  'cures, and breaks one other case': 419,
  'one of two broken': 165,
  '5.5 points worse, unlucky baseline': 511,
  'right target, luckiest baseline': 510,
  'flaky suite': 1097,
  'one critical case at .95': 430,
  'hybrid with the wrong route': 1060,
  'silent change, another route is good': 614,
  'one of several changed layers': 1443,
  'two layers, only together': 2079,
  'two layers, each on its own': 1282,
  'the previous release had it already': 2132,
  'the baseline moved too, a third is good': 1322,
  'the old model is retired': 708,
  'everything moved, nothing is good': 40,
  'the only target is 8 points worse': 735,
  'the only target is 6 points worse': 751,
  'nothing regressed': 566,
};

/** Least share of right targets, where one exists. */
export function rightBar(shape: string): number {
  return shape === 'flaky suite' ? 0.6 : 0.85;
}

/** Most wrong targets called verified, of the incidents of each shape. */
export const WRONG_BAR = 0.065;
/** Most calls over all shapes, as a multiple of the calls before. */
export const CALLS_BAR = 1.5;

export function incidentOf(shape: string, seed: number, rng: Mt19937): Incident {
  return (SESSION_SHAPES as readonly string[]).includes(shape)
    ? makeSessionIncident(seed, shape as SessionShape, rng)
    : makeIncident(seed, shape as Shape, rng);
}
