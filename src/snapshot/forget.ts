// Taking a text, or all answers of a case, out of a ledger for good: wherever it stands, not only where it was expected.

import type { Database } from 'better-sqlite3';
import { LastgoodError } from '../core/errors.ts';
import { type ContentRow, contentValue, ENCODING } from './content.ts';
import type { OpenLedgerFile } from './open.ts';
import { giveBack, maintaining } from './upkeep.ts';

/** What stands where a text was taken out of a longer one. */
const FORGOTTEN = '[forgotten]';

/** Shorter texts would take ordinary words out of unrelated rows. */
const SHORTEST = 4;

export type ForgetRequest =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'case'; readonly caseId: string };

export interface ForgetReport {
  /** Whole payloads (prompts, answers, schemas) that went. */
  readonly payloads: number;
  /** Rows (grade reasons, messages, cases, records, judge replies) from which the text was taken. */
  readonly rows: number;
  /** Snapshots that held it; files exported from them still do. */
  readonly snapshots: readonly string[];
}

/** Removes it in one transaction and overwrites the freed pages. Scores, hashes and times stay. */
export async function forget(file: OpenLedgerFile, request: ForgetRequest): Promise<ForgetReport> {
  if (request.kind === 'text' && request.text.trim().length < SHORTEST) {
    throw new LastgoodError({
      code: 'FORGET_TOO_SHORT',
      message: `A text to forget must have at least ${SHORTEST} characters; a shorter one would be taken out of ordinary words.`,
    });
  }
  // Freed bytes are overwritten with zeros, so that the text is not left in the file's slack.
  file.db.pragma('secure_delete = ON');
  const report = await maintaining(file, 'forget', (db) =>
    request.kind === 'case' ? forgetCase(db, request.caseId) : forgetText(db, request.text),
  );
  await giveBack(file);
  return report;
}

function forgetCase(db: Database, caseId: string): ForgetReport {
  const of = `FROM trial t JOIN snapshot s ON s.no = t.snapshot
    JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version
    WHERE v.case_id = ?`;
  const snapshots = db.prepare<[string], string>(`SELECT DISTINCT s.id ${of} ORDER BY 1`).pluck().all(caseId);
  const known = db.prepare<[string], number>('SELECT count(*) FROM case_version WHERE case_id = ?').pluck();
  if (snapshots.length === 0 && known.get(caseId) === 0) {
    throw new LastgoodError({
      code: 'CASE_UNKNOWN',
      message: `No snapshot in the ledger has a case "${caseId}".`,
      hint: '`lastgood show REF` lists the cases of a snapshot',
    });
  }
  const ids = new Set<number>();
  const take = (sql: string): void => {
    for (const id of db.prepare<[string], number>(sql).pluck().iterate(caseId)) ids.add(id);
  };
  take(`SELECT t.output ${of} AND t.output IS NOT NULL`);
  take(
    `SELECT p.value FROM document d, json_each(d.parts) p WHERE d.id IN (SELECT t.sent ${of} AND t.sent IS NOT NULL)`,
  );
  take('SELECT p.value FROM case_version v, json_each(v.parts) p WHERE v.case_id = ?');
  const payloads = removeContents(db, ids);
  let rows = 0;
  // Reasons quote the answer; the case itself holds its variables.
  rows += db
    .prepare(`UPDATE grade SET reason = ?, details = NULL WHERE grading IN (SELECT t.grading ${of})`)
    .run(FORGOTTEN, caseId).changes;
  rows += db
    .prepare(
      `UPDATE trial SET message = ? WHERE message IS NOT NULL AND (snapshot, case_no) IN (SELECT t.snapshot, t.case_no ${of})`,
    )
    .run(FORGOTTEN, caseId).changes;
  rows += db
    .prepare(
      `UPDATE case_version SET shape = json_remove(json_set(shape, '$.vars', json('{}')), '$.messages', '$.expected', '$.meta')
       WHERE case_id = ?`,
    )
    .run(caseId).changes;
  return { payloads, rows, snapshots };
}

/** Columns of text in which a model's or a user's words may stand. */
const TEXT_COLUMNS: readonly (readonly [table: string, column: string])[] = [
  ['grade', 'reason'],
  ['grade', 'details'],
  ['trial', 'message'],
  ['trial', 'attempts'],
  ['case_version', 'shape'],
  ['verdict', 'body'],
  ['record', 'body'],
];

function forgetText(db: Database, text: string): ForgetReport {
  // As it is, and as it stands inside JSON.
  const forms = [...new Set([text, JSON.stringify(text).slice(1, -1)])];
  const ids = new Set<number>();
  const rowsOfContent = db.prepare<[number], ContentRow & { id: number }>(
    `SELECT id, encoding, body FROM content WHERE encoding <> ?`,
  );
  for (const row of rowsOfContent.iterate(ENCODING.removed)) {
    const value = contentValue(row);
    const whole = typeof value === 'string' ? value : JSON.stringify(value);
    if (forms.some((form) => whole.includes(form))) ids.add(row.id);
  }
  const snapshots = snapshotsWith(db, ids, forms);
  // Shapes are what stored requests and releases are built on; in them only the text goes.
  const shapes = new Set(db.prepare<[], number>('SELECT DISTINCT shape FROM document').pluck().all());
  const inShapes = [...ids].filter((id) => shapes.has(id));
  for (const id of inShapes) ids.delete(id);
  const payloads = removeContents(db, ids);
  let rows = inShapes.length;
  const mark = db.prepare('UPDATE content SET encoding = ? WHERE id = ?');
  for (const id of inShapes) {
    replaceIn(db, 'content', 'body', forms, 'id = ?', id);
    mark.run(ENCODING.edited, id);
  }
  for (const [table, column] of TEXT_COLUMNS) rows += replaceIn(db, table, column, forms);
  return { payloads, rows, snapshots };
}

function replaceIn(
  db: Database,
  table: string,
  column: string,
  forms: readonly string[],
  where = '1',
  ...values: number[]
): number {
  let changes = 0;
  for (const form of forms) {
    changes += db
      .prepare(
        `UPDATE ${table} SET ${column} = replace(${column}, ?, ?) WHERE typeof(${column}) = 'text' AND instr(${column}, ?) > 0 AND ${where}`,
      )
      .run(form, FORGOTTEN, form, ...values).changes;
  }
  return changes;
}

function removeContents(db: Database, ids: Iterable<number>): number {
  const remove = db.prepare(`UPDATE content SET encoding = ?, body = '' WHERE id = ? AND encoding <> ?`);
  let removed = 0;
  for (const id of ids) removed += remove.run(ENCODING.removed, id, ENCODING.removed).changes;
  return removed;
}

function snapshotsWith(db: Database, ids: ReadonlySet<number>, forms: readonly string[]): string[] {
  db.exec('CREATE TEMP TABLE IF NOT EXISTS hit (id INTEGER PRIMARY KEY); DELETE FROM hit;');
  const note = db.prepare('INSERT INTO hit (id) VALUES (?)');
  for (const id of ids) note.run(id);
  const found = new Set(
    db
      .prepare<[], string>(
        `SELECT DISTINCT s.id FROM snapshot s JOIN trial t ON t.snapshot = s.no
         WHERE t.output IN (SELECT id FROM hit)
            OR t.sent IN (SELECT d.id FROM document d, json_each(d.parts) p WHERE p.value IN (SELECT id FROM hit) OR d.shape IN (SELECT id FROM hit))
         UNION
         SELECT DISTINCT s.id FROM snapshot s JOIN suite_case c ON c.suite = s.suite
         WHERE c.case_version IN (SELECT v.id FROM case_version v, json_each(v.parts) p WHERE p.value IN (SELECT id FROM hit))`,
      )
      .pluck()
      .all(),
  );
  const byRow = db
    .prepare<[string, string, string], string>(
      `SELECT DISTINCT s.id FROM snapshot s JOIN trial t ON t.snapshot = s.no LEFT JOIN grade g ON g.grading = t.grading
       WHERE instr(g.reason, ?) > 0 OR instr(g.details, ?) > 0 OR instr(t.message, ?) > 0`,
    )
    .pluck();
  const byCase = db
    .prepare<[string], string>(
      `SELECT DISTINCT s.id FROM snapshot s JOIN suite_case c ON c.suite = s.suite JOIN case_version v ON v.id = c.case_version
       WHERE instr(v.shape, ?) > 0`,
    )
    .pluck();
  for (const form of forms) {
    for (const id of byRow.iterate(form, form, form)) found.add(id);
    for (const id of byCase.iterate(form)) found.add(id);
  }
  return [...found].sort();
}
