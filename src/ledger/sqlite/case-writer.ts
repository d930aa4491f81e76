// Writes the cases of a suite chunk by chunk: on most nights all are known and looking them up is enough, else they are packed and added.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Case } from '../../core/suite.ts';
import type { KeyedCase } from './case-rows.ts';

/** Where the rows go. */
export interface CaseSink {
  keyed(c: Case): KeyedCase;
  /** Ids of the versions under these keys; null = not known. */
  find(keys: readonly string[]): Promise<readonly (number | null)[]>;
  /** Ids of these versions, in order; those not known are added. */
  add(cases: readonly KeyedCase[]): Promise<readonly number[]>;
}

/** Chunks on their way at a time: one is packed here while others are packed and written elsewhere. */
const ON_THEIR_WAY = 16;

/** How long other work waits at most, but for the chunk in hand: what comes between may take longer than the thread is busy. */
const TURN_MS = 25;

export class CaseWriter {
  readonly #sink: CaseSink;
  readonly #written: Promise<readonly number[]>[] = [];
  #turned = performance.now();
  /** The last chunk was new. */
  #adding = false;

  constructor(sink: CaseSink) {
    this.#sink = sink;
  }

  /** Takes the next chunk; resolves when there is room for another. */
  async add(cases: readonly Case[]): Promise<void> {
    const keyed = cases.map((c) => this.#sink.keyed(c));
    const { ids } = this.#adding ? { ids: this.#sink.add(keyed) } : await this.#found(keyed);
    ids.catch(() => {}); // reported when its turn comes
    this.#written.push(ids);
    await this.#written.at(-ON_THEIR_WAY);
    if (performance.now() - this.#turned < TURN_MS) return;
    // Signals get their turn, and so does a thread that has just started.
    await nextTurn();
    this.#turned = performance.now();
  }

  /** Ids of all versions, in the order of the cases. */
  async ids(): Promise<number[]> {
    return (await Promise.all(this.#written)).flat();
  }

  /** Ids of cases most of which are likely known; the others are on their way. */
  async #found(keyed: readonly KeyedCase[]): Promise<Ids> {
    const known = await this.#sink.find(keyed.map(({ key }) => key));
    const fresh = keyed.filter((_, i) => known[i] === null);
    if (fresh.length === 0) return { ids: Promise.resolve(known as readonly number[]) };
    this.#adding = fresh.length > keyed.length / 2;
    const ids = this.#sink.add(fresh).then((added) => {
      let next = 0;
      return known.map((id) => id ?? (added[next++] as number));
    });
    return { ids };
  }
}

/** Not a bare promise: one that is returned from an async function is waited for. */
interface Ids {
  readonly ids: Promise<readonly number[]>;
}
