import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  binomialTails,
  clusterSignFlip,
  fisherLess,
  fisherTwoSided,
  ks2,
  mannWhitney,
  mcnemar,
  poolStrata,
  signFlip,
  stratifiedExact,
  stratifiedPermutation,
  type TwoArms,
} from '../../src/stats/index.ts';

const arms = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .chain(([kA, kB]) =>
    fc.record({ xA: fc.nat(kA), kA: fc.constant(kA), xB: fc.nat(kB), kB: fc.constant(kB) }),
  );
const strataOf = fc.array(arms, { minLength: 1, maxLength: 12 });
const swap = ({ xA, kA, xB, kB }: TwoArms): TwoArms => ({ xA: xB, kA: kB, xB: xA, kB: kA });
const score = fc.integer({ min: 0, max: 20 }).map((v) => v / 20);
const scoreStrata = fc.array(
  fc.tuple(fc.array(score, { minLength: 1, maxLength: 4 }), fc.array(score, { minLength: 1, maxLength: 4 })),
  { minLength: 1, maxLength: 5 },
);

function isP(p: number): void {
  expect(p).toBeGreaterThanOrEqual(0);
  expect(p).toBeLessThanOrEqual(1);
}

/** ln of a sum of hypergeometric probabilities by plain convolution in doubles, for comparison. */
function convolved(strata: readonly TwoArms[]): { less: number; greater: number } {
  let mass = [1];
  let observed = 0;
  const choose = (n: number, k: number): number => {
    if (k < 0 || k > n) return 0;
    let c = 1;
    for (let i = 1; i <= k; i++) c = (c * (n - k + i)) / i;
    return c;
  };
  for (const { xA, kA, xB, kB } of strata) {
    const next = new Array<number>(mass.length + kB).fill(0);
    const marked = xA + xB;
    for (let x = 0; x <= kB; x++) {
      const p = (choose(marked, x) * choose(kA + kB - marked, kB - x)) / choose(kA + kB, kB);
      for (const [i, m] of mass.entries()) next[i + x]! += m * p;
    }
    mass = next;
    observed += xB;
  }
  const sum = (from: number, to: number): number => mass.slice(from, to).reduce((a, b) => a + b, 0);
  return { less: sum(0, observed + 1), greater: sum(observed, mass.length) };
}

describe('mcnemar', () => {
  test('matches the values it must print', () => {
    const many = mcnemar({ passToFail: 476, failToPass: 147 });
    expect(many.exactTwoSided / 2.106e-41).toBeCloseTo(1, 3);
    expect(many.log10TwoSided).toBeCloseTo(-40.676, 3);
    expect(mcnemar({ passToFail: 476, failToPass: 0 }).log10TwoSided).toBeCloseTo(-142.989, 3);
  });
  test('keeps a finite logarithm where p underflows', () => {
    const all = mcnemar({ passToFail: 100_000, failToPass: 0 });
    expect(all.exactTwoSided).toBe(0);
    expect(all.log10TwoSided).toBeCloseTo((1 - 100_000) * Math.log10(2), 4);
    expect(all.pImprovement).toBe(1);
  });
  test('has p in [0, 1], mirrors under exchange, and one more flip makes regression surer', () => {
    fc.assert(
      fc.property(fc.nat(400), fc.nat(400), (b, c) => {
        const one = mcnemar({ passToFail: b, failToPass: c });
        const two = mcnemar({ passToFail: c, failToPass: b });
        for (const p of [one.exactTwoSided, one.pRegression, one.pImprovement, one.midpTwoSided]) isP(p);
        expect(two.pImprovement).toBe(one.pRegression);
        expect(two.exactTwoSided).toBe(one.exactTwoSided);
        expect(mcnemar({ passToFail: b + 1, failToPass: c }).log10Regression).toBeLessThan(
          one.log10Regression,
        );
        expect(one.midpTwoSided).toBeLessThanOrEqual(one.exactTwoSided);
      }),
    );
  });
  test('refuses counts that are not counts', () => {
    expect(() => mcnemar({ passToFail: -1, failToPass: 0 })).toThrow(RangeError);
    expect(() => mcnemar({ passToFail: 0.5, failToPass: 0 })).toThrow(RangeError);
  });
});

describe('stratifiedExact', () => {
  test('equals a plain convolution', () => {
    fc.assert(
      fc.property(strataOf, (strata) => {
        const { less, greater } = convolved(strata);
        const got = stratifiedExact(strata);
        expect(Math.abs(got.pLess - less)).toBeLessThan(1e-12 + 1e-11 * less);
        expect(Math.abs(got.pGreater - greater)).toBeLessThan(1e-12 + 1e-11 * greater);
        expect(Math.abs(got.log10Less - Math.log10(less))).toBeLessThan(1e-10);
      }),
    );
  });
  test('does not depend on the order of the strata; exchanging the arms exchanges the tails', () => {
    fc.assert(
      fc.property(strataOf, (strata) => {
        const one = stratifiedExact(strata);
        const back = stratifiedExact([...strata].reverse());
        const mirrored = stratifiedExact(strata.map(swap));
        expect(back.pLess).toBeCloseTo(one.pLess, 12);
        expect(mirrored.pGreater).toBeCloseTo(one.pLess, 12);
        expect(mirrored.pLess).toBeCloseTo(one.pGreater, 12);
        isP(one.pLess);
        isP(one.pGreater);
        isP(one.midpLess);
        expect(one.midpLess).toBeLessThanOrEqual(one.pLess);
      }),
    );
  });
  test('one stratum is Fisher; one value an arm is McNemar', () => {
    fc.assert(
      fc.property(arms, (a) => {
        expect(stratifiedExact([a]).pLess).toBeCloseTo(fisherLess(a).p, 12);
      }),
    );
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.nat(9), (down, up, same) => {
        const strata = [
          ...Array.from({ length: down }, () => ({ xA: 1, kA: 1, xB: 0, kB: 1 })),
          ...Array.from({ length: up }, () => ({ xA: 0, kA: 1, xB: 1, kB: 1 })),
          ...Array.from({ length: same }, () => ({ xA: 1, kA: 1, xB: 1, kB: 1 })),
        ];
        expect(stratifiedExact(strata).log10Less).toBeCloseTo(
          mcnemar({ passToFail: down, failToPass: up }).log10Regression,
          9,
        );
      }),
    );
  });
  test('100,000 strata: exact against the binomial, and finite far below the smallest double', () => {
    const n = 100_000;
    const flips = Array.from({ length: n }, (_, i) => ({ xA: 1, kA: 1, xB: i < 20_000 ? 0 : 1, kB: 1 }));
    expect(stratifiedExact(flips).log10Less).toBeCloseTo(binomialTails(0, 20_000).log10Less, 6);
    const worse = stratifiedExact(Array.from({ length: n }, () => ({ xA: 3, kA: 3, xB: 1, kB: 3 })));
    expect(worse.pLess).toBe(0);
    expect(Number.isFinite(worse.log10Less)).toBe(true);
    // Chernoff: the tail is below exp(-n I), and above it by no more than a polynomial factor.
    const rate = worse.log10Less / n;
    expect(rate).toBeLessThan(-0.6);
    expect(rate).toBeGreaterThan(-0.75);
    expect(worse.pGreater).toBe(1);
  });
  test('nothing to see gives 1: no strata, all passed, all failed', () => {
    for (const strata of [[], [{ xA: 3, kA: 3, xB: 3, kB: 3 }], [{ xA: 0, kA: 3, xB: 0, kB: 2 }]])
      expect(stratifiedExact(strata)).toMatchObject({ pLess: 1, pGreater: 1, midpLess: 0.5, log10Less: 0 });
    expect(() => stratifiedExact([{ xA: 4, kA: 3, xB: 0, kB: 1 }])).toThrow(RangeError);
  });
});

describe('fisher', () => {
  test('two-sided is at least the smaller tail and at most 1; swapping the arms changes nothing', () => {
    fc.assert(
      fc.property(arms, (a) => {
        const two = fisherTwoSided(a);
        isP(two);
        expect(two).toBeGreaterThanOrEqual(Math.min(fisherLess(a).p, fisherLess(swap(a)).p) - 1e-12);
        expect(fisherTwoSided(swap(a))).toBeCloseTo(two, 12);
      }),
    );
  });
});

describe('stratifiedPermutation and signFlip', () => {
  test('binary values give the exact conditional test when the arms are of one size', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 6 }), (counts) => {
        const bits = (x: number): number[] => [0, 1, 2].map((i) => (i < x ? 1 : 0));
        const permutation = stratifiedPermutation(
          counts.map(([a]) => bits(a)),
          counts.map(([, b]) => bits(b)),
        );
        const exact = stratifiedExact(counts.map(([a, b]) => ({ xA: a, kA: 3, xB: b, kB: 3 })));
        expect(permutation.pLess).toBeCloseTo(exact.pLess, 10);
        expect(permutation.pGreater).toBeCloseTo(exact.pGreater, 10);
      }),
    );
  });
  test('exchanging the arms exchanges the tails; the order of strata and the scale of values do not matter', () => {
    fc.assert(
      fc.property(scoreStrata, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (strata, factor) => {
        const A = strata.map(([a]) => a);
        const B = strata.map(([, b]) => b);
        const one = stratifiedPermutation(A, B);
        const mirrored = stratifiedPermutation(B, A);
        const back = stratifiedPermutation([...A].reverse(), [...B].reverse());
        const scaled = stratifiedPermutation(
          A.map((v) => v.map((x) => x * factor)),
          B.map((v) => v.map((x) => x * factor)),
        );
        for (const p of [one.pLess, one.pGreater, one.pTwoSided]) {
          isP(p);
          expect(p).toBeGreaterThan(0);
        }
        expect(mirrored.pGreater).toBeCloseTo(one.pLess, 10);
        expect(mirrored.pTwoSided).toBeCloseTo(one.pTwoSided, 10);
        expect(back.pLess).toBeCloseTo(one.pLess, 10);
        expect(scaled.pLess).toBeCloseTo(one.pLess, 10);
      }),
      { numRuns: 60 },
    );
  });
  test('8 against 8 scores enumerate all 12,870 splits', () => {
    const a = [0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98];
    const b = [0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18];
    expect(stratifiedPermutation([a], [b]).pLess).toBeCloseTo(1 / 12870, 15);
  });
  test('with one value an arm it is the sign flip', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(score, score), { minLength: 1, maxLength: 10 }), (pairs) => {
        const permutation = stratifiedPermutation(
          pairs.map(([a]) => [a]),
          pairs.map(([, b]) => [b]),
        );
        const flip = signFlip(pairs.map(([a, b]) => b - a));
        expect(flip.pLess).toBeCloseTo(permutation.pLess, 10);
        expect(flip.pGreater).toBeCloseTo(permutation.pGreater, 10);
        expect(flip.pTwoSided).toBeCloseTo(permutation.pTwoSided, 10);
      }),
    );
  });
  test('beyond 34 differences it samples, close to the exact answer and never 0', () => {
    const ones = Array.from({ length: 60 }, (_, i) => (i < 38 ? -1 : 1));
    const sampled = signFlip(ones, { seed: 5 });
    expect(sampled.method).toBe('monteCarlo');
    expect(Math.abs(sampled.pLess - binomialTails(22, 60).pLess)).toBeLessThan(0.01);
    expect(signFlip(new Array<number>(60).fill(-1)).pLess).toBe(1 / 10_000);
    expect(signFlip(ones, { seed: 5 })).toEqual(sampled);
  });
  test('clusters flip as one', () => {
    const few = clusterSignFlip([-1, -1, -1, -1], ['p', 'p', 'q', 'q']);
    expect(few).toMatchObject({ mean: -1, pLess: 0.25, pTwoSided: 0.5 });
  });
  test('refuses empty arms, and enumerations without end', () => {
    expect(() => stratifiedPermutation([[]], [[1]])).toThrow(/no value/);
    expect(() => stratifiedPermutation([], [])).toThrow(RangeError);
    expect(() => signFlip([])).toThrow(RangeError);
    expect(() => poolStrata([[1]], [[]])).toThrow(/no value/);
    expect(() => poolStrata([[1]], [[Number.NaN]])).toThrow(/finite/);
    // 12870 sums a stratum: two strata are the two halves, and a third is too much for either.
    const [one = [], two = []] = [0, 1].map((arm) =>
      Array.from({ length: 3 }, (_, s) =>
        Array.from({ length: 8 }, (_, i) => Math.sin(100 * s + 8 * arm + i)),
      ),
    );
    expect(() => stratifiedPermutation(one, two)).toThrow(/distinct sums .* Monte Carlo/);
  });
});

describe('unpaired samples', () => {
  const sample = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 });
  test('Mann-Whitney mirrors and stays in [0, 1]', () => {
    fc.assert(
      fc.property(sample, sample, (x, y) => {
        const one = mannWhitney(x, y);
        const two = mannWhitney(y, x);
        isP(one.pTwoSided);
        expect(two.pTwoSided).toBeCloseTo(one.pTwoSided, 12);
        expect(one.probXgtY + two.probXgtY).toBeCloseTo(1, 12);
      }),
    );
  });
  test('Kolmogorov-Smirnov p is the share of arrangements that reach D', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 }),
        (x, y) => {
          const pool = [...x, ...y];
          const distance = (a: number[], b: number[]): number =>
            Math.max(
              ...pool.map((t) =>
                Math.abs(
                  a.filter((v) => v <= t).length / a.length - b.filter((v) => v <= t).length / b.length,
                ),
              ),
            );
          const seen = distance(x, y);
          let hits = 0;
          let total = 0;
          for (let mask = 0; mask < 1 << pool.length; mask++) {
            const a = pool.filter((_, i) => (mask >> i) & 1);
            if (a.length !== x.length) continue;
            total++;
            if (
              distance(
                a,
                pool.filter((_, i) => !((mask >> i) & 1)),
              ) >=
              seen - 1e-9
            )
              hits++;
          }
          const got = ks2(x, y);
          expect(got.D).toBeCloseTo(seen, 12);
          expect(got.p).toBeCloseTo(hits / total, 10);
        },
      ),
      { numRuns: 60 },
    );
  });
  test('the limit law is close to the exact p for large samples', () => {
    const x = Array.from({ length: 400 }, (_, i) => i);
    const y = Array.from({ length: 400 }, (_, i) => i + 40.5);
    expect(Math.abs(ks2(x, y, 'asymptotic').p - ks2(x, y, 'exact').p)).toBeLessThan(0.01);
  });
  test('refuses empty samples', () => {
    expect(() => mannWhitney([], [1])).toThrow(RangeError);
    expect(() => ks2([1], [])).toThrow(RangeError);
  });
});
