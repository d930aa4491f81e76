// A service with a token bucket, in the test's own time: what it accepts, refuses and states in its headers.

import type { RateLimitHint } from '../../src/core/index.ts';
import { Throttle } from '../../src/run/throttle.ts';

export interface LimitedService {
  /** Refilled each second. */
  readonly perSecond: number;
  /** What fits into the full bucket. */
  readonly bucket: number;
  /** What is in it at the start; default: full. */
  readonly filled?: number;
  readonly latencyMs: number;
  readonly refusalMs: number;
  /** To which the headers round the time until full; null = no headers. */
  readonly headersMs: number | null;
  /** Instead of the bucket: this share of the calls is refused, at any rate. */
  readonly refusedAtRandom?: number;
  /** Chance at each event that everything stands still for up to 1.5 s, as on a busy machine. */
  readonly stalls?: number;
  readonly concurrency: number;
  readonly seconds: number;
}

export interface Played {
  /** Accepted calls ÷ what the limit and the concurrency allow in the time. */
  readonly share: number;
  /** Refused calls ÷ all calls. */
  readonly refused: number;
  /** When each call started, in ms. */
  readonly starts: readonly number[];
}

/** Calls as fast as the throttle lets through, for so many seconds. `random` in [0, 1). */
export function play(service: LimitedService, random: () => number): Played {
  const due: { readonly atMs: number; readonly run: () => void }[] = [];
  const after = (ms: number, run: () => void): void => void due.push({ atMs: nowMs + ms, run });
  const throttle = new Throttle(service.concurrency, 1e9);
  let nowMs = 0;
  let tokens = service.filled ?? service.bucket;
  let filledMs = 0;
  let accepted = 0;
  let refused = 0;
  let wakeMs = Number.POSITIVE_INFINITY;
  const starts: number[] = [];

  const arrive = (): { fits: boolean; rateLimit: RateLimitHint | undefined } => {
    tokens = Math.min(service.bucket, tokens + ((nowMs - filledMs) / 1000) * service.perSecond);
    filledMs = nowMs;
    const fits = service.refusedAtRandom === undefined ? tokens >= 1 : random() >= service.refusedAtRandom;
    if (fits && service.refusedAtRandom === undefined) tokens -= 1;
    const { headersMs } = service;
    if (headersMs === null) return { fits, rateLimit: undefined };
    const fullInMs = (1000 * (service.bucket - tokens)) / service.perSecond;
    const rounded = Math.ceil(fullInMs / headersMs) * headersMs;
    const requests = {
      ...{ remaining: Math.floor(tokens), limit: service.bucket, fullInMs: rounded },
      ...(headersMs >= 1000 ? { rounded: true as const } : {}),
    };
    return { fits, rateLimit: { requests } };
  };
  const pump = (): void => {
    for (;;) {
      const waitMs = throttle.waitMs(nowMs);
      if (waitMs > 0) {
        // Timers fire a little late.
        const atMs = nowMs + waitMs + 1.5 * random();
        if (waitMs < Number.POSITIVE_INFINITY && (wakeMs <= nowMs || atMs < wakeMs)) {
          wakeMs = atMs;
          after(atMs - nowMs, pump);
        }
        return;
      }
      const call = throttle.begin(nowMs);
      starts.push(nowMs);
      after(1, () => {
        const { fits, rateLimit } = arrive();
        after(fits ? service.latencyMs : service.refusalMs, () => {
          const about = { trial: call, open: service.concurrency, cut: false };
          if (fits) {
            accepted++;
            throttle.end(call, { kind: 'answered', rateLimit }, nowMs, about);
          } else {
            refused++;
            throttle.end(call, { ...REFUSAL, rateLimit }, nowMs, about);
          }
          pump();
        });
      });
    }
  };
  pump();
  const endMs = 1000 * service.seconds;
  while (due.length > 0) {
    let next = 0;
    for (let i = 1; i < due.length; i++) if ((due[i]?.atMs ?? 0) < (due[next]?.atMs ?? 0)) next = i;
    const [event] = due.splice(next, 1);
    if (event === undefined || event.atMs > endMs) break;
    nowMs = Math.max(nowMs, event.atMs);
    if (service.stalls !== undefined && random() < service.stalls) nowMs += 1500 * random();
    event.run();
  }
  const byConcurrency = service.concurrency / (service.latencyMs / 1000);
  const limit = service.refusedAtRandom === undefined ? service.perSecond : Number.POSITIVE_INFINITY;
  const allowed = service.seconds * Math.min(limit, byConcurrency);
  return { share: accepted / allowed, refused: refused / (accepted + refused), starts };
}

const REFUSAL = {
  kind: 'failed',
  cause: 'infra_error',
  code: 'rate_limited',
  message: '429',
  httpStatus: 429,
  retryable: true,
  fatal: false,
  latencyMs: 1,
} as const;
