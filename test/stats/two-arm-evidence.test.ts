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

it('has a mean of at most 1 for every two shares of which the first is not larger, and of 1 for equal ones', () => {
  const sizes = fc.tuple(fc.nat({ max: 6 }), fc.nat({ max: 30 }));
  const ratio = fc.double({ min: 1.01, max: 1000, noNaN: true });
  fc.assert(
    fc.property(sizes, ratio, share, share, ([n, m], odds, c, d) => {
      const meanOf = (first: number, second: number): number => {
        let mean = 0;
        for (const [i, p] of binomial(n, first).entries())
          for (const [j, q] of binomial(m, second).entries())
            mean += p * q * Math.exp(twoArmLogE({ n, hits: i }, { n: m, hits: j }, odds));
        return mean;
      };
      expect(meanOf(Math.min(c, d), Math.max(c, d))).toBeLessThanOrEqual(1 + 1e-9);
      expect(meanOf(c, c)).toBeCloseTo(1, 8);
    }),
    { numRuns: 300 },
  );
});

it('grows where the first arm is worse, in arms of 1% and 99%, and not where both are', () => {
  const log = twoArmLogE({ n: 1000, hits: 20 }, { n: 99_000, hits: 99 }, 10);
  // 119 hits, each in the first arm with a chance of 1% under the null, of 10/109 under the alternative.
  expect(log).toBeCloseTo(20 * Math.log(10) - 119 * Math.log(1.09), 0);
  expect(twoArmLogE({ n: 1000, hits: 1 }, { n: 99_000, hits: 99 }, 10)).toBeLessThan(-5);
  expect(twoArmLogE({ n: 1000, hits: 600 }, { n: 99_000, hits: 59_400 }, 10)).toBeLessThan(0);
  expect(twoArmLogE({ n: 50, hits: 50 }, { n: 0, hits: 0 }, 10)).toBe(0);
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
