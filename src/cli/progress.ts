// Progress on stderr: one live line on a terminal, a plain line now and then elsewhere.

import type { Progress, ProgressStep } from '../core/index.ts';
import type { Io } from './io.ts';

/** Least time between plain lines, in milliseconds. */
const PLAIN_EVERY_MS = 10_000;

export interface CliProgress extends Progress {
  /** Clears the live line before a result is printed. */
  end(): void;
}

export function cliProgress(
  io: Pick<Io, 'err' | 'errIsTty'>,
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
        io.err(`\r\u001b[2K${lineOf(step)}`);
        live = true;
      } else if (now() - lastPlain >= PLAIN_EVERY_MS) {
        lastPlain = now();
        io.err(`${lineOf(step)}\n`);
      }
    },
    end: clear,
  };
}

function lineOf(step: ProgressStep): string {
  const failed = step.failed === undefined || step.failed === 0 ? '' : `, ${step.failed} failed`;
  return `${step.label} ${step.done}/${step.total}${failed}${step.note === undefined ? '' : ` ${step.note}`}`;
}
