// Between-run variance: how much the mean of a suite moves from run to run beyond trial noise, and what that does to a comparison.

import { chiSquareSf } from './chi-square.ts';
import { normalCdf, normalQuantile } from './normal.ts';

/** One run's mean over a fixed set of cases. */
export interface RunMean {
  /** When it was run, in days. Only differences matter. */
  readonly at: number;
  readonly mean: number;
  /** Sampling variance of the mean, given each case's true rate. */
  readonly variance: number;
}

/** What is assumed about sessions before any run is seen. */
export interface RunVariancePrior {
  /** Standard deviation of a session on the logit scale. */
  readonly sd: number;
  /** Worth this many runs. */
  readonly weight: number;
}

const RUN_VARIANCE_PRIOR: RunVariancePrior = { sd: 0.2, weight: 4 };

/** One value of the session's standard deviation and of its correlation from day to day, with its posterior probability. */
export interface SessionPoint {
  /** Standard deviation on the logit scale. */
  readonly tau: number;
  /** Correlation of two sessions a day apart. */
  readonly rho: number;
  readonly weight: number;
}

export interface RunVariance {
  /** Posterior over a grid; the weights sum to 1. */
  readonly points: readonly SessionPoint[];
  /** Root of the posterior mean of tau². */
  readonly sd: number;
  /** Posterior mean of rho. */
  readonly correlation: number;
  /** Change of the mean per unit on the logit scale: the mean of p (1 - p) over the cases. */
  readonly sensitivity: number;
  /** Runs it was estimated from. */
  readonly runs: number;
  readonly prior: RunVariancePrior;
}

const TAUS = [
  0.02, 0.05, 0.08, 0.11, 0.14, 0.17, 0.2, 0.24, 0.28, 0.33, 0.4, 0.5, 0.65, 0.85, 1.15, 1.6, 2.3, 3.3,
];
/** Days with nothing in common are the rule; sluggish services exist. */
const RHOS: readonly (readonly [rho: number, prior: number])[] = [
  [0, 0.5],
  [0.3, 0.15],
  [0.5, 0.13],
  [0.7, 0.12],
  [0.85, 0.1],
];

/** Prior probability of each tau: tau² is scaled-inverse-chi-square with `weight` degrees of freedom and scale sd². */
function tauPrior({ sd, weight }: RunVariancePrior): number[] {
  const below = (tau: number): number => chiSquareSf((weight * sd * sd) / (tau * tau), weight);
  const edges = TAUS.slice(1).map((tau, i) => (tau + (TAUS[i] ?? tau)) / 2);
  return TAUS.map((_, i) => {
    const to = edges[i];
    const from = i === 0 ? undefined : edges[i - 1];
    return (to === undefined ? 1 : below(to)) - (from === undefined ? 0 : below(from));
  });
}

/**
 * Log likelihood of the run means under mean + sensitivity · u(t) + noise, u a stationary first-order autoregression, with the
 * unknown mean integrated out (Kalman filter on the means and on a column of ones, as in Harvey 1989 ch. 3).
 */
function logLikelihood(runs: readonly RunMean[], tau: number, rho: number, sensitivity: number): number {
  const stationary = (sensitivity * tau) ** 2;
  let stateY = 0;
  let state1 = 0;
  let spread = stationary;
  let last: number | null = null;
  let logDet = 0;
  let yy = 0;
  let y1 = 0;
  let one1 = 0;
  for (const { at, mean, variance } of runs) {
    const carry: number = last === null ? 0 : rho === 0 ? 0 : rho ** Math.max(0, at - last);
    if (last !== null) {
      stateY *= carry;
      state1 *= carry;
      spread = carry * carry * spread + (1 - carry * carry) * stationary;
    }
    last = at;
    const total = spread + variance;
    const innovationY = mean - stateY;
    const innovation1 = 1 - state1;
    logDet += Math.log(total);
    yy += (innovationY * innovationY) / total;
    y1 += (innovationY * innovation1) / total;
    one1 += (innovation1 * innovation1) / total;
    const gain = spread / total;
    stateY += gain * innovationY;
    state1 += gain * innovation1;
    spread *= 1 - gain;
  }
  return -0.5 * (logDet + Math.log(one1) + yy - (y1 * y1) / one1);
}

/**
 * Posterior of the session's standard deviation and day-to-day correlation from repeated runs of one release. `sensitivity` is the
 * mean of p (1 - p) over the cases; where it is 0 (every case always passes or always fails) sessions cannot show, and the
 * posterior is the prior. Runs need not be sorted.
 */
export function estimateRunVariance(
  runs: readonly RunMean[],
  sensitivity: number,
  prior: RunVariancePrior = RUN_VARIANCE_PRIOR,
): RunVariance {
  return estimateRunVarianceOfBlocks([runs], sensitivity, prior);
}

/** The same from several stretches of runs, each with a level of its own: a level that moves between them adds nothing. */
export function estimateRunVarianceOfBlocks(
  stretches: readonly (readonly RunMean[])[],
  sensitivity: number,
  prior: RunVariancePrior = RUN_VARIANCE_PRIOR,
): RunVariance {
  // A run whose cases never vary has a sampling variance of 0 by estimate, not in truth.
  const positive = stretches.flat().filter((r) => r.variance > 0);
  const floor =
    positive.length === 0 ? 1e-8 : 0.1 * (positive.reduce((s, r) => s + r.variance, 0) / positive.length);
  const blocks = stretches.map((runs) =>
    [...runs]
      .sort((a, b) => a.at - b.at)
      .map((r) => ({ ...r, variance: Math.max(r.variance, floor, 1e-10) })),
  );
  const informative = sensitivity > 0 ? blocks.filter((runs) => runs.length >= 2) : [];
  const logs: { tau: number; rho: number; log: number }[] = [];
  const priors = tauPrior(prior);
  for (const [i, tau] of TAUS.entries())
    for (const [rho, share] of RHOS)
      logs.push({
        tau,
        rho,
        log:
          Math.log(Math.max(1e-300, (priors[i] ?? 0) * share)) +
          informative.reduce((sum, runs) => sum + logLikelihood(runs, tau, rho, sensitivity), 0),
      });
  const peak = Math.max(...logs.map((l) => l.log));
  const masses = logs.map((l) => Math.exp(l.log - peak));
  const total = masses.reduce((s, m) => s + m, 0);
  const points = logs
    .map(({ tau, rho }, i) => ({ tau, rho, weight: (masses[i] ?? 0) / total }))
    .filter((p) => p.weight > 1e-6);
  const kept = points.reduce((s, p) => s + p.weight, 0);
  const scaled = points.map((p) => ({ ...p, weight: p.weight / kept }));
  return {
    points: scaled,
    sd: Math.sqrt(scaled.reduce((s, p) => s + p.weight * p.tau * p.tau, 0)),
    correlation: scaled.reduce((s, p) => s + p.weight * p.rho, 0),
    sensitivity,
    runs: blocks.reduce((sum, runs) => sum + runs.length, 0),
    prior,
  };
}

/** A normal mixture of mean 0: one component a session point. */
export interface NoiseMixture {
  readonly weights: Float64Array;
  readonly variances: Float64Array;
}

/**
 * Distribution of (mean of new runs - mean of pooled runs) when nothing changed: trial noise of variance `sampling`, plus the
 * sessions of both sides. `pool` and `fresh` are the days of the runs; their correlation with each other is not credited,
 * within a side it is paid for.
 */
export function runDifference(
  variance: RunVariance,
  sampling: number,
  pool: readonly number[],
  fresh: readonly number[] = [0],
): NoiseMixture {
  const scale = variance.sensitivity ** 2;
  const variances = variance.points.map(
    ({ tau, rho }) => sampling + scale * tau * tau * (meanSquare(pool, rho) + meanSquare(fresh, rho)),
  );
  return {
    weights: Float64Array.from(variance.points, (p) => p.weight),
    variances: Float64Array.from(variances),
  };
}

/** Variance of the mean of sessions at these days, for sessions of variance 1; 0 for none. */
function meanSquare(days: readonly number[], rho: number): number {
  const n = days.length;
  if (n === 0) return 0;
  if (rho === 0) return 1 / n;
  let sum = 0;
  for (const a of days) for (const b of days) sum += rho ** Math.abs(a - b);
  return sum / (n * n);
}

/** P(a draw of the mixture <= x). */
export function mixtureCdf({ weights, variances }: NoiseMixture, x: number): number {
  let p = 0;
  for (let i = 0; i < weights.length; i++) {
    const sd = Math.sqrt(variances[i] ?? 0);
    p += (weights[i] ?? 0) * (sd === 0 ? (x >= 0 ? 1 : 0) : normalCdf(x / sd));
  }
  return Math.min(1, p);
}

/** The x with P(a draw of the mixture <= x) = p, by bisection; 0 < p < 1. */
export function mixtureQuantile(mixture: NoiseMixture, p: number): number {
  const widest = Math.sqrt(Math.max(...mixture.variances));
  if (widest === 0) return 0;
  const z = Math.abs(normalQuantile(p)) + 1;
  let low = -z * widest;
  let high = z * widest;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (mixtureCdf(mixture, middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
