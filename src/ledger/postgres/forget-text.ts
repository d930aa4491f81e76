// Taking a text out of a PostgreSQL ledger: out of contents, documents and every column that a person or a model can write to.

import type { JsonValue } from '../../base/json.ts';
import type { Grade } from '../../core/grade.ts';
import { pseudonym } from '../model/observation-row.ts';
import { numberedMark, TextCleaner } from '../model/text-cleaner.ts';
import type { Queries } from './connection.ts';
import {
  addDocuments,
  type ChangedRows,
  importedBlessingKey,
  removeContents,
  replaceDocuments,
  replaceGrades,
} from './replace-content.ts';
import { cleanColumns, storedForms, WITHIN } from './said-columns.ts';
import { givenText } from './stored-text.ts';

/** What went, and from where. */
export interface TakenOut {
  readonly payloads: number;
  readonly rows: number;
  readonly partial: number;
  /** Tables in which something changed. */
  readonly touched: ReadonlySet<string>;
}

const ROWS = 200;

/** Takes the text out wherever it is a whole value, or with `substring` wherever it stands. Inside a transaction of forgetting. */
export async function forgetText(
  queries: Queries,
  { text, substring }: { readonly text: string; readonly substring: boolean },
  changed: ChangedRows,
): Promise<TakenOut> {
  // What is stored has no lone surrogates.
  const whole = text.toWellFormed();
  const cleaner = new TextCleaner(whole, substring);
  const touched = new Set<string>();
  const sums = { payloads: 0, rows: 0, partial: 0 };
  const add = (part: { payloads?: number; rows?: number; partial?: number }): void => {
    sums.payloads += part.payloads ?? 0;
    sums.rows += part.rows ?? 0;
    sums.partial += part.partial ?? 0;
  };
  add(await cleanContents(queries, cleaner, changed, touched));
  add(await cleanDocuments(queries, cleaner, changed, touched));
  add({ rows: await forgetInObservations(queries, whole, cleaner, touched) });
  add(await cleanColumns(queries, cleaner, changed, touched));
  if (touched.has('imported_blessing')) await keyImportedBlessings(queries);
  return { ...sums, touched };
}

/** Answers, prompts and texts that hold it go as a whole; out of grades only the text goes. */
async function cleanContents(
  queries: Queries,
  cleaner: TextCleaner,
  changed: ChangedRows,
  touched: Set<string>,
): Promise<{ payloads: number; rows: number; partial: number }> {
  const forms = cleaner.forms.map((form) => Buffer.from(form, 'utf8'));
  const graders = graderNames(cleaner);
  const sums = { payloads: 0, rows: 0, partial: 0 };
  let after: Buffer = Buffer.alloc(0);
  for (;;) {
    const found = await queries.rows<{ sha256: Buffer; body: Buffer }>(
      `SELECT sha256, body FROM lg.content WHERE sha256 > $2
         AND EXISTS (SELECT 1 FROM unnest($1::bytea[]) AS f (form) WHERE position(f.form IN body) > 0)
       ORDER BY sha256 LIMIT ${ROWS}`,
      [forms, after],
    );
    const removed: Buffer[] = [];
    const edited: (readonly [Buffer, JsonValue])[] = [];
    for (const { sha256, body } of found) {
      const said = body.toString('utf8');
      const value = JSON.parse(said) as JsonValue;
      if (Array.isArray(value)) {
        const grades = cleanedGrades(value as unknown as readonly Grade[], cleaner, graders);
        if (JSON.stringify(grades) !== JSON.stringify(value)) edited.push([sha256, grades]);
        if (cleaner.within(JSON.stringify(grades))) sums.partial++;
      } else if (isExamBook(value)) continue;
      else if (cleaner.holds(value)) removed.push(sha256);
      else if (cleaner.within(typeof value === 'string' ? value : said)) sums.partial++;
    }
    // Documents that a removed text belongs to keep their own key, so their snapshots are looked up here.
    await noteUsers(queries, removed, changed);
    sums.payloads += await removeContents(queries, removed);
    await replaceGrades(queries, edited, changed);
    sums.rows += edited.length;
    if (removed.length > 0) for (const table of ['content', 'embedding']) touched.add(table);
    if (edited.length > 0) for (const table of ['content', 'trial']) touched.add(table);
    const last = found.at(-1);
    if (last === undefined || found.length < ROWS) return sums;
    after = last.sha256;
  }
}

/** It holds hashes alone. */
function isExamBook(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && 'kinds' in value && 'own' in value;
}

/** Graders that have different names keep different ones; those that are named after their type keep it. */
function graderNames(cleaner: TextCleaner): (grade: Grade) => string {
  const names = new Map<string, string>();
  return ({ graderId, graderType }) => {
    if (graderId === graderType) return graderId;
    const name = names.get(graderId) ?? cleaner.plain(graderId, numberedMark());
    names.set(graderId, name);
    return name;
  };
}

function cleanedGrades(
  grades: readonly Grade[],
  cleaner: TextCleaner,
  nameOf: (grade: Grade) => string,
): JsonValue {
  return grades.map((grade) => ({
    ...grade,
    graderId: nameOf(grade),
    reason: cleaner.plain(grade.reason),
    ...(grade.details === undefined
      ? {}
      : { details: JSON.parse(cleaner.json(JSON.stringify(grade.details))) as JsonValue }),
  })) as unknown as JsonValue;
}

/** What these contents are part of: answers, requests, releases, suites and cases. */
async function noteUsers(queries: Queries, keys: readonly Buffer[], changed: ChangedRows): Promise<void> {
  if (keys.length === 0) return;
  const documents = await queries.rows<{ sha256: Buffer }>(
    `SELECT d.sha256 FROM lg.document d WHERE EXISTS (
       SELECT 1 FROM generate_series(0, length(d.parts) / 32 - 1) i WHERE substring(d.parts FROM 32 * i + 1 FOR 32) = ANY($1))`,
    [keys],
  );
  const of = [keys, documents.map(({ sha256 }) => sha256)];
  const users = await queries.rows<{ kind: keyof ChangedRows; no: number }>(
    `SELECT DISTINCT 'snapshots' AS kind, snapshot AS no FROM lg.trial WHERE output = ANY($1) OR sent = ANY($2)
     UNION SELECT 'releases', id FROM lg.release WHERE document = ANY($2)
     UNION SELECT 'suites', id FROM lg.suite WHERE header = ANY($2)
     UNION SELECT 'cases', id FROM lg.case_version WHERE body = ANY($2)`,
    of,
  );
  for (const { kind, no } of users) changed[kind].add(no);
}

/** Out of what stored requests, releases, suites and cases are built on only the text goes. */
async function cleanDocuments(
  queries: Queries,
  cleaner: TextCleaner,
  changed: ChangedRows,
  touched: Set<string>,
): Promise<{ rows: number; partial: number }> {
  const forms = storedForms(cleaner);
  const replaced: (readonly [Buffer, Buffer])[] = [];
  const releases = new Set<string>();
  const known = await queries.rows<{ document: Buffer }>('SELECT document FROM lg.release');
  for (const { document } of known) releases.add(document.toString('hex'));
  let partial = 0;
  let after: Buffer = Buffer.alloc(0);
  for (;;) {
    const found = await queries.rows<{ sha256: Buffer; shape: string; parts: Buffer }>(
      `SELECT sha256, shape, parts FROM lg.document WHERE sha256 > $2 AND ${WITHIN('shape')} ORDER BY sha256 LIMIT ${ROWS}`,
      [forms, after],
    );
    for (const { sha256, shape, parts } of found) {
      const cleaned = cleaner.json(shape);
      if (cleaned === shape) {
        partial++;
        continue;
      }
      let [now] = (await addDocuments(queries, [{ shape: cleaned, parts }])) as [Buffer];
      // Two releases stay two: each has a document of its own.
      if (releases.has(sha256.toString('hex'))) {
        if (releases.has(now.toString('hex')))
          [now] = (await addDocuments(queries, [{ shape: cleaner.json(shape, numberedMark()), parts }])) as [
            Buffer,
          ];
        releases.add(now.toString('hex'));
      }
      replaced.push([sha256, now]);
    }
    const last = found.at(-1);
    if (last === undefined || found.length < ROWS) break;
    after = last.sha256;
  }
  await replaceDocuments(queries, replaced, changed);
  if (replaced.length > 0)
    for (const table of ['document', 'trial', 'release', 'suite', 'case_version']) touched.add(table);
  return { rows: replaced.length, partial };
}

/** Vectors tell what a text says, and sessions and users are kept as hashes. Before the texts themselves are cleaned. */
async function forgetInObservations(
  queries: Queries,
  text: string,
  cleaner: TextCleaner,
  touched: Set<string>,
): Promise<number> {
  const texts = await queries.rows<{ no: number; output: string }>(
    `SELECT no, output FROM lg.observation_text WHERE ${WITHIN('output')}`,
    [storedForms(cleaner)],
  );
  const holding = texts.filter(({ output }) => cleaner.holds(givenText(output))).map(({ no }) => no);
  const vectors = await queries.rows(
    'DELETE FROM lg.observation_vector WHERE no = ANY($1::bigint[]) RETURNING 1',
    [holding],
  );
  if (vectors.length > 0) touched.add('observation_vector');
  let rows = vectors.length;
  const [state] = await queries.rows<{ salt: Buffer }>('SELECT salt FROM lg.observation_state');
  const hash = pseudonym((state as { salt: Buffer }).salt, text);
  for (const column of ['session', '"user"']) {
    const found = await queries.rows(
      `UPDATE lg.observation SET ${column} = NULL WHERE ${column} = $1 RETURNING 1`,
      [hash],
    );
    if (found.length > 0) touched.add('observation');
    rows += found.length;
  }
  return rows;
}

/** Two that say the same by now are one. */
async function keyImportedBlessings(queries: Queries): Promise<void> {
  const rows = await queries.rows<{ no: number; snapshot: number; by: string; why: string; at: string }>(
    'SELECT no, snapshot, by_whom AS "by", why, at FROM lg.imported_blessing ORDER BY no',
  );
  const seen = new Set<string>();
  for (const { no, snapshot, by, why, at } of rows) {
    const key = importedBlessingKey(snapshot, by, why, at);
    const again = seen.has(key.toString('hex'));
    seen.add(key.toString('hex'));
    await queries.rows(
      again
        ? 'DELETE FROM lg.imported_blessing WHERE no = $1 AND key <> $2'
        : 'UPDATE lg.imported_blessing SET key = $2 WHERE no = $1 AND key <> $2',
      [no, key],
    );
  }
}
