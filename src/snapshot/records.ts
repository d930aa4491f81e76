// What the ledger keeps beside snapshots: blessings, what judges said, and the records of jobs.

import type { Database, Statement } from 'better-sqlite3';
import type { JsonObject, JsonValue } from '../core/json.ts';
import type { Blessing, LedgerRecord } from '../core/snapshot.ts';

interface BlessingRow extends Omit<Blessing, 'overrode'> {
  readonly overrode: string;
}

/** Their tables on one connection. Writing methods must be called inside a write transaction. */
export class RecordTables {
  readonly #db: Database;

  readonly #verdict: Statement<[string], string>;
  readonly #addVerdict: Statement<[string, string, string]>;

  constructor(db: Database) {
    this.#db = db;
    this.#verdict = db.prepare<[string], string>('SELECT body FROM verdict WHERE key = ?').pluck();
    this.#addVerdict = db.prepare('INSERT OR IGNORE INTO verdict (key, body, at) VALUES (?, ?, ?)');
  }

  bless(snapshotNo: number, { suite, by, why, at, overrode }: Blessing): void {
    this.#db
      .prepare('INSERT INTO blessing (snapshot, suite, by_whom, why, at, overrode) VALUES (?, ?, ?, ?, ?, ?)')
      .run(snapshotNo, suite, by, why, at, JSON.stringify(overrode));
  }

  blessings(suite: string | undefined): Blessing[] {
    const sql = `SELECT s.id AS snapshot, b.suite, b.by_whom AS "by", b.why, b.at, b.overrode
      FROM blessing b JOIN snapshot s ON s.no = b.snapshot WHERE b.suite = ? OR ? IS NULL ORDER BY b.no`;
    return this.#db
      .prepare<unknown[], BlessingRow>(sql)
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
      .prepare('INSERT INTO record (kind, suite, at, body) VALUES (?, ?, ?, ?)')
      .run(kind, suite, at, body);
  }

  /** In the order they were written. */
  of(kind: string, suite: string | undefined): LedgerRecord[] {
    const sql =
      'SELECT kind, suite, at, body FROM record WHERE kind = ? AND (suite = ? OR ? IS NULL) ORDER BY no';
    return this.#db
      .prepare<unknown[], Omit<LedgerRecord, 'body'> & { body: string }>(sql)
      .all(kind, suite ?? null, suite ?? null)
      .map((row) => ({ ...row, body: JSON.parse(row.body) as JsonObject }));
  }
}
