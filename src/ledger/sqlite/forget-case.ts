// Taking all payloads of a case out of a ledger: everything that was said to the model or by it, and what graders quoted.

import type { Database } from 'better-sqlite3';
import { canonicalJson, type JsonValue } from '../../base/json.ts';
import { type Forgotten, reasonsIn, unknownCase, withoutExamples } from '../model/forget-request.ts';
import { FORGOTTEN } from '../model/text-cleaner.ts';
import { ENCODING } from './content.ts';

/** What was said in a case: to the model, by it, and about it. */
export function forgetCase(db: Database, caseId: string): Forgotten {
  const of = `FROM trial t JOIN snapshot s ON s.no = t.snapshot
    JOIN suite_case c ON c.suite = s.suite AND c.case_no = t.case_no JOIN case_version v ON v.id = c.case_version
    WHERE v.case_id = ?`;
  const snapshots = db.prepare<[string], string>(`SELECT DISTINCT s.id ${of} ORDER BY 1`).pluck().all(caseId);
  const known = db.prepare<[string], number>('SELECT count(*) FROM case_version WHERE case_id = ?').pluck();
  if (snapshots.length === 0 && known.get(caseId) === 0) {
    throw unknownCase(caseId);
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
      `UPDATE case_version SET shape = json_remove(json_set(shape, '$.vars', json('{}')), '$.messages', '$.turns', '$.tools', '$.expected', '$.params', '$.meta')
       WHERE case_id = ?`,
    )
    .run(caseId).changes;
  return { payloads, rows, snapshots, partial: 0 };
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

/** Kept comparisons show the worst cases by example. */
function cleanRecords(db: Database, caseId: string): number {
  const change = db.prepare('UPDATE record SET body = ? WHERE no = ?');
  const rows = db
    .prepare<[string], { no: number; body: string }>('SELECT no, body FROM record WHERE instr(body, ?) > 0')
    .all(JSON.stringify(caseId));
  let changed = 0;
  for (const { no, body } of rows) {
    const cleaned = canonicalJson(withoutExamples(JSON.parse(body) as JsonValue, caseId));
    if (cleaned !== body) changed += change.run(cleaned, no).changes;
  }
  return changed;
}

/** Empties contents; their hashes stay. */
export function removeContents(db: Database, ids: Iterable<number>): number {
  const remove = db.prepare(`UPDATE content SET encoding = ?, body = '' WHERE id = ? AND encoding <> ?`);
  let removed = 0;
  for (const id of ids) removed += remove.run(ENCODING.removed, id, ENCODING.removed).changes;
  return removed;
}
