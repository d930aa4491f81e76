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

function pacer(concurrency: number) {
  const time = new TestTime();
  const slower: string[] = [];
  const paced = new Pacer({
    concurrency,
    clock: time,
    timers: time,
    onSlower: (from, to) => slower.push(`${from} to ${to}`),
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
  return { time, call, starts, slower, state };
}

describe('the pace of a judge', () => {
  it('halves when its service refuses for load, and says so once', async () => {
    const { time, call, slower, state } = pacer(8);
    await time.until(Promise.all(Array.from({ length: 8 }, () => call(REFUSED))));
    expect(state.most).toBe(8);
    state.most = 0;
    await time.until(Promise.all(Array.from({ length: 8 }, () => call(REFUSED))));
    expect(state.most).toBe(4);
    state.most = 0;
    await time.until(Promise.all(Array.from({ length: 40 }, () => call({ kind: 'answered' }))));
    expect(state.most).toBe(8);
    expect(slower).toEqual(['8 to 4']);
  });

  it('waits for the window of a service that says none are left, without holding a slot', async () => {
    const { time, call, starts } = pacer(1);
    await time.until(
      call({ kind: 'answered', rateLimit: { remainingRequests: 0, limitRequests: 50, resetMs: 5_000 } }),
    );
    await time.until(call({ kind: 'answered' }));
    expect(starts).toEqual([0, 5_010]);
  });

  it('leaves a service alone that refuses even single calls', async () => {
    const { time, call, starts } = pacer(1);
    await time.until(call({ ...REFUSED, retryAfterMs: 20_000 }));
    await time.until(call({ kind: 'answered' }));
    expect(starts[1]).toBeGreaterThanOrEqual(20_000);
  });

  it('does not slow down for an account that is empty', async () => {
    const { time, call, slower } = pacer(4);
    await time.until(call({ ...REFUSED, code: 'quota', fatal: true }));
    expect(slower).toEqual([]);
  });

  it('is not waited for once the run is cut off', async () => {
    const { time, call, starts } = pacer(1);
    await time.until(call({ kind: 'answered', rateLimit: { remainingTokens: 0, resetMs: 50_000 } }));
    const stop = new AbortController();
    time.after(100, () => stop.abort());
    await time.until(call({ kind: 'answered' }, stop.signal));
    expect(starts[1]).toBe(110);
  });
});
