// What a snapshot is made of, as it is read: its numbers for comparisons, its cases, trials, suite and releases.

import { LastgoodError } from '../../base/errors.ts';
import type { PolicyFile } from '../../core/policy.ts';
import type { Release } from '../../core/release.ts';
import type { CaseOutline, ExaminedCase, GradedTrial, SnapshotResults } from '../../core/snapshot.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { NO_GRADERS } from '../../core/suite-hash.ts';
import { caseResults, type ExamBook, examOf, numbered } from '../model/exam-book.ts';
import type { Connection } from './connection.ts';
import type { ContentReader } from './content.ts';
import type { Seals } from './seals.ts';
import type { SnapshotTables } from './snapshots.ts';
import type { SuiteTables } from './suites.ts';
import type { TrialTables } from './trials.ts';

// Whole trials may be large.
const [CASES_PER_READ, CASES_OF_TRIALS_PER_READ] = [500, 32];

export class SnapshotContents {
  readonly #connection: Connection;
  readonly #reader: ContentReader;
  readonly #seals: Seals;
  readonly #snapshots: SnapshotTables;
  readonly #suites: SuiteTables;
  readonly #trials: TrialTables;

  constructor(
    connection: Connection,
    reader: ContentReader,
    seals: Seals,
    tables: {
      readonly snapshots: SnapshotTables;
      readonly suites: SuiteTables;
      readonly trials: TrialTables;
    },
  ) {
    this.#connection = connection;
    this.#reader = reader;
    this.#seals = seals;
    this.#snapshots = tables.snapshots;
    this.#suites = tables.suites;
    this.#trials = tables.trials;
  }

  /** Trial numbers by case id: all, those that a resumed run does not run again, or those whose answers are gone. */
  trialNumbers(
    snapshotId: string,
    which: 'there' | 'done' | 'removed',
  ): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return this.#connection.read(async (queries) => {
      const { no, suite } = await this.#snapshots.key(queries, snapshotId);
      const byNo = await this.#trials.numbers(queries, no, which);
      const byId = new Map<string, ReadonlySet<number>>();
      if (byNo.size === 0) return byId;
      for (const [id, caseNo] of await this.#suites.numbers(queries, suite)) {
        const trials = byNo.get(caseNo);
        if (trials !== undefined) byId.set(id, trials);
      }
      return byId;
    });
  }

  results(snapshotId: string): Promise<SnapshotResults> {
    return this.#checked(() => this.#results(snapshotId));
  }

  verify(snapshotId: string): Promise<void> {
    return this.#checked(() =>
      this.#connection.read(async (queries) => {
        const { no } = await this.#snapshots.key(queries, snapshotId);
        await this.#seals.check(queries, no);
      }),
    );
  }

  /** A cache may hold what a text was taken out of since, while it was filled: only what is read anew is called damaged. */
  async #checked<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof LastgoodError) || error.code !== 'LEDGER_CORRUPT') throw error;
      for (const cache of [this.#reader, this.#suites, this.#trials]) cache.forget();
      return read();
    }
  }

  #results(snapshotId: string): Promise<SnapshotResults> {
    return this.#connection.read(async (queries) => {
      const { no, suite } = await this.#snapshots.key(queries, snapshotId);
      const summary = await this.#snapshots.summary(queries, snapshotId);
      const examined = await this.#suites.examined(
        queries,
        suite,
        await this.#snapshots.examBook(queries, no),
      );
      const { byCase, digest } = await this.#trials.results(queries, no);
      await this.#seals.checkRead(queries, no, { cases: examined.digest, trials: digest });
      // Drafts are run and shown, and nothing is decided by them.
      const graded = examined.cases.filter(({ exam }) => exam.gradersHash !== NO_GRADERS);
      const most = summary.plannedTrialsPerCase ?? Number.POSITIVE_INFINITY;
      return { summary, cases: caseResults(graded, byCase, most) };
    });
  }

  async *examinedCases(snapshotId: string): AsyncIterable<ExaminedCase> {
    const { suite, book, order } = await this.#connection.read(async (queries) => {
      const key = await this.#snapshots.key(queries, snapshotId);
      const examBook = await this.#snapshots.examBook(queries, key.no);
      return {
        suite: key.suite,
        book: (await this.#reader.json(queries, examBook)) as unknown as ExamBook,
        // By UTF-16 code units; the database orders by bytes of UTF-8.
        order: [...(await this.#suites.numbers(queries, key.suite))]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, no]) => no),
      };
    });
    for (let from = 0; from < order.length; from += CASES_PER_READ) {
      const numbers = order.slice(from, from + CASES_PER_READ);
      const cases = await this.#suites.casesAt(this.#connection.single, suite, numbers);
      for (const [i, c] of cases.entries()) {
        const position = numbers[i] as number;
        yield { position, case: c, exam: examOf(book, { ...c, caseNo: position }) };
      }
    }
  }

  async caseOf(snapshotId: string, caseId: string): Promise<Case | undefined> {
    const { suite, numbers } = await this.#numbersOf(snapshotId);
    const caseNo = numbers.get(caseId);
    if (caseNo === undefined) return undefined;
    return (await this.#suites.casesAt(this.#connection.single, suite, [caseNo]))[0];
  }

  async *trials(snapshotId: string, caseIds?: string | readonly string[]): AsyncIterable<GradedTrial> {
    const { no, numbers } = await this.#numbersOf(snapshotId);
    const queries = this.#connection.single;
    let wanted: readonly (readonly [id: string, caseNo: number])[];
    if (caseIds === undefined) {
      const withTrials = new Set(await this.#trials.caseNos(queries, no));
      wanted = [...numbers].filter(([, caseNo]) => withTrials.has(caseNo));
    } else wanted = numbered(caseIds, numbers);
    for (let from = 0; from < wanted.length; from += CASES_OF_TRIALS_PER_READ) {
      const some = wanted.slice(from, from + CASES_OF_TRIALS_PER_READ);
      const trials = await this.#trials.ofCases(
        queries,
        no,
        new Map(some.map(([id, caseNo]) => [caseNo, id])),
      );
      const byCase = Map.groupBy(trials, ({ trial }) => trial.caseId);
      for (const [id] of some) yield* byCase.get(id) ?? [];
    }
  }

  async #numbersOf(
    snapshotId: string,
  ): Promise<{ readonly no: number; readonly suite: number; readonly numbers: ReadonlyMap<string, number> }> {
    const queries = this.#connection.single;
    const { no, suite } = await this.#snapshots.key(queries, snapshotId);
    return { no, suite, numbers: await this.#suites.numbers(queries, suite) };
  }

  async policyOf(snapshotId: string): Promise<PolicyFile> {
    const { suite } = await this.#snapshots.key(this.#connection.single, snapshotId);
    return (await this.#suites.header(this.#connection.single, suite)).policy;
  }

  async suiteOf(snapshotId: string): Promise<Suite> {
    const { suite } = await this.#snapshots.key(this.#connection.single, snapshotId);
    return this.#suites.suite(this.#connection.single, suite);
  }

  async caseOutlines(snapshotId: string): Promise<readonly CaseOutline[]> {
    const { suite } = await this.#snapshots.key(this.#connection.single, snapshotId);
    return (await this.#suites.facts(this.#connection.single, suite)).facts;
  }

  async releaseOf(snapshotId: string, role: 'subject' | 'judge' | 'embedder'): Promise<Release> {
    const queries = this.#connection.single;
    const { no } = await this.#snapshots.key(queries, snapshotId);
    const id = (await this.#snapshots.releaseIds(queries, no))[role];
    if (id !== null) return this.#suites.release(queries, id);
    throw new LastgoodError({
      code: 'RELEASE_ABSENT',
      message: `Snapshot ${snapshotId} was made without ${role === 'embedder' ? 'an embedder' : `a ${role}`}.`,
    });
  }
}
