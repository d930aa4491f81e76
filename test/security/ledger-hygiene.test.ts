// What leaves no trace, and what is never written: forgotten texts, secrets, files that took the ledger's place, dates from the future.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { OTHER_SAID_COLUMNS, SAID_COLUMNS } from '../../src/ledger/sqlite/forget-text.ts';
import { lastgoodHere } from '../cli/lastgood.ts';
import { plantedLedger, WORD } from '../ledger/planted-ledger.ts';
import {
  answered,
  graded,
  newSnapshot,
  refundCase,
  refundSuite,
  temporaryFolder,
  VALID,
} from '../ledger/world.ts';

/** Columns that hold what this program made: ids, hashes, numbers, times, states, names that everything is found by. */
const MADE = [
  'access_token.created_at access_token.role dimension.kind',
  'blessing.at blessing.suite case_version.content_hash case_version.graders_hash case_version.parts document.parts',
  'imported_blessing.at imported_blessing.fingerprint imported_blessing.suite maintenance.why migration.name record.at record.kind',
  'approval.action approval.environment approval.feature approval.id approval_answer.approval guard_decision.action',
  'guard_decision.approval guard_decision.environment guard_decision.feature guard_decision.outcome guard_used.approval',
  'shipping_change.at shipping_change.environment shipping_change.feature shipping_change.kind shipping_change.name',
  'record.suite release.fingerprint release.layer_hashes sealed.what snapshot.exam snapshot.finished_at snapshot.id snapshot.purpose',
  'snapshot.started_at snapshot.state snapshot.validity suite.hash suite.name verdict.at verdict.key',
].flatMap((line) => line.split(' '));

async function folderOf(): Promise<string> {
  const made = await temporaryFolder();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made.path;
}

async function holds(path: string): Promise<boolean> {
  for (const end of ['', '-wal', '-shm'])
    if ((await readFile(`${path}${end}`).catch(() => Buffer.alloc(0))).includes(WORD)) return true;
  return false;
}

describe('forget', () => {
  it('goes through every column that a person or a model can write to', async () => {
    const path = join(await folderOf(), 'lastgood.db');
    await (await openLedger(path)).close();
    const raw = new Database(path, { readonly: true });
    const columns = raw
      .prepare(
        `SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.type IN ('TEXT', 'ANY') ORDER BY 1`,
      )
      .pluck()
      .all();
    raw.close();
    const said = [...SAID_COLUMNS, ...OTHER_SAID_COLUMNS].map(([table, column]) => `${table}.${column}`);
    expect([...new Set([...said, ...MADE])].sort()).toEqual(columns);
  });

  it('asks before it changes anything, and touches only the exports beside its own ledger', async () => {
    const cwd = await folderOf();
    const path = join(cwd, 'elsewhere', 'lastgood.db');
    await mkdir(join(cwd, 'elsewhere'));
    await mkdir(join(cwd, 'snapshots'));
    await mkdir(join(cwd, 'elsewhere', 'odd.snapshot.jsonl'));
    await plantedLedger(path);
    for (const dir of ['elsewhere', 'snapshots'])
      expect((await lastgoodHere(['export', 'splanted', '--db', path, '--dir', dir], { cwd })).code).toBe(0);
    const args = ['forget', WORD, '--substring', '--db', path];
    const unasked = await lastgoodHere(args, { cwd });
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('FORGET_NOT_CONFIRMED') });
    const dry = await lastgoodHere([...args, '--dry-run'], { cwd });
    expect(dry.stdout).toMatch(/would remove \d+ payloads and clean \d+ rows, in 1 snapshots: splanted/);
    expect(dry.stdout).toMatch(/would be written without it: .*elsewhere/);
    expect(await holds(path)).toBe(true);
    const done = await lastgoodHere([...args, '--yes'], { cwd });
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('elsewhere') });
    expect(await holds(path)).toBe(false);
    const name = 'refund-bot.splanted.snapshot.jsonl';
    expect(await readFile(join(cwd, 'elsewhere', name), 'utf8')).not.toContain(WORD);
    expect(await readFile(join(cwd, 'snapshots', name), 'utf8')).toContain(WORD);
  });
});

describe('a ledger that is not the file it was', () => {
  for (const way of ['removed', 'replaced'] as const)
    it(`${way} under a run is noticed before anything is written, and the other file stays as it is`, async () => {
      const folder = await folderOf();
      const path = join(folder, 'lastgood.db');
      const store = await openLedger(path);
      await store.begin(newSnapshot('srun0001', refundSuite([refundCase('kettle', { trials: 2 })])));
      await store.append('srun0001', [graded(answered('kettle'))]);
      for (const end of ['', '-wal', '-shm']) await rename(`${path}${end}`, `${path}.old${end}`);
      if (way === 'replaced') {
        const other = await openLedger(path);
        await other.close();
      }
      const before = await readFile(path).catch(() => null);
      const refused = { code: 'LEDGER_REPLACED', exitCode: 4 };
      await expect(store.append('srun0001', [graded(answered('kettle', 1))])).rejects.toMatchObject(refused);
      await expect(store.finish('srun0001', VALID)).rejects.toMatchObject(refused);
      await store.close();
      expect(await readFile(path).catch(() => null)).toEqual(before);
      const old = await openLedger(`${path}.old`);
      onTestFinished(() => old.close());
      expect(await old.list()).toMatchObject([{ id: 'srun0001', state: 'running', trials: 1 }]);
    });
});

it('a run that is dated in the future never makes status fresh', async () => {
  const cwd = await folderOf();
  const path = join(cwd, 'lastgood.db');
  const store = await openLedger(path);
  const at = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
  for (const [id, days] of [
    ['snow00001', -0.1],
    ['slater001', 40],
  ] as const) {
    await store.begin(newSnapshot(id, refundSuite([refundCase('kettle')]), { startedAt: at(days) }));
    await store.append(id, [graded(answered('kettle'))]);
    await store.finish(id, { ...VALID, finishedAt: at(days) });
    const status = await lastgoodHere(['status', '--db', path], { cwd });
    expect(status.code, status.stdout).toBe(days < 0 ? 0 : 3);
    if (days > 0) expect(status.stdout).toContain('a run from the future');
  }
  await store.close();
});

it('secrets reach neither labels nor events nor the text of an error', async () => {
  const cwd = await folderOf();
  const env = { SHOP_PASS: 'hunter22-production' };
  const db = join(cwd, 'lastgood.db');
  const added = await lastgoodHere(
    ['event', 'add', '--kind', 'note', '--text', `key ${env.SHOP_PASS}`, '--db', db, '--json'],
    { cwd, env },
  );
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('key [secret]') });
  const wrong = [
    ['event', 'add', '--kind', 'note', '--text', 'x', '--at', env.SHOP_PASS, '--json'],
    ['event', 'add', '--kind', env.SHOP_PASS, '--text', 'x'],
    ['show', `label:key=${env.SHOP_PASS}`, '--json'],
  ];
  await writeFile(join(cwd, 'suite.yaml'), `name: x\n${env.SHOP_PASS}: 1\ncases: [{ id: a, vars: {} }]\n`);
  for (const args of [...wrong.map((a) => [...a, '--db', db]), ['validate', 'suite.yaml']]) {
    const { code, stdout, stderr } = await lastgoodHere(args, { cwd, env });
    expect(code, args.join(' ')).toBeGreaterThan(1);
    expect(stdout + stderr, args.join(' ')).not.toContain(env.SHOP_PASS);
  }
});

it('labels of a run are masked before they are kept', async () => {
  const cwd = await folderOf();
  await writeFile(join(cwd, 'rec.jsonl'), '{"case_id":"a","output":"refund"}\n');
  await writeFile(join(cwd, 'r.yaml'), 'name: r\nroute: { provider: replay, file: rec.jsonl }\n');
  await writeFile(
    join(cwd, 'suite.yaml'),
    'name: x\ncases: [{ id: a, vars: { q: x }, grade: [{ contains: refund }] }]\n',
  );
  const env = { SHOP_PASS: 'hunter22-production' };
  const run = await lastgoodHere(
    [
      'run',
      'suite.yaml',
      '--release',
      'r.yaml',
      '--label',
      `token=${env.SHOP_PASS}`,
      '--db',
      'l.db',
      '--json',
    ],
    { cwd, env },
  );
  expect(run.code, run.stderr).toBe(0);
  const store = await openLedger(join(cwd, 'l.db'));
  onTestFinished(() => store.close());
  expect((await store.list())[0]?.labels).toEqual({ token: '[secret]' });
});

it('two recordings of one trial are an error, and not two trials', async () => {
  const cwd = await folderOf();
  await writeFile(
    join(cwd, 'rec.jsonl'),
    '{"case_id":"a","trial":0,"output":"refund"}\n{"case_id":"a","trial":0,"output":"no"}\n',
  );
  await writeFile(join(cwd, 'r.yaml'), 'name: r\nroute: { provider: replay, file: rec.jsonl }\n');
  await writeFile(
    join(cwd, 'suite.yaml'),
    'name: x\ntrials: 2\ncases: [{ id: a, vars: { q: x }, grade: [{ contains: refund }] }]\n',
  );
  const run = await lastgoodHere(['run', 'suite.yaml', '--release', 'r.yaml', '--db', 'l.db'], { cwd });
  expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('[RECORDING_TWICE]') });
  expect(run.stderr).toContain('rec.jsonl:2');
});
