// Waiting, as a port: tests hand in timers that stand on a clock of their own.

export interface Timers {
  /** Calls `run` once after `delayMs`; the returned function calls it off. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls `run` after everything else that is due in the event loop has had its turn. */
  soon(run: () => void): void;
}

/** A longer delay overflows Node's timer and would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export const realTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(LONGEST_DELAY_MS, Math.max(0, delayMs)));
    return () => clearTimeout(timer);
  },
  soon(run) {
    setImmediate(run);
  },
};
