// The lines of a file that is read twice: small ones in memory, large ones in a file without a name.

import { ScratchFile } from '../../base/scratch-file.ts';

/** Characters that are kept in memory. */
const MOST_CHARACTERS = 8 * 1024 * 1024;
const WRITE_AT_ONCE = 256 * 1024;

/** Lines by number, from 0, in the order they were added. */
export class LineStore {
  readonly #most: number;
  #held: string[] = [];
  #characters = 0;
  #file: ScratchFile | null = null;
  /** Where each line in the file begins; one more for the end of the last. */
  readonly #starts: number[] = [0];

  constructor(options: { readonly mostCharacters?: number } = {}) {
    this.#most = options.mostCharacters ?? MOST_CHARACTERS;
  }

  get length(): number {
    return this.#starts.length - 1 + this.#held.length;
  }

  /** Its number. Throws `IMPORT_TEMP_FILE` where a large file cannot be set aside. */
  add(line: string): number {
    this.#held.push(line);
    this.#characters += line.length;
    if (this.#characters > (this.#file === null ? this.#most : WRITE_AT_ONCE)) this.#setAside();
    return this.length - 1;
  }

  at(number: number): string {
    const written = this.#starts.length - 1;
    if (number >= written) return this.#held[number - written] as string;
    const from = this.#starts[number] as number;
    return (this.#file as ScratchFile).text(from, (this.#starts[number + 1] as number) - from);
  }

  #setAside(): void {
    this.#file ??= new ScratchFile('IMPORT_TEMP_FILE', 'the file is large, and a copy of it');
    let at = this.#file.length;
    const lines = this.#held.map((line) => Buffer.from(line));
    this.#file.append(Buffer.concat(lines));
    for (const { length } of lines) {
      at += length;
      this.#starts.push(at);
    }
    this.#held = [];
    this.#characters = 0;
  }
}
