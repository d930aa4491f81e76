// Evidence from two arms of any sizes: an e-value has a mean of at most 1 under every null, and a family keeps its budget.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { closedLogEValues, logMixture, oneArmLogE, twoArmLogE } from '../../src/stats/two-arm-evidence.ts';

const share = fc.double({ min: 0.001, max: 0.999, noNaN: true });

/** P(hits) for n calls at a share. */
function binomial(n: number, p: number): number[] {
  let row = [1];
  for (let i = 0; i < n; i++)
    row = Array.from({ length: row.length + 1 }, (_, k) => (row[k] ?? 0) * (1 - p) + (row[k - 1] ?? 0) * p);
  return row;
}

it('has a mean of at most 1 for every two shares of which the first is not larger, and of exactly 1 at p0', () => {
  const sizes = fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 30 }));
  fc.assert(
    fc.property(sizes, share, share, share, share, ([n, m], a, b, c, d) => {
      const [low, high] = a < b ? [a, b] : [b, a];
      const [first, second] = c < d ? [c, d] : [d, c];
      let mean = 0;
      for (const [i, p] of binomial(n, first).entries())
        for (const [j, q] of binomial(m, second).entries())
          mean += p * q * Math.exp(twoArmLogE({ n, hits: i }, { n: m, hits: j }, low, high));
      expect(mean).toBeLessThanOrEqual(1 + 1e-9);
    }),
    { numRuns: 300 },
  );
});

it('grows where the first arm is worse, in arms of 1% and 99%', () => {
  const log = twoArmLogE({ n: 1000, hits: 20 }, { n: 99_000, hits: 99 }, 0.001, 0.01);
  // Almost the likelihood ratio of one arm, because the other is known so well: 20 ln 10 + 980 ln(0.99/0.999).
  expect(log).toBeCloseTo(20 * Math.log(10) + 980 * Math.log(0.99 / 0.999), -1);
  expect(twoArmLogE({ n: 1000, hits: 1 }, { n: 99_000, hits: 99 }, 0.001, 0.01)).toBeLessThan(-5);
  expect(twoArmLogE({ n: 50, hits: 50 }, { n: 0, hits: 0 }, 0.001, 0.01)).toBe(0);
  expect(oneArmLogE({ n: 10, hits: 5 }, 0.25, 0.5)).toBeCloseTo(5 * Math.log(2) + 5 * Math.log(2 / 3), 10);
});

it('adjusts e-values by the smallest mean of the sets they are in (against all subsets)', () => {
  const logs = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(logs, (values) => {
      const adjusted = closedLogEValues(values);
      values.forEach((_, i) => {
        let least = Number.POSITIVE_INFINITY;
        for (let set = 1; set < 2 ** values.length; set++) {
          if ((set & (1 << i)) === 0) continue;
          const chosen = values.filter((_v, k) => (set & (1 << k)) !== 0);
          least = Math.min(
            least,
            logMixture(
              chosen,
              chosen.map(() => 1 / chosen.length),
            ),
          );
        }
        expect(adjusted[i]).toBeCloseTo(least, 8);
      });
    }),
    { numRuns: 200 },
  );
});
