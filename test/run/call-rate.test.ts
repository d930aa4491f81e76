// Pacing to a service's rate limit: close to all that it allows, few refusals, with and without headers, whatever the latency.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallRate } from '../../src/run/call-rate.ts';
import { type LimitedService, play } from './limited-service.ts';

/** Mulberry32: small, seeded. */
function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const worlds: [string, LimitedService][] = [5, 20].flatMap((perSecond) =>
  [8, 64].flatMap((concurrency) =>
    (
      [
        ['no headers', null],
        ['headers in ms', 1],
        ['headers in whole seconds', 1000],
      ] as const
    ).flatMap(([headers, headersMs]) =>
      (
        [
          ['a bucket of one second', perSecond, undefined],
          ['a bucket of a minute, nearly empty', 60 * perSecond, 3],
        ] as const
      ).flatMap(([size, bucket, filled]) =>
        [20, 300, 1500].map((latencyMs): [string, LimitedService] => [
          `${perSecond}/s, ${concurrency} at once, ${headers}, ${size}, ${latencyMs} ms`,
          {
            perSecond,
            concurrency,
            headersMs,
            bucket,
            ...(filled === undefined ? {} : { filled }),
            latencyMs,
            refusalMs: 5,
            seconds: 60,
          },
        ]),
      ),
    ),
  ),
);

describe('a service that takes so many calls a second', () => {
  it.each(worlds)('%s', (_, service) => {
    const { share, refused } = play(service, seeded(7));
    expect(share).toBeGreaterThanOrEqual(0.92);
    expect(refused).toBeLessThanOrEqual(0.1);
  });

  it('law: any limit, bucket and latency leaves the calls near the limit', () => {
    fc.assert(
      fc.property(
        fc.record({
          perSecond: fc.integer({ min: 2, max: 30 }),
          seconds: fc.constant(90),
          concurrency: fc.integer({ min: 8, max: 64 }),
          latencyMs: fc.integer({ min: 10, max: 1500 }),
          headersMs: fc.constantFrom(null, 1, 1000),
          seed: fc.nat(),
        }),
        ({ seed, ...world }) => {
          const { perSecond } = world;
          const bucket = Math.max(2, perSecond);
          const { share, refused } = play({ ...world, bucket, refusalMs: 5 }, seeded(seed));
          expect(share).toBeGreaterThan(0.85);
          expect(refused).toBeLessThan(0.16);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is used up on a machine that stands still now and then', () => {
    for (const perSecond of [5, 20])
      for (const latencyMs of [20, 1500])
        for (const seed of [1, 2, 3, 4]) {
          const world = { perSecond, latencyMs, bucket: 60 * perSecond, filled: perSecond, concurrency: 64 };
          const service = { ...world, refusalMs: 5, headersMs: null, seconds: 60, stalls: 0.004 };
          const { share, refused } = play(service, seeded(seed));
          expect(share).toBeGreaterThan(0.9);
          expect(refused).toBeLessThan(0.2);
        }
  });

  it('that refuses a twentieth of the calls at any rate is not slowed to a crawl', () => {
    for (const concurrency of [8, 64]) {
      const shares = [1, 2, 3, 4, 5].map(
        (seed) =>
          play(
            {
              perSecond: 1,
              bucket: 1,
              refusedAtRandom: 0.05,
              latencyMs: 300,
              refusalMs: 20,
              headersMs: null,
              concurrency,
              seconds: 30,
            },
            seeded(seed),
          ).share,
      );
      expect(Math.min(...shares)).toBeGreaterThan(0.4);
    }
  });

  it('is met by a few calls first, and not by all at once', () => {
    const world = { perSecond: 1e6, bucket: 1e6, latencyMs: 60_000, refusalMs: 5, headersMs: null };
    const { starts } = play({ ...world, concurrency: 64, seconds: 10 }, seeded(1));
    expect(starts.filter((ms) => ms === 0)).toHaveLength(8);
    // Long before an answer: all are under way.
    expect(starts).toHaveLength(64);
    expect(starts.at(-1)).toBeLessThan(4000);
  });
});

describe('the headers', () => {
  const requests = (remaining: number, limit: number, fullInMs: number) => ({
    requests: { remaining, limit, fullInMs },
  });

  it('of a bucket that is half full stop nothing', () => {
    const rate = new CallRate();
    rate.accepted(rate.begin(0), requests(150, 300, 30_000), null, 100);
    for (let i = 0; i < 100; i++) {
      expect(rate.waitMs(100)).toBe(0);
      rate.begin(100);
    }
  });

  it('of an empty bucket pause for one call, not until the bucket is full', () => {
    const rate = new CallRate();
    rate.accepted(rate.begin(0), requests(0, 300, 60_000), null, 100);
    expect(rate.waitMs(100)).toBe(200);
    expect(rate.waitMs(300)).toBe(0);
  });

  it('pause for the dimension that is empty, by its own refill', () => {
    const rate = new CallRate();
    const hint = { ...requests(100, 300, 40_000), tokens: { remaining: 0, limit: 30_000, fullInMs: 60_000 } };
    // 500 tokens a second, 1,000 a call.
    rate.accepted(rate.begin(0), hint, 1000, 100);
    expect(rate.waitMs(100)).toBe(2000);
  });

  it.each([
    ['0 of 0', { requests: { remaining: 0, limit: 0, fullInMs: 30_000 } }],
    ['nothing left without a reset', { requests: { remaining: 0 } }],
    ['plenty', { requests: { remaining: 12, fullInMs: 30_000 } }],
  ])('that state no limit stop nothing: %s', (_, hint) => {
    const rate = new CallRate();
    rate.accepted(rate.begin(0), hint, null, 100);
    expect(rate.waitMs(100)).toBe(0);
  });
});
