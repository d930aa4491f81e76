// The log of shipping on PostgreSQL.

import type { JsonObject } from '../../base/json.ts';
import type { NewShippingChange, ShippingChange, ShippingStore } from '../../core/shipping.ts';
import { rowSeal } from '../model/seal-hash.ts';
import { changedMeanwhile } from '../model/shipping-refusal.ts';
import type { Connection } from './connection.ts';
import { damagedTables } from './server-error.ts';
import { givenText, storedText } from './stored-text.ts';

interface ChangeRow extends Omit<ShippingChange, 'body'> {
  readonly body: string;
  readonly seal: Buffer;
}

export class PostgresShipping implements ShippingStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  append(change: NewShippingChange, newest?: number): Promise<ShippingChange> {
    const { kind, feature, environment, name, at, by, why } = change;
    const cells = [kind, feature, environment, name, at, by, why].map(storedText);
    const body = JSON.stringify(change.body);
    // One at a time: the numbers have no gaps.
    return this.#connection.locked(['shipping'], async (queries) => {
      const [there] = await queries.rows<{ newest: number; same: number }>(
        `SELECT coalesce(max(no), 0) AS newest,
                coalesce(max(no) FILTER (WHERE kind = $1 AND feature = $2 AND environment = $3 AND name = $4), 0) AS same
         FROM lg.shipping_change`,
        cells.slice(0, 4),
      );
      if (newest !== undefined && there?.same !== newest) throw changedMeanwhile(change);
      const no = (there?.newest ?? 0) + 1;
      await queries.rows(
        `INSERT INTO lg.shipping_change (no, kind, feature, environment, name, at, by_whom, why, body, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
        [no, ...cells, body, rowSeal(...cells, body)],
      );
      return { ...change, no };
    });
  }

  async changes(after: number): Promise<readonly ShippingChange[]> {
    const rows = await this.#connection.single.rows<ChangeRow>(
      `SELECT no, kind, feature, environment, name, at, by_whom AS "by", why, body, seal
       FROM lg.shipping_change WHERE no > $1 ORDER BY no`,
      [after],
    );
    return rows.map(({ no, body, seal, ...row }, i) => {
      const { kind, feature, environment, name, at, by, why } = row;
      const whole = seal.equals(rowSeal(kind, feature, environment, name, at, by, why, body));
      if (!whole || no !== after + i + 1)
        throw damagedTables(
          this.#connection.address.shown,
          `row ${after + i + 1} of the log of shipping is not what was written`,
        );
      return {
        no,
        kind,
        feature: givenText(feature),
        environment: givenText(environment),
        name: givenText(name),
        at,
        by: givenText(by),
        why: givenText(why),
        body: JSON.parse(body) as JsonObject,
      };
    });
  }

  async generation(): Promise<number> {
    const [row] = await this.#connection.single.rows<{ no: number }>(
      'SELECT coalesce(max(no), 0) AS no FROM lg.shipping_change',
    );
    return row?.no ?? 0;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
