// Taking a text, or all answers of a case, out of a ledger on a server for good.

import { LastgoodError } from '../../base/errors.ts';
import {
  type ForgetReport,
  type ForgetRequest,
  mustBeLongEnough,
  RollBack,
} from '../model/forget-request.ts';
import { NO_PLACES } from '../model/portable-paths.ts';
import { rowSeal } from '../model/seal-hash.ts';
import type { Connection, Queries } from './connection.ts';
import { ContentReader } from './content.ts';
import { forgetCase } from './forget-case.ts';
import { forgetText, type TakenOut } from './forget-text.ts';
import { withConnection } from './open-ledger.ts';
import { ChangedRows, renewKeys, snapshotsOf } from './replace-content.ts';
import { Seals } from './seals.ts';
import { serverError } from './server-error.ts';
import { SnapshotTables } from './snapshots.ts';
import { storedJson } from './stored-text.ts';
import { SuiteTables } from './suites.ts';
import { TrialTables } from './trials.ts';

/** What else writes, each under a lock of its own. */
const OTHER_WRITERS = ['observe', 'shipping', 'guard'];

/** How long readers may keep the tables from being written anew, in ms. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Removes it in one transaction, with everybody who writes waiting, and writes the tables anew, so that no page of theirs keeps a copy. Scores and
 * times stay. A damaged ledger is refused with `LEDGER_CORRUPT`: its digests could not be made anew. Throws `LEDGER_BUSY` or `LEDGER_RIGHTS` where
 * the text is gone, but not every table could be written anew.
 */
export async function forgetOnServer(
  place: string,
  request: ForgetRequest,
  { dryRun = false }: { readonly dryRun?: boolean | undefined } = {},
): Promise<ForgetReport> {
  mustBeLongEnough(request);
  return withConnection(place, async (connection) => {
    let done: (TakenOut & { readonly snapshots: readonly string[] }) | null = null;
    const work = async (queries: Queries): Promise<void> => {
      await queries.rows("SELECT set_config('lastgood.forgetting', 'on', true)");
      if (!dryRun) await checkAll(connection, queries);
      done = await takeOut(connection, queries, request);
      if (dryRun) throw new RollBack();
    };
    await connection.alone(work, OTHER_WRITERS).catch((error: unknown) => {
      if (!(error instanceof RollBack)) throw error;
    });
    const { touched, ...report } = done as unknown as TakenOut & { readonly snapshots: readonly string[] };
    if (!dryRun) await rewrite(connection, touched);
    return { dryRun, ...report };
  });
}

async function takeOut(
  connection: Connection,
  queries: Queries,
  request: ForgetRequest,
): Promise<TakenOut & { readonly snapshots: readonly string[] }> {
  const changed = new ChangedRows();
  const taken =
    request.kind === 'case'
      ? await forgetCase(queries, request.caseId, changed)
      : await forgetText(queries, { text: request.text, substring: request.substring === true }, changed);
  await renewKeys(queries, changed);
  const snapshots = await snapshotsOf(queries, changed);
  await sealAnew(
    connection,
    queries,
    snapshots.map(({ no }) => no),
  );
  for (const sealed of SEALED_ROWS) if (taken.touched.has(sealed.table)) await sealRows(queries, sealed);
  await queries.rows('UPDATE lg.upkeep SET generation = generation + 1');
  return { ...taken, snapshots: snapshots.map(({ id }) => id) };
}

function tablesOf(connection: Connection): { readonly seals: Seals; readonly snapshots: SnapshotTables } {
  const { shown } = connection.address;
  const reader = new ContentReader(shown);
  const snapshots = new SnapshotTables();
  const suites = new SuiteTables(reader, NO_PLACES);
  return {
    snapshots,
    seals: new Seals(shown, { snapshots, suites, trials: new TrialTables(reader, shown) }),
  };
}

/** Every snapshot that has ended, and every row with a seal of its own. Throws `LEDGER_CORRUPT`. */
async function checkAll(connection: Connection, queries: Queries): Promise<void> {
  const { seals } = tablesOf(connection);
  const ended = await queries.rows<{ no: number }>(
    "SELECT no FROM lg.snapshot WHERE state <> 'running' ORDER BY no",
  );
  for (const { no } of ended) await seals.check(queries, no);
  for (const { table, sql } of SEALED_ROWS)
    for await (const { no, seal, cells } of sealedRows(queries, sql))
      if (!seal.equals(rowSeal(...cells)))
        throw seals.damaged(`row ${no} of ${table} is not what was written`);
}

/** Seals of snapshots as their rows are now. What they count of served models is counted again. */
async function sealAnew(connection: Connection, queries: Queries, numbers: readonly number[]): Promise<void> {
  const { seals, snapshots } = tablesOf(connection);
  const ended = await queries.rows<{ no: number; suite: number; state: 'finished' | 'interrupted' }>(
    "SELECT no, suite, state FROM lg.snapshot WHERE no = ANY($1::bigint[]) AND state <> 'running' ORDER BY no",
    [numbers],
  );
  for (const key of ended) {
    await queries.rows('UPDATE lg.snapshot SET counts = $2 WHERE no = $1', [
      key.no,
      storedJson({ ...(await snapshots.counts(queries, key.no)) }),
    ]);
    await snapshots.seal(queries, key.no, await seals.of(queries, key), key.state);
  }
}

interface SealedRows {
  readonly table: 'blessing' | 'record' | 'shipping_change';
  /** Number, seal, and what it is over; more than $1, $2 of them. */
  readonly sql: string;
}

const SEALED_ROWS: readonly SealedRows[] = [
  {
    table: 'blessing',
    sql: `SELECT b.no, b.seal, s.id, b.suite, b.by_whom, b.why, b.at, b.overrode
          FROM lg.blessing b JOIN lg.snapshot s ON s.no = b.snapshot WHERE b.no > $1 ORDER BY b.no LIMIT $2`,
  },
  {
    table: 'record',
    sql: 'SELECT no, seal, kind, suite, at, body FROM lg.record WHERE no > $1 ORDER BY no LIMIT $2',
  },
  {
    table: 'shipping_change',
    sql: `SELECT no, seal, kind, feature, environment, name, at, by_whom, why, body
          FROM lg.shipping_change WHERE no > $1 ORDER BY no LIMIT $2`,
  },
];

/** Records of large comparisons are large. */
const ROWS_AT_ONCE = 20;

async function* sealedRows(
  queries: Queries,
  sql: string,
): AsyncGenerator<{ readonly no: number; readonly seal: Buffer; readonly cells: string[] }> {
  let after = 0;
  for (;;) {
    const rows = await queries.arrays<[number, Buffer, ...string[]]>(sql, [after, ROWS_AT_ONCE]);
    for (const [no, seal, ...cells] of rows) yield { no, seal, cells };
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) return;
    after = last[0];
  }
}

async function sealRows(queries: Queries, { table, sql }: SealedRows): Promise<void> {
  for await (const { no, seal, cells } of sealedRows(queries, sql)) {
    const now = rowSeal(...cells);
    if (!seal.equals(now)) await queries.rows(`UPDATE lg.${table} SET seal = $2 WHERE no = $1`, [no, now]);
  }
}

/** Writes the tables anew: an old version of a row stays in its page until another row needs the place. */
async function rewrite(connection: Connection, touched: ReadonlySet<string>): Promise<void> {
  if (touched.size === 0) return;
  // Seals and keys were made anew, too.
  const tables = [...new Set([...touched, 'snapshot', 'suite', 'case_version'])].sort();
  const client = await connection.apart();
  const kept: string[] = [];
  try {
    await client.query(`SET lock_timeout = ${LONGEST_WAIT_MS}`);
    const file = async (name: string): Promise<string> =>
      (await client.query('SELECT pg_relation_filenode($1::regclass)::text AS file', [name])).rows[0].file;
    for (const table of tables) {
      const name = `${connection.schema}.${table}`;
      const before = await file(name);
      await client.query(`VACUUM (FULL) ${name}`);
      // The server only warns who does not own the table.
      if ((await file(name)) === before) kept.push(name);
    }
  } catch (error) {
    throw notRewritten(serverError(error, connection.address));
  } finally {
    await client.end().catch(() => {});
  }
  if (kept.length === 0) return;
  throw new LastgoodError({
    code: 'LEDGER_RIGHTS',
    message: `The text is out of the ledger, but the user of the address does not own its tables, so their pages still hold old versions of rows.`,
    hint: `let the owner run: ${kept.map((name) => `VACUUM FULL ${name}`).join('; ')}`,
    where: { file: connection.address.shown },
    exitCode: 4,
  });
}

function notRewritten(error: unknown): unknown {
  if (!(error instanceof LastgoodError)) return error;
  return new LastgoodError({
    code: error.code,
    message: `The text is out of the ledger, but its tables could not be written anew, so their pages still hold old versions of rows. ${error.message}`,
    hint: 'run VACUUM FULL on the tables of the ledger when no process reads them',
    where: error.where,
    exitCode: 4,
  });
}
