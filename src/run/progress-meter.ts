// Progress of a run with the time it will still take, reported at most ten times a second.

import type { Progress, ProgressStep } from '../base/index.ts';
import type { Tally } from './tally.ts';

const EVERY_MS = 100;
/** The pace of the newest trials counts: a run speeds up and slows down. */
const OVER_MS = 60_000;

export class ProgressMeter {
  private readonly progress: Progress;
  private lastTextMs = Number.NEGATIVE_INFINITY;
  private lastText = '';
  /** Readings of the counter, oldest first; the first one is where the pace is measured from. */
  private readings: { readonly ms: number; readonly done: number }[];

  constructor(progress: Progress, nowMs: number) {
    this.progress = progress;
    this.readings = [{ ms: nowMs, done: 0 }];
  }

  tell(nowMs: number, step: () => ProgressStep): void {
    if (nowMs - this.lastTextMs < EVERY_MS) return;
    this.say(nowMs, step());
  }

  /** The last word, whenever it falls; nothing new is not written twice. */
  finish(nowMs: number, step: ProgressStep): void {
    if (wordOf(step) !== this.lastText) this.say(nowMs, step);
  }

  private say(nowMs: number, step: ProgressStep): void {
    this.lastTextMs = nowMs;
    this.lastText = wordOf(step);
    const leftMs = this.leftMs(nowMs, step);
    this.progress.step(leftMs === undefined ? step : { ...step, leftMs });
  }

  private leftMs(nowMs: number, { done, total }: ProgressStep): number | undefined {
    const last = this.readings.at(-1);
    if (last === undefined || nowMs - last.ms >= 1000) this.readings.push({ ms: nowMs, done });
    while (this.readings.length > 2 && nowMs - (this.readings[1]?.ms ?? nowMs) >= OVER_MS)
      this.readings.shift();
    const from = this.readings[0];
    if (from === undefined || done <= from.done || nowMs <= from.ms || done >= total) return undefined;
    return ((total - done) * (nowMs - from.ms)) / (done - from.done);
  }
}

function wordOf({ done, failed, skipped }: ProgressStep): string {
  return [done, failed ?? 0, skipped ?? 0].join(' ');
}

/** What a run shows of itself. `total` null = not known: what is open, and what has ended. */
export function stepOf(
  { done, failed, skipped, cost }: Tally,
  {
    total,
    open,
    note,
  }: { readonly total: number | null; readonly open: number; readonly note: string | undefined },
): ProgressStep {
  return {
    label: 'trials',
    ...{ done, failed, skipped, total: total ?? done + skipped + open },
    ...cost,
    ...(note === undefined ? {} : { note }),
  };
}
