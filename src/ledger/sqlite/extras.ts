// What of an SQLite ledger its port does not list, for copies.

import type { JsonValue } from '../../base/json.ts';
import type { KeptVerdict, LedgerExtras } from '../model/ledger-extras.ts';
import { withPatience } from './database-error.ts';
import { type OpenLedgerFile, openLedgerFile } from './open.ts';

const PAGE = 1000;

export async function fileExtras(path: string): Promise<LedgerExtras> {
  return new FileExtras(await openLedgerFile(path, { create: false }));
}

class FileExtras implements LedgerExtras {
  readonly #file: OpenLedgerFile;

  constructor(file: OpenLedgerFile) {
    this.#file = file;
  }

  recordKinds(): Promise<readonly string[]> {
    return this.#run((db) =>
      db.prepare<[], string>('SELECT DISTINCT kind FROM record ORDER BY kind').pluck().all(),
    );
  }

  async *verdicts(): AsyncIterable<KeptVerdict> {
    let after = '';
    for (;;) {
      const rows = await this.#run((db) =>
        db
          .prepare<[string], { key: string; body: string; at: string }>(
            `SELECT key, body, at FROM verdict WHERE key > ? ORDER BY key LIMIT ${PAGE}`,
          )
          .all(after),
      );
      for (const { key, body, at } of rows) yield { key, verdict: JSON.parse(body) as JsonValue, at };
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = last.key;
    }
  }

  async close(): Promise<void> {
    this.#file.db.close();
  }

  #run<T>(work: (db: OpenLedgerFile['db']) => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => work(this.#file.db));
  }
}
