// A file that is written in large pieces.

import { closeSync, openSync, writeSync } from 'node:fs';

const BUFFERED = 1 << 18;

/** A file that is written in large pieces. */
export class Buffered {
  readonly #file: number;
  #parts: string[] = [];
  #length = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'wx');
  }

  write(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length >= BUFFERED) this.flush();
  }

  flush(): void {
    if (this.#parts.length > 0) writeSync(this.#file, this.#parts.join(''));
    this.#parts = [];
    this.#length = 0;
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}
