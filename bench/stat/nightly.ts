// Ninety nights of one suite: when does a rule alarm, and how often does it when nothing happened?

import {
  decideNight,
  type EarlierNight,
  NIGHT_LEVELS,
  type NightDecision,
  tallyRun,
} from '../../src/compare/decide-night.ts';
import { type CaseResult, resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { clopperPearson, type Mt19937, quantile7 } from '../../src/stats/index.ts';
import { REPLICATES } from './lastgood.ts';
import { caseOf, indexOf, snapshotOf } from './snapshots.ts';
import { type Profile, streamOf, trueRates, worldOf } from './worlds.ts';

const NIGHTS = 90;
const POOL_NIGHTS = 5;
const DAY_MS = 86_400_000;
const FIRST_NIGHT = Date.parse('2026-03-15T02:00:00.000Z');
/** When what is wanted later is run, and what is wanted at once, in days: two hours and two minutes. */
const LATER = 2 / 24;
const AT_ONCE = 2 / 1440;

export type Course = 'unchanged' | 'decay' | 'step';

/** A stretch of nights as a rule sees it: clean nights first, then one night at a time. */
export interface Series {
  readonly pool: readonly SnapshotResults[];
  /** Runs the suite in night 1 to 90, again on every call; `later`: days after the night began. */
  run(night: number, later?: number): SnapshotResults;
  /** Fresh trials of some cases in that night. */
  cases(night: number, ids: readonly string[], trials: number, later?: number): CaseResult[];
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
  const run = (night: number, later = 0): SnapshotResults => {
    const world = worldAt(night);
    const outcomes = Array.from({ length: n }, (_, i) =>
      Array.from({ length: k }, () => world.run('candidate', i)),
    );
    runs += 1;
    // One release all the while: only its behaviour may change. No tags: the published figures watch the suite statistic.
    const { summary, cases } = snapshotOf(`snight${runs}`, 'baseline', world, outcomes, false);
    const startedAt = new Date(FIRST_NIGHT + (night + later) * DAY_MS).toISOString();
    return { summary: { ...summary, startedAt }, cases };
  };
  const cases = (night: number, ids: readonly string[], trials: number): CaseResult[] => {
    const world = worldAt(night);
    return ids.map((id) => {
      const outcomes = Array.from({ length: trials }, () => world.run('candidate', indexOf(id)));
      return caseOf(world, indexOf(id), outcomes, false);
    });
  };
  return { pool: Array.from({ length: POOL_NIGHTS }, (_, i) => run(i - POOL_NIGHTS)), run, cases };
}

/** The night's decision as the program takes it: what it wants is run, now or later, until nothing more is wanted. */
function nightly(name: string, examineCases: boolean): NightlyRule {
  return {
    name,
    firstAlarm(series) {
      const watch = new NightWatch(series, examineCases);
      for (let number = 1; number <= NIGHTS; number++)
        if (watch.night(number).decision.outcome === 'alarm') return number;
      return null;
    },
  };
}

/** Lives through nights one by one, as the job does. */
export class NightWatch {
  readonly earlier: EarlierNight[] = [];
  readonly #series: Series;
  readonly #examineCases: boolean;
  readonly #policy = resolvePolicy(undefined);

  constructor(series: Series, examineCases: boolean) {
    this.#series = series;
    this.#examineCases = examineCases;
  }

  /** Decides one night; it joins the history unless it alarms. */
  night(number: number): { decision: NightDecision; tonight: SnapshotResults; reruns: number } {
    const { pool, run, cases } = this.#series;
    const [baseline, ...more] = pool;
    if (baseline === undefined) throw new RangeError('a nightly rule needs a baseline');
    const tonight = run(number);
    const evidence = {
      ...{ baseline, pool: more, tonight, earlier: [...this.earlier], number },
      ...{ policy: this.#policy, examineCases: this.#examineCases, detectionLimit: false },
      replicates: REPLICATES,
    };
    let rerun: SnapshotResults | undefined;
    const fresh: CaseResult[] = [];
    let decision = decideNight(evidence);
    while (decision.wanted.rerun || decision.wanted.cases.length > 0) {
      const { wanted } = decision;
      const now = wanted.cases.filter((id) => !wanted.later.cases.includes(id));
      const wait = now.length === 0 && !(wanted.rerun && !wanted.later.rerun);
      if (wanted.rerun && (wait || !wanted.later.rerun)) rerun = run(number, wait ? LATER : AT_ONCE);
      fresh.push(
        ...cases(number, wait ? wanted.cases : now, NIGHT_LEVELS.caseTrials, wait ? LATER : AT_ONCE),
      );
      decision = decideNight({ ...evidence, rerun, fresh });
    }
    if (decision.outcome !== 'alarm')
      this.earlier.push({
        number,
        clean: decision.outcome === 'green',
        runs: [tonight, ...(rerun === undefined ? [] : [rerun])].map((s) =>
          tallyRun(s, this.#policy.appError),
        ),
      });
    return { decision, tonight, reruns: rerun === undefined ? 0 : 1 };
  }
}

/** Tonight with a second run, and the smoothed charts, on the suite as a whole. */
export const NIGHTLY = nightly('lastgood nightly', false);
/** The same, and fresh trials for every case that looks worse. */
export const NIGHTLY_CASES = nightly('lastgood nightly, with cases', true);

/** Share of graded trials that passed. */
export function rateOf(night: SnapshotResults): number {
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
