// The streamed drift of vectors against the whole-matrix formulas, and what its projection keeps.

import { describe, expect, it } from 'vitest';
import { embeddingDrift, Mt19937, mmdBlocked } from '../../src/stats/index.ts';
import { DriftMeter, Projection } from '../../src/stats/vector-drift.ts';

type Arm = Float64Array[][];

/** Strata around centres of their own; arm b is moved along the first axis. */
function drawn(rng: Mt19937, strata: number, k: number, dimension: number, shift: number): [Arm, Arm] {
  const noise = (): number => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += rng.next();
    return sum;
  };
  const arms: [Arm, Arm] = [[], []];
  for (let i = 0; i < strata; i++) {
    const centre = Float64Array.from({ length: dimension }, noise);
    for (const [a, arm] of arms.entries())
      arm.push(
        Array.from({ length: k }, () => centre.map((c, d) => c + noise() + (a === 1 && d === 0 ? shift : 0))),
      );
  }
  return arms;
}

function metered(A: Arm, B: Arm, dimension: number): DriftMeter {
  const meter = new DriftMeter(dimension);
  for (const [i, a] of A.entries()) meter.add(a, B[i] ?? []);
  return meter;
}

const unit = (arm: Arm): Arm => arm.map((s) => s.map((v) => v.map((x) => x / Math.hypot(...v))));

describe('the drift meter', () => {
  it('gives what the whole matrices give, of vectors of unit length', () => {
    const [A, B] = drawn(new Mt19937(3), 14, 3, 20, 2);
    const meter = metered(A, B, 20);
    const [a, b] = [unit(A), unit(B)];
    const whole = embeddingDrift(a, b, { seed: 5, replicates: 499 });
    const found = meter.result();
    expect(found).toMatchObject({ strata: 14, nA: 42, nB: 42 });
    expect(found.centroidShiftSq).toBeCloseTo(whole.centroidShiftSq, 12);
    expect(found.centroidCosine).toBeCloseTo(whole.centroidCosine ?? 0, 12);
    expect(found.dispersionRatio).toBeCloseTo(whole.dispersionRatio ?? 0, 12);
    expect(found.mmd).toBeCloseTo(mmdBlocked(a, b, { kernel: 'cosine' }), 12);
    // Short vectors are not projected: the p is the exact one of the gold test's function.
    expect(meter.permutationP(5, 499)).toBe(whole.pCentroidShift);
    expect(meter.permutationP(5, 499)).toBe(meter.permutationP(5, 499));
  });

  it('takes the noise out of the shift: nothing moved is about 0, whatever the sample', () => {
    const rng = new Mt19937(11);
    const estimates = Array.from({ length: 200 }, () => {
      const [A, B] = drawn(rng, 8, 2, 6, 0);
      return metered(A, B, 6).result();
    });
    const mean = (pick: (r: (typeof estimates)[number]) => number): number =>
      estimates.reduce((sum, r) => sum + pick(r), 0) / estimates.length;
    // Unadjusted, finite samples alone look like a shift.
    expect(mean((r) => r.centroidShiftSq)).toBeGreaterThan(0.04);
    expect(Math.abs(mean((r) => r.commonShiftSq ?? 1))).toBeLessThan(0.004);
  });

  it('finds nothing in equal vectors, also where a vector says nothing', () => {
    const [A] = drawn(new Mt19937(4), 6, 3, 5, 0);
    const withEmpty = A.map((s, i) => (i === 2 ? [new Float64Array(0), ...s.slice(1)] : s));
    const meter = metered(withEmpty, withEmpty, 5);
    expect(meter.result()).toMatchObject({
      centroidShiftSq: 0,
      commonShiftSq: 0,
      dispersionRatio: 1,
    });
    expect(meter.permutationP(1, 99)).toBe(1);
  });

  it('says what one trial, one stratum and mixed dimensions do not tell', () => {
    const [A, B] = drawn(new Mt19937(9), 3, 1, 4, 1);
    expect(metered(A, B, 4).result()).toMatchObject({ dispersionRatio: null, mmd: null });
    expect(metered(A.slice(0, 1), B.slice(0, 1), 4).result().commonShiftSq).toBeNull();
    expect(() => new DriftMeter(4).add([new Float64Array(3)], [new Float64Array(4)])).toThrow(RangeError);
    expect(() => new DriftMeter(4).add([], [new Float64Array(4)])).toThrow(RangeError);
  });
});

describe('the projection', () => {
  it('keeps lengths and angles on average and short vectors as they are', () => {
    const rng = new Mt19937(21);
    const project = new Projection(1536);
    let length = 0;
    let product = 0;
    for (let i = 0; i < 200; i++) {
      const x = Float64Array.from({ length: 1536 }, () => (rng.next() - 0.5) * Math.sqrt(12 / 1536));
      const y = x.map((v, d) => (d % 2 === 0 ? v : -v));
      const [p, q] = [project.of(x), project.of(y)];
      expect(p).toHaveLength(128);
      length += p.reduce((sum, v) => sum + v * v, 0) / 200;
      product += p.reduce((sum, v, d) => sum + v * (q[d] ?? 0), 0) / 200;
    }
    expect(length).toBeGreaterThan(0.97);
    expect(length).toBeLessThan(1.03);
    expect(Math.abs(product)).toBeLessThan(0.03);
    expect([...new Projection(3).of([1, 2, 3], 0.5)]).toEqual([0.5, 1, 1.5]);
  });

  it('is one map, and a far larger suite is projected further, to the same answer', () => {
    const v = Float64Array.from({ length: 300 }, (_, d) => d);
    expect(new Projection(300).of(v)).toEqual(new Projection(300).of(v));
    const [A, B] = drawn(new Mt19937(2), 40, 2, 300, 12);
    expect(metered(A, B, 300).permutationP(1, 999)).toBe(0.001);
    expect(metered(A, A, 300).permutationP(1, 999)).toBe(1);
  });
});
