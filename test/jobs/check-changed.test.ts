// What a change can have touched: git trees, fingerprints and hashes, on a small repository with recorded answers.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadAssignment } from '../../src/engine/arms/assignment.ts';
import { type Affected, affectedCases, onlyCases } from '../../src/jobs/check/changed.ts';
import { openBaseTree } from '../../src/jobs/check/changed-base.ts';

const run = promisify(execFile);
let root: string;

const git = async (...args: string[]): Promise<string> =>
  (await run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: root }))
    .stdout;

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true });
  await writeFile(join(root, file), text);
}

const line = (id: string, word: string): string =>
  JSON.stringify({ id, vars: { ask: `please say ${word}` }, grade: [{ contains: word }] });
const CASES = [line('greeting', 'hello'), line('farewell', 'goodbye'), line('thanks', 'thank you')];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lastgood-changed-'));
  await git('init', '--quiet', '--initial-branch=main');
  await write('bot/suite.yaml', 'name: small-talk\ncases: [cases.jsonl]\n');
  await write('bot/cases.jsonl', `${CASES.join('\n')}\n`);
  await write(
    'bot/release.yaml',
    'name: small-talk\nroute: { provider: replay, file: answers.jsonl }\nprompt: { system: { file: prompts/talk.md } }\n',
  );
  await write('bot/prompts/talk.md', 'You are polite.\n');
  await write('bot/answers.jsonl', '{"case_id":"greeting","output":"hello"}\n');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'base');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function affected(base = 'main', cwd = root): Promise<Affected> {
  const files = { suite: join(root, 'bot/suite.yaml'), release: join(root, 'bot/release.yaml') };
  const tree = await openBaseTree(base, cwd);
  try {
    return await affectedCases(await loadAssignment(files), files, tree);
  } finally {
    await tree.dispose();
    expect(existsSync(tree.dir)).toBe(false);
  }
}

test('nothing changed: nothing is affected, from any folder of the repository', async () => {
  expect((await affected()).scope).toMatchObject({ mode: 'none', affected: 0, cases: 3 });
  expect((await affected('HEAD', join(root, 'bot/prompts'))).scope.mode).toBe('none');
});

test('a changed word of the prompt touches every case, uncommitted too', async () => {
  await write('bot/prompts/talk.md', 'You are rude.\n');
  expect((await affected()).scope).toMatchObject({
    mode: 'all',
    affected: 3,
    why: 'the release changed: prompt',
  });
});

test('other line ends, order, comments and unused files touch none', async () => {
  await write('bot/prompts/talk.md', 'You are polite.\r\n');
  await write('bot/cases.jsonl', `${[...CASES].reverse().join('\r\n')}\r\n`);
  await write('bot/suite.yaml', '# the small talk\ncases: [cases.jsonl]\nname: small-talk\n');
  await write('README.md', 'unused\n');
  expect((await affected()).scope.mode).toBe('none');
});

test('an edited question, an edited grader and a new case are the ones that run; a removed one is named', async () => {
  const edited = JSON.stringify({
    id: 'farewell',
    vars: { ask: 'please say goodbye' },
    grade: [{ icontains: 'goodbye' }],
  });
  await write(
    'bot/cases.jsonl',
    `${[line('greeting', 'hello there'), edited, line('apology', 'sorry')].join('\n')}\n`,
  );
  const found = await affected();
  expect([...(found.ids ?? [])].sort()).toEqual(['apology', 'farewell', 'greeting']);
  expect(found.scope).toMatchObject({ mode: 'all', removed: ['thanks'] });
  expect(found.scope.why).toContain('1 new, 2 with another question, grader or examiner');
});

test('only the touched cases make up the suite that runs', async () => {
  await write('bot/cases.jsonl', `${[...CASES, line('apology', 'sorry')].join('\n')}\n`);
  const found = await affected();
  expect(found.scope).toMatchObject({ mode: 'some', affected: 1, cases: 4 });
  const { suite } = await loadAssignment({
    suite: join(root, 'bot/suite.yaml'),
    release: join(root, 'bot/release.yaml'),
  });
  const part = onlyCases(suite, found.ids ?? new Set());
  expect(part.cases.map((c) => c.id)).toEqual(['apology']);
  expect(part.hash).not.toBe(suite.hash);
});

test('a changed policy needs no call, and is told', async () => {
  await write('bot/suite.yaml', 'name: small-talk\ncases: [cases.jsonl]\npolicy: { min-pass-rate: 0.5 }\n');
  expect((await affected()).scope).toMatchObject({
    mode: 'none',
    why: expect.stringContaining('the gate policy changed'),
  });
});

test('a suite that is not there at the base, or does not load there, is run whole', async () => {
  await git('switch', '--quiet', '--create', 'change');
  await git('mv', 'bot/suite.yaml', 'bot/suite-old.yaml');
  await git('commit', '--quiet', '--all', '--message', 'moved');
  await write('bot/suite.yaml', 'name: small-talk\ncases: [cases.jsonl]\n');
  expect((await affected('HEAD')).scope).toMatchObject({
    mode: 'all',
    why: expect.stringContaining('not there'),
  });
  await write('bot/suite.yaml', 'name: small-talk\nmistyped: true\ncases: [cases.jsonl]\n');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'broken');
  await write('bot/suite.yaml', 'name: small-talk\ncases: [cases.jsonl]\n');
  expect((await affected('HEAD')).scope).toMatchObject({
    mode: 'all',
    why: expect.stringContaining('does not load'),
  });
});

test('the base is where the branch left, not what main has become', async () => {
  await git('switch', '--quiet', '--create', 'change');
  await git('switch', '--quiet', 'main');
  await write('bot/prompts/talk.md', 'You are terse.\n');
  await git('commit', '--quiet', '--all', '--message', 'main moves on');
  await git('switch', '--quiet', 'change');
  expect((await affected('main')).scope.mode).toBe('none');
});

test('a release that runs a command is touched by any changed file, because any may be part of it', async () => {
  await write(
    'bot/release.yaml',
    'name: small-talk\nroute: { provider: command, command: [node, bot.mjs] }\n',
  );
  await write('bot/bot.mjs', "console.log('hello');\n");
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'a command');
  expect((await affected('HEAD')).scope.mode).toBe('none');
  await write('bot/small-talk.x.snapshot.jsonl', '{}\n');
  expect((await affected('HEAD')).scope.mode).toBe('none');
  await write('bot/lines.mjs', 'export default 1;\n');
  expect((await affected('HEAD')).scope).toMatchObject({
    mode: 'all',
    why: expect.stringContaining('bot/lines.mjs'),
  });
});

test('work tree, index and links are left alone; a link out of the tree is not followed', async () => {
  await symlink('talk.md', join(root, 'bot/prompts/link.md'));
  await symlink('/etc/hostname', join(root, 'bot/outside.md'));
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'links');
  await write('bot/prompts/talk.md', 'You are somebody else.\n');
  await write('staged.txt', 'staged\n');
  await git('add', 'staged.txt');
  const before = await git('status', '--porcelain');
  const tree = await openBaseTree('HEAD', root);
  expect(await readFile(join(tree.dir, 'bot/prompts/link.md'), 'utf8')).toBe('You are polite.\n');
  expect(existsSync(join(tree.dir, 'bot/outside.md'))).toBe(false);
  await tree.dispose();
  expect(await git('status', '--porcelain')).toBe(before);
});

test('large, empty and oddly named files come out as they went in', async () => {
  const large = `${'0123456789abcdef'.repeat(64 * 1024)}\n`;
  await write('big/large.txt', large);
  await write('big/empty.txt', '');
  await write('big/ünï cødé "quoted".txt', 'kept\n');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'files');
  const tree = await openBaseTree('HEAD', root);
  expect((await readFile(join(tree.dir, 'big/large.txt'), 'utf8')) === large).toBe(true);
  expect(await readFile(join(tree.dir, 'big/empty.txt'), 'utf8')).toBe('');
  expect(await readFile(join(tree.dir, 'big/ünï cødé "quoted".txt'), 'utf8')).toBe('kept\n');
  expect(await readFile(join(tree.dir, 'bot/prompts/talk.md'), 'utf8')).toBe('You are polite.\n');
  await tree.dispose();
});

test('a base that does not exist, looks like an option, or stands outside of any repository is refused', async () => {
  await expect(openBaseTree('nowhere', root)).rejects.toMatchObject({ code: 'CHANGED_NO_BASE' });
  await expect(openBaseTree('--output=x', root)).rejects.toMatchObject({ code: 'CHANGED_NO_BASE' });
  const outside = await mkdtemp(join(tmpdir(), 'lastgood-outside-'));
  await expect(openBaseTree('main', outside)).rejects.toMatchObject({ code: 'CHANGED_NO_GIT' });
  await rm(outside, { recursive: true });
});
