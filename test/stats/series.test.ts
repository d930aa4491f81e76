import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BettingTest,
  bettingEProcess,
  changePointL2,
  changePointPenalty,
  cusumLower,
  Mt19937,
  mannKendall,
} from '../../src/stats/index.ts';

const series = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 18 });

/** Cost of a segmentation, straight from the definition. */
function costOf(y: readonly number[], changes: readonly number[], penalty: number): number {
  const edges = [0, ...changes, y.length];
  let cost = penalty * changes.length;
  for (let s = 0; s + 1 < edges.length; s++) {
    const part = y.slice(edges[s], edges[s + 1]);
    const mean = part.reduce((a, b) => a + b, 0) / part.length;
    cost += part.reduce((a, b) => a + (b - mean) ** 2, 0);
  }
  return cost;
}

/** The cheapest segmentation by trying all of them. */
function cheapest(y: readonly number[], penalty: number, minSegment: number): number {
  let best = Number.POSITIVE_INFINITY;
  const extend = (changes: number[], from: number): void => {
    if (y.length - from >= minSegment) best = Math.min(best, costOf(y, changes, penalty));
    for (let next = from + minSegment; next + minSegment <= y.length; next++)
      extend([...changes, next], next);
  };
  extend([], 0);
  return best;
}

describe('changePointL2', () => {
  test('is the cheapest segmentation of all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 12 }),
        fc.double({ min: 0, max: 60, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        (y, penalty, minSegment) => {
          const { changePoints, totalCost } = changePointL2(y, { penalty, minSegment });
          if (y.length < minSegment) {
            expect(totalCost).toBeNull();
            return;
          }
          expect(totalCost).toBeCloseTo(cheapest(y, penalty, minSegment), 7);
          expect(costOf(y, changePoints, penalty)).toBeCloseTo(totalCost!, 7);
          const edges = [0, ...changePoints, y.length];
          for (let s = 0; s + 1 < edges.length; s++)
            expect(edges[s + 1]! - edges[s]!).toBeGreaterThanOrEqual(minSegment);
        },
      ),
      { numRuns: 300 },
    );
  });
  test('a constant series has no change, even at penalty 0 and far from 0', () => {
    expect(changePointL2(new Array<number>(30).fill(0.1), { penalty: 0 }).changePoints).toEqual([]);
    expect(changePointL2(new Array<number>(30).fill(1e6 + 0.1), { penalty: 0.01 }).changePoints).toEqual([]);
  });
  test('finds the night of a step with the usual penalty, in noise', () => {
    const rng = new Mt19937(8);
    const y = Array.from({ length: 60 }, (_, t) => (t < 31 ? 0.9 : 0.8) + 0.02 * (rng.next() - 0.5));
    expect(changePointL2(y, { penalty: changePointPenalty(y) }).changePoints).toEqual([31]);
    expect(changePointPenalty([1])).toBe(0);
  });
  test('refuses a negative penalty', () =>
    expect(() => changePointL2([1, 2], { penalty: -1 })).toThrow(RangeError));
});

describe('mannKendall', () => {
  test('reversing time turns the trend round; shifting the level changes nothing', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: -5, max: 5 }), (y, shift) => {
        const one = mannKendall(y);
        const back = mannKendall([...y].reverse());
        expect(back.S + one.S).toBe(0);
        expect(back.slope + one.slope).toBeCloseTo(0, 10);
        expect(back.pTwoSided).toBeCloseTo(one.pTwoSided, 12);
        expect(mannKendall(y.map((v) => v + shift)).pTwoSided).toBeCloseTo(one.pTwoSided, 12);
        expect(one.pTwoSided).toBeGreaterThan(0);
        expect(one.pTwoSided).toBeLessThanOrEqual(1);
      }),
    );
  });
  test('all tied or a single value: no trend; empty is refused', () => {
    expect(mannKendall([3, 3, 3, 3])).toMatchObject({ S: 0, varS: 0, pTwoSided: 1, slope: 0, intercept: 3 });
    expect(mannKendall([3])).toMatchObject({ pTwoSided: 1, slope: 0 });
    expect(() => mannKendall([])).toThrow(RangeError);
  });
});

describe('cusumLower', () => {
  test('never negative; a lower series gives a higher path', () => {
    fc.assert(
      fc.property(series, fc.integer({ min: 0, max: 5 }), (z, drop) => {
        const one = cusumLower(z, { k: 0.5, h: 5 });
        const lower = cusumLower(
          z.map((v) => v - drop),
          { k: 0.5, h: 5 },
        );
        for (const [t, s] of one.path.entries()) {
          expect(s).toBeGreaterThanOrEqual(0);
          expect(lower.path[t]).toBeGreaterThanOrEqual(s);
        }
      }),
    );
    expect(cusumLower([])).toEqual({ path: [], alarmIndex: null });
  });
});

describe('bettingEProcess', () => {
  const bounded = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60 });
  test('capital stays positive, and bets only on the past', () => {
    fc.assert(
      fc.property(bounded, fc.double({ min: 0.05, max: 0.95, noNaN: true }), (x, m) => {
        for (const alternative of ['less', 'greater'] as const) {
          const { logCapital } = bettingEProcess(x, { m, alternative });
          expect(logCapital.every(Number.isFinite)).toBe(true);
          const shorter = bettingEProcess(x.slice(0, -1), { m, alternative }).logCapital;
          expect(logCapital.slice(0, shorter.length)).toEqual(shorter);
        }
      }),
    );
  });
  test('mirrors: less at m on x is greater at 1 - m on 1 - x', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 16 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 15 }),
        (n, q) => {
          const x = n.map((v) => v / 16);
          const one = bettingEProcess(x, { m: q / 16, alternative: 'less' }).eValue;
          const two = bettingEProcess(
            x.map((v) => 1 - v),
            { m: 1 - q / 16, alternative: 'greater' },
          ).eValue;
          expect(Math.abs(Math.log(one) - Math.log(two))).toBeLessThan(1e-9);
        },
      ),
    );
  });
  test('one value at a time is the whole path', () => {
    const x = [0, 1, 0.5, 0, 0, 1];
    const stream = new BettingTest({ m: 0.5, alternative: 'less' });
    expect(x.map((v) => stream.observe(v))).toEqual(
      bettingEProcess(x, { m: 0.5, alternative: 'less' }).logCapital,
    );
  });
  test('rarely crosses under H0 however often one looks', () => {
    const rng = new Mt19937(31);
    let crossed = 0;
    for (let w = 0; w < 600; w++) {
      const x = Array.from({ length: 200 }, () => (rng.next() < 0.5 ? 1 : 0));
      if (bettingEProcess(x, { m: 0.5, alternative: 'less' }).crossIndex !== null) crossed++;
    }
    // Ville: at most 5% of 600 = 30, plus three standard errors
    expect(crossed).toBeLessThanOrEqual(46);
  });
  test('nothing observed is an e-value of 1; values outside [0, 1] are refused', () => {
    expect(bettingEProcess([], { m: 0.5, alternative: 'less' })).toEqual({
      logCapital: [],
      crossIndex: null,
      eValue: 1,
    });
    expect(() => bettingEProcess([1.1], { m: 0.5, alternative: 'less' })).toThrow(RangeError);
    expect(() => bettingEProcess([1], { m: 1, alternative: 'less' })).toThrow(RangeError);
  });
});
