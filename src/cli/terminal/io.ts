// The process, seen once: everything the commands read from or write to it goes through here.

import type { Style } from '../../report/text/style.ts';
import { ANSI, PLAIN } from '../../report/text/style.ts';
import type { EnvFile } from './env-file.ts';
import { endOnUncaught, listenToSignals } from './process-end.ts';
import { watchedStream } from './watched-stream.ts';

export interface Io {
  /** Results only. */
  out(text: string): void;
  /** A document that must arrive byte for byte; `out` changes what would act on a terminal or a CI runner. Default: `out`. */
  document?(text: string): void;
  /** Resolves when the reader has taken what was written; for results too large to wait in memory. */
  outDrained?(): Promise<void>;
  /** Waits until everything is written. Why the results are lost; null = they arrived, or their reader left. */
  outFailure?(): Promise<NodeJS.ErrnoException | null>;
  /** What is piped in, read once it is asked for. */
  input?(): AsyncIterable<Uint8Array>;
  /** Progress, warnings and errors. */
  err(text: string): void;
  /** Called before every result, so that a live progress line is gone before it. */
  beforeOut(clear: () => void): void;
  /** Asks a person a question that only `yes` answers with yes; absent without a terminal. */
  readonly confirm?: (question: string) => Promise<boolean>;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Width of the terminal on stderr now; absent: 80. */
  errColumns?(): number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The process belongs to another program, too: its heap is left as it is. */
  readonly sharesProcess?: boolean;
  readonly nodeVersion: string;
  readonly platform: string;
  /** First interrupt: finish what is in flight. */
  readonly signal: AbortSignal;
  /** Second interrupt: leave at once. */
  readonly hardSignal: AbortSignal;
}

/** Colour only on a terminal, never against the reader's wish. */
export function styleOf(io: Io): Style {
  return io.outIsTty && io.environment['NO_COLOR'] === undefined && io.environment['TERM'] !== 'dumb'
    ? ANSI
    : PLAIN;
}

async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(`${question} [yes/no] `)).trim().toLowerCase() === 'yes';
  } finally {
    terminal.close();
  }
}

/** The real process. `file`: with the keys of `.env` in the working directory. */
export function processIo(file: EnvFile = { environment: process.env, ignored: [] }): Io {
  if (file.ignored.length > 0)
    process.stderr.write(
      `warning: .env sets ${file.ignored.join(', ')}, which it may not: only keys are taken from it [ENV_FILE]\n  try: set it in the environment, or name the address in the release (route.base-url)\n`,
    );
  const { soft, hard } = listenToSignals();
  const results = watchedStream(process.stdout);
  const messages = watchedStream(process.stderr);
  endOnUncaught((text) => messages.write(text), file.environment);
  let clearLive = (): void => {};
  return {
    out: (text) => {
      clearLive();
      results.write(text);
    },
    outDrained: results.drained,
    outFailure: results.failure,
    input: () => process.stdin,
    beforeOut: (clear) => {
      clearLive = clear;
    },
    err: messages.write,
    ...(process.stdin.isTTY === true && process.stderr.isTTY === true ? { confirm } : {}),
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    errColumns: () => process.stderr.columns ?? 80,
    environment: file.environment,
    cwd: process.cwd(),
    nodeVersion: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    signal: soft,
    hardSignal: hard,
  };
}
