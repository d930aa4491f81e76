// Taking a text, or all answers of a case, out of a ledger for good: wherever it stands, not only where it was expected.

import type { Database } from 'better-sqlite3';
import { LastgoodError } from '../core/errors.ts';
import { canonicalJson, isJsonObject, type JsonValue } from '../core/json.ts';
import { type ContentRow, contentValue, ENCODING, FORGOTTEN } from './content.ts';
import type { OpenLedgerFile } from './open.ts';
import { giveBack, maintaining } from './upkeep.ts';

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
  const payloads = removeContents(db, payloadsOfCase(db, caseId));
  let rows = dropVerdicts(db) + cleanRecords(db, caseId);
  // Reasons quote the answer; the case itself holds its variables.
  rows += db
    .prepare('UPDATE grade SET reason = ?, details = NULL WHERE grading IN (SELECT id FROM own_grading)')
    .run(FORGOTTEN).changes;
  rows += db
    .prepare(
      `UPDATE trial SET message = ? WHERE message IS NOT NULL AND (snapshot, case_no) IN (SELECT snapshot, case_no FROM own_trial)`,
    )
    .run(FORGOTTEN).changes;
  // Attempts that are more than a number are JSON, and hold what the service said.
  rows += db
    .prepare(
      `UPDATE trial SET attempts = (SELECT json_group_array(json(CASE WHEN json_type(a.value, '$.message') IS NULL THEN a.value
           ELSE json_set(a.value, '$.message', ?) END)) FROM json_each(attempts) a)
       WHERE typeof(attempts) = 'text' AND (snapshot, case_no) IN (SELECT snapshot, case_no FROM own_trial)`,
    )
    .run(FORGOTTEN).changes;
  rows += db
    .prepare(
      `UPDATE case_version SET shape = json_remove(json_set(shape, '$.vars', json('{}')), '$.messages', '$.expected', '$.meta')
       WHERE case_id = ?`,
    )
    .run(caseId).changes;
  return { payloads, rows, snapshots };
}

/**
 * Everything that was said to the model or by it in this case, and nothing else: the system prompt stands in every case's request and in
 * the release, which must still be fit to run.
 */
function payloadsOfCase(db: Database, caseId: string): number[] {
  db.exec(`
    CREATE TEMP TABLE IF NOT EXISTS own_trial (snapshot INTEGER, case_no INTEGER, trial INTEGER, output INTEGER, sent INTEGER, grading INTEGER,
      PRIMARY KEY (snapshot, case_no, trial));
    CREATE TEMP TABLE IF NOT EXISTS own_content (id INTEGER PRIMARY KEY);
    CREATE TEMP TABLE IF NOT EXISTS own_grading (id INTEGER PRIMARY KEY);
    DELETE FROM own_trial; DELETE FROM own_content; DELETE FROM own_grading;`);
  db.prepare(
    `INSERT INTO own_trial SELECT t.snapshot, t.case_no, t.trial, t.output, t.sent, t.grading
     FROM trial t JOIN snapshot s ON s.no = t.snapshot
     JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version WHERE v.case_id = ?`,
  ).run(caseId);
  db.prepare(
    `INSERT OR IGNORE INTO own_content
       SELECT output FROM own_trial WHERE output IS NOT NULL
       UNION SELECT p.value FROM document d, json_each(d.parts) p WHERE d.id IN (SELECT sent FROM own_trial)
       UNION SELECT d.shape FROM document d WHERE d.id IN (SELECT sent FROM own_trial)
       UNION SELECT p.value FROM case_version v, json_each(v.parts) p WHERE v.case_id = ?`,
  ).run(caseId);
  db.exec(`
    INSERT OR IGNORE INTO own_grading SELECT grading FROM own_trial WHERE grading IS NOT NULL;
    DELETE FROM own_grading WHERE id IN (
      SELECT t.grading FROM trial t WHERE NOT EXISTS (
        SELECT 1 FROM own_trial o WHERE o.snapshot = t.snapshot AND o.case_no = t.case_no AND o.trial = t.trial));
    CREATE TEMP TABLE IF NOT EXISTS other_document (id INTEGER PRIMARY KEY);
    DELETE FROM other_document;
    INSERT OR IGNORE INTO other_document
      SELECT t.sent FROM trial t WHERE t.sent IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM own_trial o WHERE o.snapshot = t.snapshot AND o.case_no = t.case_no AND o.trial = t.trial)
      UNION SELECT document FROM release UNION SELECT header FROM suite;
    DELETE FROM own_content WHERE id IN (
      SELECT t.output FROM trial t WHERE t.output IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM own_trial o WHERE o.snapshot = t.snapshot AND o.case_no = t.case_no AND o.trial = t.trial)
      UNION SELECT p.value FROM document d, json_each(d.parts) p WHERE d.id IN (SELECT id FROM other_document)
      UNION SELECT d.shape FROM document d WHERE d.id IN (SELECT id FROM other_document));`);
  db.prepare(
    'DELETE FROM own_content WHERE id IN (SELECT p.value FROM case_version v, json_each(v.parts) p WHERE v.case_id <> ?)',
  ).run(caseId);
  return db.prepare<[], number>('SELECT id FROM own_content').pluck().all();
}

/** What a judge said of the case's answers may quote them; what it said of others in the same words quotes nothing and stays. */
function dropVerdicts(db: Database): number {
  const said = new Set<string>();
  const details = (own: boolean) =>
    db
      .prepare<[], string>(
        `SELECT DISTINCT details FROM grade WHERE details IS NOT NULL AND grading ${own ? '' : 'NOT '}IN (SELECT id FROM own_grading)`,
      )
      .pluck()
      .iterate();
  for (const text of details(true))
    for (const reason of reasonsIn(JSON.parse(text) as JsonValue)) said.add(reason);
  if (said.size === 0) return 0;
  for (const text of details(false))
    for (const reason of reasonsIn(JSON.parse(text) as JsonValue)) said.delete(reason);
  if (said.size === 0) return 0;
  const doomed: string[] = [];
  for (const { key, body } of db
    .prepare<[], { key: string; body: string }>('SELECT key, body FROM verdict')
    .iterate())
    if (reasonsIn(JSON.parse(body) as JsonValue).some((reason) => said.has(reason))) doomed.push(key);
  const drop = db.prepare('DELETE FROM verdict WHERE key = ?');
  for (const key of doomed) drop.run(key);
  return doomed.length;
}

function reasonsIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).flatMap(reasonsIn);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    child === undefined ? [] : key === 'reason' && typeof child === 'string' ? [child] : reasonsIn(child),
  );
}

/** Kept comparisons show the worst cases by example. */
function cleanRecords(db: Database, caseId: string): number {
  const clean = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map(clean);
    if (!isJsonObject(value)) return value;
    const own = value['id'] === caseId || value['caseId'] === caseId;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, child]) =>
        child === undefined || (own && key === 'example') ? [] : [[key, clean(child)]],
      ),
    );
  };
  const change = db.prepare('UPDATE record SET body = ? WHERE no = ?');
  const rows = db
    .prepare<[string], { no: number; body: string }>('SELECT no, body FROM record WHERE instr(body, ?) > 0')
    .all(JSON.stringify(caseId));
  let changed = 0;
  for (const { no, body } of rows) {
    const cleaned = canonicalJson(clean(JSON.parse(body) as JsonValue));
    if (cleaned !== body) changed += change.run(cleaned, no).changes;
  }
  return changed;
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
