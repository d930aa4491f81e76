// Baselines in git for run, nightly and check: which of the committed files counts, and what a ledger with an older one does.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { snapshotFiles } from '../../src/engine/exchange/baseline-file.ts';
import { json, lastgoodHere, type Outcome, temporaryFolder } from '../cli/lastgood.ts';

let dir: Awaited<ReturnType<typeof temporaryFolder>>;
const COUNT = 40;

const lastgood = (...args: string[]): Promise<Outcome> => lastgoodHere(args, { cwd: dir.path });
const must = async (...args: string[]): Promise<Outcome> => {
  const outcome = await lastgood(...args);
  expect({ args, code: outcome.code, said: outcome.stderr }).toMatchObject({ code: 0 });
  return outcome;
};
const answers = (good: (n: number) => boolean): Promise<void> =>
  writeFile(
    join(dir.path, 'answers.jsonl'),
    `${Array.from({ length: COUNT }, (_, n) => JSON.stringify({ case_id: `ask-${n}`, output: good(n) ? 'yes' : 'no' })).join('\n')}\n`,
  );
const run = ['run', 'suite.yaml', '--release', 'release.yaml', '--quiet'];
const night = ['nightly', 'suite.yaml', '--release', 'release.yaml', '--quiet'];
const forgetLedger = async (): Promise<void> => {
  for (const end of ['', '-wal', '-shm'])
    await rm(join(dir.path, `snapshots/lastgood.db${end}`), { force: true });
};

beforeEach(async () => {
  dir = await temporaryFolder();
  await writeFile(join(dir.path, 'suite.yaml'), 'name: desk\ncases: [cases.jsonl]\n');
  await writeFile(
    join(dir.path, 'cases.jsonl'),
    `${Array.from({ length: COUNT }, (_, n) => JSON.stringify({ id: `ask-${n}`, vars: {}, grade: [{ contains: 'yes' }] })).join('\n')}\n`,
  );
  await writeFile(
    join(dir.path, 'release.yaml'),
    'name: desk\nroute: { provider: replay, file: answers.jsonl }\n',
  );
  await answers(() => true);
  await must(...run);
  await must('export', 'latest', '--suite', 'desk');
  await forgetLedger();
});
afterEach(() => dir[Symbol.asyncDispose]());

/** The files as a newer exporter writes them: with the blessing after the first line. */
async function blessFile(file: string, at: string, said: Record<string, unknown> = {}): Promise<void> {
  const path = join(dir.path, file);
  const [head = '', ...rest] = (await readFile(path, 'utf8')).split('\n');
  const { release, suite } = JSON.parse(head) as {
    release: { fingerprint: string };
    suite: { name: string };
  };
  const blessing = {
    at,
    by: 'Ada',
    fingerprint: release.fingerprint,
    kind: 'blessing',
    overrode: [],
    suite: suite.name,
    why: 'read',
    ...said,
  };
  await writeFile(path, [head, JSON.stringify(blessing), ...rest].join('\n'));
}

test('run compares with the committed file, on a machine without a ledger', async () => {
  await answers((n) => n >= 20);
  const outcome = await lastgood(...run);
  expect([outcome.code, outcome.stdout]).toEqual([1, expect.stringContaining('REGRESSED')]);
});

test('nightly takes the committed file, another folder, or the one that --against names', async () => {
  const green = await lastgood(...night);
  expect([green.code, green.stdout]).toEqual([0, expect.stringMatching(/^green/)]);
  await forgetLedger();
  const none = await lastgood(...night, '--snapshots', 'elsewhere', '--json');
  expect(json(none)).toMatchObject({ state: 'no-baseline', baseline: null, nightsWithoutBaseline: 1 });
  const [file] = (await readdir(join(dir.path, 'snapshots'))).filter((f) => f.endsWith('.snapshot.jsonl'));
  const named = `snapshots/${file}`;
  const against = await lastgood(...night, '--snapshots', 'elsewhere', '--against', named, '--json');
  expect(json(against)).toMatchObject({ state: 'green', baseline: { source: 'against', file: named } });
  const wrong = await lastgood(...night, '--against', 'szzzzzz');
  expect(wrong.code).toBe(2);
});

test('the third night without a baseline is exit 3, a baseline ends the count', async () => {
  const bare = [...night, '--snapshots', 'elsewhere'];
  const codes = [];
  for (let n = 0; n < 3; n++) codes.push((await lastgood(...bare)).code);
  expect(codes).toEqual([0, 0, 3]);
  const third = await lastgood(...bare);
  expect([third.code, third.stdout]).toEqual([3, expect.stringContaining('after 4 nights')]);
  await must('bless', 'latest', '--suite', 'desk', '--by', 'Ada', '--why', 'read');
  expect((await lastgood(...bare)).code).toBe(0);
});

test('the number of the night counts where the ledger is lost', async () => {
  const cwd = dir.path;
  const third = await lastgoodHere([...night, '--snapshots', 'elsewhere'], {
    cwd,
    env: { LASTGOOD_NIGHT: '3' },
  });
  expect(third.code).toBe(3);
});

test('a committed blessing that is older than the one in the ledger leaves it in force', async () => {
  // The ledger holds a blessed run of a release that fails half of the cases.
  await answers((n) => n >= 20);
  await lastgood(...run);
  await must('bless', 'latest', '--suite', 'desk', '--by', 'Eve', '--why', 'was good enough');
  expect(json(await lastgood(...night, '--json'))).toMatchObject({ baseline: { source: 'blessed' } });
  const [file] = (await readdir(join(dir.path, 'snapshots'))).filter((f) => f.endsWith('.snapshot.jsonl'));
  const path = `snapshots/${file}`;
  const [good] = await snapshotFiles(join(dir.path, 'snapshots'), 'desk', () => {});
  expect(good?.blessed).toBeNull();
  await blessFile(path, '2001-01-01T00:00:00.000Z');
  const [old] = await snapshotFiles(join(dir.path, 'snapshots'), 'desk', () => {});
  expect(old?.blessed).toEqual({ at: '2001-01-01T00:00:00.000Z', by: 'Ada' });
  expect(json(await lastgood(...night, '--json'))).toMatchObject({ baseline: { source: 'blessed' } });
});

test('a file that was blessed goes before newer ones that were not; a blessing of something else counts for nothing', async () => {
  await answers((n) => n >= 20);
  await lastgood(...run);
  await must('export', 'latest', '--suite', 'desk');
  const folder = join(dir.path, 'snapshots');
  const [newest, oldest] = await snapshotFiles(folder, 'desk', () => {});
  expect(newest?.startedAt.localeCompare(oldest?.startedAt ?? '')).toBe(1);
  const name = (path: string | undefined): string => `snapshots/${path?.split('/').at(-1)}`;
  await blessFile(name(oldest?.path), '2026-01-01T00:00:00.000Z', { fingerprint: '0'.repeat(64) });
  expect((await snapshotFiles(folder, 'desk', () => {}))[0]?.id).toBe(newest?.id);
  await blessFile(name(oldest?.path), '2026-01-01T00:00:00.000Z', { type: 'blessing' });
  expect((await snapshotFiles(folder, 'desk', () => {}))[0]?.id).toBe(oldest?.id);
});
