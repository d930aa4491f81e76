import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  betaCdf,
  betaQuantile,
  binomCdf,
  binomialTails,
  chiSquareCdf,
  chiSquareSf,
  hypergeomCdf,
  lnChoose,
  lnGamma,
  Mt19937,
  normalCdf,
  normalQuantile,
  normalSf,
  quantile7,
  seedFrom,
  studentTCdf,
  studentTQuantile,
} from '../../src/stats/index.ts';

const unit = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true });
const shape = fc.double({ min: 0.05, max: 500, noNaN: true });

function relative(got: number, expected: number): number {
  return Math.abs(got - expected) / Math.abs(expected);
}

describe('normal', () => {
  test('quantile then cdf gives p back, also far out', () => {
    fc.assert(fc.property(unit, (p) => relative(normalCdf(normalQuantile(p)), p) < 1e-9));
    for (const p of [1e-300, 1e-100, 1e-20])
      expect(relative(normalCdf(normalQuantile(p)), p)).toBeLessThan(1e-11);
  });
  test('cdf rises, and the two tails add up to 1', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -37, max: 37, noNaN: true }),
        fc.double({ min: 0.001, max: 3, noNaN: true }),
        (z, step) => {
          expect(normalCdf(z + step)).toBeGreaterThanOrEqual(normalCdf(z));
          expect(normalCdf(z) + normalSf(z)).toBeCloseTo(1, 14);
        },
      ),
    );
  });
  test('is continuous where the series hands over to the continued fraction', () => {
    for (const z of [-3, 3]) expect(relative(normalCdf(z - 1e-9), normalCdf(z + 1e-9))).toBeLessThan(1e-8);
  });
  test('refuses what is not a number or not a probability', () => {
    expect(() => normalCdf(Number.NaN)).toThrow(RangeError);
    expect(() => normalQuantile(0)).toThrow(RangeError);
    expect(() => normalQuantile(1)).toThrow(RangeError);
  });
});

describe('gamma and beta', () => {
  test('lnGamma satisfies ln Gamma(x+1) = ln x + ln Gamma(x)', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (x) => {
        const right = Math.log(x) + lnGamma(x);
        expect(Math.abs(lnGamma(x + 1) - right)).toBeLessThan(1e-11 * Math.max(1, Math.abs(right)));
      }),
    );
  });
  test('lnChoose matches Pascal', () => {
    expect(Math.exp(lnChoose(10, 3))).toBeCloseTo(120, 9);
    expect(lnChoose(7, 0)).toBe(0);
  });
  test('beta cdf is symmetric under x -> 1 - x with the shapes exchanged', () => {
    fc.assert(
      // x in 1/1024ths, so that 1 - x is exact
      fc.property(fc.integer({ min: 1, max: 1023 }), shape, shape, (n, a, b) => {
        const x = n / 1024;
        expect(betaCdf(x, a, b) + betaCdf(1 - x, b, a)).toBeCloseTo(1, 10);
      }),
    );
  });
  test('beta quantile then cdf gives p back', () => {
    fc.assert(
      fc.property(
        unit,
        fc.double({ min: 0.5, max: 300, noNaN: true }),
        fc.double({ min: 0.5, max: 300, noNaN: true }),
        (p, a, b) => {
          expect(Math.abs(betaCdf(betaQuantile(p, a, b), a, b) - p)).toBeLessThan(1e-8);
        },
      ),
    );
    expect(betaQuantile(0, 2, 3)).toBe(0);
    expect(betaQuantile(1, 2, 3)).toBe(1);
  });
});

describe("Student's t and chi-square", () => {
  test('t quantile then cdf gives p back', () => {
    fc.assert(
      fc.property(unit, fc.double({ min: 0.5, max: 1e5, noNaN: true }), (p, df) => {
        expect(relative(studentTCdf(studentTQuantile(p, df), df).p, p)).toBeLessThan(1e-7);
      }),
    );
  });
  test('t approaches the normal, and is symmetric', () => {
    expect(studentTCdf(-5, 1e9).p).toBeCloseTo(normalCdf(-5), 12);
    expect(studentTCdf(1.3, 7).p).toBeCloseTo(studentTCdf(-1.3, 7).sf, 15);
  });
  test('chi-square with 2 degrees is exponential; with 1 it is a squared normal', () => {
    for (const x of [0.01, 1, 5, 40, 400]) {
      expect(relative(chiSquareSf(x, 2), Math.exp(-x / 2))).toBeLessThan(1e-12);
      expect(relative(chiSquareSf(x, 1), 2 * normalSf(Math.sqrt(x)))).toBeLessThan(1e-11);
      expect(chiSquareCdf(x, 3) + chiSquareSf(x, 3)).toBeCloseTo(1, 14);
    }
    expect(chiSquareSf(0, 4)).toBe(1);
    expect(chiSquareSf(Number.POSITIVE_INFINITY, 4)).toBe(0);
  });
});

describe('binomial and hypergeometric', () => {
  test('pmf sums to cdf', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, p) => {
        let sum = 0;
        for (let x = 0; x <= n; x++) {
          const { pmf, cdf, sf } = binomCdf(x, n, p);
          sum += pmf;
          expect(cdf).toBeCloseTo(sum, 12);
          expect(cdf + sf).toBeCloseTo(1, 12);
        }
      }),
    );
  });
  test('tails mirror: P(X <= x; p) = P(X >= n - x; 1 - p)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), unit, unit, (n, p, share) => {
        const x = Math.floor(share * n);
        const left = binomialTails(x, n, p).log10Less;
        expect(binomialTails(n - x, n, 1 - p).log10Greater).toBeCloseTo(left, 6);
      }),
    );
  });
  test('log10 tails stay finite where the p-value underflows', () => {
    const tails = binomialTails(0, 100_000);
    expect(tails.pLess).toBe(0);
    expect(tails.log10Less).toBeCloseTo(-100_000 * Math.log10(2), 6);
  });
  test('hypergeometric pmf sums to cdf, margins exchangeable', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.nat(40), (N, k, m) => {
        const K = Math.min(N, k);
        const n = Math.min(N, m);
        let sum = 0;
        for (let x = 0; x <= n; x++) {
          const { pmf, cdf } = hypergeomCdf(x, N, K, n);
          sum += pmf;
          expect(cdf).toBeCloseTo(sum, 12);
          expect(hypergeomCdf(x, N, n, K).pmf).toBeCloseTo(pmf, 12);
        }
        expect(sum).toBeCloseTo(1, 12);
      }),
    );
    expect(() => hypergeomCdf(0, 3, 4, 1)).toThrow(RangeError);
  });
});

describe('quantile7', () => {
  test('stays inside the sample and rises with p', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (x, p, q) => {
          const [low, high] = p < q ? [p, q] : [q, p];
          expect(quantile7(x, low)).toBeLessThanOrEqual(quantile7(x, high) + 1e-9);
          // Adding 0 makes -0 and 0 the one number they are.
          expect(quantile7(x, 0) + 0).toBe(Math.min(...x) + 0);
          expect(quantile7(x, 1) + 0).toBe(Math.max(...x) + 0);
        },
      ),
    );
  });
  test('refuses an empty sample', () => expect(() => quantile7([], 0.5)).toThrow(/at least one value/));
});

describe('Mt19937', () => {
  test('skip and coinFlips walk the same stream as next', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.nat(2000),
        fc.nat(2000),
        (seed, skipped, flips) => {
          const one = new Mt19937(seed);
          const two = new Mt19937(seed);
          for (let i = 0; i < skipped; i++) one.next();
          two.skip(skipped);
          const coins = new Uint8Array(flips);
          two.coinFlips(coins);
          for (let i = 0; i < flips; i++) expect(coins[i]).toBe(Math.floor(2 * one.next()));
          expect(two.uint32()).toBe(one.uint32());
        },
      ),
      { numRuns: 40 },
    );
  });
  test('a way is the draws without putting back, and walks the same stream', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.nat(1300),
        fc.constantFrom([2, 2], [6, 4], [8, 5], [13, 10], [32_767, 32_767]),
        (seed, skipped, [most = 0, least = 0]) => {
          const one = new Mt19937(seed);
          const two = new Mt19937(seed);
          one.skip(skipped);
          two.skip(skipped);
          let way = 0;
          for (let k = most; k >= least; k--) way = way * k + Math.floor(one.next() * k);
          expect(two.way(most, least)).toBe(way);
          expect(two.uint32()).toBe(one.uint32());
        },
      ),
    );
  });
  test('shuffle keeps the items and is the same for typed and plain arrays', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.integer({ min: -1000, max: 1000 })), (seed, items) => {
        const plain = new Mt19937(seed).shuffle([...items]);
        expect([...new Mt19937(seed).shuffle(Int32Array.from(items))]).toEqual(plain);
        expect([...plain].sort((a, b) => a - b)).toEqual([...items].sort((a, b) => a - b));
      }),
    );
  });
  test('a seed must be an unsigned 32-bit integer; a digest gives one', () => {
    expect(() => new Mt19937(-1)).toThrow(RangeError);
    expect(() => new Mt19937(0.5)).toThrow(RangeError);
    expect(() => new Mt19937(2 ** 32)).toThrow(RangeError);
    expect(seedFrom('ffffffff00')).toBe(0xffffffff);
    expect(seedFrom('0000002a9c')).toBe(42);
    expect(() => seedFrom('xyz')).toThrow(RangeError);
  });
});
