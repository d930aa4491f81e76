// What the ledger keeps beside snapshots: blessings, what judges said, and the records of jobs.

import { hash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { Blessing, ImportedBlessing, LedgerRecord } from '../../core/snapshot.ts';
import { rowSeal } from '../model/seal-hash.ts';
import type { Queries } from './connection.ts';
import type { Seals } from './seals.ts';
import { givenText, storedJson, storedText } from './stored-text.ts';

interface BlessingRow {
  readonly no: number;
  readonly snapshot: string;
  readonly suite: string;
  readonly by: string;
  readonly why: string;
  readonly at: string;
  readonly overrode: string;
}

interface RecordRow {
  readonly no: number;
  readonly kind: string;
  readonly suite: string;
  readonly at: string;
  readonly body: string;
  readonly seal: Buffer;
}

export class RecordTables {
  readonly #seals: Seals;

  constructor(seals: Seals) {
    this.#seals = seals;
  }

  async bless(
    queries: Queries,
    snapshotNo: number,
    { snapshot, suite, by, why, at, overrode }: Blessing,
  ): Promise<void> {
    const cells = [storedText(suite), storedText(by), storedText(why), at, storedJson(overrode)];
    await queries.rows(
      `INSERT INTO lg.blessing (snapshot, suite, by_whom, why, at, overrode, seal) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [snapshotNo, ...cells, rowSeal(snapshot, ...cells)],
    );
  }

  /** Oldest first. */
  async blessings(queries: Queries, suite: string | undefined): Promise<Blessing[]> {
    const rows = await queries.rows<BlessingRow & { seal: Buffer }>(
      `SELECT b.no, s.id AS snapshot, b.suite, b.by_whom AS "by", b.why, b.at, b.overrode, b.seal
       FROM lg.blessing b JOIN lg.snapshot s ON s.no = b.snapshot WHERE b.suite = $1 OR $1 IS NULL ORDER BY b.no`,
      [suite === undefined ? null : storedText(suite)],
    );
    return rows.map(({ no, seal, ...row }) => {
      const { snapshot, by, why, at, overrode } = row;
      this.#seals.checkRow('blessing', no, seal, snapshot, row.suite, by, why, at, overrode);
      return blessingOf(row);
    });
  }

  /** One that is there already, or was given here, is left alone. */
  async addImportedBlessing(queries: Queries, snapshotNo: number, blessing: ImportedBlessing): Promise<void> {
    const cells = [blessing.by, blessing.why].map(storedText);
    const overrode = storedJson(blessing.overrode);
    const said = [blessing.suite, blessing.fingerprint].map(storedText);
    await queries.rows(
      `INSERT INTO lg.imported_blessing (snapshot, suite, fingerprint, by_whom, why, at, overrode, key)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8
       WHERE NOT EXISTS (SELECT 1 FROM lg.blessing WHERE snapshot = $1 AND by_whom = $4 AND why = $5 AND at = $6)
       ON CONFLICT DO NOTHING`,
      [
        snapshotNo,
        ...said,
        ...cells,
        blessing.at,
        overrode,
        hash('sha256', storedJson([snapshotNo, ...cells, blessing.at]), 'buffer'),
      ],
    );
  }

  async importedBlessings(queries: Queries, suite: string | undefined): Promise<ImportedBlessing[]> {
    const rows = await queries.rows<BlessingRow & { fingerprint: string }>(
      `SELECT b.no, s.id AS snapshot, b.suite, b.fingerprint, b.by_whom AS "by", b.why, b.at, b.overrode
       FROM lg.imported_blessing b JOIN lg.snapshot s ON s.no = b.snapshot WHERE b.suite = $1 OR $1 IS NULL ORDER BY b.at, b.no`,
      [suite === undefined ? null : storedText(suite)],
    );
    return rows.map(({ no: _no, fingerprint, ...row }) => ({
      ...blessingOf(row),
      fingerprint: givenText(fingerprint),
    }));
  }

  async verdict(queries: Queries, key: string): Promise<JsonValue | undefined> {
    const [row] = await queries.rows<{ body: string }>('SELECT body FROM lg.verdict WHERE key = $1', [
      storedText(key),
    ]);
    return row === undefined ? undefined : (JSON.parse(row.body) as JsonValue);
  }

  /** The first verdict stays: both sides of a comparison must see the same one. */
  async addVerdict(queries: Queries, key: string, verdict: JsonValue, at: string): Promise<void> {
    await queries.rows('INSERT INTO lg.verdict (key, body, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
      storedText(key),
      storedJson(verdict),
      at,
    ]);
  }

  async add(queries: Queries, { kind, suite, at }: LedgerRecord, body: JsonObject): Promise<void> {
    const cells = [storedText(kind), storedText(suite), at, storedJson(body)];
    await queries.rows('INSERT INTO lg.record (kind, suite, at, body, seal) VALUES ($1, $2, $3, $4, $5)', [
      ...cells,
      rowSeal(...cells),
    ]);
  }

  /** In the order they were written. */
  async of(
    queries: Queries,
    {
      kind,
      suite,
      from,
    }: { readonly kind: string; readonly suite: string | undefined; readonly from: number },
  ): Promise<LedgerRecord[]> {
    const rows = await queries.rows<RecordRow>(
      `SELECT no, kind, suite, at, body, seal FROM lg.record WHERE kind = $1 AND (suite = $2 OR $2 IS NULL) ORDER BY no OFFSET $3`,
      [storedText(kind), suite === undefined ? null : storedText(suite), from],
    );
    return rows.map(({ no, seal, ...row }) => {
      this.#seals.checkRow('record', no, seal, row.kind, row.suite, row.at, row.body);
      return {
        kind: givenText(row.kind),
        suite: givenText(row.suite),
        at: row.at,
        body: JSON.parse(row.body) as JsonObject,
      };
    });
  }

  async count(queries: Queries, kind: string): Promise<number> {
    const sql = 'SELECT count(*)::float8 AS count FROM lg.record WHERE kind = $1';
    const [row] = await queries.rows<{ count: number }>(sql, [storedText(kind)]);
    return row?.count ?? 0;
  }
}

function blessingOf({ snapshot, suite, by, why, at, overrode }: Omit<BlessingRow, 'no'>): Blessing {
  return {
    snapshot,
    suite: givenText(suite),
    by: givenText(by),
    why: givenText(why),
    at,
    overrode: JSON.parse(overrode) as string[],
  };
}
