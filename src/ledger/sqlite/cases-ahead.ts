// Cases of a suite that is still being read: the writing thread packs them meanwhile, and only writes them once the run may begin.
// With it a recorded run of 10,000 cases took 0.95 of the processor time without it and 16 MiB more (6 pairs on a busy machine, 0.75 to 1.44).

import type { Case } from '../../core/suite.ts';
import type { Places } from '../model/portable-paths.ts';
import { type KeyedCase, keyedCase, type PackedCase, packedTexts, type UnpackedCase } from './case-rows.ts';
import { CASES_PER_TRANSACTION } from './suites.ts';
import type { WritingThread } from './writing-thread.ts';

/** Characters of cases packed ahead. A suite of more is read in pages: its cases come back as other objects, and none would be found again. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

/** The thread's side: packed cases by their keys. */
export class PackedAhead {
  readonly #packed = new Map<string, PackedCase>();

  pack(cases: readonly UnpackedCase[]): void {
    for (const row of packedTexts(cases)) this.#packed.set(row.key, row);
  }

  take(keys: readonly string[]): PackedCase[] {
    return keys.map((key) => {
      const row = this.#packed.get(key);
      if (row === undefined) throw new Error('a case was said to be packed that is not');
      return row;
    });
  }

  clear(): void {
    this.#packed.clear();
  }
}

/** The ledger's side: what was sent, case by case. A case that is changed before it is written (a secret masked in it) is another object. */
export class CasesAhead {
  readonly #thread: WritingThread;
  readonly #places: Places;
  readonly #known: (keys: readonly string[]) => readonly (number | null)[];
  readonly #sent = new Map<Case, KeyedCase>();
  #waiting: Case[] = [];
  #characters = 0;
  #over = false;

  /** `known` gives null for keys the ledger does not have. */
  constructor(
    thread: WritingThread,
    places: Places,
    known: (keys: readonly string[]) => readonly (number | null)[],
  ) {
    this.#thread = thread;
    this.#places = places;
    this.#known = known;
  }

  /** The next cases, in the order of the suite. */
  add(cases: readonly Case[]): void {
    for (const c of cases) {
      if (this.#over) return;
      this.#waiting.push(c);
      // In the chunks they are written in, so that they are packed as they would be then.
      if (this.#waiting.length < CASES_PER_TRANSACTION) continue;
      this.#send(this.#waiting);
      this.#waiting = [];
    }
  }

  /** The case as it was sent. */
  get(c: Case): KeyedCase | undefined {
    return this.#sent.get(c);
  }

  /** Nothing more comes, and nothing of it is asked for again. */
  end(): void {
    this.#over = true;
    this.#waiting = [];
    this.#sent.clear();
  }

  #send(cases: readonly Case[]): void {
    this.#thread.expect(this.#sent.size + cases.length);
    const keyed = cases.map((c) => keyedCase(c, this.#places));
    const rows = keyed.map(({ key, text = '' }) => ({ key, text }));
    this.#characters += rows.reduce((n, { text }) => n + text.length, 0);
    if (this.#characters > MOST_CHARACTERS) {
      this.#thread.unpack();
      this.end();
    } else if ((this.#sent.size === 0 && this.#mostKnown(rows)) || !this.#thread.pack(rows)) {
      this.end();
    } else {
      cases.forEach((c, i) => {
        const { key, kept } = keyed[i] as KeyedCase;
        this.#sent.set(c, { key, kept });
      });
    }
  }

  /** On most nights nothing of a suite is new, and nothing has to be packed. */
  #mostKnown(rows: readonly UnpackedCase[]): boolean {
    try {
      return this.#known(rows.map(({ key }) => key)).filter((id) => id !== null).length > rows.length / 2;
    } catch {
      return true; // what is wrong with the ledger is reported when it is written
    }
  }
}
