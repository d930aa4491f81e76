// Calls outside a run's own trials (a judge's, an embedder's) at the pace the service allows: a lane of their own, learnt as a run learns its.

import type { Clock, Failure, RateLimitHint } from '../core/index.ts';
import { retryDelayMs } from './backoff.ts';
import { Lane } from './lane.ts';
import { isRefusal } from './refusal.ts';
import type { Timers } from './timers.ts';

/** What a pacer reads of a reply. */
type PacedReply =
  | Failure
  | { readonly kind: 'answered' | 'embedded'; readonly rateLimit?: RateLimitHint | undefined };

export class Pacer {
  private readonly lane: Lane;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly onSlower: (from: number, to: number) => void;

  /** `onSlower` is told once, when the service first refuses for load. */
  constructor(options: {
    readonly concurrency: number;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly onSlower: (from: number, to: number) => void;
  }) {
    this.lane = new Lane(options.concurrency);
    this.clock = options.clock;
    this.timers = options.timers;
    this.onSlower = options.onSlower;
  }

  /** Makes the attempt as soon as there is a slot; waits for the service's pause without one, and no longer once the signal fires. */
  async run<T extends { readonly kind: string }>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (;;) {
      const reply = await this.lane.gate(async () => {
        if (!signal.aborted && this.lane.pauseMs(this.now()) > 0) return null;
        const number = this.lane.begin();
        const got = await attempt();
        this.heed(got as unknown as PacedReply, number);
        return got;
      });
      if (reply !== null) return reply;
      await this.wait(this.lane.pauseMs(this.now()), signal);
    }
  }

  private heed(reply: PacedReply, number: number): void {
    const nowMs = this.now();
    this.lane.heed(reply.rateLimit, nowMs);
    if (reply.kind !== 'failed') this.lane.answered();
    else if (isRefusal(reply)) {
      const before = this.lane.limit;
      // With one call at a time still refused, there is nothing left to slow down but time.
      if (this.lane.refused(number))
        this.lane.pause(nowMs + retryDelayMs(1, reply.retryAfterMs, { next: () => 0 }));
      if (!this.lane.warned) this.onSlower(before, this.lane.limit);
      this.lane.warned = true;
    }
  }

  private wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        stop();
        signal.removeEventListener('abort', go);
        resolve();
      };
      const stop = this.timers.after(ms, go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  private now(): number {
    return this.clock.now().getTime();
  }
}
