import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  betaPosterior,
  bootstrapCI,
  clopperPearson,
  clusteredMean,
  designPower,
  jeffreys,
  Mt19937,
  moverDelta,
  nonInferiority,
  pairedAdjustedWald,
  quantile7,
  quantileRatioCI,
  wilson,
  withinVariance,
} from '../../src/stats/index.ts';

const counts = fc.integer({ min: 1, max: 300 }).chain((n) => fc.tuple(fc.nat(n), fc.constant(n)));
const conf = fc.constantFrom(0.8, 0.9, 0.95, 0.99);
const score = fc.double({ min: 0, max: 1, noNaN: true });
const arm = fc.array(score, { minLength: 1, maxLength: 5 });
const strata = fc.array(fc.tuple(arm, arm), { minLength: 1, maxLength: 20 });

describe.each([
  ['wilson', wilson],
  ['clopperPearson', clopperPearson],
  ['jeffreys', jeffreys],
] as const)('%s', (_, interval) => {
  test('lies in [0, 1], mirrors, and widens with confidence', () => {
    fc.assert(
      fc.property(counts, conf, ([x, n], c) => {
        const one = interval(x, n, c)!;
        const mirrored = interval(n - x, n, c)!;
        expect(one.lower).toBeGreaterThanOrEqual(0);
        expect(one.upper).toBeLessThanOrEqual(1);
        expect(one.lower).toBeLessThan(one.upper);
        expect(mirrored.lower).toBeCloseTo(1 - one.upper, 9);
        const wider = interval(x, n, 0.999)!;
        expect(wider.lower).toBeLessThanOrEqual(one.lower);
        expect(wider.upper).toBeGreaterThanOrEqual(one.upper);
      }),
    );
  });
  test('knows nothing at n = 0, and refuses x > n', () => {
    expect(interval(0, 0)).toBeNull();
    expect(() => interval(3, 2)).toThrow(RangeError);
    expect(() => interval(1, 2, 1)).toThrow(RangeError);
  });
});

test('all passed: only Clopper-Pearson and Wilson touch 1, none claims certainty below', () => {
  expect(clopperPearson(50, 50)!.upper).toBe(1);
  expect(wilson(50, 50)!.upper).toBe(1);
  expect(clopperPearson(50, 50)!.lower).toBeCloseTo(0.025 ** (1 / 50), 10);
});

test('Clopper-Pearson covers at least its level', () => {
  // exact coverage at n = 20 over a grid of rates
  const limits = Array.from({ length: 21 }, (_, x) => clopperPearson(x, 20, 0.9)!);
  const choose = (k: number): number =>
    Array.from({ length: k }, (_, i) => (20 - i) / (i + 1)).reduce((a, b) => a * b, 1);
  for (let p = 0.02; p < 1; p += 0.02) {
    let covered = 0;
    for (const [x, { lower, upper }] of limits.entries())
      if (lower <= p && p <= upper) covered += choose(x) * p ** x * (1 - p) ** (20 - x);
    expect(covered).toBeGreaterThanOrEqual(0.9);
  }
});

test('the beta posterior moves from the prior to the data', () => {
  const prior = { a: 2, b: 2, threshold: 0.5 };
  expect(betaPosterior(0, 0, prior).mean).toBe(0.5);
  expect(betaPosterior(0, 0, prior).probBelow).toBeCloseTo(0.5, 12);
  expect(betaPosterior(90, 100, prior).mean).toBeCloseTo(92 / 104, 12);
  expect(betaPosterior(90, 100, prior).probBelow).toBeLessThan(1e-9);
});

describe('moverDelta', () => {
  test('contains its estimate, stays in [-1, 1], and mirrors when the arms are exchanged', () => {
    fc.assert(
      fc.property(strata, conf, (data, c) => {
        const A = data.map(([a]) => a);
        const B = data.map(([, b]) => b);
        const one = moverDelta(A, B, c);
        const two = moverDelta(B, A, c);
        expect(one.lower).toBeLessThanOrEqual(one.delta + 1e-12);
        expect(one.upper).toBeGreaterThanOrEqual(one.delta - 1e-12);
        expect(one.lower).toBeGreaterThanOrEqual(-1 - 1e-9);
        expect(one.upper).toBeLessThanOrEqual(1 + 1e-9);
        expect(two.lower).toBeCloseTo(-one.upper, 9);
        expect(two.upper).toBeCloseTo(-one.lower, 9);
      }),
    );
  });
  test('all passed in both arms: centred on 0, narrower with more trials', () => {
    const ones = (n: number): number[][] => Array.from({ length: n }, () => [1, 1, 1]);
    const small = moverDelta(ones(10), ones(10));
    const large = moverDelta(ones(100), ones(100));
    expect(small.delta).toBe(0);
    expect(small.nEffA).toBe(30);
    expect(large.upper).toBeLessThan(small.upper);
    expect(large.lower).toBeCloseTo(-large.upper, 12);
  });
  test('equal weights change nothing; a heavy stratum pulls', () => {
    const A = [
      [1, 1],
      [0, 1],
    ];
    const B = [
      [1, 1],
      [0, 0],
    ];
    expect(moverDelta(A, B, 0.9, [2, 2])).toEqual(moverDelta(A, B, 0.9));
    expect(moverDelta(A, B, 0.9, [1, 9]).delta).toBeLessThan(moverDelta(A, B, 0.9).delta);
  });
  test('covers: 90% limits miss at most about 5% a side on a mature world', () => {
    const rng = new Mt19937(4711);
    let below = 0;
    let above = 0;
    for (let w = 0; w < 800; w++) {
      const p = Array.from({ length: 30 }, () => 0.6 + 0.4 * rng.next());
      const run = (): number[][] => p.map((q) => [0, 1, 2].map(() => (rng.next() < q ? 1 : 0)));
      const { lower, upper } = moverDelta(run(), run(), 0.9);
      if (lower > 0) below++;
      if (upper < 0) above++;
    }
    // 5% of 800 = 40, plus three standard errors
    expect(below).toBeLessThanOrEqual(58);
    expect(above).toBeLessThanOrEqual(58);
    expect(below + above).toBeGreaterThan(20);
  });
  test('refuses no strata, empty arms and values outside [0, 1]', () => {
    expect(() => moverDelta([], [])).toThrow(/at least one stratum/);
    expect(() => moverDelta([[1]], [[]])).toThrow(/at least one value/);
    expect(() => moverDelta([[1]], [[2]])).toThrow(/\[0, 1\]/);
    expect(() => moverDelta([[1]], [])).toThrow(RangeError);
  });
});

describe('pairedAdjustedWald', () => {
  test('mirrors, stays in [-1, 1], and is never a point', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(-1, 0, 1), { maxLength: 50 }), conf, (d, c) => {
        const one = pairedAdjustedWald(d, 1, c);
        const two = pairedAdjustedWald(
          d.map((x) => -x),
          1,
          c,
        );
        expect(one.lower).toBeGreaterThanOrEqual(-1);
        expect(one.upper).toBeLessThanOrEqual(1);
        expect(one.upper).toBeGreaterThan(one.lower);
        expect(two.lower).toBeCloseTo(-one.upper, 12);
      }),
    );
  });
  test('refuses k = 0', () => expect(() => pairedAdjustedWald([0], 0)).toThrow(RangeError));
});

describe('clusteredMean', () => {
  test('singleton clusters give the ordinary standard error', () => {
    const d = [0.3, -0.1, 0.2, 0, -0.4];
    const m = d.reduce((a, b) => a + b, 0) / 5;
    const se = Math.sqrt(d.reduce((s, x) => s + (x - m) ** 2, 0) / 4 / 5);
    expect(clusteredMean(d, [1, 2, 3, 4, 5]).se).toBeCloseTo(se, 12);
  });
  test('duplicating every value inside its cluster adds no certainty', () => {
    const d = [0.3, -0.1, 0.2, 0, -0.4];
    const once = clusteredMean(d, [1, 2, 3, 4, 5]);
    const twice = clusteredMean([...d, ...d], [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]);
    expect(twice.se).toBeCloseTo(once.se!, 12);
  });
  test('one cluster has no standard error; equal values have no spread', () => {
    expect(clusteredMean([1, 0], ['a', 'a'])).toMatchObject({ mean: 0.5, se: null, df: 0, pTwoSided: null });
    expect(clusteredMean([0, 0, 0], [1, 2, 3])).toMatchObject({ mean: 0, se: 0, t: null, pTwoSided: 1 });
    expect(clusteredMean([0.7, 0.7, 0.7], [1, 2, 3])).toMatchObject({ se: 0, t: null, pTwoSided: 0 });
    expect(() => clusteredMean([], [])).toThrow(RangeError);
  });
});

describe('bootstrap', () => {
  test('limits are ordered and inside the range of the data', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        (d, seed) => {
          for (const statistic of ['mean', 'p50', 'p95'] as const) {
            const { percentile } = bootstrapCI(d, statistic, { seed, B: 100 });
            expect(percentile[0]).toBeLessThanOrEqual(percentile[1]);
            expect(percentile[0]).toBeGreaterThanOrEqual(Math.min(...d) - 1e-9);
            expect(percentile[1]).toBeLessThanOrEqual(Math.max(...d) + 1e-9);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
  test('a quantile ratio is the ratio of type-7 quantiles; equal arms give 1', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }),
            fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 4 }),
          ),
          { minLength: 1, maxLength: 12 },
        ),
        fc.constantFrom(0.5, 0.95),
        (data, p) => {
          const A = data.map(([a]) => a);
          const B = data.map(([, b]) => b);
          const got = quantileRatioCI(A, B, p, { seed: 1, B: 100 })!;
          expect(got.ratio).toBeCloseTo(quantile7(B.flat(), p) / quantile7(A.flat(), p), 10);
          expect(got.lower).toBeLessThanOrEqual(got.upper);
          expect(quantileRatioCI(A, A, p, { seed: 1, B: 50 })).toEqual({ ratio: 1, lower: 1, upper: 1 });
        },
      ),
      { numRuns: 60 },
    );
    expect(quantileRatioCI([[0]], [[3]], 0.5, { seed: 1 })).toBeNull();
  });
  test('refuses empty data', () => {
    expect(() => bootstrapCI([], 'mean', { seed: 1 })).toThrow(RangeError);
    expect(() => quantileRatioCI([], [], 0.5, { seed: 1 })).toThrow(RangeError);
  });
});

describe('designPower', () => {
  const base = { vBar: 0.1, kA: 3, kB: 3, n: 100, alpha: 0.05, power: 0.8, delta: 0.05 };
  test('more data, smaller detectable difference; a finer margin needs more trials', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 9 }), (n, k) => {
        const one = designPower({ ...base, n, kB: k });
        const more = designPower({ ...base, n: n + 1, kB: k });
        expect(more.mde).toBeLessThan(one.mde);
        expect(designPower({ ...base, n, kB: k + 1 }).mde).toBeLessThan(one.mde);
        expect(designPower({ ...base, delta: 0.02 }).trialsPerArm).toBeGreaterThan(
          designPower(base).trialsPerArm,
        );
        expect(more.niPowerAtZero).toBeGreaterThan(one.niPowerAtZero - 1e-12);
      }),
    );
  });
  test('no variance: everything is detectable; impossible designs are refused', () => {
    expect(designPower({ ...base, vBar: 0 })).toEqual({ se: 0, mde: 0, trialsPerArm: 0, niPowerAtZero: 1 });
    expect(() => designPower({ ...base, n: 0 })).toThrow(RangeError);
    expect(() => designPower({ ...base, delta: 0 })).toThrow(RangeError);
  });
  test('the within-stratum variance of fair coins is 1/4; single values tell nothing', () => {
    expect(
      withinVariance(
        [
          [0, 1],
          [1, 0],
        ],
        [[1, 0]],
      ),
    ).toBeCloseTo(0.5, 12);
    expect(withinVariance([[1, 1, 1]], [[1, 1]])).toBe(0);
    expect(withinVariance([[1]], [[0]])).toBeNull();
  });
});

describe('nonInferiority', () => {
  test('shown above -margin, refuted below it, otherwise undecided', () => {
    expect(nonInferiority({ lower: -0.04, upper: 0.02, margin: 0.05 }).outcome).toBe('nonInferior');
    expect(nonInferiority({ lower: -0.05, upper: 0.02, margin: 0.05 }).outcome).toBe('undecided');
    expect(nonInferiority({ lower: -0.2, upper: -0.06, margin: 0.05 }).outcome).toBe('inferior');
    expect(nonInferiority({ lower: -0.04, upper: 0, margin: 0.05 }).slack).toBeCloseTo(0.01, 12);
    expect(() => nonInferiority({ lower: 0, upper: 0, margin: 0 })).toThrow(RangeError);
  });
});
