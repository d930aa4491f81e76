// How jobs come in: lazily, only as many as are open at a time, spread over time where asked, with turns for the event loop.

import type { Job } from './plan.ts';
import type { Spread } from './spread.ts';
import type { Timers } from './timers.ts';

/** Trials begun and not yet handed over, per call in flight: room for those that wait for a retry or for grading. */
const OPEN_PER_SLOT = 4;
const LEAST_OPEN = 16;
/** Jobs taken on before signals and timers get their turn, which they would never have where every answer is at hand at once. */
const BURST = 256;

export class Intake {
  /** Settles when every job taken on has been closed and no more will come. */
  readonly drained: Promise<void>;
  private readonly jobs: Iterator<Job | null>;
  private readonly window: number;
  private readonly timers: Timers;
  private readonly take: (job: Job) => void;
  private readonly onError: (error: unknown) => void;
  private readonly spread: Spread | null;
  /** Calls off the wait for the next job's time; null = no such wait. */
  private callOffWait: (() => void) | null = null;
  private open = 0;
  private burst = 0;
  private resting = false;
  private exhausted = false;
  private settle: () => void = () => {};

  constructor(
    /** null = none is at hand; `fill` asks again. */
    jobs: Iterable<Job | null>,
    options: {
      readonly concurrency: number;
      readonly timers: Timers;
      /** Gets every job; `close` is due once for each. Must not throw. */
      take(job: Job): void;
      /** The source of the jobs threw. */
      onError(error: unknown): void;
      /** When each job may start; null = at once. */
      readonly spread?: Spread | null | undefined;
    },
  ) {
    this.jobs = jobs[Symbol.iterator]();
    this.window = Math.max(LEAST_OPEN, OPEN_PER_SLOT * options.concurrency);
    this.timers = options.timers;
    this.take = options.take;
    this.onError = options.onError;
    this.spread = options.spread ?? null;
    this.drained = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Jobs taken on and not closed. */
  get openCount(): number {
    return this.open;
  }

  /** No further job will come. */
  get ended(): boolean {
    return this.exhausted;
  }

  /** Jobs that may be open at a time. */
  get size(): number {
    return this.window;
  }

  fill(): void {
    while (!this.exhausted && this.open < this.window) {
      if (this.burst >= BURST) {
        this.rest();
        return;
      }
      if (this.waits()) return;
      const job = this.next();
      if (job === null) break;
      this.open++;
      this.burst++;
      this.spread?.take();
      this.take(job);
    }
    if (this.exhausted && this.open === 0) this.settle();
  }

  /** One job has left the run. */
  close(): void {
    this.open--;
    this.fill();
  }

  /** Takes the rest of the jobs without waiting for their time. */
  hurry(): void {
    this.spread?.end();
    if (this.callOffWait === null) return;
    this.stopWaiting();
    this.fill();
  }

  /** Takes no further job. */
  end(): void {
    if (this.exhausted) return;
    this.exhausted = true;
    this.stopWaiting();
    try {
      this.jobs.return?.();
    } catch (error) {
      this.onError(error);
    }
  }

  private next(): Job | null {
    try {
      const next = this.jobs.next();
      if (next.done !== true) return next.value;
    } catch (error) {
      this.onError(error);
    }
    this.exhausted = true;
    return null;
  }

  /** Is it too early for the next job? Comes back by itself when it is time. */
  private waits(): boolean {
    if (this.callOffWait !== null) return true;
    const waitMs = this.spread?.waitMs() ?? 0;
    if (waitMs <= 0) return false;
    this.callOffWait = this.timers.after(waitMs, () => {
      this.callOffWait = null;
      this.fill();
    });
    return true;
  }

  private stopWaiting(): void {
    this.callOffWait?.();
    this.callOffWait = null;
  }

  private rest(): void {
    if (this.resting) return;
    this.resting = true;
    this.timers.soon(() => {
      this.resting = false;
      this.burst = 0;
      this.fill();
    });
  }
}
