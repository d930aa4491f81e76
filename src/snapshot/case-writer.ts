// Writes the cases of a suite chunk by chunk: on most nights all are known and looking them up is enough, else they are packed and added.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Case } from '../core/suite.ts';
import { type KeyedCase, keyedCase, type PackedCase, packedCases } from './case-rows.ts';
import type { Places } from './places.ts';

/** Where the rows go. */
export interface CaseSink {
  /** Ids of the versions under these keys; null = not known. */
  find(keys: readonly string[]): Promise<readonly (number | null)[]>;
  /** Ids of these versions, in order; those not known are added. */
  add(rows: readonly PackedCase[]): Promise<readonly number[]>;
}

/** Chunks on their way at a time: one is packed while others are written. */
const ON_THEIR_WAY = 3;

export class CaseWriter {
  readonly #sink: CaseSink;
  readonly #places: Places;
  readonly #written: Promise<readonly number[]>[] = [];
  /** The last chunk was new. */
  #adding = false;

  constructor(places: Places, sink: CaseSink) {
    this.#sink = sink;
    this.#places = places;
  }

  /** Takes the next chunk; resolves when there is room for another. */
  async add(cases: readonly Case[]): Promise<void> {
    const keyed = cases.map((c) => keyedCase(c, this.#places));
    const ids = this.#adding ? this.#sink.add(packedCases(keyed)) : this.#found(keyed);
    ids.catch(() => {}); // told when its turn comes
    this.#written.push(ids);
    await this.#written.at(this.#adding ? -ON_THEIR_WAY : -1);
    // Signals get their turn, and so does a thread that has just started.
    await nextTurn();
  }

  /** Ids of all versions, in the order of the cases. */
  async ids(): Promise<number[]> {
    return (await Promise.all(this.#written)).flat();
  }

  async #found(keyed: readonly KeyedCase[]): Promise<readonly number[]> {
    const known = await this.#sink.find(keyed.map(({ key }) => key));
    const fresh = keyed.filter((_, i) => known[i] === null);
    if (fresh.length === 0) return known as readonly number[];
    this.#adding = fresh.length > keyed.length / 2;
    const added = await this.#sink.add(packedCases(fresh));
    let next = 0;
    return known.map((id) => id ?? (added[next++] as number));
  }
}
