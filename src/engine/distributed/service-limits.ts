// What one worker's replies say of a service's limits, for all workers: the refill rate of requests and tokens, and how long it is left alone.

import type { RateLimitHint } from '../../core/index.ts';
import type { RunTaking } from '../../core/shared-run.ts';
import { leastLevel, meanTokens } from '../../run/call-rate.ts';
import { LONGEST_RETRY_AFTER_MS } from '../../run/index.ts';
import { type ThrottledReply, tokensOf } from '../../run/throttle.ts';

/** A service that asks for a longer wait is left alone by every worker. Shorter ones are the pace's business. */
const LONG_WAIT_MS = 2000;
/** A rate that differs by less is the one that is known. */
const SAME_RATE = 0.02;
/** Below this share of use the service allows more than the pace that is kept. */
const HARDLY_USED = 0.25;

interface Known {
  perSecond: number | null;
  tokensPerCall: number | null;
}

export class ServiceLimits {
  readonly #taking: Pick<RunTaking, 'limited'>;
  readonly #known = new Map<string, Known>();

  constructor(taking: Pick<RunTaking, 'limited'>) {
    this.#taking = taking;
  }

  /** Tells the database what this reply says, where that is news. */
  follow(service: string, reply: ThrottledReply): void {
    const known = this.#of(service);
    if (reply.kind !== 'failed') known.tokensPerCall = meanTokens(known.tokensPerCall, tokensOf(reply.usage));
    const perSecond = reply.rateLimit === undefined ? null : newRate(known, reply.rateLimit);
    const asked = reply.kind === 'failed' && reply.httpStatus === 429 ? (reply.retryAfterMs ?? 0) : 0;
    if (perSecond === null && asked < LONG_WAIT_MS) return;
    if (perSecond !== null) known.perSecond = perSecond === 'none' ? null : perSecond;
    const pauseMs = asked < LONG_WAIT_MS ? 0 : Math.min(asked, LONGEST_RETRY_AFTER_MS);
    this.#taking.limited({ service, perSecond, pauseMs }).catch(() => {
      // The next question meets the same database, and is heard.
    });
  }

  #of(service: string): Known {
    let known = this.#known.get(service);
    if (known === undefined) {
      known = { perSecond: null, tokensPerCall: null };
      this.#known.set(service, known);
    }
    return known;
  }
}

/** Calls a second that the headers allow where that is not known yet; null = nothing new. */
function newRate({ perSecond, tokensPerCall }: Known, hint: RateLimitHint): number | 'none' | null {
  const level = leastLevel(hint, tokensPerCall);
  if (level === null) return null;
  if (level.refill === null) return perSecond !== null && level.used < HARDLY_USED ? 'none' : null;
  const same = perSecond !== null && Math.abs(level.refill - perSecond) <= SAME_RATE * perSecond;
  return same ? null : level.refill;
}
