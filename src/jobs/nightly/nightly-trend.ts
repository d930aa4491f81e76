// The slow view over the nights since the baseline: slope, projected change, CUSUM line, date of the last change. Reported, never an alarm.

import { changePointL2, changePointPenalty, cusumLower, mannKendall } from '../../stats/index.ts';
import { meanOf, varianceOf } from '../../stats/numeric.ts';

export interface RatePoint {
  readonly at: string;
  readonly rate: number;
}

export interface NightlyTrend {
  readonly nights: number;
  /** Theil–Sen slope over 30 nights, as a share; null with fewer than eight nights. */
  readonly per30Nights: number | null;
  readonly projected90: number | null;
  /** Mann–Kendall, two-sided. */
  readonly p: number | null;
  /** Lower CUSUM in baseline standard deviations (k = 0.5, h = 20); null with fewer than ten baseline nights. */
  readonly cusum: {
    readonly value: number;
    readonly limit: number;
    readonly crossedAt: string | null;
  } | null;
  /** Start of the latest level (PELT, squared error); null = no change found. */
  readonly changedAt: string | null;
}

const MIN_TREND = 8;
const MIN_CUSUM_BASELINE = 10;
const MIN_CHANGE = 6;
const CUSUM = { k: 0.5, h: 20 };

/** `baseline`: the pool's nights; `nights`: since then, tonight last; both oldest first. */
export function nightlyTrend(baseline: readonly RatePoint[], nights: readonly RatePoint[]): NightlyTrend {
  const rates = nights.map((n) => n.rate);
  const enough = rates.length >= MIN_TREND;
  const trend = enough ? mannKendall(rates) : null;
  return {
    nights: nights.length,
    per30Nights: trend === null ? null : trend.slope * 30,
    projected90: trend === null ? null : trend.slope * 90,
    p: trend?.pTwoSided ?? null,
    cusum: cusumLine(
      baseline.map((b) => b.rate),
      nights,
    ),
    changedAt: lastChange([...baseline, ...nights]),
  };
}

function cusumLine(baseline: readonly number[], nights: readonly RatePoint[]): NightlyTrend['cusum'] {
  if (baseline.length < MIN_CUSUM_BASELINE || nights.length === 0) return null;
  const centre = meanOf(baseline);
  const spread = Math.sqrt(varianceOf(baseline));
  if (spread === 0) return null;
  const { path, alarmIndex } = cusumLower(
    nights.map((n) => (n.rate - centre) / spread),
    CUSUM,
  );
  return {
    value: path.at(-1) ?? 0,
    limit: CUSUM.h,
    crossedAt: alarmIndex === null ? null : (nights[alarmIndex]?.at ?? null),
  };
}

function lastChange(points: readonly RatePoint[]): string | null {
  if (points.length < MIN_CHANGE) return null;
  const rates = points.map((p) => p.rate);
  const penalty = changePointPenalty(rates);
  // Without noise every step is a change; then the onset is looked for case by case, not here.
  if (penalty === 0) return null;
  const last = changePointL2(rates, { penalty, minSegment: 2 }).changePoints.at(-1);
  return last === undefined ? null : (points[last]?.at ?? null);
}
