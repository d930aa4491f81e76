// The snapshot store on PostgreSQL: every method is one transaction or one query; the tables' own files know how rows look.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { LastgoodError } from '../../base/errors.ts';
import type { JsonValue } from '../../base/json.ts';
import { inChunks } from '../../core/case-list.ts';
import type { PolicyFile } from '../../core/policy.ts';
import type { Release } from '../../core/release.ts';
import type {
  Blessing,
  CaseOutline,
  ExaminedCase,
  GradedTrial,
  ImportedBlessing,
  LedgerRecord,
  NewSnapshot,
  SnapshotClosing,
  SnapshotQuery,
  SnapshotResults,
  SnapshotStore,
  SnapshotSummary,
  VectorCount,
} from '../../core/snapshot.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { NO_GRADERS } from '../../core/suite-hash.ts';
import { caseResults, type ExamBook, ExamBookWriter, examBookJson, examOf } from '../model/exam-book.ts';
import {
  NO_PLACES,
  type Places,
  placelessClosing,
  placelessJson,
  placelessTrial,
} from '../model/portable-paths.ts';
import { checkBlessing, checkNew } from '../model/write-checks.ts';
import type { Connection, Queries } from './connection.ts';
import { ContentReader, ContentWriter, KnownContent } from './content.ts';
import { RecordTables } from './records.ts';
import { resolveReference } from './resolve.ts';
import { RunLocks } from './run-locks.ts';
import { Seals } from './seals.ts';
import { SnapshotTables } from './snapshots.ts';
import { CASES_PER_STATEMENT, SuiteTables } from './suites.ts';
import { type Appending, TrialTables } from './trials.ts';
import { VectorTables } from './vectors.ts';

// Whole trials may be large.
const [VECTORS_PER_READ, CASES_PER_READ, CASES_OF_TRIALS_PER_READ] = [500, 500, 32];

/** A snapshot store on a PostgreSQL server. */
export class PostgresLedger implements SnapshotStore {
  readonly #connection: Connection;
  readonly #places: Places;
  readonly #known = new KnownContent();
  readonly #reader: ContentReader;
  readonly #suites: SuiteTables;
  readonly #snapshots = new SnapshotTables();
  readonly #trials: TrialTables;
  readonly #seals: Seals;
  readonly #records: RecordTables;
  readonly #vectors: VectorTables;
  readonly #running: RunLocks;
  /** Snapshots that were made writable again here. */
  readonly #resumed = new Set<string>();
  /** Snapshots that another process runs, and this one adds trials to. */
  readonly #joined = new Set<string>();
  readonly #drafts = new Map<number, ReadonlySet<number>>();

  constructor(connection: Connection, places: Places = NO_PLACES) {
    const { shown } = connection.address;
    this.#connection = connection;
    this.#places = places;
    this.#reader = new ContentReader(shown);
    this.#suites = new SuiteTables(this.#reader, places);
    this.#trials = new TrialTables(this.#reader, shown);
    this.#seals = new Seals(shown, {
      snapshots: this.#snapshots,
      suites: this.#suites,
      trials: this.#trials,
    });
    this.#records = new RecordTables(this.#seals);
    this.#vectors = new VectorTables(shown);
    this.#running = new RunLocks(connection);
  }

  async begin(snapshot: NewSnapshot): Promise<void> {
    checkNew(snapshot);
    const { suite } = snapshot;
    // Cases are the same whoever adds them, so they need not wait for the snapshot: a crash leaves unused rows, nothing wrong.
    const exams = new ExamBookWriter();
    const versions: number[] = [];
    for (const cases of inChunks(suite.cases, CASES_PER_STATEMENT)) {
      for (const c of cases) exams.add(c, snapshot.caseExam(c));
      for (const id of await this.#versionIds(cases)) versions.push(id);
      // Signals get their turn.
      await nextTurn();
    }
    await snapshot.allowed;
    await this.#running.hold(snapshot.id, () =>
      this.#write(async (queries, writer) => {
        const release = (r: Release | null): Promise<number> | null =>
          r === null ? null : this.#suites.releaseId(queries, writer, r);
        const ids = {
          suite: await this.#suites.suiteId(queries, writer, suite, versions),
          release: await this.#suites.releaseId(queries, writer, snapshot.release),
          judge: await release(snapshot.judge),
          embedder: await release(snapshot.embedder),
          examBook: writer.json(examBookJson(exams.book())),
        };
        await writer.flush(queries);
        await this.#snapshots.add(queries, snapshot, ids);
      }),
    );
  }

  async #versionIds(cases: readonly Case[]): Promise<readonly number[]> {
    const keyed = cases.map((c) => this.#suites.keyed(c));
    const known = await this.#suites.findVersions(this.#connection.single, keyed);
    if (!known.includes(null)) return known as number[];
    return this.#write((queries, writer) => this.#suites.versionIds(queries, writer, keyed));
  }

  async append(snapshotId: string, rows: readonly GradedTrial[]): Promise<void> {
    await this.#append(snapshotId, rows, this.#resumed.has(snapshotId) ? 'resume' : 'append');
  }

  async regrade(snapshotId: string, rows: readonly GradedTrial[]): Promise<void> {
    await this.#append(snapshotId, rows, 'regrade');
  }

  async #append(id: string, given: readonly GradedTrial[], kind: Appending['kind']): Promise<void> {
    const rows = given.map((row) => placelessTrial(row, this.#places.text));
    await this.#trials.prepareServed(this.#connection.single, rows);
    await this.#write(async (queries, writer) => {
      const { no, suite } = await this.#snapshots.writableKey(queries, id, 'share');
      if (rows.length === 0) return;
      const numbers = await this.#suites.numbers(queries, suite);
      const drafts = rows.some((row) => row.trial.status === 'answered' && row.grades.length === 0)
        ? await this.#draftsOf(queries, suite)
        : new Set();
      const numbered = rows.map((row) => {
        const caseNo = numbers.get(row.trial.caseId);
        if (caseNo !== undefined) return { caseNo, row };
        throw new LastgoodError({
          code: 'CASE_UNKNOWN',
          message: `Snapshot ${id} has no such case.`,
          where: { caseId: row.trial.caseId },
        });
      });
      const isDraft = (caseNo: number): boolean => drafts.has(caseNo);
      const to = { snapshotNo: no, snapshotId: id, kind, isDraft, keepsFirst: this.#joined.has(id) };
      await this.#trials.add(queries, writer, to, numbered);
    });
  }

  /** Numbers of the cases that nothing grades yet. */
  async #draftsOf(queries: Queries, suite: number): Promise<ReadonlySet<number>> {
    let drafts = this.#drafts.get(suite);
    if (drafts === undefined) {
      const { facts } = await this.#suites.facts(queries, suite);
      drafts = new Set(facts.filter((f) => f.gradersHash === NO_GRADERS).map((f) => f.caseNo));
      this.#drafts.set(suite, drafts);
    }
    return drafts;
  }

  async finish(snapshotId: string, closing: SnapshotClosing): Promise<SnapshotSummary> {
    const summary = await this.#write(async (queries) => {
      const key = await this.#snapshots.writableKey(queries, snapshotId, 'update');
      const { state } = closing;
      await this.#snapshots.close(queries, key.no, placelessClosing(closing, this.#places.text));
      await this.#snapshots.seal(queries, key.no, await this.#seals.of(queries, { ...key, state }), state);
      return this.#summary(queries, snapshotId);
    });
    this.#resumed.delete(snapshotId);
    await this.#running.release(snapshotId);
    return summary;
  }

  async reopen(snapshotId: string): Promise<void> {
    await this.#snapshots.key(this.#connection.single, snapshotId);
    await this.#running.hold(snapshotId, () =>
      this.#write((queries) => this.#snapshots.reopen(queries, snapshotId)),
    );
    this.#resumed.add(snapshotId);
  }

  async join(snapshotId: string): Promise<void> {
    await this.#snapshots.key(this.#connection.single, snapshotId);
    this.#resumed.add(snapshotId);
    this.#joined.add(snapshotId);
  }

  doneTrials(snapshotId: string): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return this.#trialNumbers(snapshotId, this.#resumed.has(snapshotId) ? 'done' : 'there');
  }

  removedOutputs(snapshotId: string): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return this.#trialNumbers(snapshotId, 'removed');
  }

  #trialNumbers(
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

  list(query: SnapshotQuery = {}): Promise<readonly SnapshotSummary[]> {
    return this.#connection.read((queries) => this.#snapshots.list(queries, query));
  }

  resolve(
    ref: string,
    context: { readonly suite?: string | undefined; readonly now: Date },
  ): Promise<SnapshotSummary> {
    const tables = { snapshots: this.#snapshots, records: this.#records };
    return this.#connection.read((queries) => resolveReference(queries, tables, ref, context));
  }

  results(snapshotId: string): Promise<SnapshotResults> {
    return this.#connection.read(async (queries) => {
      const { no, suite } = await this.#snapshots.key(queries, snapshotId);
      const summary = await this.#summary(queries, snapshotId);
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

  async *trials(snapshotId: string, caseId?: string): AsyncIterable<GradedTrial> {
    const { no, numbers } = await this.#numbersOf(snapshotId);
    const queries = this.#connection.single;
    if (caseId !== undefined) {
      const caseNo = numbers.get(caseId);
      if (caseNo !== undefined) yield* await this.#trials.ofCases(queries, no, new Map([[caseNo, caseId]]));
      return;
    }
    const withTrials = new Set(await this.#trials.caseNos(queries, no));
    const wanted = [...numbers].filter(([, caseNo]) => withTrials.has(caseNo));
    for (let from = 0; from < wanted.length; from += CASES_OF_TRIALS_PER_READ) {
      const some = wanted.slice(from, from + CASES_OF_TRIALS_PER_READ);
      yield* await this.#trials.ofCases(queries, no, new Map(some.map(([id, caseNo]) => [caseNo, id])));
    }
  }

  /** Asked for with every case of an export. */
  #lastNumbers: { readonly id: string; readonly no: number; readonly suite: number } | null = null;

  async #numbersOf(
    snapshotId: string,
  ): Promise<{ readonly no: number; readonly suite: number; readonly numbers: ReadonlyMap<string, number> }> {
    const queries = this.#connection.single;
    const last = this.#lastNumbers;
    const { no, suite } = last?.id === snapshotId ? last : await this.#snapshots.key(queries, snapshotId);
    this.#lastNumbers = { id: snapshotId, no, suite };
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

  async releaseOf(snapshotId: string, role: 'subject' | 'judge' | 'embedder' = 'subject'): Promise<Release> {
    const queries = this.#connection.single;
    const { no } = await this.#snapshots.key(queries, snapshotId);
    const id = (await this.#snapshots.releaseIds(queries, no))[role];
    if (id !== null) return this.#suites.release(queries, id);
    throw new LastgoodError({
      code: 'RELEASE_ABSENT',
      message: `Snapshot ${snapshotId} was made without ${role === 'embedder' ? 'an embedder' : `a ${role}`}.`,
    });
  }

  async bless(blessing: Blessing): Promise<void> {
    await this.#write(async (queries) => {
      const { no } = await this.#snapshots.key(queries, blessing.snapshot, 'share');
      checkBlessing(await this.#summary(queries, blessing.snapshot), blessing);
      await this.#seals.check(queries, no);
      await this.#records.bless(queries, no, blessing);
    });
  }

  blessings(suite?: string): Promise<readonly Blessing[]> {
    return this.#records.blessings(this.#connection.single, suite);
  }

  async keepImportedBlessings(blessings: readonly ImportedBlessing[]): Promise<void> {
    if (blessings.length === 0) return;
    await this.#write(async (queries) => {
      for (const b of blessings)
        await this.#records.addImportedBlessing(
          queries,
          (await this.#snapshots.key(queries, b.snapshot)).no,
          b,
        );
    });
  }

  importedBlessings(suite?: string): Promise<readonly ImportedBlessing[]> {
    return this.#records.importedBlessings(this.#connection.single, suite);
  }

  verify(snapshotId: string): Promise<void> {
    return this.#connection.read(async (queries) => {
      const { no } = await this.#snapshots.key(queries, snapshotId);
      await this.#seals.check(queries, no);
    });
  }

  cachedVerdict(key: string): Promise<JsonValue | undefined> {
    return this.#records.verdict(this.#connection.single, key);
  }

  keepVerdict(key: string, verdict: JsonValue, at: string): Promise<void> {
    return this.#records.addVerdict(this.#connection.single, key, verdict, at);
  }

  vectorOf(embedder: string, outputHash: string): Promise<Float32Array | undefined> {
    return this.#vectors.find(this.#connection.single, embedder, outputHash);
  }

  async keepVectors(embedder: string, vectors: ReadonlyMap<string, Float32Array>): Promise<void> {
    if (vectors.size > 0) await this.#write((queries) => this.#vectors.add(queries, embedder, vectors));
  }

  async *vectors(snapshotId: string, embedder: string): AsyncIterable<readonly [string, Float32Array]> {
    const { no } = await this.#snapshots.key(this.#connection.single, snapshotId);
    let after: Buffer = Buffer.alloc(0);
    for (;;) {
      const of = { snapshotNo: no, embedder, after };
      const page = await this.#vectors.page(this.#connection.single, of, VECTORS_PER_READ);
      for (const [output, vector] of page) yield [output.toString('hex'), vector];
      const last = page.at(-1);
      if (last === undefined || page.length < VECTORS_PER_READ) return;
      after = last[0];
    }
  }

  async vectorCounts(snapshotId: string): Promise<readonly VectorCount[]> {
    const { no } = await this.#snapshots.key(this.#connection.single, snapshotId);
    return this.#vectors.counts(this.#connection.single, no);
  }

  async keepRecord(record: LedgerRecord): Promise<void> {
    const body = placelessJson(record.body, this.#places.text);
    await this.#write((queries) => this.#records.add(queries, record, body));
  }

  records(kind: string, suite?: string, from = 0): Promise<readonly LedgerRecord[]> {
    return this.#records.of(this.#connection.single, { kind, suite, from });
  }

  recordCount(kind: string): Promise<number> {
    return this.#records.count(this.#connection.single, kind);
  }

  async close(): Promise<void> {
    await this.#running.releaseAll();
    await this.#connection.close();
  }

  async #summary(queries: Queries, id: string): Promise<SnapshotSummary> {
    const [summary] = await this.#snapshots.summaries(queries, { id });
    if (summary === undefined) throw new Error(`snapshot ${id} has no suite or release row`);
    return summary;
  }

  /** All of the work or nothing; what it adds as content is remembered once it is committed. */
  async #write<T>(work: (queries: Queries, writer: ContentWriter) => Promise<T>): Promise<T> {
    let writer: ContentWriter | undefined;
    const result = await this.#connection.write((queries, generation) => {
      // What was remembered may have been taken out by now.
      if (this.#known.begin(generation)) this.#reader.forget();
      writer = new ContentWriter(this.#known);
      return work(queries, writer);
    });
    writer?.committed();
    return result;
  }
}
