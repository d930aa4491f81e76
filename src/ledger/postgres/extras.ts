// What of a PostgreSQL ledger its port does not list, for copies.

import type { JsonValue } from '../../base/json.ts';
import type { KeptVerdict, LedgerExtras } from '../model/ledger-extras.ts';
import type { Connection } from './connection.ts';
import { connectLedger } from './open-ledger.ts';
import { givenText } from './stored-text.ts';

const PAGE = 1000;

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

  close(): Promise<void> {
    return this.#connection.close();
  }
}
