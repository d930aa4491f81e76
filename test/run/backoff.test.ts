import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LONGEST_RETRY_AFTER_MS, retryDelayMs } from '../../src/run/index.ts';

const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the wait before a retry', () => {
  it('doubles from half a second to half a minute, its upper half drawn', () => {
    const between = (attempts: number): number[] =>
      [0, 0.999999].map((u) => Math.round(retryDelayMs(attempts, undefined, { next: () => u })));
    expect(between(1)).toEqual([250, 500]);
    expect(between(2)).toEqual([500, 1000]);
    expect(between(4)).toEqual([2000, 4000]);
    expect(between(9)).toEqual([15000, 30000]);
    expect(between(5000)).toEqual([15000, 30000]);
  });

  it('is never shorter than asked for nor longer than a minute and a tenth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ noNaN: true }), draw, (attempts, asked, u) => {
        const delay = retryDelayMs(attempts, asked, { next: () => u });
        expect(delay).toBeGreaterThanOrEqual(Math.min(asked, LONGEST_RETRY_AFTER_MS));
        expect(delay).toBeGreaterThanOrEqual(250);
        expect(delay).toBeLessThanOrEqual(1.1 * LONGEST_RETRY_AFTER_MS);
      }),
    );
  });
});
