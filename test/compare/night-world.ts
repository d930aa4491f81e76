// Simulated nights of an assistant whose true pass rates are known: what a night decides when the truth is known too.

import {
  decideNight,
  type EarlierNight,
  type NightDecision,
  tallyRun,
} from '../../src/compare/decide-night.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import type { SnapshotResults } from '../../src/core/snapshot.ts';
import type { Mt19937 } from '../../src/stats/rng.ts';
import { night, snapshot } from './world.ts';

export interface NightWorld {
  readonly trials: number;
  readonly pool: readonly SnapshotResults[];
  readonly rng: Mt19937;
}

export const POLICY = resolvePolicy({});

const DAY_MS = 86_400_000;
const FIRST = Date.parse('2026-04-01T02:00:00.000Z');

/** A snapshot made on this day of the world. */
export function dated(results: SnapshotResults, day: number): SnapshotResults {
  const startedAt = new Date(FIRST + day * DAY_MS).toISOString();
  return { ...results, summary: { ...results.summary, startedAt } };
}

/** A night that is over, as later nights see it. */
export function past(number: number, ...runs: SnapshotResults[]): EarlierNight {
  return { number, runs: runs.map((s) => tallyRun(s, POLICY.appError)) };
}

/** The baseline's nights. */
export function poolOf(
  rates: readonly number[],
  nights: number,
  trials: number,
  rng: Mt19937,
): SnapshotResults[] {
  return Array.from({ length: nights }, (_, i) =>
    dated(snapshot(`pool-${i}`, night(rates, { trials }, rng)), i - nights),
  );
}

/** Lives through one night the way the job does: run, then whatever the decision asks for. `extra` counts the trials that took. */
export function liveNight(
  world: NightWorld,
  earlier: EarlierNight[],
  number: number,
  rates: readonly number[],
): { decision: NightDecision; extra: number } {
  const { trials, rng, pool } = world;
  const draw = (id: string, day: number): SnapshotResults =>
    dated(snapshot(id, night(rates, { trials }, rng)), day);
  const tonight = draw(`night-${number}`, number);
  const [baseline, ...rest] = pool;
  if (baseline === undefined) throw new Error('the world needs a baseline');
  const base = { baseline, pool: rest, tonight, earlier: [...earlier], number, policy: POLICY };
  let rerun: SnapshotResults | undefined;
  const fresh: SnapshotResults['cases'][number][] = [];
  let extra = 0;
  let decision = decideNight(base);
  while (decision.wanted.rerun || decision.wanted.cases.length > 0) {
    if (decision.wanted.rerun) {
      rerun = draw(`rerun-${number}`, number + 2 / 24);
      extra += rates.length * trials;
    }
    if (decision.wanted.cases.length > 0) {
      const wanted = new Set(decision.wanted.cases);
      const batch = snapshot(`fresh-${number}`, night(rates, { trials: 8 }, rng)).cases;
      fresh.push(...batch.filter((c) => wanted.has(c.id)));
      extra += 8 * wanted.size;
    }
    decision = decideNight({ ...base, rerun, fresh });
  }
  if (decision.outcome !== 'alarm')
    earlier.push(past(number, tonight, ...(rerun === undefined ? [] : [rerun])));
  return { decision, extra };
}
