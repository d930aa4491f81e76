import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ebNpmle,
  Mt19937,
  ratePosterior,
  ratePredictive,
  type Successes,
  shrinkDelta,
} from '../../src/stats/index.ts';

const successes = fc.integer({ min: 1, max: 8 }).chain((k) => fc.record({ x: fc.nat(k), k: fc.constant(k) }));
const observations = fc.array(successes, { minLength: 1, maxLength: 30 });

describe('ebNpmle', () => {
  test('is a distribution, does not depend on order, and more EM never fits worse', () => {
    fc.assert(
      fc.property(observations, (o) => {
        const prior = ebNpmle(o, { iterations: 40 });
        expect(prior.weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
        expect(prior.mean).toBeGreaterThanOrEqual(0);
        expect(prior.mean).toBeLessThanOrEqual(1);
        expect(ebNpmle([...o].reverse(), { iterations: 40 }).mean).toBeCloseTo(prior.mean, 8);
        expect(ebNpmle(o, { iterations: 80 }).logLik).toBeGreaterThanOrEqual(prior.logLik - 1e-9);
      }),
      { numRuns: 50 },
    );
  });
  test('predictive p: in [0, 1], rising in x, falling for a better history', () => {
    fc.assert(
      fc.property(observations, successes, successes, (o, history, fresh) => {
        const prior = ebNpmle(o, { iterations: 60 });
        const at = (x: number): ReturnType<typeof ratePredictive> =>
          ratePredictive(prior, history, { ...fresh, x });
        let before = 0;
        for (let x = 0; x <= fresh.k; x++) {
          const { pLess, pGreater, midpLess } = at(x);
          expect(pLess).toBeGreaterThanOrEqual(before - 1e-12);
          expect(midpLess).toBeLessThanOrEqual(pLess);
          expect(pLess + pGreater).toBeGreaterThanOrEqual(1 - 1e-9);
          before = pLess;
        }
        expect(before).toBeCloseTo(1, 9);
        const better = ratePredictive(prior, { x: history.k, k: history.k }, fresh).pLess;
        expect(better).toBeLessThanOrEqual(ratePredictive(prior, history, fresh).pLess + 1e-9);
      }),
      { numRuns: 60 },
    );
  });
  test('the posterior lies between prior and data, and its parts add up', () => {
    const rng = new Mt19937(12);
    const o: Successes[] = Array.from({ length: 80 }, () => {
      const p = 0.5 + 0.5 * rng.next();
      return { x: [0, 1, 2, 3, 4].filter(() => rng.next() < p).length, k: 5 };
    });
    const prior = ebNpmle(o);
    const posterior = ratePosterior(prior, { x: 1, k: 5 });
    expect(posterior.mean).toBeLessThan(prior.mean);
    expect(posterior.mean).toBeGreaterThan(1 / 5);
    expect(posterior.probBetween(0, 1)).toBeCloseTo(1, 12);
    expect(posterior.probBetween(0, 0.5) + posterior.probBetween(0.5, 1)).toBeCloseTo(1, 12);
    expect(ratePosterior(prior, { x: 0, k: 0 }).mean).toBeCloseTo(prior.mean, 12);
  });
  test('all passed: a fresh failure is a surprise', () => {
    const prior = ebNpmle(Array.from({ length: 40 }, () => ({ x: 3, k: 3 })));
    expect(ratePredictive(prior, { x: 3, k: 3 }, { x: 0, k: 3 }).pLess).toBeLessThan(1e-4);
    expect(ratePredictive(prior, { x: 3, k: 3 }, { x: 3, k: 3 }).pLess).toBe(1);
  });
  test('refuses no observations and impossible ones', () => {
    expect(() => ebNpmle([])).toThrow(RangeError);
    expect(() => ebNpmle([{ x: 4, k: 3 }])).toThrow(RangeError);
  });
});

describe('shrinkDelta', () => {
  test('moves every difference towards the mean, never past it', () => {
    const entry = fc.tuple(
      fc.double({ min: -1, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 20 }), (entries) => {
        const d = entries.map(([x]) => x);
        const { mu, shrunk } = shrinkDelta(
          d,
          entries.map(([, v]) => v),
        );
        for (const [i, s] of shrunk.entries()) {
          expect(Math.abs(s - mu)).toBeLessThanOrEqual(Math.abs(d[i]! - mu) + 1e-12);
          expect((s - mu) * (d[i]! - mu)).toBeGreaterThanOrEqual(-1e-15);
        }
      }),
    );
    expect(() => shrinkDelta([], [])).toThrow(RangeError);
  });
});
