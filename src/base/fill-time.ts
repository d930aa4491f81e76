// How long filling many templates may take together: one may be slow, thousands of slow ones hold the process.

import { type ErrorWhere, LastgoodError } from './errors.ts';

/** A filling that takes longer is slow; this much of slow filling holds the process too long. */
const SLOW_MS = 200;
const MOST_SLOW_MS = 10_000;

/** Counts the slow fillings of one pass over cases. */
export class FillTime {
  #slowMs = 0;
  readonly #whose: string;

  /** `whose` begins the error: "the release's templates". */
  constructor(whose: string) {
    this.#whose = whose;
  }

  /** Fills. Throws `TEMPLATE_LIMIT` when the slow fillings took too long together. */
  spend<T>(fill: () => T, where: () => ErrorWhere): T {
    const started = performance.now();
    const filled = fill();
    const tookMs = performance.now() - started;
    if (tookMs > SLOW_MS) this.#slowMs += tookMs;
    if (this.#slowMs <= MOST_SLOW_MS) return filled;
    throw new LastgoodError({
      code: 'TEMPLATE_LIMIT',
      message: `${this.#whose} take too long to fill: more than ${SLOW_MS} ms for a case, ${MOST_SLOW_MS / 1000} s so far`,
      where: where(),
      hint: 'shorten their loops and ranges',
    });
  }
}
