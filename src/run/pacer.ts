// Calls outside a run's own trials (a judge's, an embedder's) at the pace the service allows: a throttle of their own, learnt as a run learns its.

import type { Clock } from '../base/index.ts';
import { Throttle, type ThrottledCall, type ThrottledReply, type Verdict } from './throttle.ts';
import type { Timers } from './timers.ts';

interface Waiting {
  start(): void;
}

export class Pacer {
  private readonly throttle: Throttle;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly onLimit: () => void;
  private readonly onOutage: (message: string) => void;
  private readonly waiting: Waiting[] = [];
  private readonly verdicts = new WeakMap<object, Verdict>();
  private inFlight = 0;
  private callOffTimer: (() => void) | null = null;

  /** `onLimit` is called once, when the service first limits the rate; `onOutage` whenever the service goes down. */
  constructor(options: {
    readonly concurrency: number;
    readonly outageMs: number;
    /** false: limits outside this process keep the pace. Default true. */
    readonly paced?: boolean;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly onLimit: () => void;
    readonly onOutage: (message: string) => void;
  }) {
    this.throttle = new Throttle(options.concurrency, options.outageMs, options.paced);
    this.clock = options.clock;
    this.timers = options.timers;
    this.onLimit = options.onLimit;
    this.onOutage = options.onOutage;
  }

  /**
   * Makes the attempt as soon as the service allows one, and waits no longer once the signal fires. `about`: what the call is for.
   * `started`: the call starts only now, after a wait for something else.
   */
  async run<T extends { readonly kind: string }>(
    attempt: (started: () => void) => Promise<T>,
    signal: AbortSignal,
    about: object = attempt,
  ): Promise<T> {
    const call = await this.turn(signal);
    if (call === null) return attempt(() => {});
    const { outage } = this.throttle;
    try {
      const reply = await attempt(() => {
        this.throttle.begin(this.now(), call);
      });
      const wasDown = outage.open;
      const verdict = this.throttle.end(call, reply as unknown as ThrottledReply, this.now(), {
        trial: about,
        open: this.waiting.length + this.inFlight,
        cut: signal.aborted,
      });
      this.verdicts.set(reply, this.judged(verdict));
      if (verdict === 'down' && !wasDown) this.onOutage(outage.message);
      if (verdict === 'refused' && !this.throttle.warned) {
        this.throttle.warned = true;
        this.onLimit();
      }
      return reply;
    } finally {
      this.inFlight--;
      this.pump();
    }
  }

  /** What a reply of `run` meant: after `down` the call is made again without counting, after `over` none is. */
  verdictOn(reply: object): Verdict {
    return this.verdicts.get(reply) ?? 'fine';
  }

  /** Where nothing else is left to ask, and the service does reply, the failures are those of what is asked. */
  private judged(verdict: Verdict): Verdict {
    const { outage } = this.throttle;
    if (verdict !== 'over' || !outage.open || !outage.replied || this.waiting.length > 0) return verdict;
    outage.ignore(this.now());
    return 'fine';
  }

  /** Resolves when it is this call's turn; with null when its signal has fired before. */
  private turn(signal: AbortSignal): Promise<ThrottledCall | null> {
    if (signal.aborted) return Promise.resolve(null);
    return new Promise((resolve) => {
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(own), 1);
        resolve(null);
      };
      const own: Waiting = {
        start: () => {
          signal.removeEventListener('abort', leave);
          this.inFlight++;
          resolve(this.throttle.begin(this.now()));
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(own);
      this.pump();
    });
  }

  private pump(): void {
    this.callOffTimer?.();
    this.callOffTimer = null;
    while (this.waiting.length > 0) {
      const waitMs = this.throttle.waitMs(this.now());
      if (waitMs === Number.POSITIVE_INFINITY) return;
      if (waitMs > 0) {
        this.callOffTimer = this.timers.after(waitMs, () => {
          this.callOffTimer = null;
          this.pump();
        });
        return;
      }
      this.waiting.shift()?.start();
    }
  }

  private now(): number {
    return this.clock.now().getTime();
  }
}
