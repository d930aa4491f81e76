// Taking all payloads of a case out of a PostgreSQL ledger: what was said to the model or by it, and what graders quoted.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { Grade } from '../../core/grade.ts';
import { reasonsIn, unknownCase, withoutExamples } from '../model/forget-request.ts';
import { liftTexts, REMOVED_TEXT, TEXT_MARK, textMark } from '../model/share-long-texts.ts';
import { FORGOTTEN } from '../model/text-cleaner.ts';
import type { Queries } from './connection.ts';
import { partsOf } from './content.ts';
import type { TakenOut } from './forget-text.ts';
import {
  addDocuments,
  type ChangedRows,
  removeContents,
  replaceDocuments,
  replaceGrades,
} from './replace-content.ts';
import { storedJson, storedText } from './stored-text.ts';

const ROWS = 2000;

/** Trials of the case ($1). */
const OWN = `lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no
  JOIN lg.case_version v ON v.id = c.case_version AND v.case_id = $1`;

/** Values of a column that the case's trials have and no others. */
const onlyOwn = (column: 'output' | 'sent' | 'grades'): string => `
  SELECT t.${column} AS key FROM ${OWN} WHERE t.${column} IS NOT NULL
  EXCEPT SELECT t.${column} FROM lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot
    JOIN lg.suite_case c ON c.suite = s.suite AND c.case_no = t.case_no
    JOIN lg.case_version v ON v.id = c.case_version AND v.case_id <> $1`;

/** Inside a transaction of forgetting. Throws `CASE_UNKNOWN`. */
export async function forgetCase(queries: Queries, caseId: string, changed: ChangedRows): Promise<TakenOut> {
  const own = [storedText(caseId)];
  const versions = await queries.rows<{ id: number; body: Buffer }>(
    'SELECT id, body FROM lg.case_version WHERE case_id = $1',
    own,
  );
  if (versions.length === 0) throw unknownCase(caseId);
  const snapshots = await queries.rows<{ no: number }>(`SELECT DISTINCT s.no FROM ${OWN}`, own);
  for (const { no } of snapshots) changed.snapshots.add(no);
  const touched = new Set([
    ...['content', 'embedding', 'document', 'trial', 'case_version', 'verdict', 'record'],
  ]);
  let rows = await dropVerdicts(queries, own);
  rows += await cleanRecords(queries, caseId);
  rows += await cleanGrades(queries, own, changed);
  rows += await cleanMessages(queries, own);
  const sent = await keysOf(queries, onlyOwn('sent'), own);
  const bodies = versions.map(({ body }) => body);
  const texts = await textsOf(queries, [...sent, ...bodies]);
  const outputs = await keysOf(queries, onlyOwn('output'), own);
  await emptyRequests(queries, sent, changed);
  rows += await emptyCases(queries, versions, changed);
  const payloads = await removeContents(queries, [...outputs, ...(await unused(queries, texts))]);
  return { payloads: payloads + sent.length, rows, partial: 0, touched };
}

async function keysOf(queries: Queries, sql: string, values: readonly unknown[]): Promise<Buffer[]> {
  return (await queries.rows<{ key: Buffer }>(sql, values)).map(({ key }) => key);
}

const PARTS = 'substring(d.parts FROM 32 * i + 1 FOR 32)';

/** The texts that these documents are made of. */
function textsOf(queries: Queries, documents: readonly Buffer[]): Promise<Buffer[]> {
  return keysOf(
    queries,
    `SELECT DISTINCT ${PARTS} AS key FROM lg.document d, generate_series(0, length(d.parts) / 32 - 1) i WHERE d.sha256 = ANY($1)`,
    [documents],
  );
}

/** Those that nothing refers to any more. */
function unused(queries: Queries, texts: readonly Buffer[]): Promise<Buffer[]> {
  return keysOf(
    queries,
    `SELECT unnest($1::bytea[]) AS key
     EXCEPT SELECT ${PARTS} FROM lg.document d, generate_series(0, length(d.parts) / 32 - 1) i
            WHERE d.sha256 IN (SELECT sent FROM lg.trial UNION SELECT document FROM lg.release UNION SELECT header FROM lg.suite
                               UNION SELECT body FROM lg.case_version)`,
    [texts],
  );
}

/** Requests that only this case sent. */
async function emptyRequests(queries: Queries, sent: readonly Buffer[], changed: ChangedRows): Promise<void> {
  const gone = { shape: liftTexts({ removed: REMOVED_TEXT }).shape, parts: Buffer.alloc(0) };
  const [now] = (await addDocuments(queries, [gone])) as [Buffer];
  await replaceDocuments(
    queries,
    sent.filter((old) => !old.equals(now)).map((old) => [old, now]),
    changed,
  );
}

/** A case keeps its graders and where it came from. Another case may have the same body, and keeps that. */
async function emptyCases(
  queries: Queries,
  versions: readonly { readonly id: number; readonly body: Buffer }[],
  changed: ChangedRows,
): Promise<number> {
  const bodies = versions.map(({ body }) => body);
  const rows = await queries.rows<{ sha256: Buffer; shape: string; parts: Buffer }>(
    'SELECT sha256, shape, parts FROM lg.document WHERE sha256 = ANY($1)',
    [bodies],
  );
  const empty = new Map(
    rows.map(({ sha256, shape, parts }) => [sha256.toString('hex'), emptyBody(shape, parts)]),
  );
  const documents = versions.map(({ body }) => empty.get(body.toString('hex')) as DocumentParts);
  const keys = await addDocuments(queries, documents);
  await queries.rows(
    'UPDATE lg.case_version v SET body = m.body FROM unnest($1::bigint[], $2::bytea[]) AS m (id, body) WHERE v.id = m.id',
    [versions.map(({ id }) => id), keys],
  );
  for (const { id } of versions) changed.cases.add(id);
  await queries.rows(
    `DELETE FROM lg.document d WHERE d.sha256 = ANY($1) AND NOT EXISTS (SELECT 1 FROM lg.case_version v WHERE v.body = d.sha256)
       AND NOT EXISTS (SELECT 1 FROM lg.trial t WHERE t.sent = d.sha256)`,
    [bodies],
  );
  return versions.length;
}

type DocumentParts = { readonly shape: string; readonly parts: Buffer };

/** The document of a case without its content. Texts that it still has are numbered anew. */
function emptyBody(shape: string, parts: Buffer): DocumentParts {
  const { messages, turns, tools, expected, params, meta, ...kept } = JSON.parse(shape) as JsonObject;
  const keys = partsOf(parts);
  const used: number[] = [];
  const walk = (v: JsonValue): JsonValue => {
    if (typeof v === 'string') {
      const old = TEXT_MARK.exec(v)?.[1];
      if (old === undefined) return v;
      let at = used.indexOf(Number(old));
      if (at < 0) at = used.push(Number(old)) - 1;
      return textMark(at);
    }
    if (Array.isArray(v)) return (v as readonly JsonValue[]).map(walk);
    if (!isJsonObject(v)) return v;
    return Object.fromEntries(Object.entries(v).map(([key, child]) => [key, walk(child as JsonValue)]));
  };
  const text = storedJson(walk({ ...kept, vars: {} }));
  return { shape: text, parts: Buffer.concat(used.map((n) => keys[n] as Buffer)) };
}

/** Reasons quote the answer. Grades that another case was given in the same words quote nothing, and stay. */
async function cleanGrades(queries: Queries, own: readonly string[], changed: ChangedRows): Promise<number> {
  const keys = await keysOf(queries, onlyOwn('grades'), own);
  const rows = await queries.rows<{ sha256: Buffer; body: Buffer }>(
    'SELECT sha256, body FROM lg.content WHERE sha256 = ANY($1) AND body IS NOT NULL',
    [keys],
  );
  const cleaned = rows.map(({ sha256, body }) => {
    const grades = JSON.parse(body.toString('utf8')) as Grade[];
    const value = grades.map(({ details: _details, ...grade }) => ({ ...grade, reason: FORGOTTEN }));
    return [sha256, value as unknown as JsonValue] as const;
  });
  await replaceGrades(queries, cleaned, changed);
  return rows.length;
}

async function cleanMessages(queries: Queries, own: readonly string[]): Promise<number> {
  const mine = `(t.snapshot, t.case_no, t.trial) IN (SELECT t.snapshot, t.case_no, t.trial FROM ${OWN})`;
  const messages = await queries.rows(
    `UPDATE lg.trial t SET message = $2 WHERE t.message IS NOT NULL AND ${mine} RETURNING 1`,
    [...own, FORGOTTEN],
  );
  // Attempts that are more than a number hold what the service said.
  const attempts = await queries.rows<{ place: string; attempts: string }>(
    `SELECT t.ctid::text AS place, t.attempts FROM lg.trial t WHERE starts_with(t.attempts, '[') AND ${mine}`,
    own,
  );
  await queries.rows(
    'UPDATE lg.trial t SET attempts = m.attempts FROM unnest($1::tid[], $2::text[]) AS m (place, attempts) WHERE t.ctid = m.place',
    [
      attempts.map(({ place }) => place),
      attempts.map((row) =>
        JSON.stringify(
          (JSON.parse(row.attempts) as JsonObject[]).map((attempt) =>
            attempt['message'] === undefined ? attempt : { ...attempt, message: FORGOTTEN },
          ),
        ),
      ),
    ],
  );
  return messages.length + attempts.length;
}

/** What a judge said of the case's answers may quote them. */
async function dropVerdicts(queries: Queries, own: readonly string[]): Promise<number> {
  const said = new Set<string>();
  for await (const reason of judgeReasons(queries, onlyOwn('grades'), own)) said.add(reason);
  if (said.size === 0) return 0;
  const others = `SELECT t.grades AS key FROM lg.trial t WHERE t.grades IS NOT NULL EXCEPT (${onlyOwn('grades')})`;
  for await (const reason of judgeReasons(queries, others, own)) said.delete(reason);
  if (said.size === 0) return 0;
  let dropped = 0;
  let after = '';
  for (;;) {
    const rows = await queries.rows<{ key: string; body: string }>(
      `SELECT key, body FROM lg.verdict WHERE key > $1 ORDER BY key LIMIT ${ROWS}`,
      [after],
    );
    const doomed = rows.filter(({ body }) =>
      reasonsIn(JSON.parse(body) as JsonValue).some((reason) => said.has(reason)),
    );
    await queries.rows('DELETE FROM lg.verdict WHERE key = ANY($1)', [doomed.map(({ key }) => key)]);
    dropped += doomed.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS) return dropped;
    after = last.key;
  }
}

/** The reasons in the details of stored grades. */
async function* judgeReasons(
  queries: Queries,
  keys: string,
  own: readonly string[],
): AsyncGenerator<string, void, undefined> {
  let after: Buffer = Buffer.alloc(0);
  for (;;) {
    const rows = await queries.rows<{ sha256: Buffer; body: Buffer }>(
      `SELECT c.sha256, c.body FROM lg.content c WHERE c.body IS NOT NULL AND c.sha256 > $2 AND c.sha256 IN (${keys})
       ORDER BY c.sha256 LIMIT ${ROWS}`,
      [...own, after],
    );
    for (const { body } of rows)
      for (const { details } of JSON.parse(body.toString('utf8')) as Grade[])
        if (details !== undefined) yield* reasonsIn(details);
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS) return;
    after = last.sha256;
  }
}

/** Stored comparisons show the worst cases by example. */
async function cleanRecords(queries: Queries, caseId: string): Promise<number> {
  const rows = await queries.rows<{ no: number; body: string }>(
    'SELECT no, body FROM lg.record WHERE position($1 IN body) > 0',
    [JSON.stringify(caseId.toWellFormed())],
  );
  let changed = 0;
  for (const { no, body } of rows) {
    const cleaned = storedJson(withoutExamples(JSON.parse(body) as JsonValue, caseId));
    if (cleaned === body) continue;
    await queries.rows('UPDATE lg.record SET body = $2 WHERE no = $1', [no, cleaned]);
    changed++;
  }
  return changed;
}
