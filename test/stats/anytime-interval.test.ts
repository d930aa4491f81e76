// Intervals that are read again and again: the true share is left out at any time in at most a part alpha of all cases, counted exactly.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anytimeShare } from '../../src/stats/anytime-interval.ts';

/** Probability that a reader after each of `n` observations ever sees an interval without the true share. */
function everOutside(p: number, n: number, alpha: number): number {
  let inside = [1];
  let outside = 0;
  for (let i = 1; i <= n; i++) {
    const next = Array.from(
      { length: i + 1 },
      (_, hits) => (inside[hits] ?? 0) * (1 - p) + (inside[hits - 1] ?? 0) * p,
    );
    for (const [hits, weight] of next.entries()) {
      if (weight < 1e-12) continue;
      const found = anytimeShare({ n: i, hits }, alpha);
      if (found !== null && found.lower <= p && p <= found.upper) continue;
      outside += weight;
      next[hits] = 0;
    }
    inside = next;
  }
  return outside;
}

it.each([
  [0.003, 0.05],
  [0.05, 0.05],
  [0.05, 0.2],
  [0.5, 0.1],
  [0.97, 0.05],
])('of a share of %f at alpha %f is wrong at any time in at most that part of all cases', (p, alpha) => {
  const wrong = everOutside(p, 120, alpha);
  expect(wrong).toBeLessThanOrEqual(alpha);
});

it('has the share that was seen inside, narrows, and is not known without observations', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, part) => {
      const hits = Math.round(n * part);
      const one = anytimeShare({ n, hits }, 0.025);
      const many = anytimeShare({ n: 100 * n, hits: 100 * hits }, 0.025);
      if (one === null || many === null) throw new Error('there are observations');
      expect(one.lower).toBeLessThanOrEqual(hits / n);
      expect(one.upper).toBeGreaterThanOrEqual(hits / n);
      expect(many.upper - many.lower).toBeLessThan(one.upper - one.lower);
      expect(one.lower >= 0 && one.upper <= 1).toBe(true);
    }),
    { numRuns: 50 },
  );
  expect(anytimeShare({ n: 0, hits: 0 }, 0.05)).toBeNull();
  // 5 million answers, as a rollout of days may have.
  expect(anytimeShare({ n: 5e6, hits: 5000 }, 0.025)?.upper).toBeCloseTo(0.001067, 5);
});
