// How many calls a second one service accepts, learnt from its refusals and from its rate limit headers.

import type { LimitLevel, RateLimitHint } from '../core/index.ts';

/** Aimed above the measured rate, so that the limit is used up: a small share of the calls is refused. */
const OVERSHOOT = 1.02;
/** A refusal lowers the pace at least by this factor; several of them, where no rate could be measured, by the steep one. */
const GENTLE = 0.97;
const STEEP = 0.5;
/** Growth for each accepted call that the pace held back. */
const GROWTH = 0.001;
/** Growth doubles after each so many calls without a refusal: the limit may be gone. */
const CALLS_PER_DOUBLING = 24;
const MOST_GROWTH = 0.1;
/** Growth for each round of accepted calls, of so many at least, while the pace is known to be too low. */
const CATCH_UP = 0.4;
const ROUND_CALLS = 3;
/** Calls a second below which the pace never falls. */
const SLOWEST = 1 / 30;
/** What it takes to measure a rate: at least so much time and so many accepted calls since a refusal. */
const MEASURED_MS = 1000;
const MEASURED_CALLS = 4;
/** Without a refusal for so many calls the accepted ones measure what was asked for, not the limit. */
const UNLIMITED_CALLS = 24;
/** After a refusal that took so long, many more calls are on their way: it counts at once. */
const SLOW_REFUSAL_MS = 1000;
/** A proven rate fades by this factor with each new measurement: limits change. */
const FADING = 0.99;
/** Weight of the newest call in the mean number of tokens. */
const NEWEST = 0.1;
const OUTCOMES = 32;
/** From this time until full on, rounding to whole seconds is no matter. */
const LONG_MS = 10_000;
/** Up to this one, a duration in whole seconds may have been rounded too. */
const SHORT_MS = 3000;
/** Refused calls in a row, each at a lower pace, after which only a pause is left. */
const HOPELESS = 5;

/** Calls begun after a refused one, which found the limit used up: what is accepted of them is what was refilled. All times are of starts. */
interface Window {
  readonly after: number;
  readonly sinceMs: number;
  untilMs: number;
  accepted: number;
  refused: number;
}

/** What the newest headers say of one limit, in calls. */
interface Room {
  /** Calls that still fitted when the service counted call `number`. */
  readonly calls: number;
  readonly number: number;
}

/**
 * Paces calls to what a service accepts. The limit is found by its refusals: what is accepted while others are refused *is* the refill
 * rate. Headers do better: calls start at once while there is room, and a limit that is used up gives its refill rate, `limit / time until
 * full`. A rate that was once proven is a floor for the pace, so that refusals that come at any rate do not bring it to a standstill.
 */
export class CallRate {
  /** Calls a second; null = no limit is known. */
  perSecond: number | null = null;
  private nextMs = Number.NEGATIVE_INFINITY;
  private begun = 0;
  private firstMs = 0;
  /** When the calls in flight began. */
  private readonly starts = new Map<number, number>();
  /** Calls up to this number had begun when the pace last fell: that they are refused says nothing about the new pace. */
  private loweredAt = 0;
  /** The same when it last rose by `CATCH_UP`. */
  private raisedAt = 0;
  /** How many calls had begun when the pace last held one back. */
  private heldAt = 0;
  /** Calls accepted since the last refusal. */
  private clean = 0;
  private refusedInARow = 0;
  /** Of the newest calls: true = refused. */
  private readonly outcomes: boolean[] = [];
  private window: Window | null = null;
  /** Whether the limit is still searched for from below. */
  private catchingUp = false;
  /** The highest rate that was accepted from a used-up limit; 0 = not known. */
  private proven = 0;
  private room: Room | null = null;
  /** Refill rate by the newest headers of a used-up limit, in calls a second. */
  private refill: number | null = null;
  private tokensPerCall: number | null = null;

  /** Milliseconds until the next call may start; 0 = now. */
  waitMs(nowMs: number): number {
    const room = this.roomLeft();
    if (room !== null && room >= 1) return 0;
    if (this.perSecond === null) {
      if (room === null || this.refill === null) return 0;
      this.limit(this.refill, nowMs);
    }
    const waitMs = Math.max(0, this.nextMs - nowMs);
    if (waitMs > 0) this.heldAt = this.begun;
    return waitMs;
  }

  /** A call starts; gives its number. */
  begin(nowMs: number): number {
    if (this.perSecond !== null) {
      const gapMs = 1000 / this.perSecond;
      // A timer that fires late must not lower the rate. Calls for which the headers state room do not use it up.
      this.nextMs = Math.min(Math.max(this.nextMs, nowMs - gapMs), nowMs) + gapMs;
    }
    if (this.begun === 0) this.firstMs = nowMs;
    this.starts.set(++this.begun, nowMs);
    return this.begun;
  }

  /** Call `number` starts only now. */
  started(number: number, nowMs: number): void {
    this.starts.set(number, nowMs);
  }

  unused(number: number): void {
    this.starts.delete(number);
  }

  /** The service refused call `number` for load. Gives true when it refuses one call after the other, so that only a pause is left. */
  refused(number: number, nowMs: number, hint: RateLimitHint | undefined): boolean {
    const startMs = this.end(number, true, hint);
    if (number <= this.loweredAt) return false;
    const unlimited = this.clean >= UNLIMITED_CALLS;
    this.clean = 0;
    this.refusedInARow++;
    if (this.window === null || unlimited)
      this.window = { after: number, sinceMs: startMs, untilMs: startMs, accepted: 0, refused: 0 };
    this.window.refused++;
    if (this.perSecond === null) this.enter(number, nowMs, nowMs - startMs, this.window);
    else this.lower(nowMs, this.window);
    return this.refusedInARow >= HOPELESS;
  }

  /** The service took call `number`. */
  accepted(number: number, hint: RateLimitHint | undefined, tokens: number | null, nowMs: number): void {
    this.tokensPerCall = meanTokens(this.tokensPerCall, tokens);
    const startMs = this.end(number, false, hint);
    this.refusedInARow = 0;
    this.clean++;
    if (this.window !== null && number > this.window.after) {
      this.window.accepted++;
      this.window.untilMs = Math.max(this.window.untilMs, startMs);
    }
    // Where the pace held nothing back, its calls say nothing about a faster one.
    if (this.perSecond === null || this.heldAt < number) return;
    if (this.catchingUp) {
      if (number < Math.max(this.raisedAt, this.loweredAt) + ROUND_CALLS) return;
      this.raisedAt = this.begun;
      this.setPace(this.perSecond * (1 + CATCH_UP), nowMs);
      return;
    }
    // A rate stated by headers needs no search: what it is too low by, the stated room makes up for.
    const doublings = this.refill === null ? Math.floor(this.clean / CALLS_PER_DOUBLING) : 0;
    this.setPace(this.perSecond * (1 + Math.min(MOST_GROWTH, GROWTH * 2 ** doublings)), nowMs);
  }

  /** A first refusal may be chance, or meant for what others send: the pace begins with headers, a measurement, or refusals in numbers. */
  private enter(number: number, nowMs: number, tookMs: number, window: Window): void {
    const measured = rateIn(window);
    const calls = window.accepted + window.refused;
    if (this.refill !== null) this.limit(this.refill, nowMs);
    else if (measured !== null) {
      this.window = null;
      this.prove(measured);
      if (window.refused >= 0.1 * calls) this.limit(measured * OVERSHOOT, nowMs);
    } else if (tookMs >= SLOW_REFUSAL_MS || (calls >= 6 && window.refused >= 0.6 * calls)) {
      // What had begun before the first refusal fitted: a first guess, too high where the limit allows bursts.
      const seconds = Math.max(1, (nowMs - this.firstMs) / 1000);
      this.limit(Math.max(1, number - window.refused) / seconds, nowMs);
      this.catchingUp = true;
    }
  }

  private lower(nowMs: number, window: Window): void {
    const pace = this.perSecond as number;
    const measured = rateIn(window);
    if (measured !== null) {
      this.window = null;
      this.prove(measured);
    }
    const known = this.refill ?? (measured === null ? null : measured * OVERSHOOT);
    let next: number;
    if (known !== null) {
      this.catchingUp = false;
      // A measurement may have met a moment in which this process, or the service, stood still.
      next = Math.min(GENTLE * pace, Math.max(STEEP * pace, known));
    } else if (this.refusedInARow >= 3 || (this.catchingUp && this.refusedOf(8) >= 3)) {
      this.catchingUp = true;
      this.proven = 0;
      next = STEEP * pace;
    } else if (this.catchingUp || this.refusedOf(OUTCOMES) < 2) return;
    else next = GENTLE * pace;
    // Above that share the limit itself has fallen.
    if (this.refusedOf(OUTCOMES) > 0.3 * OUTCOMES) this.proven = measured ?? 0;
    this.loweredAt = this.begun;
    this.setPace(Math.max(next, Math.min(pace, this.proven)), nowMs);
  }

  private prove(measured: number): void {
    this.proven = Math.max(this.proven * FADING, measured);
  }

  /** A call has ended; gives when it began. */
  private end(number: number, refused: boolean, hint: RateLimitHint | undefined): number {
    this.read(number, hint);
    this.outcomes.push(refused);
    if (this.outcomes.length > OUTCOMES) this.outcomes.shift();
    const startMs = this.starts.get(number) ?? 0;
    this.starts.delete(number);
    return startMs;
  }

  /** How many of the newest calls were refused. */
  private refusedOf(calls: number): number {
    return this.outcomes.slice(-calls).filter((refused) => refused).length;
  }

  private limit(perSecond: number, nowMs: number): void {
    this.perSecond = Math.max(SLOWEST, perSecond);
    this.nextMs = nowMs + 1000 / this.perSecond;
    this.loweredAt = this.begun;
  }

  private setPace(perSecond: number, nowMs: number): void {
    const before = this.perSecond as number;
    this.perSecond = Math.max(SLOWEST, perSecond);
    // The gap that is under way becomes that of the new pace.
    const leftMs = this.nextMs - nowMs;
    if (leftMs > 0) this.nextMs = nowMs + (leftMs * before) / this.perSecond;
  }

  /** Calls that still fit by the newest headers; null = not stated. What was refilled since then is left out. */
  private roomLeft(): number | null {
    return this.room === null ? null : this.room.calls - (this.begun - this.room.number);
  }

  private read(number: number, hint: RateLimitHint | undefined): void {
    if (hint === undefined || (this.room !== null && number < this.room.number)) return;
    const least = leastLevel(hint, this.tokensPerCall);
    if (least === null) return;
    this.room = { calls: least.calls, number };
    if (least.refill !== null) this.refill = least.refill;
  }
}

/** Accepted calls a second since the limit was used up; null = too few to say. */
function rateIn({ sinceMs, untilMs, accepted }: Window): number | null {
  const ms = untilMs - sinceMs;
  return ms < MEASURED_MS || accepted < MEASURED_CALLS ? null : (1000 * (accepted - 0.5)) / ms;
}

/** A limit counted in calls. */
interface Level {
  /** How many fit now. */
  readonly calls: number;
  /** How many more each second where the limit is used up; null = not known. */
  readonly refill: number | null;
  /** Share of the limit that is used up; 1 where the limit is not stated. */
  readonly used: number;
}

/** The limit on requests or on tokens by which fewer calls fit now. */
export function leastLevel({ requests, tokens }: RateLimitHint, tokensPerCall: number | null): Level | null {
  const [one, other] = [levelInCalls(requests, 1), levelInCalls(tokens, tokensPerCall ?? 1)];
  return one === null || (other !== null && other.calls < one.calls) ? other : one;
}

/** A moving mean of the tokens of a call; `tokens` null = not stated. */
export function meanTokens(mean: number | null, tokens: number | null): number | null {
  if (tokens === null || tokens <= 0) return mean;
  return mean === null ? tokens : mean + NEWEST * (tokens - mean);
}

function levelInCalls(level: LimitLevel | undefined, perCall: number): Level | null {
  // Some services send 0 of 0 for "no such limit".
  if (level?.remaining === undefined || level.limit === 0) return null;
  const { remaining, limit, fullInMs } = level;
  const calls = remaining / perCall;
  const used = limit === undefined ? 1 : (limit - remaining) / limit;
  if (limit === undefined || fullInMs === undefined || !(fullInMs > 0)) return { calls, refill: null, used };
  // Only a limit that is nearly used up gives its rate, and a rounded time only if it is long.
  const exact =
    fullInMs >= LONG_MS || (level.rounded !== true && (fullInMs >= SHORT_MS || fullInMs % 1000 !== 0));
  const refill = exact && used >= 0.5 ? (1000 * (limit - remaining)) / fullInMs / perCall : null;
  return { calls, refill, used };
}
