// What a series did in its reference: the profile of the week, how much it moves from day to day, and how sluggishly.

import { estimateRunVariance, type RunVariance } from '../../stats/run-variance.ts';
import { chooseSeason, type Season, seasonLevels } from './season.ts';
import type { Series } from './standardise.ts';

/** Shares of the reference's scatter that the day itself is taken to cause before anything is seen; worth two days. */
const PRIOR = { sd: 0.5, weight: 2 } as const;
/** Least share of the scatter that is credited to days, so that growing traffic does not make a chart overconfident. */
const LEAST_DAY_SHARE = 0.1;

export interface ReferenceModel {
  readonly series: Series;
  readonly season: Season;
  /** Level by hour of the week. */
  readonly levels: Float64Array;
  /** Variance between windows beyond sampling. */
  readonly between: number;
  /** Sampling variance by hour of the week, as in the reference. */
  readonly sampling: Float64Array;
  /** Posterior of the size and the correlation of that movement; `sensitivity` is its unit. */
  readonly movement: RunVariance;
  /** Standardised one-step prediction errors of the reference; NaN where a window is missing. */
  readonly innovations: Float64Array;
}

export interface Frame {
  /** Index of the first step, in steps since 1970. */
  readonly first: number;
  /** Steps of the reference. */
  readonly reference: number;
  readonly perDay: number;
}

/** null = the reference lacks an hour or a weekday, or too many windows. */
export function modelReference(series: Series, { first, reference, perDay }: Frame): ReferenceModel | null {
  const residual = series.residual.subarray(0, reference);
  const season = chooseSeason(residual, first, perDay);
  if (season === null || season.used.length < 0.75 * reference) return null;
  const levels = seasonLevels(season, residual, new Float64Array(season.period));
  const { used, period } = season;
  const free = used.length - season.solve.length;
  let squares = 0;
  let sampling = 0;
  const left = new Float64Array(reference).fill(Number.NaN);
  for (const t of used) {
    const r = residual[t]! - levels[(first + t) % period]!;
    left[t] = r;
    squares += r * r;
    sampling += series.variance[t]!;
  }
  const scatter = squares / free;
  const mean = sampling / used.length;
  const unit = Math.sqrt(Math.max(scatter, mean, 1e-12));
  // Fitting the profile takes scatter out of the residuals.
  const stretch = Math.sqrt((used.length - 1) / free);
  const movement = wary(
    estimateRunVariance(
      Array.from(used, (t) => ({ at: t / perDay, mean: left[t]! * stretch, variance: series.variance[t]! })),
      unit,
      PRIOR,
    ),
  );
  return {
    ...{ series, season, levels, movement },
    between: betweenWindows(scatter, mean),
    sampling: byHour(series.variance, used, first, period, mean),
    innovations: innovationsOf(left, series.variance, movement, perDay),
  };
}

/**
 * Gives sluggish movement more weight: four weeks hardly tell a correlation of 0.8 from one of 0.5, and to take it for the smaller
 * costs false alarms. The factor is the length of the memory, 1 / (1 - correlation).
 */
function wary(movement: RunVariance): RunVariance {
  const masses = movement.points.map((p) => p.weight / (1 - p.rho));
  const total = masses.reduce((sum, m) => sum + m, 0);
  const points = movement.points.map((p, i) => ({ ...p, weight: (masses[i] ?? 0) / total }));
  return {
    ...movement,
    points,
    sd: Math.sqrt(points.reduce((sum, p) => sum + p.weight * p.tau * p.tau, 0)),
    correlation: points.reduce((sum, p) => sum + p.weight * p.rho, 0),
  };
}

/** Variance between windows: what sampling leaves unexplained. */
export function betweenWindows(scatter: number, sampling: number): number {
  return Math.max(scatter - sampling, LEAST_DAY_SHARE * Math.max(scatter, sampling));
}

/** Correlation from step to step of a correlation from day to day. */
export function perStep(rho: number, perDay: number): number {
  return rho === 0 ? 0 : rho ** (1 / perDay);
}

function byHour(
  variance: Float64Array,
  used: Int32Array,
  first: number,
  period: number,
  mean: number,
): Float64Array {
  const sums = new Float64Array(period);
  const counts = new Float64Array(period);
  for (const t of used) {
    sums[(first + t) % period]! += variance[t]!;
    counts[(first + t) % period]! += 1;
  }
  return sums.map((sum, i) => (counts[i]! > 0 ? sum / counts[i]! : mean));
}

/** One-step prediction errors at the most probable movement, scaled to mean 0 and variance 1 (Stoffer & Wall 1991). */
function innovationsOf(
  left: Float64Array,
  variance: Float64Array,
  { points, sensitivity }: RunVariance,
  perDay: number,
): Float64Array {
  const best = points.reduce((a, b) => (b.weight > a.weight ? b : a));
  const tau2 = (best.tau * sensitivity) ** 2;
  const rho = perStep(best.rho, perDay);
  const out = new Float64Array(left.length).fill(Number.NaN);
  let state = 0;
  let spread = tau2;
  for (let t = 0; t < left.length; t++) {
    const y = left[t]!;
    if (!Number.isNaN(y)) {
      const total = spread + variance[t]!;
      out[t] = (y - state) / Math.sqrt(total);
      state += (spread / total) * (y - state);
      spread *= 1 - spread / total;
    }
    state *= rho;
    spread = rho * rho * spread + (1 - rho * rho) * tau2;
  }
  const seen = out.filter((x) => !Number.isNaN(x));
  const mean = seen.reduce((s, x) => s + x, 0) / seen.length;
  const sd = Math.sqrt(seen.reduce((s, x) => s + (x - mean) ** 2, 0) / seen.length);
  return sd < 1e-9 ? out.fill(Number.NaN) : out.map((x) => (x - mean) / sd);
}
