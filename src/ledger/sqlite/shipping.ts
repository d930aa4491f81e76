// The log of shipping on SQLite.

import type { Statement } from 'better-sqlite3';
import type { JsonObject } from '../../base/json.ts';
import type { NewShippingChange, ShippingChange, ShippingStore } from '../../core/shipping.ts';
import { rowSeal } from '../model/seal-hash.ts';
import { changedMeanwhile } from '../model/shipping-refusal.ts';
import { damagedLedger, withPatience } from './database-error.ts';
import { mustBeSameFile, type OpenLedgerFile } from './open.ts';

interface ChangeRow extends Omit<ShippingChange, 'body'> {
  readonly body: string;
  readonly seal: Buffer;
}

const SAME = 'kind = ? AND feature = ? AND environment = ? AND name = ?';

/** The log on an open ledger file. */
export class SqliteShipping implements ShippingStore {
  readonly #file: OpenLedgerFile;
  #newest: Statement<[], number | null> | null = null;

  constructor(file: OpenLedgerFile) {
    this.#file = file;
  }

  append(change: NewShippingChange, newest?: number): Promise<ShippingChange> {
    const { kind, feature, environment, name, at, by, why } = change;
    const body = JSON.stringify(change.body);
    return this.#run((db) =>
      db
        .transaction(() => {
          mustBeSameFile(this.#file);
          const there = db
            .prepare<unknown[], number | null>(`SELECT max(no) FROM shipping_change WHERE ${SAME}`)
            .pluck()
            .get(kind, feature, environment, name);
          if (newest !== undefined && (there ?? 0) !== newest) throw changedMeanwhile(change);
          const { lastInsertRowid } = db
            .prepare(
              `INSERT INTO shipping_change (kind, feature, environment, name, at, by_whom, why, body, seal)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
            )
            .run(
              ...[kind, feature, environment, name, at, by, why, body],
              rowSeal(kind, feature, environment, name, at, by, why, body),
            );
          return { ...change, no: Number(lastInsertRowid) };
        })
        .immediate(),
    );
  }

  changes(after: number): Promise<readonly ShippingChange[]> {
    return this.#run((db) => {
      const rows = db
        .prepare<[number], ChangeRow>(
          `SELECT no, kind, feature, environment, name, at, by_whom AS "by", why, body, seal
           FROM shipping_change WHERE no > ? ORDER BY no`,
        )
        .all(after);
      return rows.map(({ body, seal, ...row }, i) => {
        const { kind, feature, environment, name, at, by, why } = row;
        const whole = seal.equals(rowSeal(kind, feature, environment, name, at, by, why, body));
        if (!whole || row.no !== after + i + 1)
          throw damagedLedger(
            this.#file.path,
            `row ${after + i + 1} of the log of shipping is not what was written`,
          );
        return { ...row, body: JSON.parse(body) as JsonObject };
      });
    });
  }

  generation(): Promise<number> {
    // Asked with every flag that is served: preparing it takes longer than running it.
    return this.#run((db) => {
      this.#newest ??= db.prepare<[], number | null>('SELECT max(no) FROM shipping_change').pluck();
      return this.#newest.get() ?? 0;
    });
  }

  async close(): Promise<void> {
    if (this.#file.db.open) this.#file.db.close();
  }

  #run<T>(work: (db: OpenLedgerFile['db']) => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => work(this.#file.db));
  }
}
