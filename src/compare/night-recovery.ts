// Is a regression over? Only when what fell is shown to be no worse than the pool by more than a margin; the error is spent over nights.

import type { Policy } from '../core/policy.ts';
import type { SnapshotResults } from '../core/snapshot.ts';
import { type ChartValue, nightChart } from './night-charts.ts';
import type { EarlierNight, TalliedRun } from './night-runs.ts';
import { type ScopeSeries, scopeSeries } from './night-scope.ts';
import { type Watch, watchOf } from './night-watch.ts';
import { SLICE_MARGIN } from './options.ts';
import { pairCases } from './pairing.ts';

/** Chance that an incident that lasts is ever called over. */
const ALPHA = 0.05;
/** The last so many nights together are compared with the pool; each window may spend an equal part. */
const WINDOWS = [2, 4, 8, 16] as const;
/** Over a stretch of 90 nights a moving mean of so many nights is worth at most this many independent ones. */
const INDEPENDENT_LOOKS: Readonly<Record<(typeof WINDOWS)[number], number>> = { 2: 70, 4: 50, 8: 28, 16: 16 };
/** The first stretch spends this share of the error, each later one the same share of what is left. */
const FIRST_SHARE = 0.8;
const STRETCH = 90;
/** Margin for single cases: they fell far, and have few trials. */
const CASE_MARGIN = 0.3;
/** Nights still this detectably below the pool are not well again, however small the drop. */
const STILL_LOW = 0.05;

export interface RecoveryEvidence {
  readonly baseline: SnapshotResults;
  readonly pool: readonly SnapshotResults[];
  /** Nights before the alarm, as for the charts. */
  readonly earlier: readonly EarlierNight[];
  /** Runs that showed the regression; half of the drop in them is a margin too, so that the end of a large one is seen soon. */
  readonly incident?: readonly TalliedRun[] | undefined;
  /** Every usable night after the one that raised the alarm, oldest first, whatever it showed; tonight is not among them. */
  readonly since: readonly TalliedRun[];
  readonly tonight: SnapshotResults;
  readonly affected: { readonly tag: string | null; readonly cases: readonly string[] };
  readonly policy: Policy;
}

export interface Recovery {
  readonly shown: boolean;
  /** The least p of a drop of the margin, over the windows; the largest over what fell. */
  readonly p: number;
  readonly alpha: number;
  /** Nights in the window that shows it, or comes nearest. */
  readonly nights: number;
}

/** Level of a window's test on the j-th night after the alarm. All tests together err less than `ALPHA` of the time. */
export function recoveryLevel(window: (typeof WINDOWS)[number], j: number): number {
  const stretch = Math.floor((j - 1) / STRETCH);
  const share = FIRST_SHARE * (1 - FIRST_SHARE) ** stretch;
  return (ALPHA * share) / WINDOWS.length / INDEPENDENT_LOOKS[window];
}

/** Compares the nights since the alarm with the pool. Pure. The night that raised the alarm only sets the margin. */
export function proveRecovery(e: RecoveryEvidence): Recovery {
  const nights = e.since.length + 1;
  const none: Recovery = { shown: false, p: 1, alpha: recoveryLevel(2, nights), nights: 0 };
  const pairing = pairCases(e.baseline, e.tonight, e.policy, e.pool);
  const watch = watchOf({ ...e, rerun: undefined, since: [...(e.incident ?? []), ...e.since] }, pairing);
  if (watch === null) return none;
  const claims = claimsOf(watch, e);
  if (claims === null) return none;
  const incident = watch.runs.nights.slice(e.earlier.length, watch.runs.nights.length - nights).flat();
  const margins = claims.map(({ series, margin }) => {
    const drop = incident.length === 0 ? 0 : -(nightChart(watch.runs, series, incident)?.delta ?? 0);
    return Math.max(margin, drop / 2);
  });
  let best = none;
  for (const window of WINDOWS) {
    if (window > nights) break;
    const runs = watch.runs.nights.slice(-window).flat();
    const values = claims.map(({ series, margin }, i) => ({
      margin: margins[i] ?? margin,
      series,
      value: nightChart(watch.runs, series, runs, series.variance(), true),
    }));
    const p = Math.max(...values.map((v) => worseByMargin(v)));
    const low = values.some(({ value }) => value === null || value.pLess <= STILL_LOW);
    const alpha = recoveryLevel(window, nights);
    const shown = p <= alpha && !low;
    if (shown || p / alpha < best.p / best.alpha) best = { shown, p, alpha, nights: window };
    if (shown) return best;
  }
  return best;
}

interface Claim {
  readonly series: ScopeSeries;
  readonly margin: number;
}

/** What must be shown to be well: the suite and the tag that fell, or the cases; null where nothing of it can be measured. */
function claimsOf(watch: Watch, { affected, policy }: RecoveryEvidence): readonly Claim[] | null {
  const { runs, suite, tags, pairs } = watch;
  if (affected.cases.length > 0) {
    const named = new Set(affected.cases);
    const members = Int32Array.from(pairs.flatMap(({ id }, i) => (named.has(id) ? [i] : [])));
    const series = scopeSeries(runs, { name: 'cases', members }, 1);
    return series === null ? null : [{ series, margin: CASE_MARGIN }];
  }
  const whole = { series: suite, margin: policy.margin };
  if (affected.tag === null) return [whole];
  const tag = tags.find((t) => t.scope.name === affected.tag);
  return tag === undefined
    ? [whole]
    : [whole, { series: tag, margin: Math.max(policy.margin, SLICE_MARGIN) }];
}

/** p of nights as good as these if the truth lay the margin below the pool. */
function worseByMargin({ value, series, margin }: Claim & { readonly value: ChartValue | null }): number {
  if (value === null) return 1;
  const level = Math.min(0.5, series.failures + margin);
  const growth = (level * (1 - level)) / (series.failures * (1 - series.failures));
  return value.pAbove(-margin, Math.max(1, growth));
}
