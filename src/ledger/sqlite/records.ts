// What the ledger keeps beside snapshots: blessings, what judges said, and the records of jobs.

import type { Database, Statement } from 'better-sqlite3';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { Blessing, ImportedBlessing, LedgerRecord } from '../../core/snapshot.ts';
import { rowSeal } from '../model/seal-hash.ts';
import type { Seals } from './seals.ts';

interface BlessingRow extends Omit<Blessing, 'overrode'> {
  readonly no: number;
  readonly overrode: string;
  readonly seal: Buffer | null;
}

interface RecordRow extends Omit<LedgerRecord, 'body'> {
  readonly no: number;
  readonly body: string;
  readonly seal: Buffer | null;
}

/** Their tables on one connection. Writing methods must be called inside a write transaction. */
export class RecordTables {
  readonly #db: Database;

  readonly #verdict: Statement<[string], string>;
  readonly #addVerdict: Statement<[string, string, string]>;

  readonly #seals: Seals;

  constructor(db: Database, seals: Seals) {
    this.#db = db;
    this.#seals = seals;
    this.#verdict = db.prepare<[string], string>('SELECT body FROM verdict WHERE key = ?').pluck();
    this.#addVerdict = db.prepare('INSERT OR IGNORE INTO verdict (key, body, at) VALUES (?, ?, ?)');
  }

  bless(snapshotNo: number, { snapshot, suite, by, why, at, overrode }: Blessing): void {
    const said = JSON.stringify(overrode);
    this.#db
      .prepare(
        'INSERT INTO blessing (snapshot, suite, by_whom, why, at, overrode, seal) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(snapshotNo, suite, by, why, at, said, rowSeal(snapshot, suite, by, why, at, said));
  }

  /** Oldest first. All rows are read, and checked, whichever are asked for: the suite of one may be what was damaged. */
  blessings(suite: string | undefined): Blessing[] {
    this.#seals.checkCount('blessing');
    const sql = `SELECT b.no, s.id AS snapshot, b.suite, b.by_whom AS "by", b.why, b.at, b.overrode, b.seal
      FROM blessing b LEFT JOIN snapshot s ON s.no = b.snapshot ORDER BY b.no`;
    const found: Blessing[] = [];
    for (const { no, seal, overrode, ...row } of this.#db.prepare<[], BlessingRow>(sql).all()) {
      const { snapshot, by, why, at } = row;
      this.#seals.checkRow('blessing', no, seal, snapshot, row.suite, by, why, at, overrode);
      if (suite === undefined || row.suite === suite)
        found.push({ ...row, overrode: JSON.parse(overrode) as string[] });
    }
    return found;
  }

  /** One that is there already, or was given here, is left alone. */
  addImportedBlessing(
    snapshotNo: number,
    { suite, fingerprint, by, why, at, overrode }: ImportedBlessing,
  ): void {
    const own = this.#db
      .prepare<unknown[], number>(
        'SELECT count(*) FROM blessing WHERE snapshot = ? AND by_whom = ? AND why = ? AND at = ?',
      )
      .pluck()
      .get(snapshotNo, by, why, at);
    if (own !== 0) return;
    this.#db
      .prepare(
        `INSERT OR IGNORE INTO imported_blessing (snapshot, suite, fingerprint, by_whom, why, at, overrode) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(snapshotNo, suite, fingerprint, by, why, at, JSON.stringify(overrode));
  }

  importedBlessings(suite: string | undefined): ImportedBlessing[] {
    const sql = `SELECT s.id AS snapshot, b.suite, b.fingerprint, b.by_whom AS "by", b.why, b.at, b.overrode
      FROM imported_blessing b JOIN snapshot s ON s.no = b.snapshot WHERE b.suite = ? OR ? IS NULL ORDER BY b.at, b.no`;
    return this.#db
      .prepare<unknown[], Omit<ImportedBlessing, 'overrode'> & { overrode: string }>(sql)
      .all(suite ?? null, suite ?? null)
      .map((row) => ({ ...row, overrode: JSON.parse(row.overrode) as string[] }));
  }

  verdict(key: string): JsonValue | undefined {
    const body = this.#verdict.get(key);
    return body === undefined ? undefined : (JSON.parse(body) as JsonValue);
  }

  /** The first verdict stays: both sides of a comparison must see the same one. */
  addVerdict(key: string, body: string, at: string): void {
    this.#addVerdict.run(key, body, at);
  }

  add({ kind, suite, at }: LedgerRecord, body: string): void {
    this.#db
      .prepare('INSERT INTO record (kind, suite, at, body, seal) VALUES (?, ?, ?, ?, ?)')
      .run(kind, suite, at, body, rowSeal(kind, suite, at, body));
  }

  /** In the order they were written. */
  of(kind: string, suite: string | undefined, from: number): LedgerRecord[] {
    const sql =
      'SELECT no, kind, suite, at, body, seal FROM record WHERE kind = ? AND (suite = ? OR ? IS NULL) ORDER BY no LIMIT -1 OFFSET ?';
    const rows = this.#db.prepare<unknown[], RecordRow>(sql).all(kind, suite ?? null, suite ?? null, from);
    // Past the end the number of records is unknown.
    if (from === 0 || rows.length > 0) this.#seals.checkRecords(kind, suite, from + rows.length);
    return rows.map(({ no, seal, ...row }) => {
      this.#seals.checkRow('record', no, seal, row.kind, row.suite, row.at, row.body);
      return { ...row, body: JSON.parse(row.body) as JsonObject };
    });
  }

  count(kind: string): number {
    return (
      this.#db.prepare<unknown[], number>('SELECT count(*) FROM record WHERE kind = ?').pluck().get(kind) ?? 0
    );
  }
}
