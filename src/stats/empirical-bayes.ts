// Empirical Bayes for many proportions: what the other strata say about one stratum's true rate.
import { mean as sampleMean, sampleVariance } from 'simple-statistics';
import { logBinomPmf } from './binomial.ts';
import { requireCount, requireSameLength } from './numeric.ts';

/** x successes in k trials. */
export interface Successes {
  readonly x: number;
  readonly k: number;
}

/** A fitted prior on a grid of rates. */
export interface RatePrior {
  /** Grid points (j + 1/2) / size. */
  readonly grid: Float64Array;
  /** Prior probabilities of the grid points. */
  readonly weights: Float64Array;
  readonly mean: number;
  readonly variance: number;
  /** Log-likelihood of the observations under the fitted prior, binomial coefficients included. */
  readonly logLik: number;
}

function checkSuccesses({ x, k }: Successes): void {
  requireCount(x, 'x');
  requireCount(k, 'k');
  if (x > k) throw new RangeError(`successes require x <= k, got x=${x} k=${k}`);
}

function likelihood({ x, k }: Successes, grid: Float64Array): Float64Array {
  return grid.map((p) => Math.exp(logBinomPmf(x, k, p)));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j++) sum += a[j]! * b[j]!;
  return sum;
}

/**
 * Nonparametric maximum-likelihood prior of the success rates (Kiefer & Wolfowitz 1956; EM of Laird 1978) on the grid
 * (j + 1/2)/gridSize, uniform start, a fixed number of EM steps: w <- w * mean_i(L_i / (L_i . w)), L_ij = Bin(x_i; k_i, p_j).
 * Equal observations are pooled, so the cost does not grow with their number. `grid` gives other rates than the even ones.
 * RangeError when there are none.
 */
export function ebNpmle(
  observations: readonly Successes[],
  {
    gridSize: size = 50,
    iterations = 300,
    grid = Float64Array.from({ length: size }, (_, j) => (j + 0.5) / size),
  }: { gridSize?: number; iterations?: number; grid?: Float64Array } = {},
): RatePrior {
  if (observations.length === 0) throw new RangeError('ebNpmle requires at least one observation');
  const gridSize = grid.length;
  const distinct = new Map<string, { likelihood: Float64Array; count: number }>();
  for (const o of observations) {
    checkSuccesses(o);
    const key = `${o.x}/${o.k}`;
    const entry = distinct.get(key);
    if (entry === undefined) distinct.set(key, { likelihood: likelihood(o, grid), count: 1 });
    else entry.count += 1;
  }
  const rows = [...distinct.values()];
  let weights = new Float64Array(gridSize).fill(1 / gridSize);
  for (let step = 0; step < iterations; step++) {
    const next = new Float64Array(gridSize);
    for (const { likelihood: l, count } of rows) {
      const share = count / (dot(l, weights) * observations.length);
      for (let j = 0; j < gridSize; j++) next[j]! += share * l[j]!;
    }
    for (let j = 0; j < gridSize; j++) next[j]! *= weights[j]!;
    weights = next;
  }
  const mean = dot(weights, grid);
  let variance = 0;
  for (let j = 0; j < gridSize; j++) variance += weights[j]! * (grid[j]! - mean) ** 2;
  let logLik = 0;
  for (const { likelihood: l, count } of rows) logLik += count * Math.log(dot(l, weights));
  return { grid, weights, mean, variance, logLik };
}

/** Posterior weights on the grid after seeing `history` (x successes of k). */
export function posteriorWeights(prior: RatePrior, history: Successes): Float64Array {
  checkSuccesses(history);
  const logs = prior.grid.map((p, j) => Math.log(prior.weights[j]!) + logBinomPmf(history.x, history.k, p));
  const peak = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const out = logs.map((l) => Math.exp(l - peak));
  const total = out.reduce((a, b) => a + b, 0);
  return out.map((w) => w / total);
}

/** Posterior of a rate after `history`: mean, and P(lower < rate < upper) by `probBetween`. */
export function ratePosterior(
  prior: RatePrior,
  history: Successes,
): { mean: number; probBetween: (lower: number, upper: number) => number } {
  const weights = posteriorWeights(prior, history);
  return {
    mean: dot(weights, prior.grid),
    probBetween: (lower, upper) =>
      weights.reduce((sum, w, j) => (prior.grid[j]! > lower && prior.grid[j]! < upper ? sum + w : sum), 0),
  };
}

/**
 * Predictive p of fresh successes given history: sum_j w_j(history) F_Bin(x; k, p_j). pLess = P(X <= x), pGreater =
 * P(X >= x), midpLess = pLess - P(X = x)/2. Valid after selection on the history, because it conditions on it.
 */
export function ratePredictive(
  prior: RatePrior,
  history: Successes,
  fresh: Successes,
): { pLess: number; pGreater: number; midpLess: number } {
  checkSuccesses(fresh);
  const weights = posteriorWeights(prior, history);
  let below = 0;
  let point = 0;
  let above = 0;
  for (let x = 0; x <= fresh.k; x++) {
    let mass = 0;
    for (let j = 0; j < weights.length; j++)
      mass += weights[j]! * Math.exp(logBinomPmf(x, fresh.k, prior.grid[j]!));
    if (x < fresh.x) below += mass;
    else if (x > fresh.x) above += mass;
    else point = mass;
  }
  return {
    pLess: Math.min(1, below + point),
    pGreater: Math.min(1, above + point),
    midpLess: Math.min(1, below + point / 2),
  };
}

/**
 * Shrinks differences towards their mean: mu + tau2/(tau2 + v_i) (d_i - mu), tau2 = max(0, var(d) - mean(v)), the method of
 * moments for a normal prior (Efron & Morris 1973). v_i = sampling variance of d_i. RangeError when empty.
 */
export function shrinkDelta(
  d: readonly number[],
  v: readonly number[],
): { tau2: number; mu: number; shrunk: number[] } {
  requireSameLength(d, v, 'shrinkDelta');
  if (d.length === 0) throw new RangeError('shrinkDelta requires at least one difference');
  const mu = sampleMean([...d]);
  const tau2 = d.length < 2 ? 0 : Math.max(0, sampleVariance([...d]) - sampleMean([...v]));
  return { tau2, mu, shrunk: d.map((x, i) => (tau2 === 0 ? mu : mu + (tau2 / (tau2 + v[i]!)) * (x - mu))) };
}
