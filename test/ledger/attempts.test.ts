// Attempts written short where they follow from the trial, and in full where they do not.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/core/trial.ts';
import { packAttempts, unpackAttempts } from '../../src/ledger/model/attempts.ts';

const context = { latencyMs: 812.5, requestId: 'req_1' };
const plain: Attempt = {
  startedAt: '2026-03-15T02:00:01.250Z',
  latencyMs: 812.5,
  outcome: 'answered',
  httpStatus: 200,
  requestId: 'req_1',
};
const { httpStatus: _status, requestId: _request, ...bare } = plain;

describe('the attempts of a trial', () => {
  it.each<[string, readonly Attempt[], 'number' | 'string']>([
    ['the usual one', [plain], 'number'],
    ['one without status and request id', [bare], 'number'],
    ['none', [], 'number'],
    ['one at a time not in ISO form', [{ ...plain, startedAt: '2026-03-15T02:00:01Z' }], 'string'],
    ['one at no time at all', [{ ...plain, startedAt: 'soon' }], 'string'],
    ['one of another latency', [{ ...plain, latencyMs: 800 }], 'string'],
    ['one of another request', [{ ...plain, requestId: null }], 'string'],
    ['one with another status', [{ ...plain, httpStatus: 203 }], 'string'],
    ['one with a message', [{ ...plain, message: 'slow' }], 'string'],
    ['one that failed', [{ ...plain, outcome: 'rate_limited' }], 'string'],
    ['two', [{ ...plain, outcome: 'rate_limited', httpStatus: 429 }, plain], 'string'],
  ])('come back when there is %s', (_what, attempts, written) => {
    const stored = packAttempts(attempts, context);
    expect(typeof stored.code).toBe(written);
    expect(unpackAttempts(stored, context)).toEqual(attempts);
  });

  it.each<[string, Attempt, 'number' | 'string']>([
    ['whole milliseconds', { ...bare, latencyMs: 12, requestId: null }, 'number'],
    ['none at all', { ...bare, latencyMs: 0, requestId: null }, 'number'],
    ['nearly a year', { ...plain, latencyMs: 3e10, requestId: null }, 'number'],
    ['parts of milliseconds', { ...bare, latencyMs: 0.25, requestId: null }, 'string'],
  ])('come back where the answer was recorded and the attempt took %s', (_what, attempt, written) => {
    const recorded = { latencyMs: null, requestId: null };
    const stored = packAttempts([attempt], recorded);
    expect(typeof stored.code).toBe(written);
    expect(unpackAttempts(stored, recorded)).toEqual([attempt]);
  });

  it('begin when they began, in whatever order they are written, or keep their own words', () => {
    const near = fc.integer({ min: -90_000, max: 90_000 });
    const anyTime = fc.date({ noInvalidDate: true }).map((date) => date.getTime());
    const odd = fc.constantFrom(
      '2026-03-15T02:00:61.000Z',
      '2026-02-31T02:00:01.000Z',
      '2026-03-15T02:00:01.25Z',
    );
    fc.assert(
      fc.property(anyTime, fc.array(fc.oneof(near, odd), { minLength: 1, maxLength: 8 }), (base, steps) => {
        for (const step of steps) {
          if (typeof step === 'string') {
            const stored = packAttempts([{ ...plain, startedAt: step }], context);
            expect(stored.startedMs).toBeNull();
            continue;
          }
          const at = new Date(base + step);
          if (Number.isNaN(at.getTime())) continue;
          const attempt = { ...plain, startedAt: at.toISOString() };
          const stored = packAttempts([attempt], context);
          expect(stored.startedMs).toBe(at.getTime());
          expect(unpackAttempts(stored, context)).toEqual([attempt]);
        }
      }),
    );
  });
});
