// The process, seen once: everything the commands read from or write to it goes through here.

import type { Style } from '../report/style.ts';
import { ANSI, PLAIN } from '../report/style.ts';

export interface Io {
  /** Results only. */
  out(text: string): void;
  /** Resolves when the reader has taken what was written; for results too large to wait in memory. */
  outDrained?(): Promise<void>;
  /** Progress, warnings and errors. */
  err(text: string): void;
  /** Called before every result, so that a live progress line is gone before it. */
  beforeOut(clear: () => void): void;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The process is somebody else's too: its heap is left as it is. */
  readonly sharesProcess?: boolean;
  readonly nodeVersion: string;
  readonly platform: string;
  /** First interrupt: finish what is in flight. */
  readonly signal: AbortSignal;
  /** Second interrupt: leave at once. */
  readonly hardSignal: AbortSignal;
}

const INTERRUPTED = 130;
/** After a second interrupt. Writing takes some milliseconds; a third one does not wait for it. */
const LEAVES_WITHIN_MS = 2000;

/** Colour only on a terminal, never against the reader's wish. */
export function styleOf(io: Io): Style {
  return io.outIsTty && io.environment['NO_COLOR'] === undefined && io.environment['TERM'] !== 'dumb'
    ? ANSI
    : PLAIN;
}

/** The real process. Reads `.env` in the working directory, without overriding what is set. */
export function processIo(): Io {
  try {
    process.loadEnvFile('.env');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const soft = new AbortController();
  const hard = new AbortController();
  let interrupts = 0;
  const interrupt = (): void => {
    interrupts++;
    if (interrupts === 1) {
      process.stderr.write('\ninterrupted: finishing the calls in flight; once more leaves at once\n');
      soft.abort();
    } else if (interrupts === 2) {
      // What is cut off by this may be on the bill: a run writes it down on its way out. Who has nothing to write, or hangs, leaves all the same.
      process.on('exit', () => {
        process.exitCode = INTERRUPTED;
      });
      setTimeout(() => process.exit(INTERRUPTED), LEAVES_WITHIN_MS).unref();
      process.stderr.write(
        'leaving at once; what is done is kept, and a run can be finished: lastgood run --resume ID (lastgood list)\n',
      );
      hard.abort();
    } else process.exit(INTERRUPTED);
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  // A closed pipe (`lastgood list | head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  let clearLive = (): void => {};
  return {
    out: (text) => {
      clearLive();
      process.stdout.write(text);
    },
    outDrained: async () => {
      if (process.stdout.writableNeedDrain)
        await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
    },
    beforeOut: (clear) => {
      clearLive = clear;
    },
    err: (text) => void process.stderr.write(text),
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    environment: process.env,
    cwd: process.cwd(),
    nodeVersion: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    signal: soft.signal,
    hardSignal: hard.signal,
  };
}
