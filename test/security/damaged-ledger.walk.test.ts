// A ledger whose bytes were damaged: whatever was flipped, a comparison says what it said before, or that the ledger is damaged.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LastgoodError } from '../../src/base/index.ts';
import { checkLedger, openLedger, withLedgerFile } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { lastgoodHere } from '../cli/lastgood.ts';
import {
  answered,
  closing,
  collect,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  temporaryFolder,
} from '../ledger/world.ts';

const COPIES = 210;

let folder: string;
let whole: Buffer;

beforeAll(async () => {
  const made = await temporaryFolder();
  folder = made.path;
  const path = join(folder, 'whole.db');
  const store = await openLedger(path);
  const suite = refundSuite(
    Array.from({ length: 40 }, (_, i) =>
      refundCase(`kettle-${String(i).padStart(2, '0')}`, {
        trials: 2,
        critical: i % 10 === 0,
        tags: [`t${i % 3}`],
      }),
    ),
  );
  const releases = [refundRelease(), refundRelease('gpt-4o-2025-02-02')];
  for (const [n, release] of releases.entries()) {
    const id = `snight0${n}`;
    await store.begin(newSnapshot(id, suite, { release, startedAt: `2026-03-1${n + 5}T02:00:00.000Z` }));
    const rows = suite.cases.flatMap((c, i) =>
      [0, 1].map((trial) => {
        const good = n === 0 || i % 4 > 0;
        const output = {
          text: good ? `A refund for ${c.id} is on its way.` : `No. ${c.id} ${trial}`,
          toolCalls: [],
        };
        return graded(answered(c.id, trial, { output }), [
          scored('names-refund', good),
          scored('short', true),
        ]);
      }),
    );
    await store.append(id, rows);
    await store.finish(id, closing({ finishedAt: `2026-03-1${n + 5}T02:10:00.000Z` }));
  }
  await store.bless({
    ...{ snapshot: 'snight00', suite: 'refund-bot', by: 'ann', why: 'the Friday release' },
    ...{ at: '2026-03-15T09:00:00Z', overrode: [] },
  });
  await store.close();
  const raw = new Database(path);
  raw.pragma('wal_checkpoint(TRUNCATE)');
  raw.close();
  whole = await readFile(path);
  return () => made[Symbol.asyncDispose]();
});

/** What a person is told: the verdict with everything under it, whatever else the report says of time. */
async function verdict(file: string): Promise<{ code: number | null; said: string; stderr: string }> {
  const { code, stdout, stderr } = await lastgoodHere(
    ['diff', 'baseline', 'latest', '--suite', 'refund-bot', '--db', file, '--json'],
    {
      cwd: folder,
    },
  );
  const isError = stdout !== '' && (JSON.parse(stdout) as { kind: string }).kind === 'error';
  return { code, said: isError ? 'error' : stdout, stderr };
}

it(`of ${COPIES} copies with bytes flipped at seeded places none gives another verdict without an error`, async () => {
  const file = join(folder, 'copy.db');
  await writeFile(file, whole);
  const before = await verdict(file);
  expect(before.code, before.stderr).toBe(1);
  const rng = new Mt19937(20_260_315);
  const outcomes = { same: 0, damaged: 0, other: 0 };
  for (let copy = 0; copy < COPIES; copy++) {
    const bytes = Buffer.from(whole);
    const flips: [at: number, from: number, to: number][] = [];
    for (let n = 0; n < 1 + (copy % 4); n++) {
      const at = Math.floor(rng.next() * bytes.length);
      const from = bytes[at] as number;
      const to = copy % 2 === 0 ? from ^ (1 << Math.floor(rng.next() * 8)) : Math.floor(rng.next() * 256);
      bytes[at] = to;
      flips.push([at, from, to]);
    }
    for (const end of ['-wal', '-shm']) await rm(`${file}${end}`, { force: true });
    await writeFile(file, bytes);
    const after = await verdict(file);
    const where = `copy ${copy}: ${JSON.stringify(flips)} → ${after.stderr}`;
    if (after.code === before.code && after.said === before.said) outcomes.same++;
    else {
      // An error that a person can act on, never "a defect": the file is damaged, or is no ledger.
      expect(after.said, where).toBe('error');
      expect(after.code, where).toBe(4);
      expect(after.stderr, where).toMatch(/\[LEDGER_(CORRUPT|FOREIGN|NEWER|IO|CANNOT_OPEN)\]/);
      outcomes.damaged++;
    }
  }
  expect(outcomes.damaged).toBeGreaterThan(20);
  expect(outcomes.same + outcomes.damaged).toBe(COPIES);
}, 120_000);

/** A copy of the ledger, changed by other means than the program's. */
async function edited(sql: string): Promise<string> {
  const file = join(folder, `edited-${Math.random().toString(36).slice(2)}.db`);
  await writeFile(file, whole);
  const raw = new Database(file);
  const triggers = raw
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
    .pluck()
    .all() as string[];
  for (const name of triggers) raw.exec(`DROP TRIGGER ${name}`);
  raw.exec(sql);
  raw.pragma('wal_checkpoint(TRUNCATE)');
  raw.close();
  return file;
}

describe('a ledger whose rows were changed, with every page in order', () => {
  const read: readonly (readonly [what: string, sql: string])[] = [
    [
      'a grade of a trial',
      'UPDATE trial SET pass = 1, score = 1 WHERE snapshot = 2 AND case_no = 0 AND trial = 0',
    ],
    [
      'an answer',
      'UPDATE trial SET output = (SELECT min(output) FROM trial) WHERE snapshot = 2 AND case_no = 0',
    ],
    ['a trial that is gone', 'DELETE FROM trial WHERE snapshot = 2 AND case_no = 0 AND trial = 0'],
    ['a latency', 'UPDATE trial SET latency_ms = latency_ms * 2 WHERE snapshot = 1'],
    ['a cost', 'UPDATE trial SET cost_usd = 0 WHERE snapshot = 2'],
    ['what a case is worth', 'UPDATE case_version SET critical = 0'],
    ['a tag', `UPDATE word SET text = '["t9"]' WHERE text = '["t1"]'`],
    ['the validity', `UPDATE snapshot SET validity = 'degraded' WHERE no = 2`],
    ['an interval', `UPDATE snapshot SET started_ms = started_ms - 1 WHERE no = 2`],
    ['a name of a release', `UPDATE release SET name = 'other'`],
    ['whose baseline it is', 'UPDATE blessing SET snapshot = 2'],
    ['a blessing that is gone', 'DELETE FROM blessing'],
    ['a snapshot that is gone', 'PRAGMA foreign_keys = OFF; DELETE FROM snapshot WHERE no = 2'],
    [
      'a digest that is gone',
      "UPDATE snapshot SET seal = NULL, texts_seal = NULL, validity = 'degraded' WHERE no = 2",
    ],
    ['who served it', `UPDATE served SET model = 'gpt-4o-mini'`],
    ['the policy', `UPDATE content SET body = replace(body, '0.05', '0.95') WHERE body LIKE '%"margin"%'`],
  ];
  it.each(read)('is refused by a comparison: %s', async (_what, sql) => {
    const file = await edited(sql);
    expect(await verdict(file)).toMatchObject({
      code: 4,
      said: 'error',
      stderr: expect.stringContaining('[LEDGER_CORRUPT]'),
    });
    expect((await lastgoodHere(['db', 'check', '--db', file], { cwd: folder })).code).toBe(4);
  });

  const unread: readonly (readonly [what: string, sql: string])[] = [
    ['a grade that no comparison reads', `UPDATE grade SET pass = 0, score = 0`],
    ['a reason', `UPDATE grade SET reason = 'all is well'`],
    ['a count of tokens', 'UPDATE trial SET input_tokens = 1'],
    ['the text of a case', `UPDATE case_version SET shape = replace(shape, 'ticket', 'tickets')`],
    ['an answer text', `UPDATE content SET body = replace(body, 'No.', 'Ok.') WHERE encoding = 2`],
  ];
  it.each(unread)('is refused by an export and a blessing: %s', async (_what, sql) => {
    const file = await edited(sql);
    for (const args of [
      ['export', 'snight01', '--dir', 'out'],
      ...(sql.includes('content') ? [] : [['bless', 'snight01', '--by', 'ann', '--why', 'Friday']]),
    ]) {
      const refused = await lastgoodHere([...args, '--db', file], { cwd: folder });
      expect(refused, args[0] as string).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('[LEDGER_CORRUPT]'),
      });
    }
    expect((await lastgoodHere(['db', 'check', '--db', file], { cwd: folder })).code).toBe(4);
  });
});

it('snapshots from before there were digests stay readable, and db check says that they are not verified', async () => {
  const file = await edited(
    `UPDATE snapshot SET seal = NULL, texts_seal = NULL; UPDATE sealed SET from_no = 3 WHERE what = 'snapshot'`,
  );
  expect((await verdict(file)).code).toBe(1);
  const check = await withLedgerFile(file, {}, checkLedger);
  expect(check).toMatchObject({ ok: true, verified: 0, unverified: 2 });
  const { stdout, code } = await lastgoodHere(['db', 'check', '--db', file], { cwd: folder });
  expect(stdout).toContain('not verified: 2 snapshots from before there were digests');
  expect(code).toBe(0);
});

it('a schema version that is not that of the tables is damage, and nothing is brought up to date', async () => {
  for (const version of [0, 2]) {
    const file = await edited(`PRAGMA user_version = ${version}`);
    await expect(openLedger(file)).rejects.toMatchObject({ code: 'LEDGER_CORRUPT', exitCode: 4 });
  }
});

it('a vector that is not what was stored is refused', async () => {
  const path = join(folder, 'vectors.db');
  const store = await openLedger(path);
  await store.begin(newSnapshot('svector', refundSuite([refundCase('kettle')])));
  await store.append('svector', [graded(answered('kettle'))]);
  await store.finish('svector', closing({}));
  const [{ trial }] = (await collect(store.trials('svector'))) as [ReturnType<typeof graded>];
  const { results } = { results: await store.results('svector') };
  expect(trial.status).toBe('answered');
  const hash = results.cases[0]?.trials[0]?.outputHash as string;
  const embedder = 'e'.repeat(64);
  await store.keepVectors(embedder, new Map([[hash, Float32Array.of(0.5, 0.25)]]));
  await store.close();
  const raw = new Database(path);
  raw.exec('DROP TRIGGER embedding_stays');
  raw.prepare('UPDATE embedding SET vector = ?').run(Buffer.from(Float32Array.of(0.5, -0.25).buffer));
  raw.close();
  const again = await openLedger(path);
  onTestFinished(() => again.close());
  const error = await again.vectorOf(embedder, hash).catch((e: unknown) => e as LastgoodError);
  expect(error).toMatchObject({ code: 'LEDGER_CORRUPT', exitCode: 4 });
});
