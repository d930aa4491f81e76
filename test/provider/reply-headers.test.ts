import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationMs, rateLimitHint, retryAfterMs } from '../../src/provider/reply-headers.ts';

const NOON = new Date('2026-11-20T12:00:00Z');
const headers = (entries: Record<string, string>) => new Headers(entries);

test.each([
  ['1s', 1000],
  ['6m0s', 360_000],
  ['12ms', 12],
  ['1h2m3s', 3_723_000],
  ['1.5s', 1500],
  ['1m30.25s', 90_250],
  ['0s', 0],
])('the duration %s is %i ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test.each(['', 'soon', '2026-11-20T12:00:00Z', '12', '-1s', '1..2s'])('%j is no duration', (text) => {
  expect(durationMs(text)).toBeUndefined();
});

test('law: a duration written out in parts is the sum of its parts', () => {
  const part = fc.nat({ max: 999 });
  fc.assert(
    fc.property(part, part, part, part, (h, m, s, ms) => {
      expect(durationMs(`${h}h${m}m${s}s${ms}ms`)).toBe(h * 3_600_000 + m * 60_000 + s * 1000 + ms);
    }),
  );
});

test.each<[Record<string, string>, number | undefined]>([
  [{}, undefined],
  [{ 'retry-after': '' }, undefined],
  [{ 'retry-after': 'later' }, undefined],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': '1.5' }, 1500],
  [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
  [{ 'retry-after-ms': 'x', 'retry-after': '9' }, 9000],
  [{ 'retry-after': 'Fri, 20 Nov 2026 12:01:00 GMT' }, 60_000],
  [{ 'retry-after': 'Fri, 20 Nov 2026 11:00:00 GMT' }, 0],
  // The server's clock runs ten minutes ahead of ours: what counts is the distance it meant.
  [{ 'retry-after': 'Fri, 20 Nov 2026 12:11:00 GMT', date: 'Fri, 20 Nov 2026 12:10:00 GMT' }, 60_000],
])('%j asks to wait %s ms', (entries, ms) => {
  expect(retryAfterMs(headers(entries), NOON)).toBe(ms);
});

test('what Azure sends for "not told" is not told', () => {
  const azure = {
    'x-ratelimit-limit-requests': '-1',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-limit-tokens': '0',
    'x-ratelimit-remaining-tokens': '-1',
    'x-ratelimit-reset-tokens': '0s',
  };
  expect(rateLimitHint(headers(azure), NOON)).toBeUndefined();
  expect(rateLimitHint(headers({}), NOON)).toBeUndefined();
});

test('none left of a known limit is none left', () => {
  const hint = rateLimitHint(
    headers({
      'x-ratelimit-limit-requests': '500',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '2s',
    }),
    NOON,
  );
  expect(hint).toEqual({ requests: { remaining: 0, limit: 500, fullInMs: 2000 } });
});
