// Retention and forgetting of production answers. Windows keep their counts; rows and texts go.

import { setImmediate as breathe } from 'node:timers/promises';
import type { Database } from 'better-sqlite3';
import { type ObservationPruned, type ObservationRetention, pseudonym } from '../model/observation-row.ts';
import { withPatience } from './database-error.ts';
import type { OpenLedgerFile } from './open.ts';

/** Rows of one transaction: others write between them. */
const ROWS = 5000;

interface OldRow {
  readonly no: number;
  readonly at: number;
  readonly key: Buffer;
  /** 1 = it is in its windows; a row that is not yet stays. */
  readonly counted: number;
}

/** Removes what the rules call old, in steps that let others write. */
export async function pruneObservations(
  file: OpenLedgerFile,
  { textsBefore, rowsBefore, dryRun }: ObservationRetention,
): Promise<ObservationPruned> {
  const { db } = file;
  if (rowsBefore !== null && !dryRun)
    // Before anything goes: an answer that is sent again afterwards would count twice.
    await write(file, () =>
      db.prepare('UPDATE observation_state SET horizon = max(horizon, ?)').run(Math.floor(rowsBefore)),
    );
  const before = Math.floor(Math.max(textsBefore ?? 0, rowsBefore ?? 0));
  const pruned = { texts: 0, observations: 0 };
  const features = db.prepare<[], number>("SELECT id FROM dimension WHERE kind = 'feature'").pluck().all();
  const page = db.prepare<number[], OldRow>(
    `SELECT no, at, key, no <= (SELECT folded_to FROM observation_state) AND no NOT IN (SELECT no FROM outcome_change) AS counted
     FROM observation WHERE feature = ? AND (at, no) > (?, ?) AND at < ? ORDER BY at, no LIMIT ${ROWS}`,
  );
  const drop = dryRun ? wouldDrop(db) : dropping(db);
  for (const feature of features) {
    let last: Pick<OldRow, 'at' | 'no'> | undefined = { at: -1, no: 0 };
    while (last !== undefined) {
      const { at, no }: Pick<OldRow, 'at' | 'no'> = last;
      last = await write(file, () => {
        const rows = page.all(feature, at, no, before);
        for (const row of rows) {
          pruned.texts += drop.texts(row);
          if (rowsBefore !== null && row.at < rowsBefore && row.counted === 1)
            pruned.observations += drop.row(row);
        }
        if (!dryRun) drop.settle();
        return rows.at(-1);
      });
      await breathe();
    }
  }
  if (rowsBefore !== null && !dryRun)
    // Outcomes whose answers never came.
    await write(file, () =>
      db
        .prepare(
          'DELETE FROM outcome WHERE at < ? AND NOT EXISTS (SELECT 1 FROM observation o WHERE o.key = outcome.key)',
        )
        .run(Math.floor(rowsBefore)),
    );
  return pruned;
}

interface Drop {
  texts(row: OldRow): number;
  row(row: OldRow): number;
  settle(): void;
}

function dropping(db: Database): Drop {
  const text = db.prepare('DELETE FROM observation_text WHERE no = ?');
  const vector = db.prepare('DELETE FROM observation_vector WHERE no = ?');
  const final = db.prepare('UPDATE outcome SET final_text = NULL WHERE key = ? AND final_text IS NOT NULL');
  const outcome = db.prepare('DELETE FROM outcome WHERE key = ?');
  const row = db.prepare('DELETE FROM observation WHERE no = ?');
  // The next row's number may be one that was just freed.
  const folded = db.prepare(
    'UPDATE observation_state SET folded_to = min(folded_to, (SELECT coalesce(max(no), 0) FROM observation))',
  );
  return {
    texts({ no, key }) {
      vector.run(no);
      return Math.max(text.run(no).changes, final.run(key).changes);
    },
    row({ no, key }) {
      outcome.run(key);
      return row.run(no).changes;
    },
    settle: () => folded.run(),
  };
}

function wouldDrop(db: Database): Drop {
  const text = db.prepare<[number], number>('SELECT count(*) FROM observation_text WHERE no = ?').pluck();
  return { texts: ({ no }) => text.get(no) ?? 0, row: () => 1, settle() {} };
}

function write<T>(file: OpenLedgerFile, work: () => T): Promise<T> {
  return withPatience(file.path, file.patience, () => file.db.transaction(work).immediate() as T);
}

/** What takes a text out of a value, see forget-text.ts. */
interface TextCleaner {
  plain(value: string, mark?: string): string;
  within(value: string): boolean;
}

/**
 * Where a text to forget needs rules of its own: vectors tell what a text says, names stay different from each other, and sessions and
 * users are kept as hashes. Before the texts themselves are cleaned; `said_plain` is there. Inside a transaction of maintenance.
 */
export function forgetInObservations(
  db: Database,
  text: string,
  cleaner: TextCleaner,
  numbered: () => string,
): number {
  let rows = db
    .prepare(
      `DELETE FROM observation_vector WHERE no IN (
         SELECT no FROM observation_text WHERE output IS NOT NULL AND said_plain(output) <> output)`,
    )
    .run().changes;
  const salt = db.prepare<[], Buffer>('SELECT salt FROM observation_state').pluck().get() as Buffer;
  const hash = pseudonym(salt, text);
  for (const column of ['session', 'user'])
    rows += db.prepare(`UPDATE observation SET ${column} = NULL WHERE ${column} = ?`).run(hash).changes;
  const names = db
    .prepare<[], { id: number; value: string }>('SELECT id, value FROM dimension WHERE said_within(value)')
    .all();
  const rename = db.prepare('UPDATE dimension SET value = ? WHERE id = ?');
  for (const { id, value } of names) {
    const cleaned = cleaner.plain(value, numbered());
    if (cleaned !== value) rows += rename.run(cleaned, id).changes;
  }
  return rows;
}
