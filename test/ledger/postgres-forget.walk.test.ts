// Forgetting in a ledger on PostgreSQL: neither its rows nor the files of its tables hold anything of it.

import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { forgetOnServer } from '../../src/ledger/postgres/forget.ts';
import { openServerObservations } from '../../src/ledger/postgres/open-ledger.ts';
import { OTHER_SAID_COLUMNS, SAID_COLUMNS } from '../../src/ledger/postgres/said-columns.ts';
import { checkServer } from '../../src/ledger/postgres/upkeep.ts';
import { forgetContract } from './forget-contract.ts';
import { NOON, observation, outcome, RULES } from './observation-world.ts';
import { plantedLedger, WORD } from './planted-ledger.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';
import { collect } from './world.ts';

/** Columns that hold what this program made: ids, hashes, numbers, times, states, names that everything is found by. */
const MADE = [
  'access_token.created_at access_token.role approval.action approval.environment approval.feature approval.id approval_answer.approval',
  'blessing.at blessing.suite case_version.content_hash case_version.graders_hash dimension.kind embedding.embedder',
  'guard_decision.action guard_decision.approval guard_decision.environment guard_decision.feature guard_decision.outcome',
  'guard_used.approval imported_blessing.at imported_blessing.fingerprint imported_blessing.suite migration.name record.at',
  'record.kind record.suite release.fingerprint release.layer_hashes shipping_change.at shipping_change.environment',
  'shipping_change.feature shipping_change.kind shipping_change.name snapshot.exam snapshot.finished_at snapshot.id snapshot.purpose',
  'snapshot.started_at snapshot.state snapshot.validity suite.hash suite.name trial.ungraded trial.usage verdict.at verdict.key',
].flatMap((line) => line.split(' '));

describe.skipIf(noPostgres !== null)('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  async function sql<T>(address: string, text: string, values: readonly unknown[] = []): Promise<T[]> {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query(text.replaceAll('lg.', `${schemaOf(address)}.`), [...values])).rows as T[];
    } finally {
      await client.end();
    }
  }

  async function holds(address: string, text: string): Promise<boolean> {
    const tables = await sql<{ oid: number; name: string; path: string }>(
      address,
      `SELECT c.oid, c.relname AS name, pg_relation_filepath(c.oid) AS path FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relkind IN ('r', 'i')
       UNION SELECT t.oid, '', pg_relation_filepath(t.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_class t ON t.oid = c.reltoastrelid WHERE n.nspname = $1`,
      [schemaOf(address)],
    );
    const hex = Buffer.from(text).toString('hex');
    for (const { name } of tables.filter((t) => t.name !== '' && !t.name.includes('_pkey')))
      if (await rowHolds(address, name, [text, hex])) return true;
    if (server.folder === undefined) return false;
    await sql(address, 'CHECKPOINT');
    for (const { path } of tables) {
      const file = join(server.folder, 'data', path);
      for (const entry of await readdir(dirname(file)))
        if (entry === basename(file) || entry.startsWith(`${basename(file)}.`))
          if ((await readFile(join(dirname(file), entry))).includes(text)) return true;
    }
    return false;
  }

  async function rowHolds(address: string, table: string, texts: readonly string[]): Promise<boolean> {
    const rows = await sql(
      address,
      `SELECT 1 FROM lg.${table} x WHERE position($1 IN x::text) > 0 OR position($2 IN x::text) > 0 LIMIT 1`,
      texts,
    ).catch(() => []); // an index
    return rows.length > 0;
  }

  forgetContract('PostgreSQL', async () => {
    const place = server.fresh();
    return {
      place,
      away: server.fresh(),
      forget: (request, options) => forgetOnServer(place, request, options),
      holds: (text) => holds(place, text),
      problems: async () => (await checkServer(place)).problems,
      dispose: async () => {},
    };
  });

  it('goes through every column that a person or a model can write to', async () => {
    const address = server.fresh();
    await (await openLedger(address)).close();
    const columns = await sql<{ name: string }>(
      address,
      `SELECT table_name || '.' || column_name AS name FROM information_schema.columns c
       JOIN information_schema.tables t USING (table_schema, table_name)
       WHERE table_schema = $1 AND table_type = 'BASE TABLE' AND data_type = 'text'`,
      [schemaOf(address)],
    );
    const said = [
      ...SAID_COLUMNS.map(({ table, column }) => `${table}.${column}`),
      ...OTHER_SAID_COLUMNS.map(([table, column]) => `${table}.${column}`),
    ];
    expect([...new Set([...said, ...MADE])].filter((name) => name !== 'content.body').sort()).toEqual(
      columns.map(({ name }) => name).sort(),
    );
  });

  it('takes a text out of production answers, their outcomes, sessions and names', async () => {
    const address = server.fresh();
    const store = await openServerObservations(address, RULES);
    onTestFinished(() => store.close());
    await store.add({
      observations: [
        observation('o1', {
          ...{ session: WORD, user: WORD, tags: [WORD], dimensions: { template: WORD } },
          ...{ texts: { output: `Dear ${WORD}`, rest: { input: WORD } }, vector: new Int8Array([1, 2]) },
        }),
        observation('o2', { texts: { output: 'Dear John', rest: {} }, vector: new Int8Array([3]) }),
      ],
      outcomes: [outcome('o1', { finalText: `Bye ${WORD}` })],
    });
    await store.fold(100);
    const report = await forgetOnServer(address, { kind: 'text', text: WORD, substring: true });
    expect(report.partial).toBe(0);
    expect(await holds(address, WORD)).toBe(false);
    expect(
      await sql(address, 'SELECT no FROM lg.observation WHERE session IS NOT NULL OR "user" IS NOT NULL'),
    ).toEqual([]);
    expect(await sql(address, 'SELECT count(*)::int AS n FROM lg.observation_vector')).toEqual([{ n: 1 }]);
    const again = await openServerObservations(address, RULES);
    onTestFinished(() => again.close());
    const rows = await collect(again.observations({ feature: 'refund-bot', from: NOON - 1, to: NOON + 1 }));
    expect(rows.map((row) => row.texts?.output)).toEqual(['Dear [forgotten]', 'Dear John']);
  });

  it('refuses a damaged ledger, and who may not write its tables anew is told which ones', async () => {
    const address = server.fresh();
    await plantedLedger(address);
    const schema = schemaOf(address);
    await sql(
      address,
      `DO $$ BEGIN CREATE ROLE editor LOGIN PASSWORD 'only4editing'; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
    );
    await sql(address, `GRANT USAGE ON SCHEMA ${schema} TO editor`);
    await sql(address, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO editor`);
    const editor = address.replace(/\/\/lastgood:[^@]*/, '//editor:only4editing');
    const request = { kind: 'text', text: WORD, substring: true } as const;
    await expect(forgetOnServer(editor, request)).rejects.toMatchObject({
      code: 'LEDGER_RIGHTS',
      hint: expect.stringContaining(`VACUUM FULL "${schema}".content`),
    });
    // The rows are without it already.
    expect((await forgetOnServer(address, request, { dryRun: true })).rows).toBe(0);
    await sql(address, "SET session_replication_role = replica; UPDATE lg.record SET body = '{}'");
    await expect(forgetOnServer(address, request)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
  });
});

function schemaOf(address: string): string {
  return new URL(address).searchParams.get('schema') ?? '';
}
