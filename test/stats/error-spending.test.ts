// How an error rate is spent over looks: against the published boundaries, and as a law.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mt19937, normalQuantile, normalSf, spendingLevels } from '../../src/stats/index.ts';

const z = (level: number): number => -normalQuantile(level);

test('the published boundaries come out: Pocock and O’Brien–Fleming at a two-sided 5 %', () => {
  // Jennison & Turnbull 2000: Pocock, two looks, 2.178; O’Brien–Fleming, two looks, 2.797 and 1.977.
  const pocock = spendingLevels(0.025, [normalSf(2.178) / 0.025, 1], [1, 2]);
  expect(pocock.map(z)).toEqual([expect.closeTo(2.178, 3), expect.closeTo(2.178, 2)]);
  const [, second = 0] = spendingLevels(0.025, [normalSf(2.797) / 0.025, 1], [1, 2]);
  expect(z(second)).toBeCloseTo(1.977, 2);
});

test('looks together err as often as promised, in a simulated walk', () => {
  const information = [1, 3, 5];
  const levels = spendingLevels(0.05, [0.1, 0.4, 1], information);
  const rng = new Mt19937(7);
  const walks = 20_000;
  let crossed = 0;
  let naive = 0;
  for (let i = 0; i < walks; i++) {
    let at = 0;
    let before = 0;
    let [out, careless] = [false, false];
    for (const [look, t] of information.entries()) {
      at += Math.sqrt(t - before) * normalQuantile(Math.max(1e-12, rng.next()));
      before = t;
      const p = normalSf(at / Math.sqrt(t));
      out ||= p <= (levels[look] ?? 0);
      careless ||= p <= 0.05;
    }
    crossed += Number(out);
    naive += Number(careless);
  }
  expect(crossed / walks).toBeGreaterThan(0.045);
  expect(crossed / walks).toBeLessThan(0.055);
  // What three looks at the plain level would do.
  expect(naive / walks).toBeGreaterThan(0.09);
});

test('a level is never above the whole rate, and one look has all of it', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 0.3, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
      (total, steps) => {
        const information = steps.map((_, i) => steps.slice(0, i + 1).reduce((a, b) => a + b, 0));
        const shares = steps.map((_, i) => (i + 1) / steps.length);
        const levels = spendingLevels(total, shares, information);
        for (const level of levels) expect(level).toBeLessThanOrEqual(total * (1 + 1e-6));
        if (levels.length === 1) expect(levels[0]).toBeCloseTo(total, 9);
      },
    ),
    { numRuns: 20 },
  );
});

test('what is no plan is refused', () => {
  expect(() => spendingLevels(0, [1], [1])).toThrow(RangeError);
  expect(() => spendingLevels(0.05, [0.5, 0.4], [1, 2])).toThrow(RangeError);
  expect(() => spendingLevels(0.05, [0.5, 1], [2, 1])).toThrow(RangeError);
  expect(() => spendingLevels(0.05, [1], [1, 2])).toThrow(RangeError);
});
