// A file without a name, for what is too large to be held in memory and is of no use once the process has ended.

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode } from './error-catalogue.ts';
import { LastgoodError } from './errors.ts';

/** The file is gone from its folder as soon as it is open; this gives its space back when nothing reads it any more. */
const openFiles = new FinalizationRegistry<number>((file) => closeSync(file));

/** Written at its end, read anywhere. */
export class ScratchFile {
  readonly #fd: number;
  readonly #refusal: (cause: Error) => LastgoodError;
  #length = 0;
  /** What is read goes through here: bytes outside the heap would wait long for its next sweep. */
  #bytes = Buffer.alloc(0);

  /** `code` and `what` make the error when there is no room: "`what` could not be set aside in …". */
  constructor(code: ErrorCode, what: string) {
    this.#refusal = (cause) =>
      new LastgoodError({
        code,
        message: `${what} could not be set aside in ${tmpdir()}: ${cause.message}`,
        hint: 'make room there, or set TMPDIR to a folder that has some',
        cause,
      });
    try {
      const folder = mkdtempSync(join(tmpdir(), 'lastgood-'));
      try {
        this.#fd = openSync(join(folder, 'scratch'), 'wx+', 0o600);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    } catch (cause) {
      throw this.#refusal(cause as Error);
    }
    openFiles.register(this, this.#fd);
  }

  /** Bytes written so far: where the next ones will begin. */
  get length(): number {
    return this.#length;
  }

  append(bytes: Buffer): void {
    try {
      for (let done = 0; done < bytes.length; ) {
        const wrote = writeSync(this.#fd, bytes, done, bytes.length - done, this.#length);
        done += wrote;
        this.#length += wrote;
      }
    } catch (cause) {
      throw this.#refusal(cause as Error);
    }
  }

  /** UTF-8 text of `length` bytes. */
  text(from: number, length: number): string {
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length);
    const bytes = this.#bytes;
    for (let done = 0; done < length; ) {
      const got = readSync(this.#fd, bytes, done, length - done, from + done);
      if (got === 0) throw new Error('a file that was set aside has become shorter');
      done += got;
    }
    return bytes.toString('utf8', 0, length);
  }
}
