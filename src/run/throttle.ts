// When the next call to one service may start: its rate, its pauses, its outages, and the calls in flight.

import { type Failure, layerText, type RateLimitHint, type Release, type Usage } from '../core/index.ts';
import { LONGEST_RETRY_AFTER_MS } from './backoff.ts';
import { CallRate } from './call-rate.ts';
import { isDown, Outage } from './outage.ts';
import { isRefusal } from './overload.ts';

/** Calls at once with which a run begins; each answer and each moment adds some, so that a low limit is not met by a crowd. */
const FIRST_CALLS = 8;
/** Added in the first second; doubles with each further one. */
const ADDED = 10;
/** Without a word from the service: the pause after which a refused single call is tried again. */
const PAUSE_MS = 500;

/** A service that asks for a wait of this length or more is left alone by all calls. */
const LONG_WAIT_MS = 2000;

/** What a throttle reads of a reply. */
export type ThrottledReply =
  | Failure
  | {
      readonly kind: 'answered' | 'embedded';
      readonly rateLimit?: RateLimitHint | undefined;
      readonly usage?: Usage | null | undefined;
    };

export interface ThrottledCall {
  readonly number: number;
  /** false = it has its turn, and waits for limits outside this process. */
  begun: boolean;
}

/** What a reply meant for the service: `refused` and `down` calls are to be tried again later, `over` means that the outage lasts too long. */
export type Verdict = 'fine' | 'refused' | 'down' | 'over';

export class Throttle {
  readonly outage: Outage;
  private readonly rate = new CallRate();
  private readonly cap: number;
  private readonly paced: boolean;
  private inFlight = 0;
  private answered = 0;
  private firstMs: number | null = null;
  /** Since when every call has been refused for load. */
  private refusedSinceMs: number | null = null;
  private readonly outageMs: number;
  private pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** Whether the reader knows that the service limits the rate. */
  warned = false;

  /** `paced` false: limits outside this process keep the pace; nothing is learnt from refusals here. */
  constructor(cap: number, outageMs: number, paced = true) {
    this.cap = cap;
    this.paced = paced;
    this.outageMs = outageMs;
    this.outage = new Outage(outageMs);
  }

  /** Calls a second that the service is asked for; null = no limit is known. */
  get perSecond(): number | null {
    return this.rate.perSecond;
  }

  /** Milliseconds until a call may start: 0 = now, Infinity = not before a call in flight has ended. */
  waitMs(nowMs: number): number {
    if (this.inFlight >= this.cap) return Number.POSITIVE_INFINITY;
    const waits = Math.max(this.outage.waitMs(nowMs), this.pausedUntilMs - nowMs, this.rampMs(nowMs));
    return waits > 0 || !this.paced ? Math.max(0, waits) : this.rate.waitMs(nowMs);
  }

  /** A call starts. `turn`: what `reserve` gave for it. */
  begin(nowMs: number, turn: ThrottledCall | null = null): ThrottledCall {
    const call = turn ?? this.reserve(nowMs);
    call.begun = true;
    this.rate.started(call.number, nowMs);
    return call;
  }

  /** A call takes its turn, and waits then for limits outside this process. */
  reserve(nowMs: number): ThrottledCall {
    this.firstMs ??= nowMs;
    this.inFlight++;
    this.outage.begin();
    return { number: this.rate.begin(nowMs), begun: false };
  }

  /** What was reserved is not used. */
  unused({ number }: ThrottledCall): void {
    this.inFlight--;
    this.outage.cut();
    this.rate.unused(number);
  }

  /** A call has ended. `trial` tells calls for one thing from calls for another; `open`: how many things there are to call for. */
  end(
    call: ThrottledCall,
    reply: ThrottledReply,
    nowMs: number,
    about: { readonly trial: unknown; readonly open: number; readonly cut: boolean },
  ): Verdict {
    this.inFlight--;
    if (about.cut) {
      this.outage.cut();
      return 'fine';
    }
    if (reply.kind !== 'failed') {
      this.answered++;
      this.refusedSinceMs = null;
      this.outage.up(nowMs);
      this.rate.accepted(call.number, reply.rateLimit, tokensOf(reply.usage), nowMs);
      return 'fine';
    }
    if (isDown(reply)) return DOWN[this.outage.down(reply, about.trial, about.open, nowMs)];
    this.outage.up(nowMs);
    if (!isRefusal(reply)) {
      this.refusedSinceMs = null;
      this.rate.accepted(call.number, reply.rateLimit, null, nowMs);
      return 'fine';
    }
    this.refusedSinceMs ??= nowMs;
    const hopeless = this.rate.refused(call.number, nowMs, reply.rateLimit);
    // Short waits are asked of every refused call, often rounded up to a second: the pace is better informed.
    const asked = (reply.retryAfterMs ?? 0) >= LONG_WAIT_MS && this.inFlight === 0;
    if ((hopeless && this.paced) || asked) this.pause(nowMs + pauseAfter(reply));
    return nowMs - this.refusedSinceMs >= this.outageMs ? 'over' : 'refused';
  }

  /** Since when nothing has been accepted, because the service is down or refuses all calls for load; null = calls are accepted. */
  get stuckSinceMs(): number | null {
    return this.outage.sinceMs ?? this.refusedSinceMs;
  }

  /** Starts nothing until then. */
  private pause(untilMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, untilMs);
  }

  /** Until there is room for one more call at once while the run is young. */
  private rampMs(nowMs: number): number {
    if (this.firstMs === null || this.rate.perSecond !== null) return 0;
    const over = this.inFlight + 1 - FIRST_CALLS - this.answered;
    if (over <= 0) return 0;
    return this.firstMs + 1000 * Math.log2(1 + over / ADDED) - nowMs;
  }
}

const DOWN = { up: 'fine', down: 'down', over: 'over' } as const;

/** How long a service that refuses one call after the other is left alone. Not until the limit is full again: one call fits long before. */
function pauseAfter({ retryAfterMs }: Failure): number {
  return Math.min(LONGEST_RETRY_AFTER_MS, Math.max(PAUSE_MS, retryAfterMs ?? 0));
}

/** Tokens of a call, in and out; null = not stated. */
export function tokensOf(usage: Usage | null | undefined): number | null {
  if (usage?.inputTokens === undefined || usage.outputTokens === undefined) return null;
  return usage.inputTokens + usage.outputTokens;
}

/** A service counts per provider, key and model: arms that differ elsewhere share a throttle. */
export function throttleKey(release: Release, provider: string): string {
  const { route } = release.layers;
  const model = layerText(route, 'model') ?? release.layerHashes.route;
  return JSON.stringify([
    layerText(route, 'provider') ?? provider,
    route['base-url'] ?? null,
    release.paths['api-key-env'] ?? null,
    model,
  ]);
}
