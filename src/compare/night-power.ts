// What a night by itself could have shown: the uniform drop that both of its runs would have turned into an alarm 4 times in 5.

import { normalCdf, normalQuantile } from '../stats/normal.ts';
import { nightChart } from './night-charts.ts';
import { NIGHT_LEVELS } from './night-levels.ts';
import type { NightRuns, ScopeSeries } from './night-scope.ts';
import type { Watch } from './night-watch.ts';

/** Of the normal approximation here; the charts' true power at that drop is about 4 in 5 (see bench/stat/RESULTS.md). */
const POWER = 0.9;
/** Points of the two-dimensional integral; odd, so that the middle is one of them. */
const STEPS = 21;

/** The smallest uniform drop seen 4 times in 5 by tonight's run and a second one like it; null when no drop would do. */
export function nightDetectionLimit({ runs, suite, first }: Watch): number | null {
  const { chart, suspicion, rerun } = NIGHT_LEVELS;
  const once = criticalDrop(runs, suite, [first], suspicion);
  const again = criticalDrop(runs, suite, [first], rerun);
  const both = criticalDrop(runs, suite, [first, first], chart.night);
  if (once === null || again === null || both === null) return null;
  const limits = { once, again, both };
  if (powerAt(runs, suite, first, limits, suite.rate) < POWER) return null;
  let [low, high] = [0, suite.rate];
  for (let i = 0; i < 16; i++) {
    const middle = (low + high) / 2;
    if (powerAt(runs, suite, first, limits, middle) < POWER) low = middle;
    else high = middle;
  }
  return high;
}

/** The smallest drop of the mean of these runs whose p is at the level; null when not even a pass rate of 0 has it. */
function criticalDrop(
  all: NightRuns,
  series: ScopeSeries,
  tonight: readonly number[],
  level: number,
): number | null {
  // A second run that has not been made is taken to be as large as the first.
  const twin = tonight.length > 1;
  const runs = twin ? [...all.runs, all.runs[tonight[0] ?? 0]].flatMap((r) => r ?? []) : all.runs;
  const indices = twin ? [tonight[0] ?? 0, runs.length - 1] : tonight;
  const extend = (values: Float64Array): Float64Array =>
    twin ? Float64Array.from([...values, values[tonight[0] ?? 0] ?? 0]) : values;
  const session = twin ? Int32Array.from([...all.session, all.session[tonight[0] ?? 0] ?? 0]) : all.session;
  const pAt = (drop: number): number => {
    const difference = extend(series.difference);
    for (const r of indices) difference[r] = -drop;
    const moved = {
      ...series,
      difference,
      sampling: extend(series.sampling),
      unit: extend(series.unit),
    };
    return nightChart({ ...all, runs, session }, moved, indices)?.pLess ?? 1;
  };
  if (pAt(series.rate) > level) return null;
  let [low, high] = [0, series.rate];
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    if (pAt(middle) > level) low = middle;
    else high = middle;
  }
  return high;
}

/** Chance that a uniform drop passes all three limits: the error of the pool is shared, sessions of the two runs are not. */
function powerAt(
  all: NightRuns,
  series: ScopeSeries,
  first: number,
  { once, again, both }: { once: number; again: number; both: number },
  drop: number,
): number {
  const { sd } = series.variance();
  const session = (series.sensitivity * sd) ** 2;
  const level = Math.max(1e-9, series.rate - drop);
  // Lower rates vary more: trial noise grows with p (1 - p).
  const growth = Math.max(1, (level * (1 - level)) / Math.max(1e-9, series.rate * (1 - series.rate)));
  const own = Math.sqrt(growth * ((series.sampling[first] ?? 0) + session));
  const pooled = all.pool.length;
  const poolNoise = Math.sqrt(((series.sampling[first] ?? 0) + session) / Math.max(1, pooled));
  let power = 0;
  for (let i = 0; i < STEPS; i++) {
    const shift = poolNoise * normalQuantile((i + 0.5) / STEPS) - drop;
    let inner = 0;
    for (let j = 0; j < STEPS; j++) {
      const one = shift + own * normalQuantile((j + 0.5) / STEPS);
      if (-one < once) continue;
      inner += normalCdf((Math.min(-again, -2 * both - one) - shift) / own) / STEPS;
    }
    power += inner / STEPS;
  }
  return power;
}
