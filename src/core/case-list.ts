// The cases of a suite, in its order. A large suite is never in memory as a whole: its cases are read page by page while they are gone through.

import type { Case } from './suite.ts';

/** What of a list of cases may be used: an array is one, and so are pages that stand in a file or a ledger. */
export interface CaseList extends Iterable<Case> {
  readonly length: number;
  at(index: number): Case | undefined;
  slice(from?: number, to?: number): readonly Case[];
  map<T>(of: (c: Case, index: number) => T): T[];
  flatMap<T>(of: (c: Case, index: number) => T | readonly T[]): T[];
  /** As large a list as this one may come out, so it is no array either. */
  filter(keeps: (c: Case) => boolean): CaseList;
  find(fits: (c: Case) => boolean): Case | undefined;
  some(fits: (c: Case) => boolean): boolean;
  every(fits: (c: Case) => boolean): boolean;
  reduce<T>(step: (sum: T, c: Case) => T, start: T): T;
  forEach(visit: (c: Case, index: number) => void): void;
}

/** Cases per page: what is in memory of a large suite at a time. */
export const CASE_PAGE = 64;

/** Cases behind a function that reads one page of them. Every page but the last holds `CASE_PAGE` cases. */
export class PagedCases implements CaseList {
  readonly length: number;
  readonly #read: (page: number) => readonly Case[];
  #held: { readonly page: number; readonly cases: readonly Case[] } | null = null;

  constructor(length: number, read: (page: number) => readonly Case[]) {
    this.length = length;
    this.#read = read;
  }

  *[Symbol.iterator](): IterableIterator<Case> {
    for (let page = 0; page * CASE_PAGE < this.length; page++) yield* this.#page(page);
  }

  at(index: number): Case | undefined {
    const n = index < 0 ? this.length + index : index;
    if (n < 0 || n >= this.length) return undefined;
    return this.#page(Math.floor(n / CASE_PAGE))[n % CASE_PAGE];
  }

  slice(from = 0, to = this.length): readonly Case[] {
    const cases: Case[] = [];
    for (let n = Math.max(0, from); n < Math.min(to, this.length); n++) cases.push(this.at(n) as Case);
    return cases;
  }

  map<T>(of: (c: Case, index: number) => T): T[] {
    const out: T[] = [];
    let n = 0;
    for (const c of this) out.push(of(c, n++));
    return out;
  }

  flatMap<T>(of: (c: Case, index: number) => T | readonly T[]): T[] {
    const out: T[] = [];
    this.forEach((c, n) => {
      const some = of(c, n);
      if (Array.isArray(some)) for (const one of some as readonly T[]) out.push(one);
      else out.push(some as T);
    });
    return out;
  }

  filter(keeps: (c: Case) => boolean): CaseList {
    const kept: number[] = [];
    this.forEach((c, n) => {
      if (keeps(c)) kept.push(n);
    });
    const page = (no: number): readonly Case[] =>
      kept.slice(no * CASE_PAGE, (no + 1) * CASE_PAGE).map((n) => this.at(n) as Case);
    return kept.length <= CASE_PAGE ? page(0) : new PagedCases(kept.length, page);
  }

  find(fits: (c: Case) => boolean): Case | undefined {
    for (const c of this) if (fits(c)) return c;
    return undefined;
  }

  some(fits: (c: Case) => boolean): boolean {
    return this.find(fits) !== undefined;
  }

  every(fits: (c: Case) => boolean): boolean {
    return this.find((c) => !fits(c)) === undefined;
  }

  reduce<T>(step: (sum: T, c: Case) => T, start: T): T {
    let sum = start;
    for (const c of this) sum = step(sum, c);
    return sum;
  }

  forEach(visit: (c: Case, index: number) => void): void {
    let n = 0;
    for (const c of this) visit(c, n++);
  }

  #page(page: number): readonly Case[] {
    if (this.#held?.page !== page) this.#held = { page, cases: this.#read(page) };
    return this.#held.cases;
  }
}

/** The list with every case changed; of a large one, page by page when it is read. `change` must give the same answer every time. */
export function mapCases(cases: CaseList, change: (c: Case) => Case): CaseList {
  if (!(cases instanceof PagedCases)) return cases.map(change);
  return new PagedCases(cases.length, (page) =>
    cases.slice(page * CASE_PAGE, (page + 1) * CASE_PAGE).map(change),
  );
}

/** The cases in their order, `size` at a time. */
export function* inChunks(cases: CaseList, size: number): Generator<Case[], void, undefined> {
  let chunk: Case[] = [];
  for (const c of cases) {
    chunk.push(c);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
