// Standard output and standard error, written so that a reader who leaves or a full disk never decides the exit code by accident.

import type { Writable } from 'node:stream';

/** The reader left (`| head`), or the terminal is gone: what is not written any more is not missed. */
const READER_LEFT = new Set([
  'EPIPE',
  'ECONNRESET',
  'EOF',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);

export interface WatchedStream {
  /** Writes nothing once the stream has failed. */
  write(text: string): void;
  /** Resolves when more may be written without piling up in memory. */
  drained(): Promise<void>;
  /** Waits for everything written so far. Why text was lost; null = it arrived, or its reader left. */
  failure(): Promise<NodeJS.ErrnoException | null>;
}

/** Takes over the stream's errors: without a listener each of them would end the process with exit code 1. */
export function watchedStream(stream: Writable & { readonly isTTY?: boolean }): WatchedStream {
  let failed: NodeJS.ErrnoException | null = null;
  let pending = 0;
  const settled: (() => void)[] = [];
  const wake = (): void => {
    for (const resolve of settled.splice(0)) resolve();
  };
  const fail = (error: NodeJS.ErrnoException): void => {
    failed ??= error;
    wake();
  };
  stream.on('error', fail);
  stream.on('drain', wake);
  return {
    write(text) {
      if (failed !== null) return;
      pending++;
      stream.write(text, (error) => {
        pending--;
        if (error) fail(error);
        else if (pending === 0) wake();
      });
    },
    async drained() {
      while (failed === null && stream.writableNeedDrain)
        await new Promise<void>((resolve) => settled.push(resolve));
    },
    async failure() {
      while (failed === null && pending > 0) await new Promise<void>((resolve) => settled.push(resolve));
      if (failed === null || READER_LEFT.has(failed.code ?? '')) return null;
      // A terminal that was closed answers with EIO.
      return failed.code === 'EIO' && stream.isTTY === true ? null : failed;
    },
  };
}
