// What a snapshot is made of, as it is read: its numbers for comparisons, its cases, trials, suite and releases.

import { LastgoodError } from '../../base/errors.ts';
import type { PolicyFile } from '../../core/policy.ts';
import type { Release } from '../../core/release.ts';
import type { CaseOutline, ExaminedCase, GradedTrial, SnapshotResults } from '../../core/snapshot.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { NO_GRADERS } from '../../core/suite-hash.ts';
import { caseResults, type ExamBook, examOf, numbered } from '../model/exam-book.ts';
import type { ContentTables } from './content.ts';
import type { LastCases } from './last-cases.ts';
import type { Seals } from './seals.ts';
import type { SnapshotTables } from './snapshots.ts';
import type { SuiteTables } from './suites.ts';
import type { TrialTables } from './trials.ts';

// So few at once that no one waits long for the connection; whole trials may be large.
const [CASES_PER_READ, CASES_OF_TRIALS_PER_READ] = [200, 16];

interface Tables {
  readonly content: ContentTables;
  readonly snapshots: SnapshotTables;
  readonly suites: SuiteTables;
  readonly lastCases: LastCases;
  readonly trials: TrialTables;
}

export class SnapshotContents {
  readonly #read: <T>(work: () => T) => Promise<T>;
  readonly #seals: Seals;
  readonly #content: ContentTables;
  readonly #snapshots: SnapshotTables;
  readonly #suites: SuiteTables;
  readonly #lastCases: LastCases;
  readonly #trials: TrialTables;

  /** `read`: several queries that see one state of the ledger. */
  constructor(read: <T>(work: () => T) => Promise<T>, seals: Seals, tables: Tables) {
    this.#read = read;
    this.#seals = seals;
    this.#content = tables.content;
    this.#snapshots = tables.snapshots;
    this.#suites = tables.suites;
    this.#lastCases = tables.lastCases;
    this.#trials = tables.trials;
  }

  /** Trial numbers by case id: all, those that a resumed run does not run again, or those whose answers are gone. */
  trialNumbers(
    snapshotId: string,
    which: 'there' | 'done' | 'removed',
  ): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return this.#read(() => {
      const { no, suite } = this.#snapshots.key(snapshotId);
      const byNo = this.#trials[which === 'removed' ? 'removedOutputs' : which](no);
      const byId = new Map<string, ReadonlySet<number>>();
      if (byNo.size === 0) return byId;
      for (const [id, caseNo] of this.#lastCases.numbersOf(suite)) {
        const trials = byNo.get(caseNo);
        if (trials !== undefined) byId.set(id, trials);
      }
      return byId;
    });
  }

  async results(snapshotId: string): Promise<SnapshotResults> {
    return this.#read(() => {
      const { no, suite } = this.#snapshots.key(snapshotId);
      const bookId = this.#snapshots.examBook(no);
      const { byCase: trials, digest } = this.#trials.results(no);
      const summary = this.#snapshots.summary(snapshotId);
      const most = summary.plannedTrialsPerCase ?? Number.POSITIVE_INFINITY;
      const examined = this.#lastCases.examined(suite, bookId);
      this.#seals.checkRead(no, { cases: examined.digest, trials: digest });
      // Drafts are run and shown, and nothing is decided by them.
      const graded = examined.cases.filter(({ exam }) => exam.gradersHash !== NO_GRADERS);
      return { summary, cases: caseResults(graded, trials, most) };
    });
  }

  async *examinedCases(snapshotId: string): AsyncIterable<ExaminedCase> {
    const { suite, book, order } = await this.#read(() => {
      const key = this.#snapshots.key(snapshotId);
      const bookId = this.#snapshots.examBook(key.no);
      return {
        suite: key.suite,
        book: this.#content.json(bookId) as unknown as ExamBook,
        // Not by SQLite, which orders by bytes of UTF-8.
        order: [...this.#lastCases.numbersOf(key.suite)]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, no]) => no),
      };
    });
    for (let from = 0; from < order.length; from += CASES_PER_READ)
      yield* await this.#read(() =>
        order.slice(from, from + CASES_PER_READ).map((position): ExaminedCase => {
          const c = this.#suites.caseAt(suite, position);
          return { position, case: c, exam: examOf(book, { ...c, caseNo: position }) };
        }),
      );
  }

  async caseOf(snapshotId: string, caseId: string): Promise<Case | undefined> {
    return this.#read(() => {
      const { suite } = this.#snapshots.key(snapshotId);
      const caseNo = this.#lastCases.numbersOf(suite).get(caseId);
      return caseNo === undefined ? undefined : this.#suites.caseAt(suite, caseNo);
    });
  }

  async *trials(snapshotId: string, caseIds?: string | readonly string[]): AsyncIterable<GradedTrial> {
    const { no, wanted } = await this.#read(() => {
      const key = this.#snapshots.key(snapshotId);
      const numbers = this.#lastCases.numbersOf(key.suite);
      if (caseIds === undefined) {
        const withTrials = new Set(this.#trials.caseNos(key.no));
        return { no: key.no, wanted: [...numbers].filter(([, caseNo]) => withTrials.has(caseNo)) };
      }
      return { no: key.no, wanted: numbered(caseIds, numbers) };
    });
    // No query is left open between two of them: an open one would keep this connection from writing.
    for (let from = 0; from < wanted.length; from += CASES_OF_TRIALS_PER_READ)
      yield* await this.#read(() =>
        wanted
          .slice(from, from + CASES_OF_TRIALS_PER_READ)
          .flatMap(([id, caseNo]) => this.#trials.ofCase(no, caseNo, id)),
      );
  }

  async policyOf(snapshotId: string): Promise<PolicyFile> {
    return this.#read(() => this.#suites.policy(this.#snapshots.key(snapshotId).suite));
  }

  async suiteOf(snapshotId: string): Promise<Suite> {
    return this.#read(() => this.#suites.suite(this.#snapshots.key(snapshotId).suite));
  }

  async caseOutlines(snapshotId: string): Promise<readonly CaseOutline[]> {
    return this.#read(() => {
      const { no, suite } = this.#snapshots.key(snapshotId);
      return this.#lastCases.examined(suite, this.#snapshots.examBook(no)).cases.map(({ facts }) => facts);
    });
  }

  async releaseOf(snapshotId: string, role: 'subject' | 'judge' | 'embedder'): Promise<Release> {
    return this.#read(() => {
      const { no } = this.#snapshots.key(snapshotId);
      const id = this.#snapshots.releaseIds(no)[role];
      if (id !== null) return this.#suites.release(id);
      throw new LastgoodError({
        code: 'RELEASE_ABSENT',
        message: `Snapshot ${snapshotId} was made without ${role === 'embedder' ? 'an embedder' : `a ${role}`}.`,
      });
    });
  }
}
