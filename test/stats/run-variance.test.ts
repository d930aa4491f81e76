// Between-run variance: the posterior follows the runs, and the predictive interval covers the next run.
import { describe, expect, test } from 'vitest';
import { Mt19937 } from '../../src/stats/rng.ts';
import {
  estimateRunVariance,
  mixtureCdf,
  mixtureQuantile,
  type RunMean,
  runDifference,
} from '../../src/stats/run-variance.ts';

const SENSITIVITY = 0.06;
const SAMPLING = SENSITIVITY / 300;

function normal(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

function runs(count: number, tau: number, rho: number, rng: Mt19937): RunMean[] {
  let u = normal(rng);
  return Array.from({ length: count }, (_, at) => {
    u = rho * u + Math.sqrt(1 - rho * rho) * normal(rng);
    return {
      at,
      mean: 0.9 + SENSITIVITY * tau * u + Math.sqrt(SAMPLING) * normal(rng),
      variance: SAMPLING,
    };
  });
}

describe('estimateRunVariance', () => {
  test('without runs it is the prior: heavy tails around the stated standard deviation', () => {
    const v = estimateRunVariance([], SENSITIVITY);
    // tau² is scaled-inverse-chi-square with 4 degrees of freedom: mean of tau² = 4/(4 - 2) · 0.2².
    expect(v.sd).toBeGreaterThan(0.24);
    expect(v.sd).toBeLessThan(0.3);
    expect(v.runs).toBe(0);
    expect(v.points.reduce((s, p) => s + p.weight, 0)).toBeCloseTo(1, 9);
  });

  test('many calm runs lower it, many restless runs raise it', () => {
    const calm = estimateRunVariance(runs(60, 0, 0, new Mt19937(1)), SENSITIVITY);
    const restless = estimateRunVariance(runs(60, 0.5, 0, new Mt19937(1)), SENSITIVITY);
    expect(calm.sd).toBeLessThan(0.2);
    expect(restless.sd).toBeGreaterThan(0.38);
  });

  test('sluggish sessions are recognised as correlated', () => {
    const sluggish = estimateRunVariance(runs(90, 0.5, 0.85, new Mt19937(3)), SENSITIVITY);
    const fresh = estimateRunVariance(runs(90, 0.5, 0, new Mt19937(3)), SENSITIVITY);
    expect(sluggish.correlation).toBeGreaterThan(0.5);
    expect(fresh.correlation).toBeLessThan(0.3);
  });

  test('the order of the runs does not matter', () => {
    const list = runs(12, 0.3, 0.5, new Mt19937(5));
    expect(estimateRunVariance([...list].reverse(), SENSITIVITY)).toEqual(
      estimateRunVariance(list, SENSITIVITY),
    );
  });

  test('a suite whose cases never vary says nothing about sessions', () => {
    const still = Array.from({ length: 8 }, (_, at) => ({ at, mean: 1, variance: 0 }));
    expect(estimateRunVariance(still, 0).sd).toBeCloseTo(estimateRunVariance([], 0).sd, 9);
  });

  test.each([
    [0.3, 0],
    [0.3, 0.8],
    [0.5, 0],
  ])('the next run falls below its lower bound one time in twenty (tau %f, rho %f)', (tau, rho) => {
    const rng = new Mt19937(11);
    let below = 0;
    const worlds = 300;
    for (let w = 0; w < worlds; w++) {
      const list = runs(16, tau, rho, rng);
      const pool = list.slice(0, 15);
      const next = list[15];
      if (next === undefined) throw new Error('no next run');
      const mean = pool.reduce((s, r) => s + r.mean, 0) / pool.length;
      const mixture = runDifference(
        estimateRunVariance(pool, SENSITIVITY),
        SAMPLING * (1 + 1 / 15),
        pool.map((r) => r.at),
      );
      if (next.mean - mean < mixtureQuantile(mixture, 0.05)) below += 1;
    }
    expect(below / worlds).toBeLessThan(0.1);
    expect(below / worlds).toBeGreaterThan(0.01);
  });
});

describe('NoiseMixture', () => {
  test('quantile and distribution function invert each other', () => {
    const mixture = runDifference(estimateRunVariance([], SENSITIVITY), SAMPLING, [0, 1, 2]);
    for (const p of [0.001, 0.05, 0.5, 0.9])
      expect(mixtureCdf(mixture, mixtureQuantile(mixture, p))).toBeCloseTo(p, 6);
  });

  test('correlated days of a pool are worth less than as many independent days', () => {
    const sluggish = {
      points: [{ tau: 0.3, rho: 0.8, weight: 1 }],
      sd: 0.3,
      correlation: 0.8,
      sensitivity: SENSITIVITY,
      runs: 5,
      prior: { sd: 0.2, weight: 4 },
    };
    const [near = 0] = runDifference(sluggish, 0, [0, 1, 2, 3, 4], []).variances;
    const [far = 0] = runDifference(sluggish, 0, [0, 50, 100, 150, 200], []).variances;
    expect(near).toBeGreaterThan(3 * far);
  });
});
