// Permutation of additive statistics: exact under the null, equal to the exact test for the mean alone, groups exchanged whole.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AdditiveStatistic,
  additiveFamilies,
  additivePermutation,
} from '../../src/stats/additive-permutation.ts';
import type { TwoArms } from '../../src/stats/fisher.ts';
import { Mt19937 } from '../../src/stats/rng.ts';
import { stratifiedExact } from '../../src/stats/stratified-exact.ts';

function meanOf(strata: readonly TwoArms[], weight = 1): AdditiveStatistic {
  return {
    weight,
    scores: strata.map(({ kB }) => Array.from({ length: kB + 1 }, (_, x) => x / kB / strata.length)),
  };
}

/** Failures hurt more than in proportion: a second statistic that is not a function of the mean. */
function squaresOf(strata: readonly TwoArms[], weight: number): AdditiveStatistic {
  return {
    weight,
    scores: strata.map(({ kB }) => Array.from({ length: kB + 1 }, (_, x) => -((1 - x / kB) ** 2))),
  };
}

/** Both arms of every case at one rate. */
function null_(rng: Mt19937, n: number, kA: number, kB: number): TwoArms[] {
  return Array.from({ length: n }, () => {
    const rate = rng.next() < 0.6 ? 0.95 : 0.3 + 0.5 * rng.next();
    const draw = (k: number): number => {
      let x = 0;
      for (let i = 0; i < k; i++) if (rng.next() < rate) x++;
      return x;
    };
    return { xA: draw(kA), kA, xB: draw(kB), kB };
  });
}

describe('additivePermutation', () => {
  test('when nothing changed, p is at most as small as it says: two statistics and a tag, uneven trials', () => {
    const rng = new Mt19937(1);
    const worlds = 300;
    const ps: number[] = [];
    for (let w = 0; w < worlds; w++) {
      const strata = null_(rng, 24, 5, 3);
      const tag = meanOf(strata, 0.3);
      const family = additivePermutation(
        strata,
        [
          meanOf(strata, 0.4),
          squaresOf(strata, 0.3),
          { ...tag, scores: tag.scores.map((s, i) => (i % 3 === 0 ? s : undefined)) },
        ],
        { seed: w + 1, replicates: 199 },
      );
      ps.push(family.less.globalP);
    }
    // Binomial upper limits at 3.1 standard errors.
    for (const level of [0.05, 0.1, 0.2, 0.5]) {
      const seen = ps.filter((p) => p <= level).length / worlds;
      expect(seen).toBeLessThanOrEqual(level + 3.1 * Math.sqrt((level * (1 - level)) / worlds));
    }
  });

  test('the mean alone is the exact stratified test, up to the noise of its replicates', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.constantFrom(1, 2, 3), (seed, k) => {
        const strata = null_(new Mt19937(seed), 20, k, k);
        const { less, greater } = additivePermutation(strata, [meanOf(strata)], { seed, replicates: 2999 });
        const exact = stratifiedExact(strata);
        for (const [p, of] of [
          [exact.pLess, less],
          [exact.pGreater, greater],
        ] as const)
          expect(Math.abs(of.globalP - p)).toBeLessThan(4.5 * Math.sqrt((p * (1 - p)) / 3000) + 2 / 3000);
      }),
      { numRuns: 25, seed: 20260315 },
    );
  });

  test('cases of one unit are exchanged whole: eight groups that all fell give p near 1 in 256, not 1 in 2^40', () => {
    const strata = Array.from({ length: 40 }, () => ({ xA: 1, kA: 1, xB: 0, kB: 1 }));
    const units = Int32Array.from(strata, (_, i) => Math.floor(i / 5));
    const grouped = additivePermutation(strata, [meanOf(strata)], { seed: 5, replicates: 9999, units });
    expect(grouped.less.globalP).toBeGreaterThan(0.0025);
    expect(grouped.less.globalP).toBeLessThan(0.0055);
    const single = additivePermutation(strata, [meanOf(strata)], { seed: 5, replicates: 9999 });
    expect(single.less.globalP).toBe(1 / 10_000);
  });

  test('groups that share a mood in each arm are no false alarm when they are units', () => {
    const rng = new Mt19937(9);
    const worlds = 200;
    let whole = 0;
    let alone = 0;
    for (let w = 0; w < worlds; w++) {
      // Ten groups of six cases: the whole group passes or fails, in each arm by a draw of its own.
      const moods = Array.from(
        { length: 10 },
        () => [rng.next() < 0.8 ? 1 : 0, rng.next() < 0.8 ? 1 : 0] as const,
      );
      const strata = moods.flatMap(([xA, xB]) => Array.from({ length: 6 }, () => ({ xA, kA: 1, xB, kB: 1 })));
      const units = Int32Array.from(strata, (_, i) => Math.floor(i / 6));
      const options = { seed: w + 1, replicates: 199 };
      if (additivePermutation(strata, [meanOf(strata)], { ...options, units }).less.globalP <= 0.05) whole++;
      if (additivePermutation(strata, [meanOf(strata)], options).less.globalP <= 0.05) alone++;
    }
    expect(whole / worlds).toBeLessThanOrEqual(0.05 + 3.1 * Math.sqrt(0.0475 / worlds));
    expect(alone / worlds).toBeGreaterThan(0.1);
  });

  test('one seed, one answer; the direction of improvement has its own family', () => {
    const strata = null_(new Mt19937(21), 30, 3, 3);
    const statistics = [meanOf(strata, 0.5), squaresOf(strata, 0.5)];
    const options = { seed: 4, replicates: 499 };
    const both = additiveFamilies(strata, statistics, options, { statistics: [0], weights: [1] });
    expect(additiveFamilies(strata, statistics, options, { statistics: [0], weights: [1] })).toEqual(both);
    const plain = additivePermutation(strata, statistics, options);
    expect(both.less).toEqual(plain.less);
    expect(both.greater.adjusted).toEqual([
      additivePermutation(strata, [meanOf(strata)], options).greater.globalP,
    ]);
  });

  test('where nothing can be exchanged, nothing is shown', () => {
    const strata = Array.from({ length: 6 }, () => ({ xA: 3, kA: 3, xB: 3, kB: 3 }));
    const { less, greater } = additivePermutation(strata, [meanOf(strata)], { seed: 1, replicates: 99 });
    expect([less.globalP, greater.globalP]).toEqual([1, 1]);
  });
});
