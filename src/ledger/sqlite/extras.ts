// What of an SQLite ledger its port does not list, for copies.

import type { JsonValue } from '../../base/json.ts';
import type { KeptVerdict, LedgerExtras } from '../model/ledger-extras.ts';
import { withPatience } from './database-error.ts';
import { type OpenLedgerFile, openLedgerFile } from './open.ts';

const PAGE = 1000;

/** Tables that a copy takes along, or that say nothing without a ledger of their own. */
const COPIED = new Set([
  ...[
    'snapshot',
    'suite',
    'suite_case',
    'case_version',
    'release',
    'content',
    'document',
    'word',
    'trial',
    'served',
  ],
  ...[
    'snapshot_served',
    'grading',
    'grade',
    'rollup',
    'blessing',
    'imported_blessing',
    'verdict',
    'record',
    'embedding',
  ],
  ...['migration', 'maintenance', 'sealed', 'observation_state', 'dimension'],
]);

/** What the others hold, where it has a name of its own. */
const NAMED: Readonly<Record<string, string>> = {
  observation: 'production observations',
  observation_window: 'production windows',
  outcome: 'production outcomes',
  access_token: 'access tokens',
  shipping_change: 'changes of shipping',
  guard_decision: 'decisions of the guard',
  approval: 'approvals',
};

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

  notCopied(): Promise<readonly { readonly what: string; readonly rows: number }[]> {
    return this.#run((db) =>
      db
        .prepare<[], string>(
          `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
        )
        .pluck()
        .all()
        .filter((table) => !COPIED.has(table))
        .map((table) => ({
          what: NAMED[table] ?? `rows of ${table}`,
          rows: db.prepare<[], number>(`SELECT count(*) FROM "${table}"`).pluck().get() ?? 0,
        }))
        .filter(({ rows }) => rows > 0),
    );
  }

  async close(): Promise<void> {
    this.#file.db.close();
  }

  #run<T>(work: (db: OpenLedgerFile['db']) => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => work(this.#file.db));
  }
}
