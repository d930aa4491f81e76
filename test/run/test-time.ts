// A clock and timers that stand still until told otherwise, so that hours of waiting pass in no time and nothing depends on the machine.

import type { Clock } from '../../src/base/index.ts';
import type { Timers } from '../../src/run/index.ts';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class TestTime implements Clock, Timers {
  ms = Date.parse('2026-03-15T03:00:00Z');
  private readonly due = new Set<Due>();
  private order = 0;

  now(): Date {
    return new Date(this.ms);
  }

  after(delayMs: number, run: () => void): () => void {
    const timer: Due = { atMs: this.ms + Math.max(0, delayMs), order: this.order++, run };
    this.due.add(timer);
    return () => this.due.delete(timer);
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  get pendingTimers(): number {
    return this.due.size;
  }

  /** Lets time pass, timer by timer, until the promise settles. Throws when nothing is left that could settle it. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const watch = (): void => {
      settled = true;
    };
    promise.then(watch, watch);
    for (let idle = 0; ; ) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (settled) return promise;
      const next = [...this.due].sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next !== undefined) {
        idle = 0;
        this.due.delete(next);
        this.ms = Math.max(this.ms, next.atMs);
        next.run();
      } else if (++idle > 2_000) throw new Error('stuck: nothing is due and the promise has not settled');
    }
  }
}
