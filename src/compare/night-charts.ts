// Charts over the nights: tonight alone, and two exponentially weighted means. Each value gets the probability of a value as low
// when nothing changed, with trial noise, the sessions of all runs and the error of the pool in it.

import type { Interval } from '../core/comparison.ts';
import {
  mixtureQuantile,
  type NoiseMixture,
  type RunVariance,
  type SessionPoint,
} from '../stats/run-variance.ts';
import { skewedAtLeast, skewedAtMost } from '../stats/skewed-tail.ts';
import type { NightRuns, ScopeSeries } from './night-scope.ts';

/** Weights of the two smoothed charts: three nights of a large drop, or many of a small one. */
export const SMOOTHING = { fast: 0.3, slow: 0.08 } as const;
/** No single night counts for more than this many standard deviations in a smoothed chart. */
const CLIP = 3;
/** A smoothed chart moves by less than a failure; half of one is what a count's steps cost on average. */
const CONTINUITY = 0.5;
/** Posterior probability of the widest sessions that is not paid for. */
const INCREDIBLE = 0.03;
/** Skewness of a session's failures per unit of their coefficient of variation: 2 for gamma, 3 for lognormal. */
const SESSION_SKEW = 2;
/** Components of the mixture whose variances differ by less than this factor are one. */
const VARIANCE_STEP = 1.2;

/** A chart's value tonight: a weighted mean of nights, less the pool. */
export interface ChartValue {
  /** Estimated change, as a share. */
  readonly delta: number;
  /** Interval of the change. */
  readonly interval: (confidence: number) => Interval;
  /** Probability of a value as low, or as high, when nothing changed. */
  readonly pLess: number;
  readonly pGreater: number;
  /** Probability of a value as high if the truth had changed by `change`, with a variance `growth` times as large. */
  readonly pAbove: (change: number, growth: number) => number;
  /** Runs it rests on. */
  readonly runs: readonly number[];
}

/** What is known, or assumed, of the sessions. */
export type Sessions = Pick<RunVariance, 'points' | 'sd'>;

/** No run differs from another: the least that a value can vary, so that its p can only be larger in truth. */
export const NO_SESSIONS: Sessions = { points: [{ tau: 0, rho: 0, weight: 1 }], sd: 0 };

/** What a value may do by chance: a mixture over what is known of the sessions. */
interface Spread extends NoiseMixture {
  /** Third central moment of each component; positive = failures come in bursts. */
  readonly thirds: Float64Array;
}

/**
 * Variance and third moment of (weighted mean of failures - mean of the pool), for each value of the session's variance. Negative
 * weights of the pool lean the other way. `weights`: one a run; changed here.
 */
function spreadOf(
  all: NightRuns,
  series: ScopeSeries,
  sessions: Sessions,
  weights: Float64Array,
  widen: number,
  lasting: boolean,
): Spread {
  const { pool, session, sessionAt } = all;
  const present = pool.filter((r) => !Number.isNaN(series.difference[r]!));
  for (const r of present) weights[r]! -= 1 / present.length;
  let sampling = 0;
  let third = 0;
  const bySession = new Float64Array(sessionAt.length);
  for (let r = 0; r < weights.length; r++) {
    const w = weights[r]!;
    const part = w * w * series.sampling[r]!;
    sampling += part;
    third += part * w * series.unit[r]!;
    bySession[session[r]!]! += w;
  }
  const longer = widen ** 1.5;
  if (sessions === NO_SESSIONS)
    return {
      weights: Float64Array.of(1),
      variances: Float64Array.of(widen * sampling),
      thirds: Float64Array.of(longer * third),
    };
  let [squares, cubes] = [0, 0];
  for (const w of bySession) {
    squares += w * w;
    cubes += w ** 3;
  }
  const lean = squares === 0 ? 0 : cubes / squares ** 1.5;
  const { points } = sessions;
  const shared = new Map<number, number>();
  for (const { rho } of points) if (!shared.has(rho)) shared.set(rho, quadratic(bySession, sessionAt, rho));
  // A chart of nights is watched for what lasts; a single night must allow for every session there may be.
  const trimmed = lasting ? credible(points, shared) : points;
  // The mixture is compressed: many values of the session's deviation differ by less than matters.
  const masses: number[] = [];
  const variances: number[] = [];
  const thirds: number[] = [];
  const at = new Map<number, number>();
  for (const { tau, rho, weight } of trimmed) {
    const deviation = series.sensitivity * tau;
    const ofSessions = deviation * deviation * (shared.get(rho) ?? 0);
    const variance = widen * (sampling + ofSessions);
    // Failures in a bad session are multiplied: the more they can be, the longer the tail.
    const skewed = SESSION_SKEW * (deviation / series.failures) * lean * ofSessions ** 1.5;
    const key = Math.ceil(Math.log(Math.max(variance, 1e-300)) / Math.log(VARIANCE_STEP));
    let into = at.get(key);
    if (into === undefined) {
      into = masses.length;
      at.set(key, into);
      masses.push(0);
      variances.push(0);
      thirds.push(0);
    }
    masses[into]! += weight;
    variances[into]! += weight * variance;
    thirds[into]! += weight * longer * (third + skewed);
  }
  return {
    weights: Float64Array.from(masses),
    variances: Float64Array.from(variances, (v, i) => v / masses[i]!),
    thirds: Float64Array.from(thirds, (t, i) => t / masses[i]!),
  };
}

/**
 * The points without the widest ones that together have little probability: what the runs speak against need not be paid for. Where the
 * runs say little, wide sessions and lasting ones keep more than that, and stay.
 */
function credible(
  points: readonly SessionPoint[],
  shared: ReadonlyMap<number, number>,
): readonly SessionPoint[] {
  const width = ({ tau, rho }: SessionPoint): number => tau * tau * (shared.get(rho) ?? 0);
  const widest = [...points].sort((a, b) => width(b) - width(a));
  let dropped = 0;
  let from = 0;
  while (from < widest.length - 1 && dropped + widest[from]!.weight <= INCREDIBLE) {
    dropped += widest[from]!.weight;
    from += 1;
  }
  return widest.slice(from).map((p) => ({ ...p, weight: p.weight / (1 - dropped) }));
}

/** Sum over pairs of sessions of weight times weight times rho to the distance in days. */
function quadratic(weights: Float64Array, days: readonly number[], rho: number): number {
  let sum = 0;
  let carried = 0;
  for (let s = 0; s < weights.length; s++) {
    const w = weights[s]!;
    if (s > 0) carried *= rho === 0 ? 0 : rho ** (days[s]! - days[s - 1]!);
    sum += w * w + 2 * w * carried;
    carried += w;
  }
  return sum;
}

/** Turns a difference into its chances. `half`: of a failure, for values that move in smaller steps than one. */
function chart(delta: number, spread: Spread, half: number, runs: readonly number[]): ChartValue {
  let [pLess, pGreater] = [0, 0];
  for (const [i, weight] of spread.weights.entries()) {
    const moments = { variance: Math.max(1e-15, spread.variances[i]!), third: spread.thirds[i]! };
    pLess += weight * skewedAtLeast(moments, -delta, half);
    pGreater += weight * skewedAtMost(moments, -delta, half);
  }
  return {
    delta,
    interval: (confidence) => {
      const tail = mixtureQuantile(spread, (1 - confidence) / 2);
      return [Math.max(-1, delta + tail), Math.min(1, delta - tail)];
    },
    pAbove: (change, growth) =>
      spread.weights.reduce((sum, weight, i) => {
        const moments = {
          variance: growth * Math.max(1e-15, spread.variances[i]!),
          third: growth * spread.thirds[i]!,
        };
        return sum + weight * skewedAtMost(moments, change - delta, half);
      }, 0),
    pLess: Math.min(1, pLess),
    pGreater: Math.min(1, pGreater),
    runs,
  };
}

/** The mean of some runs, of tonight or (`lasting`) of several nights, against the pool. null when none of them has a case of the scope. */
export function nightChart(
  all: NightRuns,
  series: ScopeSeries,
  runs: readonly number[],
  sessions: Sessions = series.variance(),
  lasting = false,
): ChartValue | null {
  const present = runs.filter((r) => !Number.isNaN(series.difference[r] ?? Number.NaN));
  if (present.length === 0) return null;
  const weight = 1 / present.length;
  const weights = new Float64Array(all.runs.length);
  let delta = 0;
  for (const r of present) {
    weights[r] = weight;
    delta += weight * (series.difference[r] ?? 0);
  }
  return chart(delta, spreadOf(all, series, sessions, weights, 1, lasting), 0, present);
}

/**
 * An exponentially weighted mean of the nights, tonight the heaviest. Its spread is that of a chart that has run for long: the
 * first nights cannot alarm by themselves. null when tonight has no case of the scope.
 */
export function smoothedChart(
  all: NightRuns,
  series: ScopeSeries,
  lambda: number,
  sessions: Sessions = series.variance(),
): ChartValue | null {
  const { difference, sampling } = series;
  const has = (r: number): boolean => !Number.isNaN(difference[r]!);
  const whole = all.nights.every((runs) => runs.every(has));
  const nights = whole
    ? all.nights
    : all.nights
        .map((runs) => runs.filter(has))
        .filter((runs, i) => runs.length > 0 || i === all.nights.length - 1);
  const count = nights.length;
  if (nights[count - 1]?.length === 0) return null;
  const session = (series.sensitivity * sessions.sd) ** 2;
  const weights = new Float64Array(all.runs.length);
  const involved: number[] = [];
  let weight = lambda / (1 - (1 - lambda) ** count);
  let delta = 0;
  for (let i = count - 1; i >= 0; i--) {
    const runs = nights[i]!;
    const share = weight / runs.length;
    let [value, noise] = [0, 0];
    for (const r of runs) {
      weights[r] = share;
      involved.push(r);
      value += difference[r]! / runs.length;
      noise += sampling[r]! / runs.length ** 2;
    }
    const limit = CLIP * Math.sqrt(noise + session);
    // Without sessions a bound is wanted, and a clipped drop would not be one.
    delta += weight * Math.min(limit, sessions === NO_SESSIONS ? value : Math.max(-limit, value));
    weight *= 1 - lambda;
  }
  const widen = 1 / (1 - (1 - lambda) ** (2 * count));
  const spread = spreadOf(all, series, sessions, weights, widen, true);
  return chart(delta, spread, CONTINUITY, involved);
}
