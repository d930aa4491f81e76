// Taking a text out of a ledger, out of every column that a person or a model can write to.

import type { Database } from 'better-sqlite3';
import type { Forgotten } from '../model/forget-request.ts';
import { numberedMark, TextCleaner } from '../model/text-cleaner.ts';
import { type ContentRow, contentValue, ENCODING } from './content.ts';
import { removeContents } from './forget-case.ts';
import { forgetInObservations } from './observation-upkeep.ts';

type Column = readonly [table: string, column: string, kind: 'plain' | 'json'];

/**
 * Columns in which words of people and models may stand. Payloads are `content`, shared words `word`, ids of cases and served models have
 * rules of their own below. All other columns hold what this program made: ids, hashes, times, states (`forget.test.ts` goes through the schema).
 */
export const SAID_COLUMNS: readonly Column[] = [
  ['snapshot', 'labels', 'json'],
  ['snapshot', 'environment', 'json'],
  ['snapshot', 'validity_reasons', 'json'],
  ['snapshot', 'findings', 'json'],
  ['blessing', 'by_whom', 'plain'],
  ['blessing', 'why', 'plain'],
  ['blessing', 'overrode', 'json'],
  ['imported_blessing', 'by_whom', 'plain'],
  ['imported_blessing', 'why', 'plain'],
  ['imported_blessing', 'overrode', 'json'],
  ['record', 'body', 'json'],
  ['verdict', 'body', 'json'],
  ['release', 'name', 'plain'],
  ['suite_case', 'place', 'json'],
  ['case_version', 'shape', 'json'],
  ['trial', 'message', 'plain'],
  ['trial', 'attempts', 'json'],
  ['trial', 'request_id', 'plain'],
  ['grade', 'reason', 'plain'],
  ['grade', 'details', 'json'],
  ['observation', 'id', 'plain'],
  ['observation', 'tags', 'json'],
  ['observation_text', 'output', 'plain'],
  ['observation_text', 'rest', 'json'],
  ['observation_window', 'counts', 'json'],
  ['outcome', 'body', 'json'],
  ['outcome', 'final_text', 'plain'],
  ['outcome_change', 'before', 'json'],
  ['access_token', 'name', 'plain'],
  ['shipping_change', 'by_whom', 'plain'],
  ['shipping_change', 'why', 'plain'],
  ['shipping_change', 'body', 'json'],
  ['guard_decision', 'agent', 'plain'],
  ['guard_decision', 'key', 'plain'],
  ['guard_decision', 'reason', 'plain'],
  ['approval', 'agent', 'plain'],
  ['approval', 'key', 'plain'],
  ['approval_answer', 'by_whom', 'plain'],
  ['approval_answer', 'why', 'plain'],
];

/** Columns with rules of their own. */
export const OTHER_SAID_COLUMNS: readonly (readonly [table: string, column: string])[] = [
  ['content', 'body'],
  ['word', 'text'],
  ['case_version', 'case_id'],
  ['served', 'key'],
  ['served', 'model'],
  ['served', 'system_fingerprint'],
  ['served', 'service_tier'],
  ['served', 'region'],
  ['dimension', 'value'],
];

/** Words that graders and codes are known by; a text that is one of them by chance must not change what rows mean. */
const PROGRAM_WORDS = `
  SELECT type FROM grade UNION SELECT cause FROM grade UNION SELECT ungraded FROM trial UNION SELECT embedder FROM embedding
  UNION SELECT stop_reason FROM trial t JOIN word w ON w.id = t.stop_reason WHERE w.text NOT LIKE 'other:%'
  UNION SELECT code FROM trial t JOIN word w ON w.id = t.code WHERE w.text NOT GLOB '*[^a-z_]*'`;

/** Takes the text out wherever it is a whole value, or with `substring` wherever it stands. Inside a transaction of maintenance. */
export function forgetText(db: Database, text: string, substring: boolean): Forgotten {
  const cleaner = new TextCleaner(text, substring);
  const ofText =
    (work: (text: string) => unknown) =>
    (value: unknown): unknown =>
      typeof value === 'string' ? work(value) : value;
  db.function(
    'said_plain',
    { deterministic: true },
    ofText((v) => cleaner.plain(v)),
  );
  db.function(
    'said_json',
    { deterministic: true },
    ofText((v) => cleaner.json(v)),
  );
  db.function('said_within', { deterministic: true }, (v) =>
    typeof v === 'string' && cleaner.within(v) ? 1 : 0,
  );
  const ids = new Set<number>();
  let partial = 0;
  for (const row of db
    .prepare<[number], ContentRow & { id: number }>(
      'SELECT id, encoding, body FROM content WHERE encoding <> ?',
    )
    .iterate(ENCODING.removed)) {
    const value = contentValue(row);
    if (cleaner.holds(value)) ids.add(row.id);
    else if (cleaner.within(typeof value === 'string' ? value : JSON.stringify(value))) partial++;
  }
  const words = wordsWith(db, cleaner);
  const snapshots = snapshotsWith(db, ids, words);
  // Shapes are what stored requests and releases are built on; in them only the text goes.
  const shapes = new Set(db.prepare<[], number>('SELECT DISTINCT shape FROM document').pluck().all());
  const inShapes = [...ids].filter((id) => shapes.has(id));
  for (const id of inShapes) ids.delete(id);
  const payloads = removeContents(db, ids);
  let rows = inShapes.length;
  const edit = db.prepare('UPDATE content SET body = said_json(body), encoding = ? WHERE id = ?');
  for (const id of inShapes) edit.run(ENCODING.edited, id);
  rows += forgetInObservations(db, text, cleaner, numberedMark);
  for (const [table, column, kind] of SAID_COLUMNS) {
    const cleaned = `said_${kind}(${column})`;
    rows += db
      .prepare(
        `UPDATE OR REPLACE ${table} SET ${column} = ${cleaned} WHERE typeof(${column}) = 'text' AND ${cleaned} <> ${column}`,
      )
      .run().changes;
    partial += count(db, `${table} WHERE typeof(${column}) = 'text' AND said_within(${column})`);
  }
  rows += cleanWords(db, cleaner, words) + cleanCaseIds(db, cleaner) + cleanServed(db, cleaner);
  for (const [table, column] of [
    ['case_version', 'case_id'],
    ['served', 'key'],
    ['dimension', 'value'],
  ] as const)
    partial += count(db, `${table} WHERE said_within(${column})`);
  partial += count(db, `word WHERE id NOT IN (${notNull(PROGRAM_WORDS)}) AND said_within(text)`);
  return { payloads, rows, snapshots, partial };
}

function count(db: Database, where: string): number {
  return db.prepare<[], number>(`SELECT count(*) FROM ${where}`).pluck().get() ?? 0;
}

const notNull = (ids: string): string => `SELECT * FROM (${ids}) WHERE 1 = 1 AND type IS NOT NULL`;

/** Shared words that hold it: tags, groups, names of files and graders. */
function wordsWith(db: Database, cleaner: TextCleaner): { id: number; text: string }[] {
  return db
    .prepare<[], { id: number; text: string }>(
      `SELECT id, text FROM word WHERE id NOT IN (${notNull(PROGRAM_WORDS)}) AND said_within(text)`,
    )
    .all()
    .filter(({ text }) => cleanedWord(cleaner, text) !== text);
}

/** Tags are a JSON list in one word. */
function cleanedWord(cleaner: TextCleaner, text: string, mark?: string): string {
  return text.startsWith('[') ? cleaner.json(text, mark) : cleaner.plain(text, mark);
}

function cleanWords(
  db: Database,
  cleaner: TextCleaner,
  words: readonly { readonly id: number; readonly text: string }[],
): number {
  const taken = db.prepare<[string], number>('SELECT count(*) FROM word WHERE text = ?').pluck();
  const change = db.prepare('UPDATE word SET text = ? WHERE id = ?');
  for (const { id, text } of words) {
    let cleaned = cleanedWord(cleaner, text);
    while (taken.get(cleaned) !== 0) cleaned = cleanedWord(cleaner, text, numberedMark());
    change.run(cleaned, id);
  }
  return words.length;
}

/** Cases keep ids that tell them apart, and are the same in all their versions. */
function cleanCaseIds(db: Database, cleaner: TextCleaner): number {
  const ids = db
    .prepare<[], string>('SELECT DISTINCT case_id FROM case_version WHERE said_within(case_id)')
    .pluck()
    .all();
  const change = db.prepare('UPDATE case_version SET case_id = ? WHERE case_id = ?');
  let rows = 0;
  for (const id of ids) {
    const cleaned = cleaner.plain(id, numberedMark());
    if (cleaned !== id) rows += change.run(cleaned, id).changes;
  }
  return rows;
}

function cleanServed(db: Database, cleaner: TextCleaner): number {
  const served = db
    .prepare<[], { id: number; key: string }>('SELECT id, key FROM served WHERE said_within(key)')
    .all();
  const change = db.prepare(
    `UPDATE served SET key = ?, model = said_plain(model), system_fingerprint = said_plain(system_fingerprint),
       service_tier = said_plain(service_tier), region = said_plain(region) WHERE id = ?`,
  );
  let rows = 0;
  for (const { id, key } of served) {
    const cleaned = cleaner.json(key, numberedMark());
    if (cleaned !== key) rows += change.run(cleaned, id).changes;
  }
  return rows;
}

function snapshotsWith(
  db: Database,
  ids: ReadonlySet<number>,
  words: readonly { readonly id: number }[],
): string[] {
  db.exec(`
    CREATE TEMP TABLE IF NOT EXISTS hit (id INTEGER PRIMARY KEY); DELETE FROM hit;
    CREATE TEMP TABLE IF NOT EXISTS hit_word (id INTEGER PRIMARY KEY); DELETE FROM hit_word;`);
  const note = db.prepare('INSERT INTO hit (id) VALUES (?)');
  for (const id of ids) note.run(id);
  const noteWord = db.prepare('INSERT INTO hit_word (id) VALUES (?)');
  for (const { id } of words) noteWord.run(id);
  const changed = (alias: string, column: string, kind: string): string =>
    `(typeof(${alias}.${column}) = 'text' AND said_${kind}(${alias}.${column}) <> ${alias}.${column})`;
  const of = (table: string, alias: string): string =>
    SAID_COLUMNS.filter(([t]) => t === table)
      .map(([, column, kind]) => changed(alias, column, kind))
      .join(' OR ');
  const documents =
    'SELECT d.id FROM document d WHERE d.shape IN (SELECT id FROM hit) OR EXISTS (SELECT 1 FROM json_each(d.parts) p WHERE p.value IN (SELECT id FROM hit))';
  return db
    .prepare<[], string>(
      `SELECT DISTINCT s.id FROM snapshot s JOIN trial t ON t.snapshot = s.no LEFT JOIN served d ON d.id = t.served
       WHERE t.output IN (SELECT id FROM hit) OR t.sent IN (${documents}) OR ${of('trial', 't')} OR t.code IN (SELECT id FROM hit_word)
          OR t.stop_reason IN (SELECT id FROM hit_word) OR (d.key IS NOT NULL AND ${changed('d', 'key', 'json')})
       UNION SELECT DISTINCT s.id FROM snapshot s JOIN trial t ON t.snapshot = s.no JOIN grade g ON g.grading = t.grading
             WHERE ${of('grade', 'g')} OR g.grader IN (SELECT id FROM hit_word)
       UNION SELECT DISTINCT s.id FROM snapshot s JOIN suite_case c ON c.suite = s.suite JOIN case_version v ON v.id = c.case_version
             WHERE ${of('case_version', 'v')} OR ${of('suite_case', 'c')} OR ${changed('v', 'case_id', 'plain')}
                OR v.tags IN (SELECT id FROM hit_word) OR v.grp IN (SELECT id FROM hit_word) OR c.file IN (SELECT id FROM hit_word)
                OR EXISTS (SELECT 1 FROM json_each(v.parts) p WHERE p.value IN (SELECT id FROM hit))
       UNION SELECT s.id FROM snapshot s WHERE ${of('snapshot', 's')}
                OR s.suite IN (SELECT u.id FROM suite u WHERE u.header IN (${documents}))
       UNION SELECT s.id FROM snapshot s JOIN release r ON r.id IN (s.release, s.judge, s.embedder)
             WHERE ${of('release', 'r')} OR r.document IN (${documents})
       UNION SELECT s.id FROM snapshot s JOIN blessing b ON b.snapshot = s.no WHERE ${of('blessing', 'b')}
       UNION SELECT s.id FROM snapshot s JOIN imported_blessing b ON b.snapshot = s.no WHERE ${of('imported_blessing', 'b')}
       ORDER BY 1`,
    )
    .pluck()
    .all();
}
