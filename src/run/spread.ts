// When the jobs of a spread run may start: evenly over a stretch of time, so that no single hour of the service decides.

import type { Clock } from '../base/index.ts';

export class Spread {
  private readonly clock: Clock;
  private readonly startMs: number;
  /** Time between two jobs. */
  private readonly everyMs: number;
  private readonly jobs: number;
  private taken = 0;
  private ended = false;

  /** `jobs` jobs over `overMs`: the first starts at once, the last one interval before the end. */
  constructor(overMs: number, jobs: number, clock: Clock) {
    this.clock = clock;
    this.jobs = jobs;
    this.startMs = clock.now().getTime();
    this.everyMs = overMs / Math.max(1, jobs);
  }

  /** Time until the next job may start. Never more than one interval, so that a clock set back cannot stop the run. */
  waitMs(): number {
    if (this.ended || this.taken === 0 || this.taken >= this.jobs) return 0;
    const dueMs = this.startMs + this.taken * this.everyMs;
    return Math.min(this.everyMs, dueMs - this.clock.now().getTime());
  }

  /** A job was started. */
  take(): void {
    this.taken += 1;
  }

  /** No further job waits for its time. */
  end(): void {
    this.ended = true;
  }

  /** What the run waits for between two jobs; undefined once nothing is spread any more. */
  note(): string | undefined {
    if (this.ended) return undefined;
    const dueMs = this.startMs + this.taken * this.everyMs;
    return `spread: next trial at ${new Date(dueMs).toISOString().slice(0, 19)}Z`;
  }
}
