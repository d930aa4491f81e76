// When the services are asked for the state of batches: soon at first, then less and less often.

import type { Timers } from './timers.ts';

/** Each wait is longer than the one before by this factor. */
const GROWTH = 1.5;

/** Waits between polls; an event ends a wait. */
export class BatchPoll {
  private readonly firstMs: number;
  private readonly longestMs: number;
  private readonly timers: Timers;
  private nextMs: number;
  private wakeUp: (() => void) | null = null;
  private woken = false;

  constructor(firstMs: number, longestMs: number, timers: Timers) {
    this.firstMs = firstMs;
    this.longestMs = Math.max(firstMs, longestMs);
    this.timers = timers;
    this.nextMs = firstMs;
  }

  /** Something has changed, so the next change may be near. */
  soon(): void {
    this.nextMs = this.firstMs;
  }

  /** Ends the wait that lasts, or the next one. */
  wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  async wait(): Promise<void> {
    if (!this.woken)
      await new Promise<void>((resolve) => {
        const callOff = this.timers.after(this.nextMs, resolve);
        this.wakeUp = () => {
          callOff();
          resolve();
        };
      });
    this.wakeUp = null;
    this.woken = false;
    this.nextMs = Math.min(this.longestMs, this.nextMs * GROWTH);
  }
}
