// How much all images and files of a suite take, which are held and stored as text.

import { LastgoodError } from '../base/errors.ts';
import { isStored, mediaOf } from '../core/media.ts';
import type { Case } from '../core/suite.ts';

/** Bytes; a page of cases must stay below the longest text there can be. */
const MOST_BYTES = 256 * 1024 * 1024;

export class MediaTotal {
  readonly #most: number;
  #bytes = 0;

  constructor(options: { readonly mostBytes?: number } = {}) {
    this.#most = options.mostBytes ?? MOST_BYTES;
  }

  /** Characters that the files of the case take. Throws `MEDIA_TOO_LARGE` once the cases have too much together. */
  add({ id, messages, turns = [], where }: Case): number {
    const said = [...(messages ?? []), ...turns.map((turn) => ('user' in turn ? turn : {}))];
    const stored = mediaOf(said).filter(isStored);
    if (stored.length === 0) return 0;
    this.#bytes += stored.reduce((sum, { bytes }) => sum + bytes, 0);
    if (this.#bytes > this.#most)
      throw new LastgoodError({
        code: 'MEDIA_TOO_LARGE',
        message: `the images and files of the cases have more than ${this.#most} bytes together, counted for each case that names them`,
        where: { ...where, caseId: id },
        hint: 'make them smaller, split the suite, or pass addresses that the provider reads',
      });
    return stored.reduce((sum, { data }) => sum + data.length, 0);
  }
}
