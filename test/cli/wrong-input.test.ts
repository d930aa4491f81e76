// Wrong input gets a sentence with its place and a remedy, exit code 2, and not one call.

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastgood, lastgoodHere, ROOT, temporaryFolder } from './lastgood.ts';

const SUITE = `name: refund-bot
cases: [cases.jsonl]
`;
const CASES = `{"id":"late-parcel","vars":{"ticket":"Where is it?"},"grade":[{"contains":"parcel"}]}
`;
const RELEASE = `name: refund-bot
route: { provider: openai, api: chat, model: gpt-4o-2024-11-20 }
prompt: { messages: [{ role: user, content: "{{ ticket }}" }] }
`;

const WRONG: Record<string, { files: Record<string, string>; args?: string[]; says: RegExp }> = {
  'an unknown key in the suite': {
    files: { 'suite.yaml': `${SUITE}trails: 3\n` },
    says: /suite\.yaml:3:1.*trails[\s\S]*did you mean "?trials/,
  },
  'an unknown key in a case': {
    files: { 'cases.jsonl': CASES.replace('"vars"', '"var"') },
    says: /cases\.jsonl:1[\s\S]*var[\s\S]*vars/,
  },
  'a misspelt grader': {
    files: { 'cases.jsonl': CASES.replace('"contains"', '"contain"') },
    says: /cases\.jsonl:1[\s\S]*contain[\s\S]*contains/,
  },
  'a misspelt policy': {
    files: { 'suite.yaml': `${SUITE}policy: { min-passrate: 0.9 }\n` },
    says: /suite\.yaml:3[\s\S]*min-pass-rate/,
  },
  'a case twice': { files: { 'cases.jsonl': CASES + CASES }, says: /cases\.jsonl:2[\s\S]*late-parcel/ },
  'a case without a grader': {
    files: { 'cases.jsonl': CASES.replace(',"grade":[{"contains":"parcel"}]', '') },
    says: /late-parcel[\s\S]*grader/,
  },
  'no case at all': { files: { 'cases.jsonl': '' }, says: /no cases?/i },
  'a broken line': { files: { 'cases.jsonl': `${CASES}{"id": oops}\n` }, says: /cases\.jsonl:2/ },
  'a bad regular expression': {
    files: { 'cases.jsonl': CASES.replace('{"contains":"parcel"}', '{"matches":"("}') },
    says: /cases\.jsonl:1[\s\S]*regular expression/i,
  },
  'a filter that keeps nothing': { files: {}, args: ['--filter', 'tag:refnd'], says: /refnd|no case/ },
  'a variable nobody fills': {
    files: { 'release.yaml': RELEASE.replace('{{ ticket }}', '{{ tiket }}') },
    says: /tiket[\s\S]*late-parcel|late-parcel[\s\S]*tiket/,
  },
  'an unknown key in the release': {
    files: { 'release.yaml': RELEASE.replace('model:', 'modle:') },
    says: /release\.yaml:2[\s\S]*modle[\s\S]*model/,
  },
  'a judge that is asked for and not named': {
    files: {
      'cases.jsonl': CASES.replace('{"contains":"parcel"}', '{"rubric":[{"id":"kind","ask":"Is it kind?"}]}'),
    },
    says: /judge/,
  },
  'a suite that is not there': { files: {}, args: ['--suite-missing'], says: /no suite/ },
  'a release that is not there': { files: {}, args: ['--release', 'nowhere.yaml'], says: /no release/ },
  'an option out of range': { files: {}, args: ['--trials', '0'], says: /--trials takes a whole number/ },
  'a floating model where a pinned one is required': {
    files: { 'release.yaml': RELEASE.replace('gpt-4o-2024-11-20', 'gpt-4o') },
    args: ['--require-pinned'],
    says: /floating/,
  },
};

describe('wrong input', () => {
  let calls = 0;
  const server = createServer((_, response) => {
    calls++;
    response.end('{}');
  });
  beforeAll(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
  afterAll(() => new Promise<void>((done) => server.close(() => done())));

  test.each(Object.entries(WRONG))('%s', async (_, { files, args = [], says }) => {
    await using dir = await temporaryFolder();
    for (const [name, text] of Object.entries({
      'suite.yaml': SUITE,
      'cases.jsonl': CASES,
      'release.yaml': RELEASE,
      ...files,
    })) {
      await mkdir(dirname(join(dir.path, name)), { recursive: true });
      await writeFile(join(dir.path, name), text);
    }
    const missing = args.includes('--suite-missing');
    const outcome = await lastgoodHere(
      [
        'run',
        missing ? 'other.yaml' : 'suite.yaml',
        ...(args.includes('--release') ? [] : ['--release', 'release.yaml']),
        ...(missing ? [] : args),
      ],
      {
        cwd: dir.path,
        env: {
          OPENAI_API_KEY: 'sk-canary-0123456789',
          OPENAI_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
        },
      },
    );
    expect(outcome.stderr).toMatch(says);
    expect(outcome.stderr).not.toMatch(/\n\s+at /);
    expect(outcome.stderr).not.toContain('sk-canary');
    expect(outcome.stdout).toBe('');
    expect(outcome.code).toBe(2);
    expect(calls).toBe(0);
  });

  test('a missing key is known before the first call', async () => {
    await using dir = await temporaryFolder();
    for (const [name, text] of Object.entries({
      'suite.yaml': SUITE,
      'cases.jsonl': CASES,
      'release.yaml': RELEASE,
    }))
      await writeFile(join(dir.path, name), text);
    const outcome = await lastgood(['run', 'suite.yaml', '--release', 'release.yaml'], { cwd: dir.path });
    expect(outcome).toMatchObject({ code: 2, stdout: '' });
    expect(outcome.stderr).toContain('OPENAI_API_KEY');
  });

  test('an unknown command and an unknown option exit with 2 and suggest', async () => {
    expect(await lastgood(['dif', 'a', 'b'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('diff'),
    });
    expect(await lastgood(['list', '--suit', 'x'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--suite'),
    });
  });

  test('a suite or a release that is not named is a sentence, also as JSON, and leaves no ledger behind', async () => {
    await using dir = await temporaryFolder();
    for (const [args, code] of [
      [['run'], 'NO_SUITE'],
      [['compare', '--baseline-release', 'a.yaml'], 'NO_SUITE'],
      [['run', 'suite.yaml'], 'NO_RELEASE'],
      [['compare', 'suite.yaml', '--baseline-release', 'a.yaml'], 'NO_RELEASE'],
      [['compare', 'suite.yaml'], 'BAD_OPTION'],
      [['run', '--trails', '3'], 'BAD_OPTION'],
    ] as const) {
      const plain = await lastgoodHere(args, { cwd: dir.path });
      expect(plain, args.join(' ')).toMatchObject({ code: 2, stdout: '' });
      expect(plain.stderr).toMatch(/^error: \S+ /);
      const asJson = await lastgoodHere([...args, '--json'], { cwd: dir.path });
      expect(asJson.code).toBe(2);
      expect(JSON.parse(asJson.stdout)).toMatchObject({ kind: 'error', code });
    }
    const guess = await lastgoodHere(['run', '--trails', '3', '--json'], { cwd: dir.path });
    expect(JSON.parse(guess.stdout)).toMatchObject({ hint: expect.stringContaining('--trials') });
    expect(await readdir(dir.path)).toEqual([]);
  });

  test('reading a ledger that is not there does not make one', async () => {
    await using dir = await temporaryFolder();
    const outcome = await lastgood(['list', '--db', 'nowhere/lastgood.db'], { cwd: dir.path });
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/nowhere/);
    expect((await lastgood(['list', '--db', 'nowhere/lastgood.db'], { cwd: dir.path })).code).toBe(
      outcome.code,
    );
  });

  test('a reference that means nothing names what there is', async () => {
    await using dir = await temporaryFolder();
    await lastgoodHere(['init'], { cwd: dir.path });
    await lastgoodHere(['run', 'first-suite', '--release', 'releases/recorded.yaml'], { cwd: dir.path });
    const outcome = await lastgood(['diff', 'szzzzzzz', 'latest'], { cwd: dir.path });
    expect(outcome.code).toBeGreaterThanOrEqual(2);
    expect(outcome.stderr).toMatch(/szzzzzzz/);
  });
});

test('an older Node gets one line and exit code 2', async () => {
  const { spawnSync } = await import('node:child_process');
  const older =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })";
  const outcome = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(older)}`, join(ROOT, 'bin/lastgood.js'), 'list'],
    { encoding: 'utf8' },
  );
  expect(outcome.status).toBe(2);
  expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
  expect(outcome.stderr).toMatch(/needs Node 22\.18 or newer, this is 20\.20\.2/);
});
