// Which model served a trial: a row for each model, region and tier that was seen, named by its number in the rows of trials.

import type { Database, Statement } from 'better-sqlite3';
import { canonicalJson, type JsonObject } from '../../base/json.ts';
import type { Served } from '../../core/provider.ts';
import { wellFormed } from '../model/share-long-texts.ts';

export interface ServedRow {
  readonly model: string | null;
  readonly system_fingerprint: string | null;
  readonly service_tier: string | null;
  readonly region: string | null;
  readonly simulated: number | null;
}

export class ServedTable {
  readonly #find: Statement<[string], number>;
  readonly #add: Statement<unknown[]>;
  readonly #read: Statement<[number], ServedRow>;
  readonly #ids = new Map<string, number>();

  constructor(db: Database) {
    this.#find = db.prepare<[string], number>('SELECT id FROM served WHERE key = ?').pluck();
    this.#add = db.prepare(
      'INSERT INTO served (key, model, system_fingerprint, service_tier, region, simulated) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#read = db.prepare(
      'SELECT model, system_fingerprint, service_tier, region, simulated FROM served WHERE id = ?',
    );
  }

  /** Must follow a rolled-back transaction. */
  forget(): void {
    this.#ids.clear();
  }

  idOf(served: Served): number {
    const { requestId: _requestId, ...identity } = served;
    // Not the canonical form, which takes many times as long: nearly every trial was served by what served the last one.
    const quick = JSON.stringify(identity);
    const known = this.#ids.get(quick);
    if (known !== undefined) return known;
    const key = canonicalJson(wellFormed(identity as unknown as JsonObject));
    const id =
      this.#find.get(key) ??
      Number(
        this.#add.run(
          key,
          served.model,
          served.systemFingerprint,
          served.serviceTier,
          served.region,
          served.simulated === undefined ? null : Number(served.simulated),
        ).lastInsertRowid,
      );
    if (this.#ids.size > 1000) this.#ids.clear();
    this.#ids.set(quick, id);
    return id;
  }

  row(id: number): ServedRow {
    const row = this.#read.get(id);
    if (row === undefined) throw new Error(`the ledger refers to served ${id}, which is not there`);
    return row;
  }

  of(id: number, requestId: string | null): Served {
    const row = this.row(id);
    return {
      model: row.model,
      systemFingerprint: row.system_fingerprint,
      serviceTier: row.service_tier,
      region: row.region,
      requestId,
      ...(row.simulated === null ? {} : { simulated: row.simulated === 1 }),
    };
  }
}
