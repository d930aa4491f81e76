// The snapshot store on SQLite: every method is one short piece of database work; the tables' own files know how rows look.

import type { Database, Transaction } from 'better-sqlite3';
import { canonicalJson, type JsonValue } from '../../base/json.ts';
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
import { ExamBookWriter, examBookJson } from '../model/exam-book.ts';
import { NO_PLACES, type Places, placelessClosing, placelessJson } from '../model/portable-paths.ts';
import { wellFormed } from '../model/share-long-texts.ts';
import { checkBlessing, checkNew } from '../model/write-checks.ts';
import { keyedCase, packedCases } from './case-rows.ts';
import { CaseWriter } from './case-writer.ts';
import { CasesAhead } from './cases-ahead.ts';
import { ContentTables } from './content.ts';
import { unreadable, withPatience } from './database-error.ts';
import { GradingTables } from './gradings.ts';
import { LastCases } from './last-cases.ts';
import { readPartsOf } from './ledger-seals.ts';
import { mustBeSameFile, type OpenLedgerFile } from './open.ts';
import { RecordTables } from './records.ts';
import { Replacements } from './replacements.ts';
import { resolveReference } from './resolve.ts';
import { RunLocks } from './run-lock.ts';
import { Seals } from './seals.ts';
import { SnapshotContents } from './snapshot-contents.ts';
import { SnapshotTables } from './snapshots.ts';
import { CASES_PER_TRANSACTION, SuiteTables } from './suites.ts';
import type { LedgerTask } from './thread-message.ts';
import { TrialAppender } from './trial-appender.ts';
import { TrialTables } from './trials.ts';
import { VectorTables } from './vectors.ts';
import type { WritingThread } from './writing-thread.ts';

// So few at once that no one waits long for the connection.
const VECTORS_PER_READ = 500;

/** A snapshot store on an open ledger file. */
export class SqliteLedger implements SnapshotStore {
  readonly #file: OpenLedgerFile;
  readonly #db: Database;
  /** One for all work: making one takes longer than many a query. */
  readonly #transaction: Transaction<(work: () => unknown) => unknown>;
  readonly #places: Places;
  readonly #content: ContentTables;
  readonly #suites: SuiteTables;
  readonly #lastCases: LastCases;
  readonly #snapshots: SnapshotTables;
  readonly #trials: TrialTables;
  readonly #appender: TrialAppender;
  readonly #vectors: VectorTables;
  readonly #records: RecordTables;
  readonly #seals: Seals;
  readonly #contents: SnapshotContents;
  readonly #running: RunLocks;
  /** Null = everything is written here. */
  readonly #thread: WritingThread | null;
  #ahead: CasesAhead | null = null;
  /** Snapshots that were made writable again here. */
  readonly #resumed = new Set<string>();

  constructor(file: OpenLedgerFile, places: Places = NO_PLACES, thread: WritingThread | null = null) {
    this.#file = file;
    this.#db = file.db;
    this.#transaction = file.db.transaction((work: () => unknown) => {
      // What was remembered of words may be forgotten by now.
      if (this.#content.begin()) this.#trials.forget();
      return work();
    });
    this.#places = places;
    this.#content = new ContentTables(file.db);
    this.#suites = new SuiteTables(file.db, this.#content, places);
    this.#lastCases = new LastCases(file.db, this.#content, this.#suites);
    this.#snapshots = new SnapshotTables(file.db);
    this.#trials = new TrialTables(file.db, this.#content, new GradingTables(file.db, this.#content));
    const replacements = new Replacements(file.db, this.#content);
    this.#appender = new TrialAppender(this.#snapshots, this.#lastCases, this.#trials, replacements, places);
    this.#vectors = new VectorTables(file.db, this.#content);
    const parts = readPartsOf(file, this.#snapshots, this.#lastCases, this.#trials);
    this.#seals = new Seals(file.db, file.path, parts);
    this.#contents = new SnapshotContents((work) => this.#read(work), this.#seals, {
      ...{ content: this.#content, snapshots: this.#snapshots, suites: this.#suites },
      ...{ lastCases: this.#lastCases, trials: this.#trials },
    });
    this.#records = new RecordTables(file.db, this.#seals);
    this.#running = new RunLocks(file.path, file.driver);
    this.#thread = thread;
  }

  expect(trials: number): void {
    this.#thread?.expect(trials);
  }

  foresee(cases: readonly Case[]): void {
    if (this.#thread === null) return;
    this.#ahead ??= new CasesAhead(this.#thread, this.#places, (keys) => this.#suites.findVersions(keys));
    this.#ahead.add(cases);
  }

  async begin(snapshot: NewSnapshot): Promise<void> {
    checkNew(snapshot);
    const { suite } = snapshot;
    // Content is the same whoever adds it, so it need not wait for the snapshot: a crash leaves unused rows, nothing wrong.
    const exams = new ExamBookWriter();
    this.expect(snapshot.plannedTrials);
    const writer = new CaseWriter({
      keyed: (c) => this.#ahead?.get(c) ?? keyedCase(c, this.#places),
      find: (keys) => this.#read(() => this.#suites.findVersions(keys)),
      // Packing takes longer than writing, so a thread that would have to wait packs some itself.
      add: (cases) => this.#thread?.add(cases) ?? this.#run({ kind: 'cases', rows: packedCases(cases) }),
    });
    for (const cases of inChunks(suite.cases, CASES_PER_TRANSACTION)) {
      for (const c of cases) exams.add(c, snapshot.caseExam(c));
      await writer.add(cases);
    }
    // What is still to be worked out is, while the thread writes the last cases.
    const [book, { exam }] = [examBookJson(exams.book()), snapshot];
    const versions = await writer.ids();
    this.#ahead?.end();
    this.#ahead = null;
    await snapshot.allowed;
    await this.#running.hold(snapshot.id, () =>
      this.#write(() =>
        this.#snapshots.add(snapshot, {
          exam,
          suite: this.#suites.suiteId(suite, versions),
          release: this.#suites.releaseId(snapshot.release),
          judge: snapshot.judge === null ? null : this.#suites.releaseId(snapshot.judge),
          embedder: snapshot.embedder === null ? null : this.#suites.releaseId(snapshot.embedder),
          examBook: this.#content.jsonId(book),
        }),
      ),
    );
  }

  async append(snapshotId: string, rows: readonly GradedTrial[]): Promise<void> {
    await this.#run({ kind: this.#resumed.has(snapshotId) ? 'resume' : 'append', snapshotId, rows });
  }

  async regrade(snapshotId: string, rows: readonly GradedTrial[]): Promise<void> {
    await this.#run({ kind: 'regrade', snapshotId, rows });
  }

  /** On the writing thread where there is one and it runs; else here. */
  async #run(task: LedgerTask): Promise<readonly number[]> {
    return this.#thread?.run(task) ?? this.runHere(task);
  }

  /** One transaction on this connection; ids of case versions, or nothing. */
  runHere(task: LedgerTask): Promise<readonly number[]> {
    return this.#write(() => {
      if (task.kind === 'cases') return this.#suites.versionIds(task.rows);
      this.#appender.append(task.snapshotId, task.rows, task.kind);
      return [];
    });
  }

  async finish(snapshotId: string, closing: SnapshotClosing): Promise<SnapshotSummary> {
    const prepared = await this.#read(() => this.#seals.prepare(this.#snapshots.key(snapshotId).no));
    const summary = await this.#write(() => {
      const { no } = this.#snapshots.writableKey(snapshotId);
      this.#snapshots.close(no, placelessClosing(closing, this.#places.text));
      this.#seals.write(no, prepared);
      return this.#snapshots.summary(snapshotId);
    });
    this.#resumed.delete(snapshotId);
    this.#running.release(snapshotId);
    return summary;
  }

  async reopen(snapshotId: string): Promise<void> {
    await this.#read(() => this.#snapshots.key(snapshotId));
    await this.#running.hold(snapshotId, () => this.#write(() => this.#snapshots.reopen(snapshotId)));
    this.#resumed.add(snapshotId);
  }

  async list(query: SnapshotQuery = {}): Promise<readonly SnapshotSummary[]> {
    return this.#read(() => {
      this.#seals.checkTables();
      return this.#snapshots.list(query);
    });
  }

  async resolve(
    ref: string,
    context: { readonly suite?: string | undefined; readonly now: Date },
  ): Promise<SnapshotSummary> {
    const tables = { snapshots: this.#snapshots, records: this.#records, seals: this.#seals };
    return this.#read(() => resolveReference(this.#db, tables, ref, context));
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
    await this.#write(() => {
      const { no } = this.#snapshots.key(blessing.snapshot);
      checkBlessing(this.#snapshots.summary(blessing.snapshot), blessing);
      this.#seals.check(no);
      this.#records.bless(no, blessing);
    });
  }

  async blessings(suite?: string): Promise<readonly Blessing[]> {
    return this.#read(() => this.#records.blessings(suite));
  }

  async keepImportedBlessings(blessings: readonly ImportedBlessing[]): Promise<void> {
    if (blessings.length === 0) return;
    await this.#write(() => {
      for (const b of blessings) this.#records.addImportedBlessing(this.#snapshots.key(b.snapshot).no, b);
    });
  }

  async importedBlessings(suite?: string): Promise<readonly ImportedBlessing[]> {
    return this.#read(() => this.#records.importedBlessings(suite));
  }

  async verify(snapshotId: string): Promise<void> {
    await this.#read(() => this.#seals.check(this.#snapshots.key(snapshotId).no));
  }

  async cachedVerdict(key: string): Promise<JsonValue | undefined> {
    // One query sees one state anyhow; a judged run makes it for every question.
    return withPatience(this.#file.path, this.#file.patience, () => this.#records.verdict(key));
  }

  async keepVerdict(key: string, verdict: JsonValue, at: string): Promise<void> {
    const body = canonicalJson(wellFormed(verdict));
    await this.#write(() => this.#records.addVerdict(key, body, at));
  }

  async vectorOf(embedder: string, outputHash: string): Promise<Float32Array | undefined> {
    return this.#read(() => this.#vectors.find(embedder, outputHash));
  }

  async keepVectors(embedder: string, vectors: ReadonlyMap<string, Float32Array>): Promise<void> {
    await this.#write(() => {
      for (const [outputHash, vector] of vectors) this.#vectors.add(embedder, outputHash, vector);
    });
  }

  async *vectors(snapshotId: string, embedder: string): AsyncIterable<readonly [string, Float32Array]> {
    const outputs = await this.#read(() => this.#vectors.outputs(this.#snapshots.key(snapshotId).no));
    for (let from = 0; from < outputs.length; from += VECTORS_PER_READ) {
      const some = outputs.slice(from, from + VECTORS_PER_READ);
      yield* await this.#read(() =>
        some.map((output) => this.#vectors.ofOutput(embedder, output)).filter((row) => row !== undefined),
      );
    }
  }

  async vectorCounts(snapshotId: string): Promise<readonly VectorCount[]> {
    return this.#read(() => this.#vectors.counts(this.#snapshots.key(snapshotId).no));
  }

  async keepRecord(record: LedgerRecord): Promise<void> {
    const body = canonicalJson(wellFormed(placelessJson(record.body, this.#places.text)));
    await this.#write(() => this.#records.add(record, body));
  }

  async records(kind: string, suite?: string, from = 0): Promise<readonly LedgerRecord[]> {
    return this.#read(() => this.#records.of(kind, suite, from));
  }

  async recordCount(kind: string): Promise<number> {
    return this.#read(() => this.#records.count(kind));
  }

  async close(): Promise<void> {
    await this.#thread?.close();
    this.#running.releaseAll();
    if (this.#db.open) this.#db.close();
  }

  /** Several queries that see one state of the ledger. */
  #read<T>(work: () => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => {
      try {
        return this.#transaction.deferred(work) as T;
      } catch (error) {
        throw unreadable(error, this.#file.path);
      }
    });
  }

  /** One immediate transaction: all of it is stored or nothing. */
  #write<T>(work: () => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => {
      try {
        return this.#transaction.immediate(() => {
          mustBeSameFile(this.#file);
          return work();
        }) as T;
      } catch (error) {
        // Ids handed out in a transaction that was rolled back are void.
        this.#content.forget();
        this.#trials.forget();
        this.#snapshots.forget();
        throw error;
      }
    });
  }
}
