// What of a PostgreSQL ledger its port does not list, for copies.

import type { JsonValue } from '../../base/json.ts';
import type { KeptVerdict, LedgerExtras } from '../model/ledger-extras.ts';
import type { Connection } from './connection.ts';
import { connectLedger } from './open-ledger.ts';
import { givenText } from './stored-text.ts';

const PAGE = 1000;

/** What a copy leaves behind. */
const NOT_COPIED: readonly (readonly [what: string, table: string])[] = [
  ['production observations', 'observation'],
  ['production windows', 'observation_window'],
  ['production outcomes', 'outcome'],
  ['access tokens', 'access_token'],
  ['changes of shipping', 'shipping_change'],
  ['decisions of the guard', 'guard_decision'],
  ['approvals', 'approval'],
];

export async function serverExtras(place: string): Promise<LedgerExtras> {
  return new ServerExtras(await connectLedger(place, false));
}

class ServerExtras implements LedgerExtras {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async recordKinds(): Promise<readonly string[]> {
    const rows = await this.#connection.single.rows<{ kind: string }>(
      'SELECT DISTINCT kind FROM lg.record ORDER BY kind',
    );
    return rows.map(({ kind }) => givenText(kind));
  }

  async *verdicts(): AsyncIterable<KeptVerdict> {
    let after = '';
    for (;;) {
      const rows = await this.#connection.single.rows<{ key: string; body: string; at: string }>(
        `SELECT key, body, at FROM lg.verdict WHERE key > $1 ORDER BY key LIMIT ${PAGE}`,
        [after],
      );
      for (const { key, body, at } of rows)
        yield { key: givenText(key), verdict: JSON.parse(body) as JsonValue, at };
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = last.key;
    }
  }

  async notCopied(): Promise<readonly { readonly what: string; readonly rows: number }[]> {
    const found: { what: string; rows: number }[] = [];
    for (const [what, table] of NOT_COPIED) {
      const [row] = await this.#connection.single.rows<{ n: number }>(
        `SELECT count(*) AS n FROM lg.${table}`,
      );
      if (row !== undefined && row.n > 0) found.push({ what, rows: row.n });
    }
    return found;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
