// Content and documents out of which a text was taken. What has another value has another hash, so what refers to it is pointed there.

import { hash } from 'node:crypto';
import type { JsonValue } from '../../base/json.ts';
import type { Queries } from './connection.ts';
import { documentKey, keyOf } from './content.ts';
import { storedJson } from './stored-text.ts';

/** Whose rows were changed, by their numbers: by them the snapshots are found that must be sealed anew. */
export class ChangedRows {
  readonly snapshots = new Set<number>();
  readonly releases = new Set<number>();
  readonly suites = new Set<number>();
  readonly cases = new Set<number>();
  readonly served = new Set<number>();
}

/** Old keys and the new ones in their place. */
export type Replaced = readonly (readonly [old: Buffer, now: Buffer])[];

/** Stores grades in the place of others. */
export async function replaceGrades(
  queries: Queries,
  values: readonly (readonly [old: Buffer, value: JsonValue])[],
  changed: ChangedRows,
): Promise<void> {
  if (values.length === 0) return;
  const rows = values.map(([old, value]) => {
    const body = Buffer.from(storedJson(value), 'utf8');
    return [old, keyOf(body), body] as const;
  });
  await addContents(
    queries,
    rows.map(([, key, body]) => [key, body] as const),
  );
  const trials = await queries.rows<{ snapshot: number }>(
    `UPDATE lg.trial t SET grades = m.now FROM unnest($1::bytea[], $2::bytea[]) AS m (old, now)
     WHERE t.grades = m.old RETURNING t.snapshot`,
    [rows.map(([old]) => old), rows.map(([, now]) => now)],
  );
  for (const { snapshot } of trials) changed.snapshots.add(snapshot);
  await queries.rows(
    'DELETE FROM lg.content c WHERE sha256 = ANY($1) AND NOT EXISTS (SELECT 1 FROM lg.trial t WHERE t.grades = c.sha256)',
    [rows.map(([old]) => old)],
  );
}

async function addContents(
  queries: Queries,
  rows: readonly (readonly [key: Buffer, body: Buffer])[],
): Promise<void> {
  await queries.rows(
    `INSERT INTO lg.content AS c (sha256, body) SELECT DISTINCT ON (sha256) * FROM unnest($1::bytea[], $2::bytea[]) AS g (sha256, body)
     ON CONFLICT (sha256) DO UPDATE SET body = excluded.body WHERE c.body IS NULL`,
    [rows.map(([key]) => key), rows.map(([, body]) => body)],
  );
}

/** The key of a document with this shape; adds it where it is not there. */
export async function addDocuments(
  queries: Queries,
  documents: readonly { readonly shape: string; readonly parts: Buffer }[],
): Promise<Buffer[]> {
  const keys = documents.map(({ shape, parts }) => documentKey(shape, parts));
  await queries.rows(
    `INSERT INTO lg.document (sha256, shape, parts) SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING`,
    [keys, documents.map(({ shape }) => shape), documents.map(({ parts }) => parts)],
  );
  return keys;
}

/** Points everything that refers to the old documents to the new ones, and deletes the old ones. */
export async function replaceDocuments(
  queries: Queries,
  replaced: Replaced,
  changed: ChangedRows,
): Promise<void> {
  if (replaced.length === 0) return;
  const pairs = [replaced.map(([old]) => old), replaced.map(([, now]) => now)];
  const from = 'FROM unnest($1::bytea[], $2::bytea[]) AS m (old, now)';
  const trials = await queries.rows<{ snapshot: number }>(
    `UPDATE lg.trial t SET sent = m.now ${from} WHERE t.sent = m.old RETURNING t.snapshot`,
    pairs,
  );
  for (const { snapshot } of trials) changed.snapshots.add(snapshot);
  const releases = await queries.rows<{ id: number }>(
    `UPDATE lg.release r SET document = m.now ${from} WHERE r.document = m.old RETURNING r.id`,
    pairs,
  );
  for (const { id } of releases) changed.releases.add(id);
  const suites = await queries.rows<{ id: number }>(
    `UPDATE lg.suite u SET header = m.now ${from} WHERE u.header = m.old RETURNING u.id`,
    pairs,
  );
  for (const { id } of suites) changed.suites.add(id);
  const cases = await queries.rows<{ id: number }>(
    `UPDATE lg.case_version v SET body = m.now ${from} WHERE v.body = m.old RETURNING v.id`,
    pairs,
  );
  for (const { id } of cases) changed.cases.add(id);
  await queries.rows('DELETE FROM lg.document WHERE sha256 = ANY($1) AND sha256 <> ALL($2)', pairs);
}

/** Empties contents, whose hashes stay, and deletes the vectors made of them. Contents that had a body. */
export async function removeContents(queries: Queries, keys: readonly Buffer[]): Promise<number> {
  if (keys.length === 0) return 0;
  await queries.rows('DELETE FROM lg.embedding WHERE output = ANY($1)', [keys]);
  const gone = await queries.rows(
    'UPDATE lg.content SET body = NULL WHERE sha256 = ANY($1) AND body IS NOT NULL RETURNING 1',
    [keys],
  );
  return gone.length;
}

/** Snapshots of the rows that were changed. */
export async function snapshotsOf(
  queries: Queries,
  changed: ChangedRows,
): Promise<readonly { readonly no: number; readonly id: string }[]> {
  return queries.rows(
    `SELECT s.no, s.id FROM lg.snapshot s
     WHERE s.no = ANY($1::bigint[]) OR s.release = ANY($2::bigint[]) OR s.judge = ANY($2::bigint[]) OR s.embedder = ANY($2::bigint[])
        OR s.suite = ANY($3::bigint[])
        OR s.suite IN (SELECT c.suite FROM lg.suite_case c WHERE c.case_version = ANY($4::bigint[]))
        OR s.no IN (SELECT t.snapshot FROM lg.trial t WHERE t.served = ANY($5::int[]))
     ORDER BY s.id`,
    [changed.snapshots, changed.releases, changed.suites, changed.cases, changed.served].map((ids) => [
      ...ids,
    ]),
  );
}

/**
 * A suite or case that is stored again must not be taken for the one without the text, and its key, a hash of all it said, must not stay.
 */
export async function renewKeys(queries: Queries, { suites, cases }: ChangedRows): Promise<void> {
  const random = (id: string): string => `sha256(convert_to(${id}::text || gen_random_uuid()::text, 'UTF8'))`;
  await queries.rows(`UPDATE lg.case_version SET key = ${random('id')} WHERE id = ANY($1::bigint[])`, [
    [...cases],
  ]);
  await queries.rows(
    `UPDATE lg.suite SET key = ${random('id')} WHERE id = ANY($1::bigint[])
       OR id IN (SELECT suite FROM lg.suite_case WHERE case_version = ANY($2::bigint[]))`,
    [[...suites], [...cases]],
  );
}

/** SHA-256 that identifies a blessing of a file. */
export function importedBlessingKey(snapshotNo: number, by: string, why: string, at: string): Buffer {
  return hash('sha256', storedJson([snapshotNo, by, why, at]), 'buffer');
}
