// The pace of a judge: its own lane, learnt from what its service refuses and says.

import { describe, expect, it } from 'vitest';
import type { Failure, RateLimitHint } from '../../src/core/index.ts';
import { Pacer } from '../../src/run/index.ts';
import { TestTime } from './test-time.ts';

type Reply = Failure | { readonly kind: 'answered'; readonly rateLimit?: RateLimitHint };

const REFUSED: Failure = {
  kind: 'failed',
  cause: 'infra_error',
  code: 'rate_limited',
  message: '429',
  httpStatus: 429,
  retryable: true,
  fatal: false,
  latencyMs: 1,
};
const NEVER = new AbortController().signal;

function pacer(concurrency: number, outageMs = 300_000) {
  const time = new TestTime();
  const said: string[] = [];
  const paced = new Pacer({
    concurrency,
    outageMs,
    clock: time,
    timers: time,
    onLimit: () => said.push('limited'),
    onOutage: (message) => said.push(`down: ${message}`),
  });
  const startMs = time.ms;
  const starts: number[] = [];
  const state = { inFlight: 0, most: 0 };
  const call = (reply: Reply, signal: AbortSignal = NEVER): Promise<Reply> =>
    paced.run<Reply>(() => {
      starts.push(time.ms - startMs);
      state.most = Math.max(state.most, ++state.inFlight);
      return new Promise((resolve) => {
        time.after(10, () => {
          state.inFlight--;
          resolve(reply);
        });
      });
    }, signal);
  return { time, paced, call, starts, said, state };
}

describe('the pace of a judge', () => {
  it('falls when its service refuses for load, and says so once', async () => {
    const { time, call, said, starts } = pacer(8);
    await time.until(Promise.all(Array.from({ length: 8 }, () => call(REFUSED))));
    const before = starts.length;
    await time.until(Promise.all(Array.from({ length: 8 }, () => call(REFUSED))));
    expect((starts.at(-1) as number) - (starts[before] as number)).toBeGreaterThan(1000);
    expect(said).toEqual(['limited']);
  });

  it('is that at which a limit refills of which none are left, without holding a slot', async () => {
    const { time, call, starts } = pacer(1);
    await time.until(
      call({ kind: 'answered', rateLimit: { requests: { remaining: 0, limit: 50, fullInMs: 5_000 } } }),
    );
    await time.until(call({ kind: 'answered' }));
    expect(starts).toEqual([0, 110]);
  });

  it('waits for a service that is down, one call trying it at a time, and says when that takes too long', async () => {
    const { time, paced, call, said, starts } = pacer(4, 60_000);
    const down: Failure = {
      ...REFUSED,
      code: 'connection',
      httpStatus: undefined,
      message: 'gone',
      unreached: true,
    };
    const first = await time.until(Promise.all(Array.from({ length: 4 }, () => call({ ...down }))));
    expect(first.map((reply) => paced.verdictOn(reply))).toEqual(['fine', 'fine', 'down', 'down']);
    expect(said).toEqual(['down: gone']);
    const before = starts.length;
    const next = await time.until(Promise.all(Array.from({ length: 9 }, () => call({ ...down }))));
    const tries = starts.slice(before);
    expect(tries.slice(1).every((ms, i) => ms - (tries[i] as number) >= 500)).toBe(true);
    expect(next.map((reply) => paced.verdictOn(reply)).at(-1)).toBe('over');
    await time.until(Promise.all([call({ kind: 'answered' }), call({ kind: 'answered' })]));
    const up = starts.length;
    await time.until(Promise.all([call({ kind: 'answered' }), call({ kind: 'answered' })]));
    expect(starts[up]).toBe(starts[up + 1]);
  });

  it('leaves a service alone that refuses even single calls', async () => {
    const { time, call, starts } = pacer(1);
    await time.until(call({ ...REFUSED, retryAfterMs: 20_000 }));
    await time.until(call({ kind: 'answered' }));
    expect(starts[1]).toBeGreaterThanOrEqual(20_000);
  });

  it('does not slow down for an account that is empty', async () => {
    const { time, call, said } = pacer(4);
    await time.until(call({ ...REFUSED, code: 'quota', fatal: true }));
    expect(said).toEqual([]);
  });

  it('is not waited for once the run is cut off', async () => {
    const { time, call, starts } = pacer(1);
    await time.until(
      call({ kind: 'answered', rateLimit: { tokens: { remaining: 0, limit: 10, fullInMs: 50_000 } } }),
    );
    const stop = new AbortController();
    time.after(100, () => stop.abort());
    await time.until(call({ kind: 'answered' }, stop.signal));
    expect(starts[1]).toBe(110);
  });
});
