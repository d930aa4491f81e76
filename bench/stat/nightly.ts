// Ninety nights of one suite: when does a rule alarm, and how often does it when nothing happened?

import { decideNight, NIGHT_LEVELS, nightsNeeded } from '../../src/compare/nights.ts';
import { type CaseResult, resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { clopperPearson, type Mt19937, quantile7 } from '../../src/stats/index.ts';
import { REPLICATES } from './lastgood.ts';
import { caseOf, indexOf, snapshotOf } from './snapshots.ts';
import { type Profile, streamOf, trueRates, worldOf } from './worlds.ts';

const NIGHTS = 90;
const POOL_NIGHTS = 5;

export type Course = 'unchanged' | 'decay' | 'step';

/** A stretch of nights as a rule sees it: clean nights first, then one night at a time. */
interface Series {
  readonly pool: readonly SnapshotResults[];
  /** Runs the suite in night 1 to 90, again on every call. */
  run(night: number): SnapshotResults;
  /** Fresh trials of some cases in that night. */
  cases(night: number, ids: readonly string[], trials: number): CaseResult[];
}

export interface NightlyRule {
  readonly name: string;
  /** The night of the first alarm; null = none within 90. */
  firstAlarm(series: Series): number | null;
}

function ratesAt(course: Course, rates: Float64Array, night: number): Float64Array {
  if (course === 'decay') return rates.map((p) => p * (1 - (0.15 * night) / NIGHTS));
  if (course === 'step' && night >= 31) return rates.map((p) => 0.9 * p);
  return rates;
}

function drawSeries({ profile, cases: n, trials: k, course, grades }: NightlyCell, rng: Mt19937): Series {
  const rates = trueRates(profile, n, rng);
  let runs = 0;
  const worldAt = (night: number) =>
    worldOf({ before: rates, after: ratesAt(course, rates, night), exactGrades: grades === 'exact' }, rng);
  const run = (night: number): SnapshotResults => {
    const world = worldAt(night);
    const outcomes = Array.from({ length: n }, (_, i) =>
      Array.from({ length: k }, () => world.run('candidate', i)),
    );
    runs += 1;
    // One release all the while: only its behaviour may change. No tags: the published figures watch the suite statistic.
    return snapshotOf(`snight${runs}`, 'baseline', world, outcomes, false);
  };
  const cases = (night: number, ids: readonly string[], trials: number): CaseResult[] => {
    const world = worldAt(night);
    return ids.map((id) => {
      const outcomes = Array.from({ length: trials }, () => world.run('candidate', indexOf(id)));
      return caseOf(world, indexOf(id), outcomes, false);
    });
  };
  return { pool: Array.from({ length: POOL_NIGHTS }, () => run(0)), run, cases };
}

/** The night's decision as the program takes it: what it wants is run, until nothing more is wanted. */
function nightly(name: string, examineCases: boolean): NightlyRule {
  return {
    name,
    firstAlarm({ pool, run, cases }) {
      const [baseline, ...more] = pool;
      if (baseline === undefined) throw new RangeError('a nightly rule needs a baseline');
      const policy = resolvePolicy(undefined);
      const nights: SnapshotResults[] = [];
      for (let number = 1; number <= NIGHTS; number++) {
        nights.push(run(number));
        const evidence = {
          baseline,
          pool: more,
          nights: nights.slice(-nightsNeeded(number)),
          number,
          policy,
          examineCases,
          replicates: REPLICATES,
        };
        let rerun: SnapshotResults | undefined;
        const fresh: CaseResult[] = [];
        let decision = decideNight(evidence);
        while (decision.wanted.rerun || decision.wanted.cases.length > 0) {
          if (decision.wanted.rerun) rerun = run(number);
          fresh.push(...cases(number, decision.wanted.cases, NIGHT_LEVELS.caseTrials));
          decision = decideNight({ ...evidence, rerun, fresh });
        }
        if (decision.outcome === 'alarm') return number;
      }
      return null;
    },
  };
}

/** Night with a second run, and windows of 7 and 28 nights, on the suite as a whole. */
export const NIGHTLY = nightly('lastgood nightly', false);
/** The same, and fresh trials for every case that looks worse. */
export const NIGHTLY_CASES = nightly('lastgood nightly, with cases', true);

function rateOf(night: SnapshotResults): number {
  const trials = night.cases.flatMap((c) => c.trials);
  return trials.filter((t) => t.pass === true).length / trials.length;
}

/** Alarms on the first night at least 5 points below the one before. */
export const VERSUS_YESTERDAY: NightlyRule = {
  name: 'drop ≥ 5 pt vs yesterday',
  firstAlarm({ pool, run }) {
    let yesterday = pool.at(-1);
    for (let night = 1; night <= NIGHTS; night++) {
      const tonight = run(night);
      if (yesterday !== undefined && rateOf(yesterday) - rateOf(tonight) >= 0.05 - 1e-9) return night;
      yesterday = tonight;
    }
    return null;
  },
};

export interface NightlyCell {
  readonly profile: Profile;
  readonly cases: number;
  readonly trials: number;
  readonly course: Course;
  /** The published figures are for grades that never err; a judge's noise makes every change harder to see. */
  readonly grades: 'exact' | 'judge';
}

export interface NightlyScore extends NightlyCell {
  readonly rule: string;
  readonly reps: number;
  /** Share of series with an alarm within 90 nights. */
  readonly alarm: number;
  readonly alarmUpper: number;
  /** Median night of the alarm among the series that had one. */
  readonly medianNight: number | null;
}

export function scoreNightly(cell: NightlyCell, rule: NightlyRule, reps: number, seed: number): NightlyScore {
  const { profile, cases, trials, course, grades } = cell;
  const nights: number[] = [];
  for (let rep = 0; rep < reps; rep++) {
    const rng = streamOf(seed, 'nightly', profile, cases, trials, course, grades, rep);
    const night = rule.firstAlarm(drawSeries(cell, rng));
    if (night !== null) nights.push(night);
  }
  return {
    ...cell,
    rule: rule.name,
    reps,
    alarm: nights.length / reps,
    alarmUpper: clopperPearson(nights.length, reps, 0.95)?.upper ?? 1,
    medianNight: nights.length === 0 ? null : quantile7(nights, 0.5),
  };
}
