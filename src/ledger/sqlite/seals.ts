// Digests over what a verdict rests on: written when a snapshot ends, checked whenever it is compared, blessed, pooled or exported.
//
// SQLite notices a page that makes no sense, but not one whose numbers changed. A snapshot has two seals: one over the numbers that
// comparisons read (its row, its cases, its trials), computed from the rows they read anyway, and one over everything else (grades,
// messages, case texts), read when it is blessed or exported. Texts stored as content have hashes of their own.
//
// Cost, measured on a ledger of bench:read with 100,000 cases: reading both snapshots of a comparison takes 1042 ms of CPU time with the first
// seal and 1018 ms without (medians of 14), 0.6 % of the 3.8 s that `lastgood diff` takes.

import type { Database } from 'better-sqlite3';
import type { LastgoodError } from '../../base/errors.ts';
import { type Cell, rowSeal, SealHash } from '../model/seal-hash.ts';
import { damagedLedger } from './database-error.ts';

/** Tables of which each row has a seal, and where readers count rows: a damaged page must not hide one. */
export type SealedTable = 'snapshot' | 'blessing' | 'record' | 'shipping_change';

interface StoredSeals {
  readonly no: number;
  readonly state: string;
  readonly seal: Buffer | null;
  readonly texts_seal: Buffer | null;
}

/** The parts of a snapshot that comparisons read, each as a digest. */
export interface ReadParts {
  readonly cases: Buffer;
  readonly trials: Buffer;
}

const HEADER = `
  SELECT s.id, s.purpose, u.name, u.hash, u.cases, s.exam, hex(b.sha256), s.started_at, s.started_ms, s.planned_trials, s.seed, s.labels,
         s.environment, s.finished_at, s.state, s.validity, s.validity_reasons, s.findings, s.trials, s.answered, s.failed, s.app_errors,
         s.trials_per_case, s.skipped, s.ungraded, s.calls, s.cost_usd, s.cost_unknown, s.judge_usd, s.judge_unknown, s.graded_cases,
         s.pass_share_sum, s.score_mean_sum, s.imported, s.suite, h.shape, h.parts,
         r.name, r.fingerprint, r.layer_hashes, r.pinned, rd.shape, rd.parts, j.name, j.fingerprint, jd.shape, jd.parts,
         e.name, e.fingerprint, ed.shape, ed.parts,
         (SELECT json_group_array(json_array(d.model, d.system_fingerprint, d.simulated))
          FROM snapshot_served x JOIN served d ON d.id = x.served WHERE x.snapshot = s.no)
  FROM snapshot s JOIN suite u ON u.id = s.suite JOIN document h ON h.id = u.header JOIN content b ON b.id = s.exam_book
       JOIN release r ON r.id = s.release JOIN document rd ON rd.id = r.document
       LEFT JOIN release j ON j.id = s.judge LEFT JOIN document jd ON jd.id = j.document
       LEFT JOIN release e ON e.id = s.embedder LEFT JOIN document ed ON ed.id = e.document
  WHERE s.no = ?`;

/** Everything that comparisons do not read, in an order that does not depend on how it came in. */
const TEXTS: readonly string[] = [
  `SELECT t.case_no, t.trial, t.judge_usd, t.request_id, t.usage_known, t.input_tokens, t.cached_tokens, t.cache_write_tokens,
          t.reasoning_tokens, t.dropped_params, t.output, t.sent, t.grading, t.code, t.message, t.calls, t.started_ms, t.attempts, d.shape, d.parts
   FROM trial t LEFT JOIN document d ON d.id = t.sent WHERE t.snapshot = @no ORDER BY t.case_no, t.trial`,
  `SELECT grading, no, grader, type, weight, required, pass, score, cause, reason, details FROM grade
   WHERE grading IN (SELECT grading FROM trial WHERE snapshot = @no) ORDER BY grading, no`,
  `SELECT c.case_no, c.file, c.line, c.col, c.place, v.shape, v.parts FROM suite_case c JOIN case_version v ON v.id = c.case_version
   WHERE c.suite = (SELECT suite FROM snapshot WHERE no = @no) ORDER BY c.case_no`,
  `SELECT id, text FROM word WHERE id IN (
     SELECT dropped_params FROM trial WHERE snapshot = @no UNION SELECT code FROM trial WHERE snapshot = @no
     UNION SELECT file FROM suite_case WHERE suite = (SELECT suite FROM snapshot WHERE no = @no)
     UNION SELECT value FROM (
       SELECT DISTINCT grader, type, cause FROM grade WHERE grading IN (SELECT grading FROM trial WHERE snapshot = @no)
     ) g, json_each(json_array(g.grader, g.type, g.cause))) ORDER BY id`,
  `SELECT id, model, system_fingerprint, service_tier, region, simulated FROM served
   WHERE id IN (SELECT served FROM trial WHERE snapshot = @no) ORDER BY id`,
];

/** Rows with a seal of their own: number, seal, and what it is over. */
const SEALED_ROWS: readonly (readonly [table: Exclude<SealedTable, 'snapshot'>, sql: string])[] = [
  [
    'blessing',
    `SELECT b.no, b.seal, s.id, b.suite, b.by_whom, b.why, b.at, b.overrode
     FROM blessing b LEFT JOIN snapshot s ON s.no = b.snapshot WHERE b.no = ?`,
  ],
  ['record', 'SELECT no, seal, kind, suite, at, body FROM record WHERE no = ?'],
  [
    'shipping_change',
    'SELECT no, seal, kind, feature, environment, name, at, by_whom, why, body FROM shipping_change WHERE no = ?',
  ],
];

/** What a snapshot is sealed with, read while it was still running. */
export interface PreparedSeal {
  readonly version: number;
  readonly parts: ReadParts;
  readonly texts: Buffer;
}

/** The seals of one connection. Its methods must be called inside a transaction. */
export class Seals {
  readonly #db: Database;
  readonly #path: string;
  readonly #read: (no: number) => ReadParts;
  #tablesChecked = false;

  /** `read` computes the digests of a snapshot's cases and trials as comparisons read them. */
  constructor(db: Database, path: string, read: (no: number) => ReadParts) {
    this.#db = db;
    this.#path = path;
    this.#read = read;
  }

  /** What takes long to read, before the snapshot ends and without holding up other writers. */
  prepare(no: number): PreparedSeal {
    return { version: this.#version(), parts: this.#read(no), texts: this.#texts(no) };
  }

  /** Seals a snapshot that has just ended. Inside a write transaction. */
  write(no: number, prepared: PreparedSeal): void {
    // Whoever forgets a text changes rows of running snapshots, too.
    const { parts, texts } = prepared.version === this.#version() ? prepared : this.prepare(no);
    const seals = [this.#numbers(no, parts), texts];
    this.#db.exec("INSERT INTO maintenance (why) VALUES ('seal')");
    this.#db.prepare('UPDATE snapshot SET seal = ?, texts_seal = ? WHERE no = ?').run(...seals, no);
    this.#db.exec("DELETE FROM maintenance WHERE why = 'seal'");
  }

  /** A snapshot as it is being read for a comparison. Throws `LEDGER_CORRUPT`. */
  checkRead(no: number, parts: ReadParts): void {
    const { seal, id } = this.#stored(no);
    if (seal !== null && !seal.equals(this.#numbers(no, parts)))
      throw this.damaged(`snapshot ${id} is not what it was when its run ended`);
  }

  /** Everything of a snapshot. False where it was written before there were seals. Throws `LEDGER_CORRUPT`. */
  check(no: number): boolean {
    const { seal, texts_seal, id } = this.#stored(no);
    if (seal === null || texts_seal === null) return false;
    if (!seal.equals(this.#numbers(no, this.#read(no))) || !texts_seal.equals(this.#texts(no)))
      throw this.damaged(`snapshot ${id} is not what it was when its run ended`);
    return true;
  }

  /** Every snapshot that has ended, and every row that has a seal of its own. Throws `LEDGER_CORRUPT` at the first that is damaged. */
  checkAll(): void {
    for (const no of this.ended()) this.check(no);
    this.checkRows();
  }

  /** The rows that have seals of their own, and whether all are there. Throws `LEDGER_CORRUPT`. */
  checkRows(): void {
    for (const table of ['snapshot', 'blessing', 'record', 'shipping_change'] as const)
      this.checkCount(table);
    for (const [table, row] of this.#sealedRows()) this.checkRow(table, ...row);
  }

  /** Makes the seals of everything that has one anew. Inside a transaction of maintenance. */
  writeAll(): void {
    const seal = this.#db.prepare('UPDATE snapshot SET seal = ?, texts_seal = ? WHERE no = ?');
    for (const no of this.ended())
      if (this.#stored(no).seal !== null) seal.run(this.#numbers(no, this.#read(no)), this.#texts(no), no);
    for (const [table, [no, old, ...cells]] of this.#sealedRows())
      if (old !== null)
        this.#db.prepare(`UPDATE ${table} SET seal = ? WHERE no = ?`).run(rowSeal(...cells), no);
  }

  /** One at a time: records of large comparisons are large. */
  *#sealedRows(): Generator<
    [SealedTable, [no: number, seal: Buffer | null, ...cells: Cell[]]],
    void,
    undefined
  > {
    for (const [table, sql] of SEALED_ROWS) {
      const row = this.#db.prepare<[number], [number, Buffer | null, ...Cell[]]>(sql).raw();
      for (const no of this.#db.prepare<[], number>(`SELECT no FROM ${table} ORDER BY no`).pluck().all())
        yield [table, row.get(no) as [number, Buffer | null, ...Cell[]]];
    }
  }

  /** Numbers of the snapshots that have ended. */
  ended(): number[] {
    return this.#db
      .prepare<[], number>("SELECT no FROM snapshot WHERE state <> 'running' ORDER BY no")
      .pluck()
      .all();
  }

  /** Are the small tables and their indexes, in which snapshots are looked up, whole? Once per connection. Throws `LEDGER_CORRUPT`. */
  checkTables(): void {
    if (this.#tablesChecked) return;
    for (const table of ['snapshot', 'suite', 'blessing', 'release', 'sealed'])
      for (const row of this.#db.pragma(`integrity_check(${table})`) as { integrity_check: string }[])
        if (row.integrity_check !== 'ok') throw this.damaged(row.integrity_check);
    for (const table of ['snapshot', 'blessing'] as const) this.checkCount(table);
    this.#tablesChecked = true;
  }

  /** Is every row there? Throws `LEDGER_CORRUPT`. */
  checkCount(table: SealedTable): void {
    const there = this.#db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get();
    const due = this.#db
      .prepare<[string], number>('SELECT rows FROM sealed WHERE what = ?')
      .pluck()
      .get(table);
    if (there !== due)
      throw this.damaged(`${due ?? 'some'} rows of ${table} were written, ${there} are there`);
  }

  /** Are as many records of a kind there as were written? Throws `LEDGER_CORRUPT`. */
  checkRecords(kind: string, suite: string | undefined, found: number): void {
    this.checkCount('record');
    const start = `record ${kind} `;
    const due = this.#db
      .prepare<unknown[], number>(
        'SELECT coalesce(sum(rows), 0) FROM sealed WHERE substr(what, 1, ?) = ? AND (what = ? OR ? IS NULL)',
      )
      .pluck()
      .get(start.length, start, `${start}${suite}`, suite ?? null);
    if (found !== due) throw this.damaged(`${due} records of kind ${kind} were written, ${found} are there`);
  }

  /** A row that has a seal of its own. Throws `LEDGER_CORRUPT`. */
  checkRow(table: SealedTable, no: number, seal: Buffer | null, ...cells: readonly Cell[]): void {
    if (seal === null ? no >= this.#firstSealed(table) : !seal.equals(rowSeal(...cells)))
      throw this.damaged(`row ${no} of ${table} is not what was written`);
  }

  damaged(what: string): LastgoodError {
    return damagedLedger(this.#path, what);
  }

  /** Raised by what changes rows that otherwise never change, see `maintaining`. */
  #version(): number {
    return this.#db.pragma('schema_version', { simple: true }) as number;
  }

  #stored(no: number): StoredSeals & { readonly id: string } {
    const row = this.#db
      .prepare<[number], StoredSeals & { readonly id: string }>(
        'SELECT no, id, state, seal, texts_seal FROM snapshot WHERE no = ?',
      )
      .get(no) as StoredSeals & { readonly id: string };
    const missing = row.seal === null || row.texts_seal === null;
    if (row.state === 'running') return { ...row, seal: null, texts_seal: null };
    if (missing && no >= this.#firstSealed('snapshot'))
      throw this.damaged(`snapshot ${row.id} lost the digest it was closed with`);
    return row;
  }

  #firstSealed(table: SealedTable): number {
    const from = this.#db
      .prepare<[string], number>('SELECT from_no FROM sealed WHERE what = ?')
      .pluck()
      .get(table);
    if (from === undefined) throw this.damaged(`nothing says from where on ${table} has digests`);
    return from;
  }

  #numbers(no: number, { cases, trials }: ReadParts): Buffer {
    const hash = new SealHash();
    const header = this.#db.prepare<[number], Cell[]>(HEADER).raw().get(no);
    if (header === undefined) throw this.damaged(`a row that snapshot number ${no} refers to is not there`);
    hash.row(header);
    hash.row([cases, trials]);
    return hash.digest();
  }

  #texts(no: number): Buffer {
    const hash = new SealHash();
    for (const sql of TEXTS) {
      hash.row([null]);
      for (const row of this.#db.prepare<[{ no: number }], Cell[]>(sql).raw().iterate({ no })) hash.row(row);
    }
    return hash.digest();
  }
}
