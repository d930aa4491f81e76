// The cases of the suite that was last read, which the next question is mostly about too.

import type { Database } from 'better-sqlite3';
import type { ExaminedFacts } from '../model/exam-book.ts';
import { type ExamBook, examOf } from '../model/exam-book.ts';
import type { ContentTables } from './content.ts';
import type { SuiteTables } from './suites.ts';

interface Examined {
  readonly cases: readonly ExaminedFacts[];
  /** Of the facts; the exams follow from them and the exam book. */
  readonly digest: Buffer;
}

/** What is kept in memory of one suite. Its methods must be called inside a transaction. */
export class LastCases {
  readonly #db: Database;
  readonly #content: ContentTables;
  readonly #suites: SuiteTables;
  #numbers: { readonly suite: number; readonly byId: ReadonlyMap<string, number> } | null = null;
  #drafts: { readonly suite: number; readonly numbers: ReadonlySet<number> } | null = null;
  #examined: {
    readonly suite: number;
    readonly bookId: number;
    readonly version: number;
    readonly cases: readonly ExaminedFacts[];
    readonly digest: Buffer;
  } | null = null;

  constructor(db: Database, content: ContentTables, suites: SuiteTables) {
    this.#db = db;
    this.#content = content;
    this.#suites = suites;
  }

  /** Case numbers by case id; asked for with every batch of trials that is appended. */
  numbersOf(suite: number): ReadonlyMap<string, number> {
    if (this.#numbers?.suite === suite) return this.#numbers.byId;
    const last = this.#examined; // a comparison has just read the cases
    const byId =
      last?.suite === suite && last.version === this.#dataVersion()
        ? new Map(last.cases.map(({ facts }) => [facts.id, facts.caseNo]))
        : this.#suites.numbers(suite);
    this.#numbers = { suite, byId };
    return byId;
  }

  /** Numbers of the drafts. Asked only where an answer came without grades. */
  draftsOf(suite: number): ReadonlySet<number> {
    if (this.#drafts?.suite !== suite) this.#drafts = { suite, numbers: this.#suites.drafts(suite) };
    return this.#drafts.numbers;
  }

  /** The cases of a suite under an exam. The two snapshots of a comparison mostly have both in common. */
  examined(suite: number, bookId: number): Examined {
    const version = this.#dataVersion();
    const last = this.#examined;
    if (last !== null && last.suite === suite && last.bookId === bookId && last.version === version)
      return last;
    this.#examined = null;
    const book = this.#content.json(bookId) as unknown as ExamBook;
    const { facts: all, digest } = this.#suites.facts(suite);
    const cases = all.map((facts) => ({ facts, exam: examOf(book, facts) }));
    this.#examined = { suite, bookId, version, cases, digest };
    return this.#examined;
  }

  /** Raised by what another connection does to the file: pruned rows may have their numbers given to others. */
  #dataVersion(): number {
    return this.#db.pragma('data_version', { simple: true }) as number;
  }
}
