// Ninety nights in worlds whose runs are not independent: the engine, and an EWMA and a CUSUM tuned to the same rate of false alarms.

import type { CaseResult, SnapshotResults } from '../../src/core/index.ts';
import { clopperPearson, quantile7 } from '../../src/stats/index.ts';
import { NightWatch, rateOf, type Series } from './nightly.ts';
import { CHANGES, SESSION_PROCESSES, SessionWorld, type SuiteShape } from './session-worlds.ts';
import { indexOf } from './snapshots.ts';
import { streamOf } from './worlds.ts';

const NIGHTS = 90;
const POOL_NIGHTS = 5;
/** The night on which a step happens. */
const ONSET = 31;

export type NightCourse = 'unchanged' | 'step-5' | 'step-10' | 'decay';

export interface NightWorldCell {
  /** Name of a session process. */
  readonly world: string;
  readonly shape: SuiteShape;
  readonly cases: number;
  readonly trials: number;
  readonly course: NightCourse;
}

export interface NightWorldScore extends NightWorldCell {
  readonly rule: string;
  readonly reps: number;
  /** Share of series with an alarm (after the onset, where there is one, and none before it). */
  readonly alarm: number;
  readonly alarmUpper: number;
  /** Median nights from the onset to the alarm over all such series; null = fewer than half alarm. */
  readonly medianNights: number | null;
}

/** The series of one repetition; the same names give the same series. */
function seriesOf(cell: NightWorldCell, seed: number, rep: number): Series {
  const { world, shape, cases: n, trials, course } = cell;
  const process = SESSION_PROCESSES[world];
  if (process === undefined) throw new RangeError(`no world "${world}"`);
  const hours = new SessionWorld(
    { process, shape, cases: n },
    streamOf(seed, 'night-world', world, shape, n, trials, course, rep),
  );
  const ratesAt = (night: number): Float64Array => {
    if (course === 'decay') return CHANGES.decay(hours.rates, night);
    if (course === 'unchanged') return hours.rates;
    return CHANGES.step(hours.rates, course === 'step-5' ? 0.05 : 0.1, night, ONSET);
  };
  const pool = Array.from({ length: POOL_NIGHTS }, (_, i) => hours.run({ at: i, trials }));
  return {
    pool,
    run: (night, later = 0): SnapshotResults =>
      hours.run({ at: POOL_NIGHTS + night + later, trials, rates: ratesAt(night) }),
    cases: (night, ids, fresh, later = 0): CaseResult[] =>
      ids.length === 0
        ? []
        : [
            ...hours.run({
              at: POOL_NIGHTS + night + later,
              trials: fresh,
              rates: ratesAt(night),
              cases: ids.map(indexOf),
            }).cases,
          ],
  };
}

/** First alarm of each series; null = none. `examineCases`: with fresh trials of single cases. */
function engineAlarms(
  cell: NightWorldCell,
  reps: number,
  seed: number,
  examineCases: boolean,
): (number | null)[] {
  return Array.from({ length: reps }, (_, rep) => {
    const watch = new NightWatch(seriesOf(cell, seed, rep), examineCases);
    for (let night = 1; night <= NIGHTS; night++)
      if (watch.night(night).decision.outcome === 'alarm') return night;
    return null;
  });
}

/** A chart of the nightly pass rate against the mean of the pool: how far it has moved down on each night. */
type RateChart = (rates: readonly number[], centre: number) => number[];

const EWMA: RateChart = (rates, centre) => {
  let value = 0;
  return rates.map((rate) => {
    value += 0.2 * (centre - rate - value);
    return value;
  });
};

/** Lower CUSUM with a slack of one point. */
const CUSUM: RateChart = (rates, centre) => {
  let value = 0;
  return rates.map((rate) => {
    value = Math.max(0, value + centre - rate - 0.01);
    return value;
  });
};

function pathsOf(cell: NightWorldCell, reps: number, seed: number, chart: RateChart): number[][] {
  return Array.from({ length: reps }, (_, rep) => {
    const { pool, run } = seriesOf(cell, seed, rep);
    const centre = pool.reduce((sum, s) => sum + rateOf(s), 0) / pool.length;
    return chart(
      Array.from({ length: NIGHTS }, (_, i) => rateOf(run(i + 1))),
      centre,
    );
  });
}

/** A tuned chart: its limit is the quantile of the largest value in unchanged series of other seeds. */
function tunedAlarms(
  cell: NightWorldCell,
  reps: number,
  seed: number,
  { chart, falseAlarms }: { readonly chart: RateChart; readonly falseAlarms: number },
): (number | null)[] {
  const quiet = pathsOf({ ...cell, course: 'unchanged' }, Math.max(200, reps), seed + 1, chart);
  const limit = quantile7(
    quiet.map((path) => Math.max(...path)),
    1 - falseAlarms,
  );
  return pathsOf(cell, reps, seed, chart).map((path) => {
    const night = path.findIndex((value) => value > limit);
    return night === -1 ? null : night + 1;
  });
}

export type NightRuleName = 'lastgood' | 'lastgood, with cases' | 'tuned EWMA' | 'tuned CUSUM';

export function scoreNightWorld(
  cell: NightWorldCell,
  rule: NightRuleName,
  reps: number,
  seed: number,
): NightWorldScore {
  const alarms =
    rule === 'tuned EWMA' || rule === 'tuned CUSUM'
      ? tunedAlarms(cell, reps, seed, { chart: rule === 'tuned EWMA' ? EWMA : CUSUM, falseAlarms: 0.05 })
      : engineAlarms(cell, reps, seed, rule === 'lastgood, with cases');
  const onset = cell.course === 'unchanged' || cell.course === 'decay' ? 1 : ONSET;
  // A series that alarmed before anything happened says nothing of how soon the change is found.
  const counted = alarms.filter((night) => night === null || night >= onset);
  const found = counted.filter((night) => night !== null);
  const delays = counted.map((night) => (night === null ? Number.POSITIVE_INFINITY : night - onset + 1));
  const median = [...delays].sort((a, b) => a - b)[Math.floor(delays.length / 2)] ?? Number.POSITIVE_INFINITY;
  return {
    ...cell,
    rule,
    reps: counted.length,
    alarm: found.length / Math.max(1, counted.length),
    alarmUpper: clopperPearson(found.length, Math.max(1, counted.length), 0.95)?.upper ?? 1,
    medianNights: Number.isFinite(median) ? median : null,
  };
}
