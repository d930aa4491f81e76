// Simulated nights of an assistant whose true pass rates are known: what a night decides when the truth is known too.

import { decideNight, type NightDecision, nightsNeeded } from '../../src/compare/nights.ts';
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

/** The baseline's nights. */
export function poolOf(
  rates: readonly number[],
  nights: number,
  trials: number,
  rng: Mt19937,
): SnapshotResults[] {
  return Array.from({ length: nights }, (_, i) => snapshot(`pool-${i}`, night(rates, { trials }, rng)));
}

/** Lives through one night the way the job does: run, then whatever the decision asks for. `extra` counts the trials that took. */
export function liveNight(
  world: NightWorld,
  series: SnapshotResults[],
  rates: readonly number[],
): { decision: NightDecision; extra: number } {
  const { trials, rng, pool } = world;
  const number = series.length + 1;
  const draw = (id: string): SnapshotResults => snapshot(id, night(rates, { trials }, rng));
  series.push(draw(`night-${number}`));
  const [baseline, ...rest] = pool;
  if (baseline === undefined) throw new Error('the world needs a baseline');
  const base = { baseline, pool: rest, nights: series.slice(-nightsNeeded(number)), number, policy: POLICY };
  let rerun: SnapshotResults | undefined;
  const fresh: SnapshotResults['cases'][number][] = [];
  let extra = 0;
  let decision = decideNight(base);
  while (decision.wanted.rerun || decision.wanted.cases.length > 0) {
    if (decision.wanted.rerun) {
      rerun = draw(`rerun-${number}`);
      extra += rates.length * trials;
    }
    if (decision.wanted.cases.length > 0) {
      const wanted = new Set(decision.wanted.cases);
      const helping = snapshot(`fresh-${number}`, night(rates, { trials: 8 }, rng)).cases;
      fresh.push(...helping.filter((c) => wanted.has(c.id)));
      extra += 8 * wanted.size;
    }
    decision = decideNight({ ...base, rerun, fresh });
  }
  return { decision, extra };
}
