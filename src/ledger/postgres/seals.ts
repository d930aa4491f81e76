// Digests over what a verdict rests on: written when a snapshot ends, verified whenever it is compared, blessed, pooled or exported.
//
// As in SQLite's ledger a snapshot has two: one over the numbers that comparisons read, computed from the rows they read anyway, and one over
// everything else. Both go over the hashes of contents, which are verified where those are read.

import type { LastgoodError } from '../../base/errors.ts';
import { type Cell, rowSeal, SealHash } from '../model/seal-hash.ts';
import type { Queries } from './connection.ts';
import { damagedTables } from './server-error.ts';
import type { SnapshotKey, SnapshotTables } from './snapshots.ts';
import type { SuiteTables } from './suites.ts';
import type { TrialTables } from './trials.ts';

const HEADER = `
  SELECT s.id, s.purpose, s.suite, u.name, u.hash, u.header, u.cases, s.exam, s.exam_book, s.started_at, s.started_ms, s.planned_trials, s.seed,
         s.labels, s.environment, s.imported::int, s.finished_at, s.validity, s.validity_reasons, s.findings, s.trials_per_case, s.counts,
         r.document, r.name, r.fingerprint, r.layer_hashes, r.pinned::int, j.document, e.document
  FROM lg.snapshot s JOIN lg.suite u ON u.id = s.suite JOIN lg.release r ON r.id = s.release
       LEFT JOIN lg.release j ON j.id = s.judge LEFT JOIN lg.release e ON e.id = s.embedder
  WHERE s.no = $1`;

/** The parts of a snapshot that comparisons read, each as a digest. */
export interface ReadParts {
  readonly cases: Buffer;
  readonly trials: Buffer;
}

interface StoredSeals {
  readonly id: string;
  readonly state: SnapshotKey['state'];
  readonly suite: number;
  readonly seal: Buffer | null;
  readonly texts_seal: Buffer | null;
}

export class Seals {
  readonly #shown: string;
  readonly #snapshots: SnapshotTables;
  readonly #suites: SuiteTables;
  readonly #trials: TrialTables;

  constructor(
    shown: string,
    tables: {
      readonly snapshots: SnapshotTables;
      readonly suites: SuiteTables;
      readonly trials: TrialTables;
    },
  ) {
    this.#shown = shown;
    this.#snapshots = tables.snapshots;
    this.#suites = tables.suites;
    this.#trials = tables.trials;
  }

  /** The seals of a snapshot as its rows are now. */
  async of(
    queries: Queries,
    { no, suite, state }: Pick<SnapshotKey, 'no' | 'suite' | 'state'>,
  ): Promise<{ numbers: Buffer; texts: Buffer }> {
    const book = await this.#snapshots.examBook(queries, no);
    const { digest: cases } = await this.#suites.examined(queries, suite, book);
    const trials = await this.#trials.digest(queries, no);
    const texts = new SealHash();
    await this.#trials.sealTexts(queries, no, texts);
    texts.row([null]);
    await this.#suites.seal(queries, suite, texts);
    return { numbers: await this.#numbers(queries, no, { cases, trials, state }), texts: texts.digest() };
  }

  /** A snapshot as it is being read for a comparison. Throws `LEDGER_CORRUPT`. */
  async checkRead(queries: Queries, no: number, parts: ReadParts): Promise<void> {
    const stored = await this.#stored(queries, no);
    if (stored === null) return;
    if (!stored.seal?.equals(await this.#numbers(queries, no, { ...parts, state: stored.state })))
      throw this.damaged(`snapshot ${stored.id} is not what it was when its run ended`);
  }

  /** Everything of a snapshot. Throws `LEDGER_CORRUPT`. */
  async check(queries: Queries, no: number): Promise<void> {
    const stored = await this.#stored(queries, no);
    if (stored === null) return;
    const { numbers, texts } = await this.of(queries, { no, suite: stored.suite, state: stored.state });
    if (!stored.seal?.equals(numbers) || !stored.texts_seal?.equals(texts))
      throw this.damaged(`snapshot ${stored.id} is not what it was when its run ended`);
  }

  /** A row that has a seal of its own. Throws `LEDGER_CORRUPT`. */
  checkRow(table: 'blessing' | 'record', no: number, seal: Buffer, ...cells: readonly Cell[]): void {
    if (!seal.equals(rowSeal(...cells))) throw this.damaged(`row ${no} of ${table} is not what was written`);
  }

  damaged(what: string): LastgoodError {
    return damagedTables(this.#shown, what);
  }

  /** Null where it has not ended. */
  async #stored(queries: Queries, no: number): Promise<StoredSeals | null> {
    const [row] = await queries.rows<StoredSeals>(
      'SELECT id, state, suite, seal, texts_seal FROM lg.snapshot WHERE no = $1',
      [no],
    );
    return row === undefined || row.state === 'running' ? null : row;
  }

  async #numbers(
    queries: Queries,
    no: number,
    { cases, trials, state }: ReadParts & { readonly state: string },
  ): Promise<Buffer> {
    const [header] = await queries.arrays<Cell[]>(HEADER, [no]);
    if (header === undefined) throw this.damaged(`a row that snapshot number ${no} refers to is not there`);
    const hash = new SealHash();
    hash.row(header);
    hash.row([cases, trials, state]);
    return hash.digest();
  }
}
