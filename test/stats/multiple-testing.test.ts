import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bh, by, decideVerdict, holm, runNoise, storey } from '../../src/stats/index.ts';

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
const methods = [
  ['bh', bh],
  ['by', by],
  ['holm', holm],
] as const;

describe.each(methods)('%s', (_, adjust) => {
  test('adjusted p is at least p, at most 1, and keeps the order', () => {
    fc.assert(
      fc.property(pValues, (p) => {
        const q = adjust(p);
        expect(q).toHaveLength(p.length);
        for (let i = 0; i < p.length; i++) {
          expect(q[i]).toBeGreaterThanOrEqual(p[i]! - 1e-12);
          expect(q[i]).toBeLessThanOrEqual(1);
          for (let j = 0; j < p.length; j++)
            if (p[i]! <= p[j]!) expect(q[i]).toBeLessThanOrEqual(q[j]! + 1e-12);
        }
      }),
    );
  });
  test('does not depend on the order of the input', () => {
    fc.assert(
      fc.property(pValues, (p) => {
        expect(adjust([...p].reverse())).toEqual([...adjust(p)].reverse());
      }),
    );
  });
  test('lowering one p lowers no other decision the wrong way', () => {
    fc.assert(
      fc.property(pValues, fc.nat(), (p, at) => {
        fc.pre(p.length > 0);
        const i = at % p.length;
        const lower = p.map((v, j) => (j === i ? v / 2 : v));
        for (const [j, q] of adjust(lower).entries()) expect(q).toBeLessThanOrEqual(adjust(p)[j]! + 1e-12);
      }),
    );
  });
  test('one p needs no adjustment, none gives none, what is no p is refused', () => {
    expect(adjust([0.03])[0]).toBeCloseTo(0.03, 15);
    expect(adjust([])).toEqual([]);
    expect(() => adjust([1.2])).toThrow(RangeError);
    expect(() => adjust([Number.NaN])).toThrow(RangeError);
  });
});

test('BH <= BY, and Storey q <= BH', () => {
  fc.assert(
    fc.property(pValues, (p) => {
      const q = bh(p);
      for (let i = 0; i < p.length; i++) {
        expect(q[i]).toBeLessThanOrEqual(by(p)[i]! + 1e-12);
        expect(storey(p).q[i]).toBeLessThanOrEqual(q[i]! + 1e-12);
      }
    }),
  );
  expect(storey([])).toEqual({ pi0: 1, q: [] });
});

describe('runNoise', () => {
  test('equal runs are quiet, spread runs are noisy', () => {
    expect(runNoise([0.9, 0.9, 0.9, 0.9], [1e-4, 1e-4, 1e-4, 1e-4])).toEqual({ Q: 0, p: 1, phi: 1 });
    const noisy = runNoise([0.9, 0.8, 0.95, 0.7], [1e-4, 1e-4, 1e-4, 1e-4]);
    expect(noisy.p).toBeLessThan(1e-20);
    expect(noisy.phi).toBeCloseTo(noisy.Q / 3, 12);
  });
  test('with equal variances Q is the plain sum of squares', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 12 }),
        (m) => {
          const mean = m.reduce((a, b) => a + b, 0) / m.length;
          const expected = m.reduce((s, x) => s + (x - mean) ** 2 / 0.01, 0);
          const { Q, p, phi } = runNoise(
            m,
            m.map(() => 0.01),
          );
          expect(Q).toBeCloseTo(expected, 8);
          expect(p).toBeGreaterThanOrEqual(0);
          expect(p).toBeLessThanOrEqual(1);
          expect(phi).toBeGreaterThanOrEqual(1);
        },
      ),
    );
  });
  test('runs without any variance, and fewer than two runs', () => {
    expect(runNoise([1, 1, 1], [0, 0, 0])).toEqual({ Q: 0, p: 1, phi: 1 });
    expect(runNoise([1, 0.9], [0, 0])).toEqual({
      Q: Number.POSITIVE_INFINITY,
      p: 0,
      phi: Number.POSITIVE_INFINITY,
    });
    expect(runNoise([1, 0.99], [0, 1e-4]).Q).toBeCloseTo(0.5, 10);
    expect(runNoise([0.4], [1])).toEqual({ Q: 0, p: 1, phi: 1 });
    expect(() => runNoise([1, 1], [1, -1])).toThrow(RangeError);
  });
});

describe('decideVerdict', () => {
  const thresholds = { alphaAggregate: 0.04, alphaSingle: 0.01, margin: 0.05 };
  const quiet = {
    strata: 100,
    pLess: 0.5,
    pGreater: 0.5,
    pSingleMin: null,
    flagged: 0,
    lower: -0.02,
    upper: 0.02,
  };
  test('names the rule that fired', () => {
    const rule = (change: object): string => decideVerdict({ ...quiet, ...change }, thresholds).rule;
    expect(rule({})).toBe('interval-inside-margin');
    expect(rule({ comparable: false, pLess: 0 })).toBe('not-comparable');
    expect(rule({ strata: 0, pLess: 0 })).toBe('nothing-matched');
    expect(rule({ pLess: 0.04, pGreater: 0 })).toBe('aggregate-less');
    expect(rule({ pSingleMin: 0.001, flagged: 10 })).toBe('single-less');
    expect(rule({ pSingleMin: 0.001, flagged: 11 })).toBe('interval-inside-margin');
    expect(rule({ pGreater: 0.04 })).toBe('aggregate-greater');
    expect(rule({ lower: -0.05 })).toBe('no-rule');
  });
  test('unchanged is never said without an interval', () => {
    expect(decideVerdict({ ...quiet, lower: null, upper: null }, thresholds).verdict).toBe('inconclusive');
  });
  test('raising p never turns another answer into regressed', () => {
    const p = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(p, p, p, (less, higher, greater) => {
        const before = decideVerdict(
          { ...quiet, pLess: Math.min(less, higher), pGreater: greater },
          thresholds,
        ).verdict;
        const after = decideVerdict(
          { ...quiet, pLess: Math.max(less, higher), pGreater: greater },
          thresholds,
        ).verdict;
        if (after === 'regressed') expect(before).toBe('regressed');
      }),
    );
  });
});
