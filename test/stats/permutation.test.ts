import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseReplicates,
  familyWeights,
  Mt19937,
  meanPermutation,
  minPFromRows,
  permutationColumns,
  poolStrata,
  type StrataSubset,
  stratifiedExact,
  stratifiedPermutation,
  stratifiedPermutationMC,
  unitPermutation,
  westfallYoungBinaryK1,
  westfallYoungCounts,
  westfallYoungMinP,
  withinStratumPermutation,
} from '../../src/stats/index.ts';

const value = fc.oneof(
  fc.constantFrom(0, 1),
  fc.integer({ min: 0, max: 100 }).map((v) => v / 100),
);
const stratum = fc.tuple(
  fc.array(value, { minLength: 1, maxLength: 5 }),
  fc.array(value, { minLength: 1, maxLength: 5 }),
);
const singles = fc.array(
  fc.tuple(
    value.map((v) => [v]),
    value.map((v) => [v]),
  ),
  { minLength: 2, maxLength: 12 },
);
const general = fc.array(stratum, { minLength: 2, maxLength: 8 });
/** Too many ways to draw an arm for them to be looked up. */
const wide = fc
  .tuple(fc.array(value, { minLength: 6, maxLength: 9 }), fc.array(value, { minLength: 6, maxLength: 9 }))
  .chain((first) => general.map((others) => [first, ...others]));
const seeds = fc.integer({ min: 0, max: 0xffffffff });

/** The contract of the random stream, written as plainly as possible: whole shuffles, nothing skipped. */
function plainColumns(
  A: readonly number[][],
  B: readonly number[][],
  statistics: readonly (readonly number[] | null)[],
  replicates: number,
  seed: number,
  weights?: Float64Array,
): number[][] {
  const rng = new Mt19937(seed);
  const mean = (v: readonly number[]): number => v.reduce((s, x) => s + x, 0) / v.length;
  const rows: number[][] = [];
  for (let row = 0; row <= replicates; row++) {
    const d = A.map((a, i) => {
      const pool = [...a, ...B[i]!];
      if (row > 0) rng.shuffle(pool);
      return mean(pool.slice(a.length)) - mean(pool.slice(0, a.length));
    });
    rows.push(
      statistics.map((members) => {
        const list = members ?? A.map((_, i) => i);
        const total = list.reduce((s, i) => s + (weights?.[i] ?? 1), 0);
        return list.reduce((s, i) => s + (weights?.[i] ?? 1) * d[i]!, 0) / total;
      }),
    );
  }
  return statistics.map((_, s) => rows.map((row) => row[s]!));
}

function closeColumns(got: readonly Float64Array[], expected: readonly number[][]): void {
  expect(got.length).toBe(expected.length);
  for (const [s, column] of expected.entries())
    for (const [b, v] of column.entries()) expect(Math.abs(got[s]![b]! - v)).toBeLessThan(1e-12);
}

describe('permutationColumns', () => {
  test.each([
    ['strata of any size', general],
    ['one value an arm', singles],
  ] as const)('draws exactly the documented stream: %s', (_, shape) => {
    fc.assert(
      fc.property(shape as typeof general, seeds, (strata, seed) => {
        const A = strata.map(([a]) => a);
        const B = strata.map(([, b]) => b);
        const weights = Float64Array.from(strata, (_s, i) => 1 + (i % 3));
        // overlapping subsets, and strata that belong to none but the first statistic
        const statistics = [null, [0], [0, strata.length - 1], [1]];
        closeColumns(
          permutationColumns(poolStrata(A, B, weights), statistics, 25, new Mt19937(seed)),
          plainColumns(A, B, statistics, 25, seed, weights),
        );
        closeColumns(
          permutationColumns(poolStrata(A, B), [[1]], 25, new Mt19937(seed)),
          plainColumns(A, B, [[1]], 25, seed),
        );
      }),
      { numRuns: 60 },
    );
  });
  test('leaves its input as it was', () => {
    const data = poolStrata(
      [
        [1, 0],
        [0.5, 0.25, 1],
      ],
      [[0], [1, 0.75]],
    );
    const before = [...data.values];
    permutationColumns(data, [null], 50, new Mt19937(3));
    expect([...data.values]).toEqual(before);
  });
  test('refuses statistics without strata, unknown strata and strata named twice', () => {
    const data = poolStrata([[1], [0]], [[0], [1]]);
    const run = (statistics: StrataSubset[]): unknown =>
      permutationColumns(data, statistics, 9, new Mt19937(1));
    expect(() => run([[]])).toThrow(/no stratum/);
    expect(() => run([[2]])).toThrow(/names stratum 2/);
    expect(() => run([[1, 1]])).toThrow(/twice/);
    expect(() => permutationColumns(poolStrata([], []), [null], 9, new Mt19937(1))).toThrow(RangeError);
    expect(() => poolStrata([[1]], [[1]], Float64Array.of(0))).toThrow(/weight/);
  });
});

describe('meanPermutation', () => {
  test.each([
    ['strata of few values', general],
    ['strata of any size', wide],
    ['one value an arm', singles],
  ] as const)('gives several measures the p each has alone: %s', (_, shape) => {
    fc.assert(
      fc.property(shape as typeof general, seeds, (strata, seed) => {
        const A = strata.map(([a]) => a);
        const B = strata.map(([, b]) => b);
        const weights = Float64Array.from(strata, (_s, i) => 1 + (i % 3));
        const changed = (side: number[][], f: (v: number, i: number) => number): number[][] =>
          side.map((values, i) => values.map((v) => f(v, i)));
        // squared, and constant in one stratum or in all
        const measures = [
          poolStrata(A, B, weights),
          poolStrata(
            changed(A, (v) => v * v),
            changed(B, (v) => 3 - v),
          ),
          poolStrata(
            changed(A, (v, i) => (i === 0 ? 0.1 : v)),
            changed(B, (v, i) => (i === 0 ? 0.1 : v)),
          ),
          poolStrata(
            changed(A, () => 0.1),
            changed(B, () => 0.1),
          ),
        ];
        const together = meanPermutation(measures, { seed, replicates: 99 });
        for (const [m, measure] of measures.entries()) {
          const alone = withinStratumPermutation(measure, [null], { seed, replicates: 99 });
          expect(together[m]).toEqual({ less: alone.less.raw[0], greater: alone.greater.raw[0] });
        }
      }),
      { numRuns: 40 },
    );
  });
  test('flips drawn by four are the flips drawn one by one, wherever the generator stands', () => {
    fc.assert(
      fc.property(seeds, fc.array(fc.integer({ min: 0, max: 1400 }), { maxLength: 5 }), (seed, sizes) => {
        const [one, four] = [new Mt19937(seed), new Mt19937(seed)];
        const quads = new Uint8Array(350).fill(255);
        for (const size of sizes) {
          const flips = new Uint8Array(size);
          one.coinFlips(flips);
          four.coinQuads(quads, size);
          expect(Array.from(flips, (_, i) => (quads[i >> 2]! >> (i & 3)) & 1)).toEqual([...flips]);
          // no bit beyond the last draw: what is looked up by four has only so many entries
          if (size % 4 > 0) expect(quads[size >> 2]! >> (size % 4)).toBe(0);
        }
        expect(four.uint32()).toBe(one.uint32());
      }),
      { numRuns: 40 },
    );
  });
  test('nothing to measure, nothing to draw, and measures of different trials', () => {
    expect(meanPermutation([], { seed: 1 })).toEqual([]);
    const data = poolStrata([[1], [0]], [[0], [0]]);
    expect(meanPermutation([data], { seed: 1, replicates: 0 })).toEqual([{ less: 1, greater: 1 }]);
    expect(() => meanPermutation([data, poolStrata([[1], [0, 1]], [[0], [0]])], { seed: 1 })).toThrow(
      /same strata/,
    );
    expect(() => meanPermutation([data, poolStrata([[1]], [[0]])], { seed: 1 })).toThrow(RangeError);
  });
});

describe('withinStratumPermutation', () => {
  test('p in (0, 1]; adjusted at least raw; the global p is the adjusted p of the minimum', () => {
    fc.assert(
      fc.property(general, seeds, (strata, seed) => {
        const data = poolStrata(
          strata.map(([a]) => a),
          strata.map(([, b]) => b),
        );
        const family = withinStratumPermutation(data, [null, [0], [1]], { seed, replicates: 99 });
        for (const tail of [family.less, family.greater]) {
          for (const [j, raw] of tail.raw.entries()) {
            expect(raw).toBeGreaterThan(0);
            expect(tail.adjusted[j]).toBeGreaterThanOrEqual(raw - 1e-12);
            expect(tail.adjusted[j]).toBeLessThanOrEqual(1);
            expect(tail.adjusted[j]).toBeGreaterThanOrEqual(tail.globalP - 1e-12);
          }
          expect(tail.adjusted[tail.minimum]).toBe(tail.globalP);
        }
      }),
      { numRuns: 60 },
    );
  });
  test('the same seed gives the same answer, another seed another one', () => {
    const data = poolStrata(
      [
        [0.1, 0.9, 0.4],
        [0.3, 0.8, 0.2],
      ],
      [
        [0.5, 0.2, 0.7],
        [0.6, 0.1, 0.9],
      ],
    );
    const run = (seed: number): unknown =>
      withinStratumPermutation(data, [null, [0]], { seed, replicates: 199 });
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
  test('agrees with full enumeration, and with the exact test on binary values', () => {
    const A = [
      [1, 1, 1],
      [1, 1, 0],
      [1, 1, 1],
      [1, 0, 1],
    ];
    const B = [
      [0, 1, 0],
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ];
    const sampled = stratifiedPermutationMC(A, B, { seed: 11 });
    const enumerated = stratifiedPermutation(A, B);
    const passes = (v: number[]): number => v.reduce((s, x) => s + x, 0);
    const exact = stratifiedExact(A.map((a, i) => ({ xA: passes(a), kA: 3, xB: passes(B[i]!), kB: 3 })));
    expect(enumerated.pLess).toBeCloseTo(exact.pLess, 10);
    expect(Math.abs(sampled.pLess - exact.pLess)).toBeLessThan(0.01);
    expect(Math.abs(sampled.pTwoSided - enumerated.pTwoSided)).toBeLessThan(0.01);
  });
  test('values of any scale: micro-dollars and milliseconds give the p of the plain numbers', () => {
    const A = [
      [1, 2, 3],
      [2, 2, 5],
    ];
    const B = [
      [4, 5, 5],
      [6, 2, 7],
    ];
    const scaled = (f: number): unknown =>
      stratifiedPermutationMC(
        A.map((v) => v.map((x) => x * f)),
        B.map((v) => v.map((x) => x * f)),
        { seed: 2, replicates: 499 },
      ).pGreater;
    expect(scaled(1e-7)).toBe(scaled(1));
    expect(scaled(1e7)).toBe(scaled(1));
  });
  test('all passed, all failed, all tied: every p is 1', () => {
    for (const v of [0, 1, 0.1]) {
      const data = poolStrata([[v, v, v], [v]], [[v, v], [v]]);
      const family = withinStratumPermutation(data, [null, [0]], { seed: 1, replicates: 99 });
      expect(family.less).toEqual({ raw: [1, 1], adjusted: [1, 1], globalP: 1, minimum: 0 });
      expect(family.greater.globalP).toBe(1);
      expect(family.rawTwoSided).toEqual([1, 1]);
    }
  });
  test('keeps its error rate when nothing changed', () => {
    // 400 worlds of 12 strata x (2+2), 3 statistics at .05: expect 20, a fixed seed, alarm above 36 (p < .0005)
    const world = new Mt19937(20250301);
    let alarms = 0;
    for (let w = 0; w < 400; w++) {
      const draw = (): number[][] =>
        Array.from({ length: 12 }, () =>
          [0, 1].map(() => (world.next() < 0.7 ? 1 : Math.floor(4 * world.next()) / 4)),
        );
      const family = withinStratumPermutation(
        poolStrata(draw(), draw()),
        [null, [0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]],
        {
          seed: w,
          replicates: 199,
        },
      );
      if (family.less.globalP <= 0.05) alarms++;
    }
    expect(alarms).toBeLessThanOrEqual(36);
    expect(alarms).toBeGreaterThan(2);
  });
  test('chooseReplicates never rises with size and never drops under 999', () => {
    expect(chooseReplicates(10_000)).toBe(9999);
    let before = 9999;
    for (const size of [1, 1e4, 6e4, 1e5, 2e5, 1e6, 1e9]) {
      const now = chooseReplicates(size);
      expect(now).toBeLessThanOrEqual(before);
      expect(now).toBeGreaterThanOrEqual(999);
      before = now;
    }
  });
});

describe('westfallYoungMinP', () => {
  test('one statistic needs no adjustment; weights decide who pays', () => {
    const column = Float64Array.from([-3, ...Array.from({ length: 99 }, (_, i) => i - 49)]);
    const alone = westfallYoungMinP([column], [1], 'less');
    expect(alone.adjusted).toEqual(alone.raw);
    const other = new Mt19937(1).shuffle(column.slice());
    const heavy = westfallYoungMinP([column, other], [0.9, 0.1], 'less').adjusted[0]!;
    const light = westfallYoungMinP([column, other], [0.1, 0.9], 'less').adjusted[0]!;
    expect(heavy).toBeLessThan(light);
  });
  test('p of a row is the share of rows at least as extreme, ties within the tolerance counted', () => {
    const near = fc.integer({ min: -4, max: 4 }).chain((v) => fc.constantFrom(v, v + 5e-10, v - 5e-10, -v));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(near, fc.double({ min: -2, max: 2, noNaN: true })), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.constantFrom('less', 'greater'),
        (rows, tail) => {
          const columns = [0, 1].map((j) => rows.map((row) => row[j as 0 | 1]));
          const sign = tail === 'less' ? 1 : -1;
          const p = columns.map((column) =>
            Float64Array.from(
              column,
              (at) => column.filter((v) => sign * v <= sign * at + 1e-9).length / rows.length,
            ),
          );
          const found = westfallYoungMinP(
            columns.map((c) => Float64Array.from(c)),
            [0.7, 0.3],
            tail,
          );
          expect(found).toEqual(minPFromRows(p, [0.7, 0.3]));
          const smallest = rows.map((_, b) => Math.min(p[0]![b]! / 0.7, p[1]![b]! / 0.3));
          const share = (cut: number): number =>
            smallest.filter((m) => m <= cut + 1e-12).length / rows.length;
          expect(found.raw).toEqual([p[0]![0], p[1]![0]]);
          expect(found.adjusted).toEqual([share(p[0]![0]! / 0.7), share(p[1]![0]! / 0.3)]);
          expect(found.globalP).toBe(share(smallest[0]!));
        },
      ),
    );
  });
  test('the tails mirror under a change of sign', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })), {
          minLength: 2,
        }),
        (rows) => {
          const columns = [0, 1].map((j) => Float64Array.from(rows, (row) => row[j as 0 | 1]));
          const negated = columns.map((c) => c.map((v) => -v));
          expect(westfallYoungMinP(columns, [0.5, 0.5], 'less')).toEqual(
            westfallYoungMinP(negated, [0.5, 0.5], 'greater'),
          );
        },
      ),
    );
  });
  test('an empty family decides nothing; bad shapes are refused', () => {
    expect(minPFromRows([], [])).toEqual({ raw: [], adjusted: [], globalP: 1, minimum: -1 });
    expect(() => westfallYoungMinP([Float64Array.of(1)], [0], 'less')).toThrow(/weights > 0/);
    expect(() => westfallYoungMinP([Float64Array.of(1), Float64Array.of(1, 2)], [1, 1], 'less')).toThrow(
      /one length/,
    );
    expect(familyWeights(0)).toEqual([1]);
    expect(familyWeights(4).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 15);
  });
});

describe('westfallYoungBinaryK1', () => {
  const rng = new Mt19937(99);
  const signs = Int8Array.from({ length: 400 }, () => (rng.next() < 0.25 ? (rng.next() < 0.35 ? 1 : -1) : 0));
  const statistics = [
    null,
    ...[0, 1, 2].map((c) => Int32Array.from([...signs.keys()].filter((i) => i % 3 === c))),
  ];

  test('has the null distribution of the permutation of the pairs themselves', () => {
    const quick = westfallYoungBinaryK1(signs, statistics, { seed: 5 });
    const pairs = poolStrata(
      Array.from(signs, (s) => [s < 0 ? 1 : 0]),
      Array.from(signs, (s) => [s > 0 ? 1 : 0]),
    );
    const full = withinStratumPermutation(pairs, statistics, { seed: 6 });
    for (const j of [0, 1, 2, 3]) {
      expect(quick.observed[j]).toBeCloseTo(full.observed[j]!, 12);
      expect(Math.abs(quick.less.raw[j]! - full.less.raw[j]!)).toBeLessThan(0.01);
      expect(Math.abs(quick.less.adjusted[j]! - full.less.adjusted[j]!)).toBeLessThan(0.015);
      expect(Math.abs(quick.greater.adjusted[j]! - full.greater.adjusted[j]!)).toBeLessThan(0.015);
      expect(Math.abs(quick.rawTwoSided[j]! - full.rawTwoSided[j]!)).toBeLessThan(0.015);
    }
    expect(quick.less.minimum).toBe(full.less.minimum);
  });
  test('raw p are the exact binomial tails, with finite logarithms', () => {
    const down = new Int8Array(5000).fill(-1);
    const family = westfallYoungBinaryK1(down, [null], { seed: 1, replicates: 99 });
    expect(family.less.raw[0]).toBe(0);
    expect(family.less.rawLog10[0]).toBeCloseTo(-5000 * Math.log10(2), 6);
    expect(family.less.adjusted[0]).toBe(1 / 100);
    expect(family.greater.raw[0]).toBe(1);
  });
  test('no discordant pair: nothing to see', () => {
    const family = westfallYoungBinaryK1(new Int8Array(30), [null, [1, 2]], { seed: 1, replicates: 99 });
    expect(family.less.adjusted).toEqual([1, 1]);
    expect(family.observed).toEqual([0, 0]);
    expect(() => westfallYoungBinaryK1(Int8Array.of(2), [null], { seed: 1 })).toThrow(RangeError);
  });
  test('mirrors under a change of sign', () => {
    const one = westfallYoungBinaryK1(signs, statistics, { seed: 5, replicates: 999 });
    const two = westfallYoungBinaryK1(
      signs.map((s) => -s),
      statistics,
      { seed: 5, replicates: 999 },
    );
    expect(two.greater.raw).toEqual(one.less.raw);
  });
});

describe('westfallYoungCounts', () => {
  const world = new Mt19937(77);
  const passes = (k: number, rate: number): number =>
    Array.from({ length: k }, () => (world.next() < rate ? 1 : 0)).reduce<number>((a, b) => a + b, 0);
  // arms of several sizes, strata without a choice, and a drop in one subset
  const strata = Array.from({ length: 120 }, (_, i) => {
    const kA = 1 + (i % 4);
    const kB = i % 5 === 0 ? 1 : 3;
    const rate = i % 6 === 0 ? 1 : 0.7;
    return { xA: passes(kA, rate), kA, xB: passes(kB, i % 3 === 0 ? rate - 0.15 : rate), kB };
  });
  const statistics = [
    null,
    ...[0, 1, 2].map((c) => Int32Array.from([...strata.keys()].filter((i) => i % 3 === c))),
    Int32Array.of(5, 6, 7, 8, 9, 10, 11),
  ];
  const pooled = poolStrata(
    strata.map(({ xA, kA }) => new Float64Array(kA).fill(1, 0, xA)),
    strata.map(({ xB, kB }) => new Float64Array(kB).fill(1, 0, xB)),
  );

  test('has the null distribution of the permutation of the trials themselves', () => {
    const quick = westfallYoungCounts(strata, statistics, { seed: 5 });
    const full = withinStratumPermutation(pooled, statistics, { seed: 6 });
    expect(quick.replicates).toBe(9999);
    for (const j of statistics.keys()) {
      expect(quick.observed[j]).toBeCloseTo(full.observed[j]!, 12);
      for (const tail of ['less', 'greater'] as const) {
        expect(Math.abs(quick[tail].raw[j]! - full[tail].raw[j]!)).toBeLessThan(0.015);
        expect(Math.abs(quick[tail].adjusted[j]! - full[tail].adjusted[j]!)).toBeLessThan(0.02);
      }
      expect(Math.abs(quick.rawTwoSided[j]! - full.rawTwoSided[j]!)).toBeLessThan(0.015);
    }
    expect(quick.less.minimum).toBe(full.less.minimum);
  });
  test('a single statistic has the tails of the exact test', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })), {
          minLength: 1,
          maxLength: 40,
        }),
        seeds,
        (passed, seed) => {
          const arms = passed.map(([xA, xB]) => ({ xA, kA: 3, xB, kB: 3 }));
          const exact = stratifiedExact(arms);
          const { less, greater } = westfallYoungCounts(arms, [null], { seed, replicates: 4999 });
          // six standard errors, so that no seed ever alarms
          expect(Math.abs(less.raw[0]! - exact.pLess)).toBeLessThan(0.043);
          expect(Math.abs(greater.raw[0]! - exact.pGreater)).toBeLessThan(0.043);
        },
      ),
      { numRuns: 30 },
    );
  });
  test('the same seed gives the same answer, another seed another one', () => {
    const run = (seed: number): unknown =>
      westfallYoungCounts(strata, statistics, { seed, replicates: 199 }).less;
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  });
  test('strata without a choice move nothing, and count', () => {
    const certain = Array.from({ length: 4 }, (_, i) => ({
      xA: i % 2 ? 2 : 0,
      kA: 2,
      xB: i % 2 ? 3 : 0,
      kB: 3,
    }));
    const still = westfallYoungCounts(certain, [null, [0, 1]], { seed: 1, replicates: 99 });
    expect(still.less).toEqual({ raw: [1, 1], adjusted: [1, 1], globalP: 1, minimum: 0 });
    expect(still.observed).toEqual([0, 0]);
    const moved = westfallYoungCounts([...certain, { xA: 3, kA: 3, xB: 0, kB: 3 }], [null], { seed: 1 });
    expect(moved.observed[0]).toBeCloseTo(-1 / 5, 12);
    // 1 of 20 splits
    expect(Math.abs(moved.less.raw[0]! - 1 / 20)).toBeLessThan(0.012);
  });
  test('a hundred thousand strata cost no more draws than their cells, and all replicates asked for', () => {
    const many = Array.from({ length: 100_000 }, (_, i) => ({
      xA: i % 4,
      kA: 3,
      xB: (i * 7) % 4,
      kB: 3,
    }));
    const family = westfallYoungCounts(many, [null], { seed: 2 });
    const exact = stratifiedExact(many);
    expect(family.replicates).toBe(9999);
    expect(Math.abs(family.less.raw[0]! - exact.pLess)).toBeLessThan(0.03);
  });
  test('refuses more passes than trials, empty arms and empty statistics', () => {
    const run = (xA: number, kA: number, subset: StrataSubset = null): unknown =>
      westfallYoungCounts([{ xA, kA, xB: 1, kB: 2 }], [subset], { seed: 1 });
    expect(() => run(2, 1)).toThrow(RangeError);
    expect(() => run(0, 0)).toThrow(RangeError);
    expect(() => run(0.5, 1)).toThrow(RangeError);
    expect(() => run(1, 1, [])).toThrow(/no stratum/);
  });
});

describe('unitPermutation', () => {
  test('moves whole rows: perfectly dependent statistics need no adjustment', () => {
    const row = (x: number): number[] => [x, x];
    const family = unitPermutation([0.9, 0.91, 0.92, 0.93].map(row), [0.8, 0.81, 0.79].map(row), { seed: 4 });
    expect(family.less.raw[0]).toBe(family.less.raw[1]);
    expect(family.less.adjusted[0]).toBe(family.less.raw[0]);
    // 1 of 35 splits
    expect(Math.abs(family.less.raw[0]! - 1 / 35)).toBeLessThan(0.006);
    expect(family.observed[0]).toBeCloseTo(-0.115, 12);
  });
  test('refuses an empty group and ragged rows', () => {
    expect(() => unitPermutation([], [[1]], { seed: 1 })).toThrow(RangeError);
    expect(() => unitPermutation([[1]], [[1, 2]], { seed: 1 })).toThrow(RangeError);
  });
});
