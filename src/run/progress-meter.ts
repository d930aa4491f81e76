// Progress of a run, told at most ten times a second.

import type { Progress, ProgressStep } from '../core/index.ts';

const EVERY_MS = 100;

export class ProgressMeter {
  private readonly progress: Progress;
  private toldMs = Number.NEGATIVE_INFINITY;
  private toldDone = -1;

  constructor(progress: Progress) {
    this.progress = progress;
  }

  tell(nowMs: number, step: () => ProgressStep): void {
    if (nowMs - this.toldMs < EVERY_MS) return;
    this.say(nowMs, step());
  }

  /** The last word, whenever it falls; nothing new is not told twice. */
  finish(nowMs: number, step: ProgressStep): void {
    if (step.done !== this.toldDone) this.say(nowMs, step);
  }

  private say(nowMs: number, step: ProgressStep): void {
    this.toldMs = nowMs;
    this.toldDone = step.done;
    this.progress.step(step);
  }
}
