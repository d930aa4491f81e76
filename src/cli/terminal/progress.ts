// Progress on stderr: one live line on a terminal, a plain line now and then elsewhere.

import type { Progress, ProgressStep } from '../../base/index.ts';
import type { Io } from './io.ts';

/** Least time between plain lines, in milliseconds. */
const PLAIN_EVERY_MS = 10_000;

export interface CliProgress extends Progress {
  /** Clears the live line before a result is printed. */
  end(): void;
}

export function cliProgress(
  io: Pick<Io, 'err' | 'errIsTty' | 'errColumns'>,
  quiet: boolean,
  now: () => number,
): CliProgress {
  let live = false;
  let lastPlain = now();
  const warned = new Set<string>();
  const clear = (): void => {
    if (live) io.err('\r\u001b[2K');
    live = false;
  };
  return {
    warn(warning) {
      const text = `warning: ${warning.message} [${warning.code}]${warning.hint === undefined ? '' : `\n  try: ${warning.hint}`}\n`;
      if (warned.has(text)) return;
      warned.add(text);
      clear();
      io.err(text);
    },
    step(step) {
      if (quiet) return;
      if (io.errIsTty) {
        io.err(`\r\u001b[2K${fitted(lineOf(step), io.errColumns?.() ?? 80)}`);
        live = true;
      } else if (now() - lastPlain >= PLAIN_EVERY_MS) {
        lastPlain = now();
        io.err(`${lineOf(step)}\n`);
      }
    },
    end: clear,
  };
}

/** What is done, how it looks so far, what it has cost, how long the rest takes, and what is waited for. */
function lineOf(step: ProgressStep): string {
  const parts = [`${step.label} ${step.done}/${step.total}`];
  const { passed = 0, graded = 0, failed = 0, skipped = 0 } = step;
  if (graded > 0) parts.push(`${Math.floor((100 * passed) / graded)}% pass`);
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  if (step.costUsd !== undefined && (step.costUsd > 0 || step.costPartial !== true))
    parts.push(
      `${step.costPartial === true ? 'at least ' : ''}$${step.costUsd.toFixed(step.costUsd < 1 ? 4 : 2)}`,
    );
  if (step.leftMs !== undefined) parts.push(`about ${timeText(step.leftMs)} left`);
  const line = parts.join(', ');
  return step.note === undefined ? line : `${line} (${step.note})`;
}

function timeText(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A line that is longer than the terminal is wide would not be cleared as a whole. */
function fitted(text: string, columns: number): string {
  return text.length < columns ? text : `${text.slice(0, columns - 2)}…`;
}
