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
import { ExamBookWriter, examBookJson } from '../model/exam-book.ts';
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
import { SnapshotContents } from './snapshot-contents.ts';
import { SnapshotTables } from './snapshots.ts';
import { CASES_PER_STATEMENT, SuiteTables } from './suites.ts';
import { type Appending, TrialTables } from './trials.ts';
import { VectorTables } from './vectors.ts';

const VECTORS_PER_READ = 500;

/** A snapshot store on a PostgreSQL server. */
export class PostgresLedger implements SnapshotStore {
  readonly #connection: Connection;
  readonly #places: Places;
  readonly #known = new KnownContent();
  readonly #reader: ContentReader;
  readonly #suites: SuiteTables;
  readonly #snapshots = new SnapshotTables((generation) => this.#begin(generation));
  readonly #trials: TrialTables;
  readonly #seals: Seals;
  readonly #records: RecordTables;
  readonly #vectors: VectorTables;
  readonly #contents: SnapshotContents;
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
    this.#trials = new TrialTables(this.#reader, shown, (generation) => this.#begin(generation));
    const tables = { snapshots: this.#snapshots, suites: this.#suites, trials: this.#trials };
    this.#seals = new Seals(shown, tables);
    this.#contents = new SnapshotContents(connection, this.#reader, this.#seals, tables);
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
    await this.#running.keep(id);
    // Again where a text was taken out of the ledger in between.
    do await this.#trials.prepareServed(this.#connection.single, rows);
    while (!(await this.#appendPrepared(id, rows, kind)));
  }

  /** False where it is not known any more who served the trials; nothing was written then. */
  #appendPrepared(id: string, rows: readonly GradedTrial[], kind: Appending['kind']): Promise<boolean> {
    return this.#write(async (queries, writer) => {
      if (!this.#trials.knowsServed(rows)) return false;
      const { no, suite } = await this.#snapshots.writableKey(queries, id, 'share');
      if (rows.length === 0) return true;
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
      return true;
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
      return this.#snapshots.summary(queries, snapshotId);
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

  doneTrials(snapshotId: string): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return this.#contents.trialNumbers(snapshotId, this.#resumed.has(snapshotId) ? 'done' : 'there');
  }

  removedOutputs(snapshotId: string): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return this.#contents.trialNumbers(snapshotId, 'removed');
  }

  results(snapshotId: string): Promise<SnapshotResults> {
    return this.#contents.results(snapshotId);
  }

  examinedCases(snapshotId: string): AsyncIterable<ExaminedCase> {
    return this.#contents.examinedCases(snapshotId);
  }

  caseOf(snapshotId: string, caseId: string): Promise<Case | undefined> {
    return this.#contents.caseOf(snapshotId, caseId);
  }

  trials(snapshotId: string, caseIds?: string | readonly string[]): AsyncIterable<GradedTrial> {
    return this.#contents.trials(snapshotId, caseIds);
  }

  policyOf(snapshotId: string): Promise<PolicyFile> {
    return this.#contents.policyOf(snapshotId);
  }

  suiteOf(snapshotId: string): Promise<Suite> {
    return this.#contents.suiteOf(snapshotId);
  }

  caseOutlines(snapshotId: string): Promise<readonly CaseOutline[]> {
    return this.#contents.caseOutlines(snapshotId);
  }

  releaseOf(snapshotId: string, role: 'subject' | 'judge' | 'embedder' = 'subject'): Promise<Release> {
    return this.#contents.releaseOf(snapshotId, role);
  }

  async bless(blessing: Blessing): Promise<void> {
    await this.#write(async (queries) => {
      const { no } = await this.#snapshots.key(queries, blessing.snapshot, 'share');
      checkBlessing(await this.#snapshots.summary(queries, blessing.snapshot), blessing);
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
    return this.#contents.verify(snapshotId);
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

  /** Begins reading or writing: caches are void where something was taken out since (`generation` was raised). */
  #begin(generation: number): void {
    if (!this.#known.begin(generation)) return;
    this.#drafts.clear();
    for (const cache of [this.#reader, this.#suites, this.#trials]) cache.forget();
  }

  /** All of the work or nothing; what it adds as content is remembered once it is committed. */
  async #write<T>(work: (queries: Queries, writer: ContentWriter) => Promise<T>): Promise<T> {
    let writer: ContentWriter | undefined;
    const result = await this.#connection.write((queries, generation) => {
      this.#begin(generation);
      writer = new ContentWriter(this.#known);
      return work(queries, writer);
    });
    writer?.committed();
    return result;
  }
}
