// A night's charts over the suite and its tags: which of them are due, what they say, and which scope drives each.

import type { Interval } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { SnapshotResults } from '../core/snapshot.ts';
import { isCollapse } from './collapse.ts';
import { type TagMembers, tagMembers } from './evidence.ts';
import {
  type ChartValue,
  NO_SESSIONS,
  nightChart,
  type Sessions,
  SMOOTHING,
  smoothedChart,
} from './night-charts.ts';
import { type ChartName, NIGHT_LEVELS, type NightEvidence, type NightLook } from './night-levels.ts';
import {
  type Counts,
  caseKey,
  countsOf,
  type EarlierNight,
  type TalliedRun,
  tallyRun,
} from './night-runs.ts';
import {
  jointMovement,
  type NightRuns,
  SAME_SESSION,
  type ScopeSeries,
  scopeSeries,
  totalsOf,
} from './night-scope.ts';
import type { PairedCase, Pairing } from './pairing.ts';

/** Nights in a stretch over which the level is taken to stand still, when the variance between nights is estimated. */
const BLOCK = 10;

/** Everything the charts of one night need. */
export interface Watch {
  readonly runs: NightRuns;
  readonly suite: ScopeSeries;
  /** Tags that are watched besides the suite. */
  readonly tags: readonly ScopeSeries[];
  readonly pairs: readonly PairedCase[];
  /** Tonight's first run, and its second where there is one. */
  readonly first: number;
  readonly again: number | null;
}

/** `since`: nights of an incident that come before tonight; they neither set the level nor measure how runs vary. */
export type WatchEvidence = Pick<NightEvidence, 'baseline' | 'tonight' | 'earlier' | 'rerun' | 'policy'> & {
  readonly since?: readonly TalliedRun[] | undefined;
};

/** Lays out the runs and measures every scope; null when no case can be compared. */
export function watchOf(e: WatchEvidence, pairing: Pairing): Watch | null {
  const pairs = pairing.paired;
  if (pairs.length === 0) return null;
  const runs = layOut(e, pairs, [e.baseline, ...pairing.pooled]);
  const all = Int32Array.from(pairs, (_, i) => i);
  const tagged = tagMembers(pairs).filter((t: TagMembers) => t.tested);
  const moving = Math.max(
    jointMovement(runs, groupsOf(pairs)),
    jointMovement(
      runs,
      tagged.map((t) => t.members),
    ),
  );
  const suite = scopeSeries(runs, { name: 'suite', members: all }, moving);
  if (suite === null) return null;
  const tags = tagged.flatMap(({ tag, members }) => {
    const series = scopeSeries(runs, { name: tag, members }, moving);
    return series === null ? [] : [series];
  });
  const tonight = runs.nights.at(-1) ?? [];
  return { runs, suite, tags, pairs, first: tonight[0] ?? 0, again: tonight[1] ?? null };
}

/**
 * Nights after the warm-up in stretches of equal length. The last, unfinished stretch is left out: a drop that begins tonight must not
 * pass for variation between nights.
 */
function fullBlocks(
  nights: readonly (readonly number[])[],
  earlier: readonly EarlierNight[],
): readonly (readonly number[])[] {
  const later = nights.filter((_, i) => (earlier[i]?.number ?? 0) > NIGHT_LEVELS.warmUp);
  const blocks: number[][] = [];
  for (let i = 0; i + BLOCK <= later.length; i += BLOCK) blocks.push(later.slice(i, i + BLOCK).flat());
  return blocks;
}

/** The cases of each declared group. */
function groupsOf(pairs: readonly PairedCase[]): readonly (readonly number[])[] {
  const groups = new Map<string, number[]>();
  for (const [i, { group }] of pairs.entries()) {
    if (group === null) continue;
    const list = groups.get(group);
    if (list === undefined) groups.set(group, [i]);
    else list.push(i);
  }
  return [...groups.values()];
}

function layOut(
  { tonight, rerun, earlier, since, policy }: WatchEvidence,
  pairs: readonly PairedCase[],
  baseline: readonly SnapshotResults[],
): NightRuns {
  const key = caseKey(pairs);
  const runs: Counts[] = [];
  const at: number[] = [];
  const ids: string[] = [];
  const add = (run: TalliedRun): number => {
    at.push(run.at);
    ids.push(run.id);
    return runs.push(countsOf(run, pairs, key)) - 1;
  };
  const ofNights = new Set(earlier.flatMap((n) => n.runs.map((r) => r.id)));
  const fingerprint = baseline[0]?.summary.fingerprint;
  const pool = baseline
    .map((s) => tallyRun(s, policy.appError))
    .filter((run, i) => i === 0 || !ofNights.has(run.id))
    .map(add);
  const nights = earlier.map((night) => {
    const indices = night.runs.map(add);
    const fits = night.clean !== false && night.runs.every((r) => r.fingerprint === fingerprint);
    if (night.number <= NIGHT_LEVELS.warmUp && fits) pool.push(...indices);
    return indices;
  });
  const settled = runs.map((_, r) => r);
  const blocks = [pool, ...fullBlocks(nights, earlier)];
  for (const run of since ?? []) nights.push([add(run)]);
  nights.push(
    [tonight, ...(rerun === undefined ? [] : [rerun])].map((s) => add(tallyRun(s, policy.appError))),
  );
  const order = runs.map((_, r) => r).sort((a, b) => (at[a] ?? 0) - (at[b] ?? 0));
  const session = new Int32Array(runs.length);
  const sessionAt: number[] = [];
  for (const r of order) {
    const time = at[r] ?? 0;
    if (sessionAt.length === 0 || time - (sessionAt.at(-1) ?? 0) >= SAME_SESSION) sessionAt.push(time);
    session[r] = sessionAt.length - 1;
  }
  const cases = pairs.length;
  return {
    ...{ runs, ids, pool, nights, settled, session, sessionAt },
    blocks,
    totals: totalsOf(runs, settled, cases),
    poolTotals: totalsOf(runs, pool, cases),
  };
}

/** A chart of one scope, with its p raised to the suite's scale: alarming at the chart's level or below. */
interface Charted {
  readonly series: ScopeSeries;
  readonly value: ChartValue;
  readonly p: number;
}

/** A look in the making: the suite's own chart, and the scopes in the order of their p. */
interface LookValues {
  readonly suite: ChartValue;
  readonly charted: readonly Charted[];
}

/** p of one of several tags on the scale of the suite's. */
function tagScale({ tags }: Watch, p: number): number {
  return Math.min(1, (p * tags.length) / NIGHT_LEVELS.tagShare);
}

/** The chart of every scope. Tags that could not reach the level even if no run differed from another are left out: that is cheap to see. */
function charted(
  watch: Watch,
  alpha: number,
  chart: (series: ScopeSeries, sessions?: Sessions) => ChartValue | null,
): LookValues | null {
  const suite = chart(watch.suite);
  if (suite === null) return null;
  const rows: Charted[] = [{ series: watch.suite, value: suite, p: suite.pLess }];
  const scaled = (value: ChartValue): number => tagScale(watch, value.pLess);
  for (const series of watch.tags) {
    const least = chart(series, NO_SESSIONS);
    if (least === null || scaled(least) > alpha) continue;
    const own = chart(series);
    // What moves the suite moves its tags, and the suite shows it better.
    const shared = chart(series, watch.suite.variance());
    if (own === null || shared === null) continue;
    const value = shared.pLess > own.pLess ? shared : own;
    rows.push({ series, value, p: scaled(value) });
  }
  return { suite, charted: rows.sort((a, b) => a.p - b.p) };
}

/** Is the whole interval of everything that fell within the policy's margin? */
function withinMargin(fell: readonly Charted[], { requireMargin, margin, confidence }: Policy): boolean {
  return requireMargin && fell.every(({ value }) => value.interval(confidence)[0] > -margin);
}

function lookOf(
  watch: Watch,
  look: NightLook['look'],
  alpha: number,
  { suite, charted: rows }: LookValues,
  policy: Policy,
  passing: (row: Charted) => number = (row) => row.p,
): { look: NightLook; fell: readonly Charted[] } {
  const scored = rows.map((row) => ({ row, p: passing(row) })).sort((a, b) => a.p - b.p);
  const fell = scored.filter(({ p }) => p <= alpha).map(({ row }) => row);
  const outcome =
    fell.length > 0
      ? withinMargin(fell, policy)
        ? 'within-margin'
        : 'regressed'
      : suite.pGreater <= alpha
        ? 'improved'
        : 'quiet';
  const interval: Interval = suite.interval(policy.confidence);
  const { rate } = watch.suite;
  return {
    fell,
    look: {
      look,
      outcome,
      p: scored[0]?.p ?? 1,
      alpha,
      delta: suite.delta,
      interval,
      drivenBy: scored[0]?.row.series.scope.name ?? 'suite',
      passRate: Math.min(1, Math.max(0, rate + suite.delta)),
      baselinePassRate: rate,
      snapshots: suite.runs.map((r) => watch.runs.ids[r] ?? ''),
    },
  };
}

/** Tonight's first run by itself: it never convicts, it only asks for a second one. */
export function firstLook(watch: Watch, policy: Policy): { look: NightLook; collapsed: boolean } | null {
  const values = charted(watch, NIGHT_LEVELS.suspicion, (series, sessions) =>
    nightChart(watch.runs, series, [watch.first], sessions),
  );
  if (values === null) return null;
  const { look } = lookOf(watch, 'night', NIGHT_LEVELS.suspicion, values, policy);
  const fell = look.outcome === 'regressed' || look.outcome === 'within-margin';
  // Only the suite: a bad hour can take a quarter of a tag.
  const { suite } = watch;
  const session = suite.sensitivity * suite.variance().sd;
  const sd = Math.sqrt((suite.sampling[watch.first] ?? 0) + session * session);
  const outcome = fell ? 'suspicious' : look.outcome;
  return { look: { ...look, outcome }, collapsed: isCollapse(look.delta, sd) };
}

/**
 * Both runs of tonight together. A scope fell when the first run was suspicious, the second is bad on its own, and both together
 * are beyond the chart's level; the p that is printed is the weakest of the three, on the scale of the last.
 */
export function secondLook(watch: Watch, policy: Policy): NightLook | null {
  const { first, again, runs } = watch;
  if (again === null) return null;
  const alpha = NIGHT_LEVELS.chart.night;
  const values = charted(watch, alpha, (series, sessions) =>
    nightChart(runs, series, [again, first], sessions),
  );
  if (values === null) return null;
  const alone = (series: ScopeSeries, run: number): number => {
    const p = nightChart(runs, series, [run])?.pLess ?? 1;
    return series === watch.suite ? p : tagScale(watch, p);
  };
  const { look } = lookOf(watch, 'rerun', alpha, values, policy, ({ series, p }) =>
    p > alpha
      ? p
      : Math.min(
          1,
          Math.max(
            p,
            alone(series, first) * (alpha / NIGHT_LEVELS.suspicion),
            alone(series, again) * (alpha / NIGHT_LEVELS.rerun),
          ),
        ),
  );
  return look;
}

/** One of the smoothed charts. */
export function smoothedLook(
  watch: Watch,
  name: Exclude<ChartName, 'night'>,
  policy: Policy,
): NightLook | null {
  const alpha = NIGHT_LEVELS.chart[name];
  const values = charted(watch, alpha, (series, sessions) =>
    smoothedChart(watch.runs, series, SMOOTHING[name], sessions),
  );
  return values === null ? null : lookOf(watch, `ewma-${name}`, alpha, values, policy).look;
}
