// A snapshot as Parquet tables: what other tools read is what the ledger holds, and a failed measurement is never a score.

import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { expect, test } from 'vitest';
import { exportTables } from '../../src/ledger/files/export-tables.ts';
import { ParquetTable } from '../../src/ledger/files/parquet-table.ts';
import { TABLES, type TableName } from '../../src/ledger/files/table-columns.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { lastgood, ROOT } from '../cli/lastgood.ts';
import {
  answered,
  closing,
  failed,
  graded,
  newSnapshot,
  refundCase,
  refundSuite,
  scored,
  skipped,
  temporaryFolder,
  ungraded,
} from './world.ts';

const run = promisify(execFile);
const ID = 's4k2mzq81abc';

const HOSTILE = 'ünï "quoted",\u0000\n\u2028 <script>日本</script> 👩‍🚒';

const suite = refundSuite([
  refundCase('kettle-01', {
    trials: 3,
    tags: ['refund', 'tone, "odd"'],
    group: 'ticket-8812',
    critical: true,
  }),
  refundCase('kettle-02', { trials: 2, messages: [{ role: 'user', content: 'hello' }], expected: undefined }),
]);

const rows = [
  graded(
    answered('kettle-01', 0, {
      output: { text: HOSTILE, toolCalls: [{ name: 'refund', args: { amount: 3 } }] },
      usage: { inputTokens: 5_000_000_000, outputTokens: 9 },
      latencyMs: null,
      costUsd: null,
    }),
    [scored('names-refund', true, { score: 0.25 }), scored('short', false)],
  ),
  graded(answered('kettle-01', 1), [ungraded('tone'), scored('short', true)]),
  graded(answered('kettle-01', 2)),
  graded(failed('kettle-02', 0)),
  graded(skipped('kettle-02', 1)),
];

async function ledgerWithSnapshot(folder: string): Promise<string> {
  const db = join(folder, 'ledger.db');
  const store = await openLedger(db);
  await store.begin(newSnapshot(ID, suite));
  await store.append(ID, rows);
  await store.finish(ID, closing({ validity: 'degraded', validityReasons: ['one call failed'] }));
  await store.close();
  return db;
}

const filesIn = (folder: string, name = (table: string): string => `${table}.parquet`) =>
  Object.fromEntries(Object.keys(TABLES).map((table) => [table, join(folder, name(table))])) as Record<
    TableName,
    string
  >;

async function read(file: string): Promise<Record<string, unknown>[]> {
  return await parquetReadObjects({ file: await asyncBufferFromFile(file) });
}

test('lastgood export --format parquet writes the tables, which another library reads back to the letter', async () => {
  await using folder = await temporaryFolder();
  const db = await ledgerWithSnapshot(folder.path);
  const args = ['export', ID, '--db', db, '--dir', 'out', '--format', 'parquet', '--json'];
  const { code, stdout, stderr } = await lastgood(args, { cwd: folder.path });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const files = filesIn(folder.path, (table) => join('out', `refund-bot.${ID}.${table}.parquet`));
  expect(JSON.parse(stdout)).toMatchObject({
    kind: 'export',
    files: [{ snapshot: ID, table: 'cases' }, { table: 'trials' }, { table: 'grades' }],
  });
  expect((await readdir(join(folder.path, 'out'))).length).toBe(3);

  const cases = await read(files.cases);
  expect(cases.map((c) => [c['case_id'], c['position'], c['critical'], c['case_group']])).toEqual([
    ['kettle-01', 0, true, 'ticket-8812'],
    ['kettle-02', 1, false, null],
  ]);
  expect(JSON.parse(String(cases[0]?.['tags_json']))).toEqual(['refund', 'tone, "odd"']);
  expect(cases[0]?.['started_at']).toEqual(new Date('2026-03-15T02:00:00.000Z'));
  expect(cases[1]).toMatchObject({
    expected_json: null,
    messages_json: '[{"content":"hello","role":"user"}]',
  });

  const trials = await read(files.trials);
  expect(trials.map((t) => [t['status'], t['pass'], t['score'], t['cause'], t['calls']])).toEqual([
    ['answered', false, 0.125, null, 1],
    ['answered', null, null, null, 1],
    ['answered', true, 1, null, 1],
    ['failed', null, null, 'infra_error', 2],
    ['skipped', null, null, 'budget', 0],
  ]);
  expect(trials[0]).toMatchObject({
    output: HOSTILE,
    input_tokens: 5_000_000_000n,
    latency_ms: null,
    cost_usd: null,
    output_removed: false,
    tool_calls_json: '[{"args":{"amount":3},"name":"refund"}]',
  });

  const grades = await read(files.grades);
  expect(grades.length).toBe(6);
  expect(grades.find((g) => g['grader_id'] === 'tone')).toMatchObject({
    case_id: 'kettle-01',
    trial: 1,
    status: 'ungraded',
    cause: 'judge_error',
    pass: null,
    score: null,
  });
});

test('the same snapshot gives the same bytes, and says in the file what it is', async () => {
  await using folder = await temporaryFolder();
  const store = await openLedger(await ledgerWithSnapshot(folder.path));
  const [one, other] = [filesIn(folder.path, (t) => `1${t}`), filesIn(folder.path, (t) => `2${t}`)];
  await exportTables(store, ID, one);
  await exportTables(store, ID, other);
  await store.close();
  for (const table of Object.keys(TABLES) as TableName[])
    expect(await readFile(one[table])).toEqual(await readFile(other[table]));
  const { key_value_metadata, schema } = await parquetMetadataAsync(await asyncBufferFromFile(one.trials));
  expect(key_value_metadata).toContainEqual({ key: 'lastgood.validity', value: 'degraded' });
  expect(schema.find((s) => s.name === 'case_id')?.repetition_type).toBe('REQUIRED');
});

test('many rows become several row groups, and none is lost', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'numbers.parquet');
  const table = new ParquetTable<number>(
    path,
    [{ name: 'n', type: 'INT32', required: true, of: (n) => n }],
    {},
  );
  const numbers = Array.from({ length: 21_000 }, (_, n) => n);
  for (const n of numbers) await table.add(n);
  await table.finish();
  const file = await asyncBufferFromFile(path);
  expect((await parquetMetadataAsync(file)).row_groups.map((g) => Number(g.num_rows))).toEqual([
    20_000, 1000,
  ]);
  expect((await parquetReadObjects({ file })).map((r) => r['n'])).toEqual(numbers);
});

test('a snapshot that has not ended, or cannot be written, leaves no file behind', async () => {
  await using folder = await temporaryFolder();
  const db = join(folder.path, 'ledger.db');
  const store = await openLedger(db);
  await store.begin(newSnapshot(ID, suite));
  await store.close();
  const args = ['export', ID, '--db', db, '--format', 'parquet'];
  const running = await lastgood([...args, '--dir', 'out'], { cwd: folder.path });
  expect(running.stderr).toContain('[SNAPSHOT_RUNNING]');
  expect(running.code).not.toBe(0);
  expect(await readdir(join(folder.path, 'out'))).toEqual([]);
  await writeFile(join(folder.path, 'taken'), '');
  const taken = await lastgood([...args, '--dir', 'taken'], { cwd: folder.path });
  expect(taken.code).not.toBe(0);
});

test('docs/ledger.md lists every column with its type', async () => {
  const page = await readFile(join(ROOT, 'docs/ledger.md'), 'utf8');
  const documented = [...page.matchAll(/^\| (\w+) \| `(\w+)` \| ([A-Z\d]+)( not null)? \|/gm)].map(
    ([, table, name, type, required]) => `${table}.${name} ${type}${required ?? ''}`,
  );
  const actual = Object.entries(TABLES).flatMap(([table, columns]) =>
    columns.map(({ name, type, required }) => `${table}.${name} ${type}${required ? ' not null' : ''}`),
  );
  expect(documented).toEqual(actual);
});

/** Readers that may be installed; each prints status and score of the trials as JSON. */
const READERS: Record<string, (file: string) => Promise<string>> = {
  pandas: (file) =>
    python(
      `import pandas as p; t = p.read_parquet(${JSON.stringify(file)}); print(t[['status','score']].to_json(orient='values'))`,
    ),
  DuckDB: (file) =>
    python(
      `import duckdb, json; print(json.dumps(duckdb.sql("SELECT status, score FROM '${file}'").fetchall()))`,
    ),
};

async function python(program: string): Promise<string> {
  return (await run('python3', ['-c', program])).stdout;
}

for (const [name, readTrials] of Object.entries(READERS))
  test(`${name} reads the same trials`, async ({ skip }) => {
    const library = name.toLowerCase();
    const missing = await python(`import ${library}${name === 'pandas' ? ', pyarrow' : ''}`).then(
      () => false,
      () => true,
    );
    skip(missing, `python3 has no ${name === 'pandas' ? 'pandas with pyarrow' : library}`);
    await using folder = await temporaryFolder();
    const store = await openLedger(await ledgerWithSnapshot(folder.path));
    const files = filesIn(folder.path);
    await exportTables(store, ID, files);
    await store.close();
    expect(JSON.parse(await readTrials(files.trials))).toEqual([
      ['answered', 0.125],
      ['answered', null],
      ['answered', 1],
      ['failed', null],
      ['skipped', null],
    ]);
  });
