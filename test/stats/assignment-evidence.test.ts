// Evidence by assigned units: against every choice of units, and against the conditional test of single calls.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assignmentLogE } from '../../src/stats/assignment-evidence.ts';
import { twoArmLogE } from '../../src/stats/two-arm-evidence.ts';

/** ln of the mean of exp(sum of scores) over all ways to choose m of them (elementary symmetric polynomials). */
function exactLogMean(scores: readonly number[], m: number): number {
  const sums = new Array<number>(m + 1).fill(0);
  sums[0] = 1;
  for (const score of scores)
    for (let k = m; k > 0; k--) sums[k] = (sums[k] as number) + Math.exp(score) * (sums[k - 1] as number);
  let ways = 1;
  for (let i = 0; i < m; i++) ways = (ways * (scores.length - i)) / (i + 1);
  return Math.log((sums[m] as number) / ways);
}

it('is the sum of the first arm over its mean over all choices, also for few units of odd scores', () => {
  const score = fc.oneof(
    fc.double({ min: -1, max: 0, noNaN: true }),
    fc.double({ min: -4, max: 4, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(score, { minLength: 2, maxLength: 45 }), fc.nat(), (scores, pick) => {
      const m = 1 + (pick % (scores.length - 1));
      const first = scores.map((_, i) => (i < m ? 1 : 0));
      const sum = scores.slice(0, m).reduce((a, b) => a + b, 0);
      const log = assignmentLogE({ scores: Float64Array.from(scores), first, all: null });
      expect(Math.abs(log - (sum - exactLogMean(scores, m)))).toBeLessThan(scores.length <= 30 ? 1e-9 : 0.02);
    }),
    { numRuns: 300 },
  );
});

it('is the conditional test of calls where each unit has one, in arms of 1% and 99%', () => {
  for (const [n, hits, m, bad] of [
    [1000, 20, 99_000, 99],
    [333, 7, 33_000, 30],
    [300, 10, 300, 3],
    [10, 1, 900, 2],
  ] as const) {
    const log = assignmentLogE({
      scores: Float64Array.from([Math.log(5), 0]),
      first: [hits, n - hits],
      all: [hits + bad, n + m - hits - bad],
    });
    expect(log).toBeCloseTo(twoArmLogE({ n, hits }, { n: m, hits: bad }, 5), 2);
  }
  expect(assignmentLogE({ scores: Float64Array.from([1, 0]), first: [0, 0], all: [5, 5] })).toBe(0);
});
