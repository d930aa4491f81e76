// Keeping a ledger in shape: what takes its space, which payloads may go, and whether it is whole. Works on the file, beside the store.

import type { Database } from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';
import { canonicalJson, sha256 } from '../../base/json.ts';
import {
  type AgedSnapshot,
  mustHaveRule,
  type PruneReport,
  type PruneRules,
  reasonToKeep,
} from '../model/prune-rules.ts';
import type { LedgerCheck, LedgerStats } from '../model/upkeep-report.ts';
import { type ContentRow, contentValue, ENCODING } from './content.ts';
import { sqliteCode, withPatience } from './database-error.ts';
import { sealsOfFile } from './ledger-seals.ts';
import { type LedgerOptions, type OpenLedgerFile, openLedgerFile } from './open.ts';
import type { Seals } from './seals.ts';
import { vectorSeal } from './vectors.ts';

/** Opens the ledger, hands it over, and closes it whatever happens. */
export async function withLedgerFile<T>(
  path: string,
  options: LedgerOptions,
  work: (file: OpenLedgerFile) => Promise<T>,
): Promise<T> {
  const file = await openLedgerFile(path, { ...options, create: false });
  try {
    return await work(file);
  } finally {
    file.db.close();
  }
}

const PARTS: readonly (readonly [part: string, tables: readonly string[]])[] = [
  ['texts: prompts, answers, schemas', ['content']],
  ['suites and cases', ['suite', 'case_version', 'suite_case']],
  ['trials', ['trial', 'document', 'served', 'snapshot_served']],
  ['grades', ['grade', 'grading', 'rollup']],
  ['embedding vectors', ['embedding']],
  ['judge replies kept', ['verdict']],
  ['comparisons, decisions and other records', ['record', 'blessing', 'imported_blessing']],
  [
    'production: observations and outcomes',
    ['observation', 'observation_text', 'observation_vector', 'outcome', 'outcome_change', 'dimension'],
  ],
  ['production: windows', ['observation_window', 'observation_state']],
  ['shipping: pointers, flags, stops', ['shipping_change']],
  [
    'guard: decisions and approvals',
    ['guard_decision', 'guard_end', 'guard_used', 'approval', 'approval_answer'],
  ],
  [
    'snapshots and releases',
    ['snapshot', 'release', 'word', 'migration', 'maintenance', 'sealed', 'access_token', 'sqlite_schema'],
  ],
];

/** Reads every page, but holds nobody up: a reader and a writer do not wait for each other. */
export async function ledgerStats(file: OpenLedgerFile): Promise<LedgerStats> {
  return reading(file, (db) => {
    const pageSize = db.pragma('page_size', { simple: true }) as number;
    const pages = db.pragma('page_count', { simple: true }) as number;
    const free = db.pragma('freelist_count', { simple: true }) as number;
    const sizes = db
      .prepare<[], { table: string; bytes: number; rows: number }>(
        `SELECT coalesce(m.tbl_name, d.name) AS "table", sum(d.pgsize) AS bytes,
                sum(CASE WHEN d.name = coalesce(m.tbl_name, d.name) AND d.pagetype = 'leaf' THEN d.ncell ELSE 0 END) AS rows
         FROM dbstat d LEFT JOIN sqlite_schema m ON m.name = d.name GROUP BY 1`,
      )
      .all();
    const partOf = (table: string): string =>
      PARTS.find(([, tables]) => tables.includes(table))?.[0] ?? 'other';
    const parts = new Map<string, { bytes: number; rows: number }>();
    for (const { table, bytes, rows } of sizes) {
      const part = parts.get(partOf(table)) ?? { bytes: 0, rows: 0 };
      parts.set(partOf(table), { bytes: part.bytes + bytes, rows: part.rows + rows });
    }
    const suites = db
      .prepare<[], LedgerStats['suites'][number]>(
        `WITH answer AS (
           SELECT t.output AS id, min(u.name) AS suite, length(c.body) AS bytes
           FROM trial t JOIN snapshot s ON s.no = t.snapshot JOIN suite u ON u.id = s.suite JOIN content c ON c.id = t.output
           GROUP BY t.output HAVING count(DISTINCT u.name) = 1)
         SELECT u.name AS suite, count(DISTINCT s.no) AS snapshots, coalesce(sum(s.trials), 0) AS trials,
                coalesce((SELECT sum(bytes) FROM answer a WHERE a.suite = u.name), 0) AS answerBytes
         FROM suite u JOIN snapshot s ON s.suite = u.id GROUP BY u.name ORDER BY u.name`,
      )
      .all();
    const count = (table: string): number =>
      db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0;
    return {
      bytes: pages * pageSize,
      freeBytes: free * pageSize,
      schema: db.pragma('user_version', { simple: true }) as number,
      snapshots: count('snapshot'),
      trials: count('trial'),
      parts: [...parts].map(([part, size]) => ({ part, ...size })).sort((a, b) => b.bytes - a.bytes),
      suites,
    };
  });
}

const MOST_PROBLEMS = 100;

/** The file's own structure, its references, every text against the hash it is filed under, and every vector. */
export async function checkLedger(file: OpenLedgerFile): Promise<LedgerCheck> {
  let found: LedgerCheck | null = null;
  try {
    await reading(file, (db) => {
      found = checked(db, sealsOfFile(file));
    });
    // In a damaged file even the end of a transaction that only read can fail: what was found before is the answer.
  } catch (error) {
    if (found === null || (found as LedgerCheck).ok) throw error;
  }
  return found as unknown as LedgerCheck;
}

function checked(db: Database, seals: Seals): LedgerCheck {
  const problems: string[] = [];
  const tell = (problem: string): void => {
    if (problems.length < MOST_PROBLEMS) problems.push(problem);
  };
  /** A damaged file may let one look at it and not another; each finds what it can. */
  const looking = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (error instanceof LastgoodError) tell(error.message);
      else if (sqliteCode(error) === '' || sqliteCode(error).startsWith('SQLITE_CORRUPT'))
        tell(`structure: ${(error as Error).message}`);
      else throw error;
    }
  };
  looking(() => {
    for (const row of db.pragma('integrity_check') as { integrity_check: string }[])
      if (row.integrity_check !== 'ok') tell(`structure: ${row.integrity_check}`);
  });
  looking(() => {
    for (const row of db.pragma('foreign_key_check') as { table: string; parent: string }[])
      tell(`reference: a row of ${row.table} refers to a row of ${row.parent} that is not there`);
  });
  let contents = 0;
  let removed = 0;
  const rows = db.prepare<[], ContentRow & { id: number; sha256: Buffer }>(
    'SELECT id, sha256, encoding, body FROM content',
  );
  looking(() => {
    for (const row of rows.iterate()) {
      contents++;
      if (row.encoding >= ENCODING.edited) {
        removed++;
        continue;
      }
      let actual: string;
      try {
        actual = sha256(canonicalJson(contentValue(row)));
      } catch (error) {
        tell(`content ${row.id} cannot be read: ${(error as Error).message}`);
        continue;
      }
      if (actual !== row.sha256.toString('hex'))
        tell(`content ${row.id} is not what it was: its hash is ${actual.slice(0, 12)}`);
    }
  });
  let vectors = 0;
  looking(() => {
    vectors = checkVectors(db, tell);
  });
  let verified = 0;
  let unverified = 0;
  let ended: readonly number[] = [];
  looking(() => {
    ended = seals.ended();
    seals.checkRows();
  });
  for (const no of ended)
    looking(() => {
      if (seals.check(no)) verified++;
      else unverified++;
    });
  return { ok: problems.length === 0, problems, contents, removed, vectors, verified, unverified };
}

/** Every vector is made of numbers, and none outlives its text. */
function checkVectors(db: Database, tell: (problem: string) => void): number {
  let vectors = 0;
  const rows = db.prepare<[], { id: number; vector: Buffer; seal: Buffer | null; encoding: number }>(
    'SELECT e.id, e.vector, e.seal, c.encoding FROM embedding e JOIN content c ON c.id = e.output ORDER BY e.id',
  );
  for (const { id, vector, seal, encoding } of rows.iterate()) {
    vectors++;
    if (encoding >= ENCODING.edited) tell(`vector ${id} is there, but the text it was made of was removed`);
    if (!finite(vector)) tell(`vector ${id} holds something that is not a number`);
    else if (seal !== null && !seal.equals(vectorSeal(vector))) tell(`vector ${id} is not what was stored`);
  }
  return vectors;
}

function finite(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += 4) if (!Number.isFinite(bytes.readFloatLE(at))) return false;
  return true;
}

/**
 * Removes answers and requests that only old snapshots have. Blessed snapshots, those that a kept comparison or rollback decision names,
 * and unfinished ones keep theirs, whatever the rules say. Every trial, score, grade and hash stays, so comparisons still work.
 */
export async function pruneLedger(file: OpenLedgerFile, rules: PruneRules): Promise<PruneReport> {
  mustHaveRule(rules);
  const { db } = file;
  const bytesBefore = fileBytes(db);
  // What goes leaves no bytes behind in pages that stay; whole free pages are given back below.
  db.pragma('secure_delete = FAST');
  const plan = rules.dryRun
    ? await reading(file, (open) => prune(open, rules))
    : await withoutReferenceChecks(db, () => maintaining(file, 'prune', (open) => prune(open, rules)));
  if (!rules.dryRun) await giveBack(file);
  return {
    dryRun: rules.dryRun,
    ...plan,
    bytesBefore,
    bytesAfter: rules.dryRun ? null : fileBytes(db),
  };
}

function prune(
  db: Database,
  rules: PruneRules,
): Pick<PruneReport, 'kept' | 'pruned' | 'texts' | 'textBytes' | 'vectors'> {
  const kept: { snapshot: string; why: string }[] = [];
  const old: { no: number; id: string }[] = [];
  for (const s of snapshotsByAge(db)) {
    const why = reasonToKeep(s, rules);
    if (why === null) old.push(s);
    else kept.push({ snapshot: s.id, why });
  }
  db.exec(`
    CREATE TEMP TABLE IF NOT EXISTS old_snapshot (no INTEGER PRIMARY KEY);
    CREATE TEMP TABLE IF NOT EXISTS old_content (id INTEGER PRIMARY KEY);
    DELETE FROM old_snapshot; DELETE FROM old_content;`);
  const note = db.prepare('INSERT INTO old_snapshot (no) VALUES (?)');
  for (const { no } of old) note.run(no);
  // Texts of requests are those their documents name; what a suite or a release is made of stays, so that it can be run again.
  db.exec(`
    INSERT OR IGNORE INTO old_content SELECT output FROM trial WHERE output IS NOT NULL AND snapshot IN (SELECT no FROM old_snapshot);
    INSERT OR IGNORE INTO old_content
      SELECT p.value FROM document d, json_each(d.parts) p
      WHERE d.id IN (SELECT sent FROM trial WHERE snapshot IN (SELECT no FROM old_snapshot));
    DELETE FROM old_content WHERE id IN (
      SELECT output FROM trial WHERE output IS NOT NULL AND snapshot NOT IN (SELECT no FROM old_snapshot));
    DELETE FROM old_content WHERE id IN (
      SELECT p.value FROM document d, json_each(d.parts) p WHERE d.id IN (
        SELECT sent FROM trial WHERE sent IS NOT NULL AND snapshot NOT IN (SELECT no FROM old_snapshot)
        UNION SELECT document FROM release UNION SELECT header FROM suite));
    DELETE FROM old_content WHERE id IN (SELECT p.value FROM case_version v, json_each(v.parts) p);
    DELETE FROM old_content WHERE id IN (SELECT shape FROM document);
    DELETE FROM old_content WHERE id IN (SELECT id FROM content WHERE encoding = ${ENCODING.removed});`);
  const { texts, textBytes } = db
    .prepare<[], { texts: number; textBytes: number }>(
      'SELECT count(*) AS texts, coalesce(sum(length(body)), 0) AS textBytes FROM content WHERE id IN (SELECT id FROM old_content)',
    )
    .get() ?? { texts: 0, textBytes: 0 };
  const vectors =
    db.prepare<[], number>(`SELECT count(*) FROM embedding WHERE ${UNUSED_VECTOR}`).pluck().get() ?? 0;
  if (!rules.dryRun) {
    db.exec(`DELETE FROM embedding WHERE ${UNUSED_VECTOR}`);
    // Taken out and put back: a row that is only made smaller leaves its page as it is, and no page would ever come free.
    db.exec(`
      CREATE TEMP TABLE IF NOT EXISTS husk (id INTEGER PRIMARY KEY, sha256 BLOB);
      DELETE FROM husk;
      INSERT INTO husk SELECT id, sha256 FROM content WHERE id IN (SELECT id FROM old_content);
      DELETE FROM content WHERE id IN (SELECT id FROM husk);
      INSERT INTO content (id, sha256, encoding, body) SELECT id, sha256, ${ENCODING.removed}, '' FROM husk;`);
  }
  return { kept, pruned: old.map((s) => s.id), texts, textBytes, vectors };
}

/** A vector that no snapshot outside `old_snapshot` can use: of no answer of theirs, or of an embedder none of them was made with. */
const UNUSED_VECTOR = `
  output NOT IN (SELECT output FROM trial WHERE output IS NOT NULL AND snapshot NOT IN (SELECT no FROM old_snapshot))
  OR embedder NOT IN (
    SELECT w.id FROM snapshot s JOIN release r ON r.id = s.embedder JOIN word w ON w.text = r.fingerprint
    WHERE s.no NOT IN (SELECT no FROM old_snapshot))`;

function snapshotsByAge(db: Database): AgedSnapshot[] {
  return db
    .prepare<[], AgedSnapshot>(
      `SELECT s.no, s.id, s.state, s.started_ms AS startedMs,
              row_number() OVER (PARTITION BY u.name, s.purpose ORDER BY s.started_ms DESC, s.no DESC) AS ageRank,
              EXISTS (SELECT 1 FROM blessing b WHERE b.snapshot = s.no) AS blessed,
              (SELECT r.kind FROM record r WHERE instr(r.body, '"' || s.id || '"') > 0 ORDER BY r.no LIMIT 1) AS named
       FROM snapshot s JOIN suite u ON u.id = s.suite ORDER BY s.started_ms DESC, s.no DESC`,
    )
    .all();
}

/** Gives free pages back to the file system. A ledger from before incremental vacuuming is written anew. */
async function giveBack(file: OpenLedgerFile): Promise<void> {
  const { db, path, patience } = file;
  await withPatience(path, patience, () => {
    if ((db.pragma('auto_vacuum', { simple: true }) as number) === 0) db.exec('VACUUM');
    else db.exec('PRAGMA incremental_vacuum');
    db.pragma('wal_checkpoint(TRUNCATE)');
  });
}

/** Checking each row that is taken out and put back would scan all trials each time; ids stay the same. */
async function withoutReferenceChecks<T>(db: Database, work: () => Promise<T>): Promise<T> {
  db.pragma('foreign_keys = OFF');
  try {
    return await work();
  } finally {
    db.pragma('foreign_keys = ON');
  }
}

function fileBytes(db: Database): number {
  return (
    (db.pragma('page_count', { simple: true }) as number) *
    (db.pragma('page_size', { simple: true }) as number)
  );
}

function reading<T>(file: OpenLedgerFile, work: (db: Database) => T): Promise<T> {
  return withPatience(file.path, file.patience, () => file.db.transaction(() => work(file.db)).deferred());
}

/**
 * A transaction in which what never changes may change: the triggers look for the row, which nobody else ever sees. Other
 * connections learn of it by the version of the schema (SQLite's own, which any table made or dropped raises), and forget what they remember.
 */
export function maintaining<T>(file: OpenLedgerFile, why: string, work: (db: Database) => T): Promise<T> {
  const { db } = file;
  return withPatience(file.path, file.patience, () =>
    db
      .transaction(() => {
        db.prepare('INSERT INTO maintenance (why) VALUES (?)').run(why);
        const result = work(db);
        db.exec('DELETE FROM maintenance');
        db.exec('CREATE TABLE another_version (x); DROP TABLE another_version');
        return result;
      })
      .immediate(),
  );
}
