// Keeping a ledger on a server in shape: what takes its space, which payloads may go, and whether it is whole.

import { LastgoodError } from '../../base/errors.ts';
import { NO_PLACES } from '../model/portable-paths.ts';
import {
  type AgedSnapshot,
  mustHaveRule,
  type PruneReport,
  type PruneRules,
  reasonToKeep,
} from '../model/prune-rules.ts';
import type { LedgerCheck, LedgerStats } from '../model/upkeep-report.ts';
import type { Connection, Queries } from './connection.ts';
import { ContentReader } from './content.ts';
import { schemaVersion } from './migrate.ts';
import { withConnection } from './open-ledger.ts';
import { RecordTables } from './records.ts';
import { Seals } from './seals.ts';
import { SnapshotTables } from './snapshots.ts';
import { givenText } from './stored-text.ts';
import { SuiteTables } from './suites.ts';
import { TrialTables } from './trials.ts';
import { vectorSeal } from './vectors.ts';

const PARTS: readonly (readonly [part: string, tables: readonly string[]])[] = [
  ['texts: prompts, answers, schemas, grades', ['content', 'document']],
  ['suites and cases', ['suite', 'case_version', 'suite_case']],
  ['trials', ['trial', 'served']],
  ['embedding vectors', ['embedding']],
  [
    'production: observations and outcomes',
    ['observation', 'observation_text', 'observation_vector', 'outcome', 'outcome_change', 'dimension'],
  ],
  ['production: windows', ['observation_window', 'observation_state']],
  [
    'shipping: pointers, flags, stops, decisions of the guard',
    ['shipping_change', 'approval', 'approval_answer', 'guard_decision', 'guard_used', 'guard_end'],
  ],
  ['judge replies kept', ['verdict']],
  ['comparisons, decisions and other records', ['record', 'blessing', 'imported_blessing']],
  ['snapshots and releases', ['snapshot', 'release', 'migration', 'upkeep', 'access_token']],
];

export function serverStats(place: string): Promise<LedgerStats> {
  return withConnection(place, (connection) => connection.read((queries) => stats(connection, queries)));
}

async function stats(connection: Connection, queries: Queries): Promise<LedgerStats> {
  const sizes = await queries.rows<{ table: string; bytes: number }>(
    `SELECT c.relname AS "table", pg_total_relation_size(c.oid) AS bytes
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [connection.address.schema],
  );
  const parts = new Map<string, { bytes: number; rows: number }>();
  for (const { table, bytes } of sizes) {
    const name = PARTS.find(([, tables]) => tables.includes(table))?.[0] ?? 'other';
    const part = parts.get(name) ?? { bytes: 0, rows: 0 };
    // The names are those of the catalogue; "other" tables may need quotes.
    const rows = await count(queries, `lg."${table.replaceAll('"', '""')}"`);
    parts.set(name, { bytes: part.bytes + bytes, rows: part.rows + rows });
  }
  const suites = await queries.rows<LedgerStats['suites'][number]>(
    `WITH answer AS (
       SELECT t.output, min(u.name) AS suite, max(length(c.body)) AS bytes
       FROM lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot JOIN lg.suite u ON u.id = s.suite JOIN lg.content c ON c.sha256 = t.output
       GROUP BY t.output HAVING count(DISTINCT u.name) = 1)
     SELECT u.name AS suite, count(DISTINCT s.no) AS snapshots,
            (SELECT count(*) FROM lg.trial t JOIN lg.snapshot x ON x.no = t.snapshot JOIN lg.suite y ON y.id = x.suite
             WHERE y.name = u.name) AS trials,
            coalesce((SELECT sum(bytes) FROM answer a WHERE a.suite = u.name), 0) AS "answerBytes"
     FROM lg.suite u JOIN lg.snapshot s ON s.suite = u.id GROUP BY u.name ORDER BY u.name`,
  );
  return {
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    freeBytes: null,
    schema: await schemaVersion(queries),
    snapshots: await count(queries, 'lg.snapshot'),
    trials: await count(queries, 'lg.trial'),
    parts: [...parts].map(([part, size]) => ({ part, ...size })).sort((a, b) => b.bytes - a.bytes),
    suites: suites.map((s) => ({ ...s, suite: givenText(s.suite) })),
  };
}

async function count(queries: Queries, table: string): Promise<number> {
  const [row] = await queries.rows<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
  return row?.n ?? 0;
}

const MOST_PROBLEMS = 100;

/** Sentences of what is wrong, by SQL that gives what to name. */
const CHECKS: readonly (readonly [sql: string, says: (what: string) => string])[] = [
  [
    `SELECT encode(sha256, 'hex') AS what FROM lg.content WHERE body IS NOT NULL AND sha256(body) <> sha256`,
    (what) => `content ${what.slice(0, 12)} is not what it was`,
  ],
  [
    `SELECT encode(sha256, 'hex') AS what FROM lg.document WHERE sha256(convert_to(shape || E'\\n', 'UTF8') || parts) <> sha256`,
    (what) => `document ${what.slice(0, 12)} is not what it was`,
  ],
  [
    `SELECT encode(d.sha256, 'hex') AS what FROM lg.document d, generate_series(0, length(d.parts) / 32 - 1) i
     WHERE NOT EXISTS (SELECT 1 FROM lg.content c WHERE c.sha256 = substring(d.parts FROM 32 * i + 1 FOR 32))`,
    (what) => `reference: document ${what.slice(0, 12)} refers to content that is not there`,
  ],
  [
    `SELECT s.id || ', case ' || t.case_no || ', trial ' || t.trial AS what FROM lg.trial t JOIN lg.snapshot s ON s.no = t.snapshot
     WHERE (t.output IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lg.content c WHERE c.sha256 = t.output))
        OR (t.grades IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lg.content c WHERE c.sha256 = t.grades))
        OR (t.sent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lg.document d WHERE d.sha256 = t.sent))
        OR (t.served IS NOT NULL AND NOT EXISTS (SELECT 1 FROM lg.served d WHERE d.id = t.served))`,
    (what) => `reference: the trial ${what} refers to a row that is not there`,
  ],
  [
    `SELECT encode(e.output, 'hex') AS what FROM lg.embedding e JOIN lg.content c ON c.sha256 = e.output WHERE c.body IS NULL`,
    (what) => `a vector of ${what.slice(0, 12)} is there, but the text it was made of was removed`,
  ],
];

/** References, every text against its hash, every vector, and every snapshot, blessing and record against its digest. */
export function checkServer(place: string): Promise<LedgerCheck> {
  return withConnection(place, (connection) => connection.read((queries) => check(connection, queries)));
}

async function check(connection: Connection, queries: Queries): Promise<LedgerCheck> {
  const problems: string[] = [];
  const tell = (problem: string): void => {
    if (problems.length < MOST_PROBLEMS) problems.push(problem);
  };
  const looking = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof LastgoodError) || error.code !== 'LEDGER_CORRUPT') throw error;
      tell(error.message);
      return false;
    }
  };
  for (const [sql, says] of CHECKS)
    for (const { what } of await queries.rows<{ what: string }>(`${sql} LIMIT ${MOST_PROBLEMS}`))
      tell(says(what));
  const { shown } = connection.address;
  const reader = new ContentReader(shown);
  const snapshots = new SnapshotTables();
  const seals = new Seals(shown, {
    snapshots,
    suites: new SuiteTables(reader, NO_PLACES),
    trials: new TrialTables(reader, shown),
  });
  const records = new RecordTables(seals);
  await looking(async () => {
    await records.blessings(queries, undefined);
  });
  const kinds = await queries.rows<{ kind: string }>('SELECT DISTINCT kind FROM lg.record ORDER BY kind');
  for (const { kind } of kinds)
    await looking(async () => {
      await records.of(queries, { kind: givenText(kind), suite: undefined, from: 0 });
    });
  let verified = 0;
  const ended = await queries.rows<{ no: number }>(
    "SELECT no FROM lg.snapshot WHERE state <> 'running' ORDER BY no",
  );
  for (const { no } of ended) if (await looking(() => seals.check(queries, no))) verified++;
  const [removed] = await queries.rows<{ n: number }>(
    'SELECT count(*) AS n FROM lg.content WHERE body IS NULL',
  );
  return {
    vectors: await checkVectors(queries, tell),
    contents: await count(queries, 'lg.content'),
    removed: removed?.n ?? 0,
    verified,
    unverified: 0,
    ok: problems.length === 0,
    problems,
  };
}

const VECTORS_AT_ONCE = 1000;

/** Every vector is made of numbers, and is the one that was stored. */
async function checkVectors(queries: Queries, tell: (problem: string) => void): Promise<number> {
  let vectors = 0;
  let [output, embedder]: [Buffer, string] = [Buffer.alloc(0), ''];
  for (;;) {
    const rows = await queries.rows<{ embedder: string; output: Buffer; vector: Buffer; seal: Buffer }>(
      `SELECT embedder, output, vector, seal FROM lg.embedding WHERE (output, embedder) > ($1, $2)
       ORDER BY output, embedder LIMIT ${VECTORS_AT_ONCE}`,
      [output, embedder],
    );
    for (const row of rows) {
      vectors++;
      const name = row.output.toString('hex').slice(0, 12);
      if (!row.seal.equals(vectorSeal(row.vector))) tell(`a vector of ${name} is not what was stored`);
      else if (!finite(row.vector)) tell(`a vector of ${name} holds something that is not a number`);
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < VECTORS_AT_ONCE) return vectors;
    [output, embedder] = [last.output, last.embedder];
  }
}

function finite(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += 4) if (!Number.isFinite(bytes.readFloatLE(at))) return false;
  return true;
}

/** The hashes of the texts of documents. */
const partsOfDocuments = (which: string): string => `
  SELECT substring(d.parts FROM 32 * i + 1 FOR 32) FROM lg.document d, generate_series(0, length(d.parts) / 32 - 1) i WHERE d.sha256 IN (${which})`;

/** Answers and texts of requests that only the old snapshots ($1) have. What a suite or a release is made of stays, so that it can be run again. */
const OLD_CONTENT = `
  body IS NOT NULL AND sha256 IN (
    SELECT output FROM lg.trial WHERE output IS NOT NULL AND snapshot = ANY($1)
    UNION ${partsOfDocuments('SELECT sent FROM lg.trial WHERE sent IS NOT NULL AND snapshot = ANY($1)')})
  AND sha256 NOT IN (
    SELECT output FROM lg.trial WHERE output IS NOT NULL AND snapshot <> ALL($1)
    UNION SELECT grades FROM lg.trial WHERE grades IS NOT NULL
    UNION SELECT exam_book FROM lg.snapshot
    UNION ${partsOfDocuments(
      `SELECT sent FROM lg.trial WHERE sent IS NOT NULL AND snapshot <> ALL($1) UNION SELECT document FROM lg.release
       UNION SELECT header FROM lg.suite UNION SELECT body FROM lg.case_version`,
    )})`;

/** A vector that no kept snapshot can use: of no answer of theirs, or of an embedder none of them was made with. */
const UNUSED_VECTOR = `
  output NOT IN (SELECT output FROM lg.trial WHERE output IS NOT NULL AND snapshot <> ALL($1))
  OR embedder NOT IN (SELECT r.fingerprint FROM lg.snapshot s JOIN lg.release r ON r.id = s.embedder WHERE s.no <> ALL($1))`;

/**
 * Removes answers and requests that only old snapshots have, by the rules of SQLite's ledger. Whoever writes waits meanwhile. The space is
 * free for new rows; the server gives it back to the system by VACUUM FULL, which locks its readers out and is left to its administrator.
 */
export function pruneServer(place: string, rules: PruneRules): Promise<PruneReport> {
  mustHaveRule(rules);
  return withConnection(place, async (connection) => {
    const bytes = async (): Promise<number> =>
      (await connection.read((queries) => stats(connection, queries))).bytes;
    const bytesBefore = await bytes();
    const work = (queries: Queries) => prune(queries, rules);
    const plan = await (rules.dryRun ? connection.read(work) : connection.alone(work));
    if (!rules.dryRun) await connection.script('VACUUM lg.content, lg.embedding');
    return { dryRun: rules.dryRun, ...plan, bytesBefore, bytesAfter: rules.dryRun ? null : await bytes() };
  });
}

async function prune(
  queries: Queries,
  rules: PruneRules,
): Promise<Pick<PruneReport, 'kept' | 'pruned' | 'texts' | 'textBytes' | 'vectors'>> {
  const kept: { snapshot: string; why: string }[] = [];
  const old: { no: number; id: string }[] = [];
  for (const { blessed, ...s } of await snapshotsByAge(queries)) {
    const why = reasonToKeep({ ...s, blessed: Number(blessed) }, rules);
    if (why === null) old.push(s);
    else kept.push({ snapshot: s.id, why });
  }
  const numbers = [old.map(({ no }) => no)];
  const [found] = await queries.rows<{ texts: number; bytes: number }>(
    `SELECT count(*) AS texts, coalesce(sum(length(body)), 0) AS bytes FROM lg.content WHERE ${OLD_CONTENT}`,
    numbers,
  );
  const [vectors] = await queries.rows<{ n: number }>(
    `SELECT count(*) AS n FROM lg.embedding WHERE ${UNUSED_VECTOR}`,
    numbers,
  );
  if (!rules.dryRun) {
    await queries.rows(`DELETE FROM lg.embedding WHERE ${UNUSED_VECTOR}`, numbers);
    await queries.rows(`UPDATE lg.content SET body = NULL WHERE ${OLD_CONTENT}`, numbers);
    await queries.rows('UPDATE lg.upkeep SET generation = generation + 1');
  }
  return {
    kept,
    pruned: old.map((s) => s.id),
    texts: found?.texts ?? 0,
    textBytes: found?.bytes ?? 0,
    vectors: vectors?.n ?? 0,
  };
}

function snapshotsByAge(
  queries: Queries,
): Promise<(Omit<AgedSnapshot, 'blessed'> & { readonly blessed: boolean })[]> {
  return queries.rows(
    `SELECT s.no, s.id, s.state, s.started_ms AS "startedMs",
            row_number() OVER (PARTITION BY u.name, s.purpose ORDER BY s.started_ms DESC, s.no DESC) AS "ageRank",
            EXISTS (SELECT 1 FROM lg.blessing b WHERE b.snapshot = s.no) AS blessed,
            (SELECT r.kind FROM lg.record r WHERE position('"' || s.id || '"' IN r.body) > 0 LIMIT 1) AS named
     FROM lg.snapshot s JOIN lg.suite u ON u.id = s.suite ORDER BY s.started_ms DESC, s.no DESC`,
  );
}
