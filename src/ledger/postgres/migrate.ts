// Is the schema ours, and is it the one we know? Makes it, or brings it up to date, under a lock that one process has at a time.

import { LastgoodError } from '../../base/errors.ts';
import type { Connection, Queries } from './connection.ts';
import { MIGRATIONS, type Migration } from './migrations.ts';
import { serverCode } from './server-error.ts';

/** How long another process may take with the schema, in ms. */
const LONGEST_WAIT_MS = 120_000;
const LOCK_NOT_AVAILABLE = '55P03';

interface SchemaState {
  /** Tables in the ledger's schema. */
  readonly tables: number;
  /** The newest migration it lists; null = it has no list. */
  readonly version: number | null;
  /** Nothing can be written: a replica, or a server or user that only reads. */
  readonly readonly: boolean;
}

/**
 * Prepares the ledger's schema. Throws `LEDGER_MISSING` where it is not there and may not be made, `LEDGER_FOREIGN`, `LEDGER_NEWER`,
 * `LEDGER_OLDER`, `LEDGER_READONLY`, `LEDGER_BUSY`, or what the server says.
 */
export async function prepareSchema(
  connection: Connection,
  create: boolean,
  migrations: readonly Migration[] = MIGRATIONS,
  longestWaitMs = LONGEST_WAIT_MS,
): Promise<void> {
  const { shown, schema } = connection.address;
  const newest = migrations.length;
  const state = await connection.read((queries) => stateOf(queries, schema));
  const refuse = (code: LastgoodError['code'], message: string, hint: string, exitCode: 2 | 4 = 4): never => {
    throw new LastgoodError({ code, message, hint, where: { file: shown }, exitCode });
  };
  const check = ({ tables, version }: SchemaState): void => {
    if (tables > 0 && version === null)
      refuse(
        'LEDGER_FOREIGN',
        `The schema "${schema}" of the database has tables, but is not a lastgood ledger.`,
        'name another schema in the address: ?schema=NAME',
      );
    if (version !== null && version > newest)
      refuse(
        'LEDGER_NEWER',
        `The ledger was written by a newer lastgood: its schema is version ${version}, this one knows versions up to ${newest}.`,
        'update lastgood, or use another ledger with --db',
      );
  };
  check(state);
  if (state.version === null && !create)
    refuse(
      'LEDGER_MISSING',
      `The database has no ledger in its schema "${schema}".`,
      'check the address given with --db, or make a first snapshot with `lastgood run`',
      2,
    );
  // What writes is told before anything is run or paid.
  if (state.readonly && create)
    refuse(
      'LEDGER_READONLY',
      'The PostgreSQL server is a read-only replica, or only allows reading.',
      'use the address of the primary server',
    );
  if (state.version === newest) return;
  if (state.readonly)
    refuse(
      'LEDGER_OLDER',
      `The ledger's schema is version ${state.version} and must be brought to ${newest} first, but the server only allows reading.`,
      'open it once on the primary server, e.g. `lastgood list`',
    );
  await connection.bare(async (queries, script) => {
    await script(`SET LOCAL lock_timeout = ${longestWaitMs}`);
    await script(`SELECT pg_advisory_xact_lock(${connection.lockKey('migrate')})`).catch((error: unknown) => {
      if (serverCode(error) !== LOCK_NOT_AVAILABLE) throw error;
      return refuse(
        'LEDGER_BUSY',
        `Another process has been making or updating the ledger's tables for more than ${longestWaitMs / 1000} s.`,
        "try again; if that process hangs, look for it in pg_stat_activity (application_name 'lastgood') and end it",
      );
    });
    // Read again under the lock: another process may have been here first.
    const now = await stateOf(queries, schema);
    check(now);
    if (now.version === null) {
      await script(`CREATE SCHEMA IF NOT EXISTS ${connection.schema}`);
      await script(
        'CREATE TABLE lg.migration (version integer PRIMARY KEY, name text NOT NULL, at timestamptz NOT NULL DEFAULT now())',
      );
    }
    for (const { version, name, sql } of migrations.slice(now.version ?? 0)) {
      await script(sql);
      await script(`INSERT INTO lg.migration (version, name) VALUES (${version}, '${name}')`);
    }
  });
}

async function stateOf(queries: Queries, schema: string): Promise<SchemaState> {
  const [found] = await queries.rows<{ tables: number; listed: boolean; readonly: boolean }>(
    `SELECT count(*) AS tables, coalesce(bool_or(c.relname = 'migration'), false) AS listed,
            pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS readonly
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r'`,
    [schema],
  );
  if (found === undefined) throw new Error('the catalogue of the server gave no row');
  if (!found.listed) return { tables: found.tables, version: null, readonly: found.readonly };
  const [row] = await queries.rows<{ version: number | null }>(
    'SELECT max(version) AS version FROM lg.migration',
  );
  return { tables: found.tables, version: row?.version ?? 0, readonly: found.readonly };
}

/** The newest migration that the ledger lists. */
export async function schemaVersion(queries: Queries): Promise<number> {
  const [row] = await queries.rows<{ version: number }>('SELECT max(version) AS version FROM lg.migration');
  return row?.version ?? 0;
}
