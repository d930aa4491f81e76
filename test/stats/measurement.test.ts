// Agreement, corrected rates, rank correlation and vectors.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cohenKappa,
  embeddingDrift,
  energyDistance,
  gwetAC1,
  krippendorffAlpha,
  Mt19937,
  medianGamma,
  mmdBlocked,
  positionBias,
  ppiMean,
  roganGladen,
  spearman,
  youdenJ,
} from '../../src/stats/index.ts';

const labels = fc.array(fc.tuple(fc.nat(2), fc.nat(2)), { minLength: 1, maxLength: 40 });
const point = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 2, maxLength: 2 });
const cloud = fc.array(point, { minLength: 1, maxLength: 6 });
const vectorStrata = fc.array(
  fc.tuple(fc.array(point, { minLength: 1, maxLength: 3 }), fc.array(point, { minLength: 1, maxLength: 3 })),
  { minLength: 1, maxLength: 3 },
);

describe('agreement', () => {
  test('is symmetric in the raters, at most 1, and 1 when they always agree', () => {
    fc.assert(
      fc.property(labels, fc.constantFrom('none', 'linear', 'quadratic'), (pairs, weights) => {
        const r1 = pairs.map(([a]) => a);
        const r2 = pairs.map(([, b]) => b);
        const { kappa } = cohenKappa(r1, r2, [0, 1, 2], weights);
        expect(kappa).toBeLessThanOrEqual(1 + 1e-12);
        expect(cohenKappa(r2, r1, [0, 1, 2], weights).kappa).toBeCloseTo(kappa, 10);
        expect(cohenKappa(r1, r1, [0, 1, 2], weights).kappa).toBeCloseTo(1, 10);
        expect(gwetAC1(r1, r1, [0, 1, 2])).toBeCloseTo(1, 10);
        expect(gwetAC1(r2, r1, [0, 1, 2])).toBeCloseTo(gwetAC1(r1, r2, [0, 1, 2]), 10);
      }),
    );
  });
  test("Krippendorff's alpha does not depend on the order of raters or units", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.option(fc.nat(3)), { minLength: 3, maxLength: 3 }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.constantFrom('nominal', 'ordinal', 'interval'),
        (units, level) => {
          const alpha = krippendorffAlpha(units, level);
          const other = krippendorffAlpha(
            [...units].reverse().map((u) => [...u].reverse()),
            level,
          );
          if (alpha === null) expect(other).toBeNull();
          else expect(other).toBeCloseTo(alpha, 10);
        },
      ),
    );
    expect(
      krippendorffAlpha(
        [
          [1, null],
          [null, 2],
        ],
        'nominal',
      ),
    ).toBeNull();
  });
  test('refuses unknown labels and no labels', () => {
    expect(() => cohenKappa(['yes'], ['maybe'], ['yes', 'no'])).toThrow(/maybe/);
    expect(() => cohenKappa([], [], ['yes', 'no'])).toThrow(RangeError);
  });
});

describe('corrected rates', () => {
  test('a perfect instrument corrects nothing; one at chance says nothing', () => {
    expect(roganGladen({ p: 0.7, q0: 1, q1: 1, n: 100, m0: 50, m1: 50 })!.theta).toBeCloseTo(0.7, 12);
    expect(roganGladen({ p: 0.7, q0: 0.5, q1: 0.5, n: 100, m0: 50, m1: 50 })).toBeNull();
  });
  test('the interval is ordered and in [0, 1]; theta rises with p', () => {
    const q = fc.double({ min: 0.6, max: 1, noNaN: true });
    const p = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(p, p, q, q, (p1, p2, q0, q1) => {
        const at = (x: number): NonNullable<ReturnType<typeof roganGladen>> =>
          roganGladen({ p: x, q0, q1, n: 80, m0: 40, m1: 40 })!;
        const one = at(Math.min(p1, p2));
        expect(one.lower).toBeLessThanOrEqual(one.upper);
        expect(one.lower).toBeGreaterThanOrEqual(0);
        expect(one.upper).toBeLessThanOrEqual(1);
        expect(at(Math.max(p1, p2)).theta).toBeGreaterThanOrEqual(one.theta);
      }),
    );
  });
  test("Youden's J contains its estimate and needs both classes", () => {
    const j = youdenJ({ truePositive: 45, positives: 50, trueNegative: 40, negatives: 50 })!;
    expect(j.J).toBeCloseTo(0.7, 12);
    expect(j.lower).toBeLessThan(0.7);
    expect(j.lower).toBeGreaterThan(0.5);
    expect(youdenJ({ truePositive: 0, positives: 0, trueNegative: 40, negatives: 50 })).toBeNull();
  });
  test('PPI++ is never less certain than PPI on its own terms, and both are unbiased by a constant error', () => {
    const rng = new Mt19937(3);
    const y = Array.from({ length: 40 }, () => rng.next());
    const F = Array.from({ length: 400 }, () => rng.next() + 0.3);
    const { ppi, ppipp } = ppiMean(
      y,
      y.map((v) => v + 0.3),
      F,
    );
    expect(ppi.estimate).toBeCloseTo(F.reduce((a, b) => a + b, 0) / 400 - 0.3, 10);
    expect(ppipp.se).toBeLessThanOrEqual(ppi.se * 1.02);
    expect(() => ppiMean([1], [1], [1, 2])).toThrow(RangeError);
  });
  test('position bias mirrors; nothing decided is no evidence', () => {
    fc.assert(
      fc.property(fc.nat(80), fc.nat(80), (first, second) => {
        expect(positionBias(first, first + second)).toBeCloseTo(positionBias(second, first + second), 12);
      }),
    );
    expect(positionBias(0, 0)).toBe(1);
    expect(() => positionBias(3, 2)).toThrow(RangeError);
  });
});

describe('spearman', () => {
  test('sees only the order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
          minLength: 2,
        }),
        (xy) => {
          const x = xy.map(([a]) => a);
          const y = xy.map(([, b]) => b);
          const rho = spearman(x, y);
          const bent = spearman(
            x.map((v) => v ** 3),
            y,
          );
          if (rho === null) expect(bent).toBeNull();
          else {
            expect(bent).toBeCloseTo(rho, 10);
            expect(Math.abs(rho)).toBeLessThanOrEqual(1 + 1e-12);
          }
        },
      ),
    );
    expect(spearman([1], [2])).toBeNull();
    expect(spearman([1, 1], [2, 3])).toBeNull();
  });
});

describe('vectors', () => {
  test('centroid shift: p in (0, 1], exchanging the arms changes nothing but the dispersions', () => {
    fc.assert(
      fc.property(vectorStrata, (data) => {
        const A = data.map(([a]) => a);
        const B = data.map(([, b]) => b);
        const one = embeddingDrift(A, B, { enumerate: true });
        const two = embeddingDrift(B, A, { enumerate: true });
        expect(one.pCentroidShift).toBeGreaterThan(0);
        expect(one.pCentroidShift).toBeLessThanOrEqual(1);
        expect(two.pCentroidShift).toBeCloseTo(one.pCentroidShift, 10);
        expect(two.centroidShiftSq).toBeCloseTo(one.centroidShiftSq, 10);
        expect(two.dispersionA).toBeCloseTo(one.dispersionB, 10);
        const sampled = embeddingDrift(A, B, { seed: 1, replicates: 2999 });
        expect(Math.abs(sampled.pCentroidShift - one.pCentroidShift)).toBeLessThan(0.05);
      }),
      { numRuns: 25 },
    );
  });
  test('identical vectors do not drift, whatever their rounding', () => {
    const v = [0.1, 0.2, 0.3];
    const same = embeddingDrift(
      [
        [v, v, v],
        [v, v, v],
      ],
      [
        [v, v, v],
        [v, v, v],
      ],
      { enumerate: true },
    );
    expect(same).toMatchObject({ dispersionA: 0, dispersionRatio: null, pCentroidShift: 1 });
    expect(same.centroidCosine).toBeCloseTo(1, 12);
    expect(embeddingDrift([[[0, 0]]], [[[1, 0]]], { enumerate: true }).centroidCosine).toBeNull();
  });
  test('energy distance is 0 for equal samples, positive and symmetric otherwise', () => {
    fc.assert(
      fc.property(cloud, cloud, (x, y) => {
        expect(energyDistance(x, x)).toBeCloseTo(0, 10);
        expect(energyDistance(x, y)).toBeGreaterThanOrEqual(-1e-10);
        expect(energyDistance(y, x)).toBeCloseTo(energyDistance(x, y), 10);
      }),
    );
  });
  test('blocked MMD separates moved clouds and refuses single vectors', () => {
    const a = [
      [
        [0, 1],
        [0.1, 1],
      ],
      [
        [0, 2],
        [0.1, 2],
      ],
    ];
    const b = [
      [
        [1, 0],
        [1, 0.1],
      ],
      [
        [2, 0],
        [2, 0.1],
      ],
    ];
    expect(mmdBlocked(a, b, { kernel: 'cosine' })).toBeGreaterThan(1);
    expect(mmdBlocked(a, a, { kernel: 'rbf', gamma: 1 })).toBeLessThanOrEqual(0);
    expect(() => mmdBlocked([[[1]]], [[[1]]], { kernel: 'cosine' })).toThrow(RangeError);
    expect(medianGamma([[0], [2]])).toBeCloseTo(0.25, 12);
    expect(medianGamma([[1], [1]])).toBeNull();
  });
  test('refuses mixed dimensions, empty arms and enumerations without end', () => {
    expect(() => embeddingDrift([[[1, 2]]], [[[1]]], { enumerate: true })).toThrow(/dimension/);
    expect(() => embeddingDrift([[[1]]], [[]], { enumerate: true })).toThrow(/no vector/);
    const wide = Array.from({ length: 10 }, () => Array.from({ length: 5 }, (_, i) => [i]));
    expect(() => embeddingDrift(wide, wide, { enumerate: true })).toThrow(/Monte Carlo/);
  });
});
