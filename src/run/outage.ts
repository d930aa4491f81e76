// A circuit breaker: when one service is down, calls stop, and one at a time tries whether it is back.

import type { Failure } from '../core/index.ts';

const FIRST_PROBE_MS = 500;
const LONGEST_PROBE_MS = 15_000;
/** Failures in a row, of so many distinct trials, that show a service to be down: where no connection is made, and where it still replies. */
const UNREACHED = { calls: 3, trials: 3 } as const;
const BROKEN = { calls: 6, trials: 4 } as const;
/** Replies of a gateway in front of an application that is not there. */
const GATEWAY = [502, 503, 504];

/** Does this failure say that the service is down, rather than that it refuses this call? */
export function isDown(failure: Failure): boolean {
  if (failure.fatal || failure.code === 'overloaded') return false;
  if (failure.code === 'connection') return true;
  const status = failure.httpStatus ?? 0;
  return failure.cause === 'app_error' ? GATEWAY.includes(status) : status >= 500;
}

/** Whether one service is down. Closed until failures come in a row; then open until a call gets any other reply. */
export class Outage {
  private readonly limitMs: number;
  private readonly trials = new Set<unknown>();
  private calls = 0;
  private reached = false;
  private firstMs = 0;
  private openSinceMs: number | null = null;
  private nextProbeMs = 0;
  private probes = 0;
  private probing = false;
  private ignored = false;
  private lost = 0;
  /** What the service last said, or why it could not be reached. */
  message = '';

  /** `limitMs`: how long an outage may last before it is given up. */
  constructor(limitMs: number) {
    this.limitMs = limitMs;
  }

  get open(): boolean {
    return this.openSinceMs !== null;
  }

  /** Whether any reply came while the service was down (an error page, a 503). */
  get replied(): boolean {
    return this.reached;
  }

  /** Calls that have tried the service since it went down. */
  get tries(): number {
    return this.probes;
  }

  /** When the failures began; null = the service is up. */
  get sinceMs(): number | null {
    return this.openSinceMs === null ? null : this.firstMs;
  }

  /** Milliseconds until a call may start: 0 = now, Infinity = not before the call that tries the service has ended. */
  waitMs(nowMs: number): number {
    if (this.openSinceMs === null) return 0;
    return this.probing ? Number.POSITIVE_INFINITY : Math.max(0, this.nextProbeMs - nowMs);
  }

  /** A call starts: while the service is down it is the one that tries it. */
  begin(): void {
    if (this.openSinceMs !== null) this.probing = true;
  }

  /** Milliseconds in which the service was down so far: no trial's time. */
  lostMs(nowMs: number): number {
    return this.lost + (this.openSinceMs === null ? 0 : nowMs - this.firstMs);
  }

  /** The service replied. */
  up(nowMs: number): void {
    this.lost = this.lostMs(nowMs);
    this.openSinceMs = null;
    this.probing = false;
    this.reached = false;
    this.calls = 0;
    this.probes = 0;
    this.trials.clear();
  }

  /** From now on failures are the trials' own: nothing else is left to ask. */
  ignore(nowMs: number): void {
    this.up(nowMs);
    this.ignored = true;
  }

  /** A call was cut off from our side. */
  cut(): void {
    this.probing = false;
  }

  /** A call failed as one of a service that is down. `open`: trials that could still be asked; one alone may be the cause itself. */
  down(failure: Failure, trial: unknown, open: number, nowMs: number): 'up' | 'down' | 'over' {
    if (this.ignored) return 'up';
    if (this.calls === 0) this.firstMs = nowMs;
    this.calls++;
    this.trials.add(trial);
    this.message = failure.message;
    if (failure.unreached !== true) this.reached = true;
    const needs = this.reached ? BROKEN : UNREACHED;
    const trials = this.reached ? needs.trials : Math.min(needs.trials, Math.max(1, open));
    if (this.openSinceMs === null) {
      if (this.calls < needs.calls || this.trials.size < trials) return 'up';
      this.openSinceMs = nowMs;
      this.nextProbeMs = nowMs + FIRST_PROBE_MS;
      return 'down';
    }
    // Calls that were under way when it went down end one after the other: they are no probes.
    if (this.probing) {
      this.probing = false;
      this.probes++;
      this.nextProbeMs = nowMs + Math.min(LONGEST_PROBE_MS, FIRST_PROBE_MS * 2 ** this.probes);
    }
    return nowMs - this.firstMs >= this.limitMs ? 'over' : 'down';
  }
}
