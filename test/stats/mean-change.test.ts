// The change of a mean pass rate: its interval covers, its sizes hold, and suites that never vary decide on one or two trials a case.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TwoArms } from '../../src/stats/fisher.ts';
import { caseRatePrior, MeanChange, rateAtLeast } from '../../src/stats/mean-change.ts';
import { Mt19937 } from '../../src/stats/rng.ts';
import { estimateRunVariance, runDifference } from '../../src/stats/run-variance.ts';
import { stratifiedExact } from '../../src/stats/stratified-exact.ts';

const stratum = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5 })).chain(([kA, kB]) =>
  fc.record({
    xA: fc.integer({ min: 0, max: kA }),
    kA: fc.constant(kA),
    xB: fc.integer({ min: 0, max: kB }),
    kB: fc.constant(kB),
  }),
);
const suite = fc.array(stratum, { minLength: 1, maxLength: 30 });
const RUNS = { numRuns: 60, seed: 20260315 };

/** Passes of `k` trials at this rate. */
function passes(k: number, rate: number, rng: Mt19937): number {
  let x = 0;
  for (let i = 0; i < k; i++) if (rng.next() < rate) x++;
  return x;
}

/** A suite as most are: half of the cases always pass, a third nearly always, the rest sometimes. */
function typicalRates(n: number, rng: Mt19937): number[] {
  return Array.from({ length: n }, () => {
    const kind = rng.next();
    return kind < 0.55 ? 1 : kind < 0.85 ? 0.8 + 0.2 * rng.next() : 0.3 + 0.6 * rng.next();
  });
}

function drawn(before: readonly number[], after: readonly number[], kA: number, kB: number, rng: Mt19937) {
  return before.map(
    (p, i): TwoArms => ({
      xA: passes(kA, p, rng),
      kA,
      xB: passes(kB, after[i] ?? p, rng),
      kB,
    }),
  );
}

const sessions = runDifference(estimateRunVariance([], 0.06), 0, [0]);

describe('MeanChange', () => {
  test('the less a change is asked to be, the less it is refuted; the interval holds the observed change', () => {
    fc.assert(
      fc.property(suite, fc.boolean(), (strata, apart) => {
        const change = new MeanChange(strata, apart ? sessions : null);
        const grid = Array.from({ length: 41 }, (_, i) => -1 + i / 20);
        for (const [i, d] of grid.entries()) {
          const before = grid[i - 1];
          if (before === undefined) continue;
          if (before >= change.delta)
            expect(change.pAtLeast(d)).toBeLessThanOrEqual(change.pAtLeast(before) + 1e-9);
          if (d <= change.delta)
            expect(change.pAtMost(d)).toBeGreaterThanOrEqual(change.pAtMost(before) - 1e-9);
        }
        for (const level of [0.005, 0.05, 0.2]) {
          expect(change.lower(level)).toBeLessThanOrEqual(change.delta + 1e-9);
          expect(change.upper(level)).toBeGreaterThanOrEqual(change.delta - 1e-9);
        }
        expect(change.lower(0.01)).toBeLessThanOrEqual(change.lower(0.1) + 1e-9);
        expect(change.upper(0.01)).toBeGreaterThanOrEqual(change.upper(0.1) - 1e-9);
      }),
      RUNS,
    );
  });

  test('noise between runs only widens the interval', () => {
    fc.assert(
      fc.property(suite, (strata) => {
        const together = new MeanChange(strata);
        const apart = new MeanChange(strata, sessions);
        expect(apart.lower(0.05)).toBeLessThanOrEqual(together.lower(0.05) + 1e-9);
        expect(apart.upper(0.05)).toBeGreaterThanOrEqual(together.upper(0.05) - 1e-9);
      }),
      RUNS,
    );
  });

  test('the order of the cases does not matter', () => {
    fc.assert(
      fc.property(suite, (strata) => {
        const there = new MeanChange(strata);
        const back = new MeanChange([...strata].reverse());
        expect(back.delta).toBeCloseTo(there.delta, 12);
        expect(back.lower(0.05)).toBeCloseTo(there.lower(0.05), 9);
        expect(back.upper(0.05)).toBeCloseTo(there.upper(0.05), 9);
      }),
      RUNS,
    );
  });

  test.each([
    ['nothing changed', 0],
    ['a drop of a tenth', 0.1],
  ])('its bounds miss the truth one time in twenty at most: %s', (_name, drop) => {
    const rng = new Mt19937(7);
    let below = 0;
    let above = 0;
    const worlds = 300;
    for (let w = 0; w < worlds; w++) {
      const before = typicalRates(42, rng);
      const after = before.map((p) => (1 - drop) * p);
      const truth = after.reduce((s, p, i) => s + p - (before[i] ?? 0), 0) / before.length;
      const change = new MeanChange(drawn(before, after, 3, 3, rng));
      if (truth < change.lower(0.05)) below++;
      if (truth > change.upper(0.05)) above++;
    }
    // P(Bin(300, .05) > 25) < 0.005.
    expect(below).toBeLessThanOrEqual(25);
    expect(above).toBeLessThanOrEqual(25);
  });

  test('answers that are always the same decide on two trials a case: 38 cases, no flip, inside ±5 points', () => {
    const still = (passing: number): TwoArms[] =>
      Array.from({ length: 38 }, (_, i) => ({
        xA: i < passing ? 2 : 0,
        kA: 2,
        xB: i < passing ? 2 : 0,
        kB: 2,
      }));
    for (const passing of [38, 35]) {
      const change = new MeanChange(still(passing));
      expect(change.delta).toBe(0);
      expect(change.lower(0.05)).toBeGreaterThan(-0.05);
      expect(change.upper(0.05)).toBeLessThan(0.05);
    }
  });

  test('no flip is not certainty: with few trials the interval keeps its width', () => {
    const few = new MeanChange(Array.from({ length: 10 }, () => ({ xA: 1, kA: 1, xB: 1, kB: 1 })));
    expect(few.lower(0.05)).toBeLessThan(-0.1);
  });

  test('a printed size is one that the test shows 4 times in 5, also where no case ever varied', () => {
    const rng = new Mt19937(11);
    for (const [n, k, level] of [
      [60, 1, 0.0075],
      [38, 2, 0.03],
      [60, 3, 0.03],
    ] as const) {
      const still = Array.from({ length: n }, () => ({ xA: k, kA: k, xB: k, kB: k }));
      const size = new MeanChange(still).detectable(level, 0.8) ?? 1;
      let shown = 0;
      const worlds = 200;
      for (let w = 0; w < worlds; w++) {
        const strata = still.map((s) => ({ ...s, xB: passes(k, 1 - size, rng) }));
        if (stratifiedExact(strata).pLess <= level) shown++;
      }
      expect(shown / worlds).toBeGreaterThan(0.75);
      // And no size much smaller would do.
      expect(size).toBeLessThan(14 / (n * k));
    }
  });

  test('more trials show smaller drops; a size that nothing shows is null', () => {
    const rng = new Mt19937(3);
    const rates = typicalRates(42, rng);
    const change = new MeanChange(drawn(rates, rates, 3, 3, rng));
    const sizes = [1, 2, 4, 8, 16].map((k) => change.detectableWith(k, 0.03, 0.8) ?? 1);
    expect([...sizes].sort((a, b) => b - a)).toEqual(sizes);
    const two = [1, 2].map(() => ({ xA: 1, kA: 1, xB: 1, kB: 1 }));
    expect(new MeanChange(two).detectable(0.03, 0.8)).toBeNull();
  });

  test('"about N trials would settle it" grows with a smaller margin, and sessions can make any number too few', () => {
    const rng = new Mt19937(5);
    const rates = typicalRates(42, rng);
    const strata = drawn(rates, rates, 3, 3, rng);
    const change = new MeanChange(strata);
    const narrow = change.trialsFor(0.03, 0.05, 0.8, 200) ?? 201;
    expect(narrow).toBeGreaterThan(change.trialsFor(0.1, 0.05, 0.8, 200) ?? 201);
    const noisy = { weights: Float64Array.of(1), variances: Float64Array.of(0.01) };
    expect(new MeanChange(strata, noisy).trialsFor(0.03, 0.05, 0.8, 200)).toBeNull();
  });

  test('without a case there is no change to speak of', () => {
    expect(() => new MeanChange([])).toThrow(RangeError);
  });
});

describe('rateAtLeast', () => {
  const counted = (rates: readonly number[], k: number, rng: Mt19937) =>
    rates.map((p) => ({ x: passes(k, p, rng), k }));

  test.each([
    ['suite of 42, 3 trials', 42, 3],
    ['tag of 6, 5 trials', 6, 5],
  ])(
    'a true rate that is exactly the floor falls below it at p ≤ .05 one time in twenty at most: %s',
    (_name, n, k) => {
      const rng = new Mt19937(13);
      let refuted = 0;
      const worlds = 300;
      for (let w = 0; w < worlds; w++) {
        const rates = typicalRates(n, rng);
        const counts = counted(rates, k, rng);
        const limit = rates.reduce((s, p) => s + p, 0) / n;
        if (rateAtLeast(counts, limit, caseRatePrior(counts)) <= 0.05) refuted++;
      }
      expect(refuted).toBeLessThanOrEqual(25);
    },
  );

  test('a higher floor is refuted sooner, and the session of the run makes it later', () => {
    const rng = new Mt19937(17);
    const counts = counted(typicalRates(42, rng), 3, rng);
    const prior = caseRatePrior(counts);
    const seen = counts.reduce((s, { x, k }) => s + x / k, 0) / counts.length;
    const floors = [0.2, 0.5, 0.8, seen + 0.02, seen + 0.05].filter((f) => f < 1);
    const ps = floors.map((f) => rateAtLeast(counts, f, prior));
    expect([...ps].sort((a, b) => b - a)).toEqual(ps);
    const sure = rateAtLeast(counts, seen + 0.05, prior);
    expect(rateAtLeast(counts, seen + 0.05, prior, (s) => estimateRunVariance([], s))).toBeGreaterThan(sure);
  });

  test('a suite that fails outright is below any floor', () => {
    const counts = Array.from({ length: 20 }, () => ({ x: 0, k: 3 }));
    expect(rateAtLeast(counts, 0.9, caseRatePrior(counts))).toBeLessThan(1e-6);
  });
});
