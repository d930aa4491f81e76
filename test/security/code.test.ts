// Code runs only where it stands in a file of this working tree or was allowed, with no key in its environment, and never for strangers.

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Trust, withTrust } from '../../src/base/index.ts';
import type { Release } from '../../src/core/index.ts';
import { consentToRoute } from '../../src/engine/workplace/consent.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { parseRelease } from '../../src/release/index.ts';
import { emptyProject, type Project } from './world.ts';

const SUITE = `name: echo
trials: 1
cases:
${Array.from({ length: 24 }, (_, i) => `  - { id: case-${i}, vars: { n: "${i}" }, grade: [{ contains: hello }] }`).join('\n')}
`;

/** Answers and keeps what it was given of the environment. */
const BOT = 'env > environment.txt; printf hello\n';

async function desk(): Promise<Project> {
  const made = await emptyProject();
  await made.write('suites/echo/suite.yaml', SUITE);
  await made.write('bot.sh', BOT);
  await made.write(
    'releases/bot.yaml',
    `name: bot
route: { provider: command, command: [/bin/sh, bot.sh], cwd: .., env: [BOT_TOKEN] }
dependents:
  - { name: index, built-from: retrieval, check: "env > checked.txt", env: [INDEX_URL] }
retrieval: { embedding: e1 }
`,
  );
  return made;
}

const KEYS = {
  OPENAI_API_KEY: 'sk-none-of-yours-1234',
  BOT_TOKEN: 'named-token-5678',
  INDEX_URL: 'http://127.0.0.1:1',
  LASTGOOD_NOTE: 'kept',
  LASTGOOD_API_KEY: 'not-kept-1234',
  LANG: 'C.UTF-8',
};
const RUN = ['run', 'suites/echo', '--release', 'releases/bot.yaml'];

test('a command is listed before it runs and gets no key that it does not name', async () => {
  await using bot = await desk();
  const ran = await bot.run(RUN, KEYS);
  expect([ran.code, ran.stderr]).toEqual([
    0,
    expect.stringMatching(/^code: command: .*bot\.sh \(release bot\)/m),
  ]);
  const given = await readFile(join(bot.path, 'environment.txt'), 'utf8');
  expect(given).toContain(`BOT_TOKEN=${KEYS.BOT_TOKEN}`);
  expect(given).toContain('LANG=C.UTF-8');
  expect(given).not.toMatch(/OPENAI_API_KEY|INDEX_URL/);
});

test('a command that only the ledger knows is refused, listed, and runs once allowed', async () => {
  await using bot = await desk();
  expect((await bot.run([...RUN, '--trials', '1'], KEYS)).code).toBe(0);
  const id = JSON.parse((await bot.run(['list', '--json'])).stdout).snapshots[0].id as string;
  expect((await bot.run(['bless', id, '--by', 'Ada', '--why', 'good'])).code).toBe(0);
  // Today's release is another one; the command of the good one stands nowhere any more.
  await bot.write('other.sh', 'printf goodbye\n');
  await bot.write(
    'releases/bot.yaml',
    `name: bot\nroute: { provider: command, command: [/bin/sh, other.sh], cwd: .. }\n`,
  );
  expect((await bot.run(RUN, KEYS)).code).not.toBe(0);
  await rm(join(bot.path, 'environment.txt'));
  const refused = await bot.run(['rollback', 'echo', '--trials', '1', '--verbose'], KEYS);
  expect(existsSync(join(bot.path, 'environment.txt'))).toBe(false);
  expect(`${refused.stdout}${refused.stderr}`).toContain(
    'stands in no release or suite file of this working tree',
  );
  expect(refused.stderr).toMatch(/code from the ledger: command: .*bot\.sh/);
  expect(refused.code).not.toBe(0);
  const allowed = await bot.run(['rollback', 'echo', '--trials', '1', '--allow-commands'], KEYS);
  expect(existsSync(join(bot.path, 'environment.txt'))).toBe(true);
  expect(allowed.stderr).toMatch(/code from the ledger: command: .*bot\.sh/);
  // Written back into a file of the tree, it stands there, and needs no consent.
  await rm(join(bot.path, 'environment.txt'));
  await bot.write(
    'releases/was.yaml',
    `name: was\nroute: { provider: command, command: [/bin/sh, bot.sh], cwd: .., env: [BOT_TOKEN] }\n`,
  );
  await bot.run(['rollback', 'echo', '--trials', '1', '--verbose'], KEYS);
  expect(existsSync(join(bot.path, 'environment.txt'))).toBe(true);
});

test('a check of dependent state comes from a file of the tree, and gets what it names and no key', async () => {
  await using bot = await desk();
  expect((await bot.run(RUN, KEYS)).code).toBe(0);
  const id = JSON.parse((await bot.run(['list', '--json'])).stdout).snapshots[0].id as string;
  const local = await bot.run(['rollback', 'verify-state', id], KEYS);
  expect([local.code, local.stderr]).toEqual([0, expect.stringContaining('code: check: env > checked.txt')]);
  const env = await readFile(join(bot.path, 'checked.txt'), 'utf8');
  expect(env).toContain('INDEX_URL=');
  expect(env).toContain('LASTGOOD_NOTE=kept');
  expect(env).toContain('LASTGOOD_FINGERPRINT=');
  expect(env).not.toMatch(/OPENAI_API_KEY|BOT_TOKEN|LASTGOOD_API_KEY/);

  // The same check in the ledger alone, as an imported file would bring it.
  await rm(join(bot.path, 'checked.txt'));
  await rm(join(bot.path, 'releases/bot.yaml'));
  const gone = await bot.run(['rollback', 'verify-state', id], KEYS);
  expect([gone.code, gone.stderr]).toEqual([3, expect.stringContaining('[CODE_NOT_LOCAL]')]);
  expect(existsSync(join(bot.path, 'checked.txt'))).toBe(false);
  const allowed = await bot.run(['rollback', 'verify-state', id, '--allow-commands'], KEYS);
  expect(allowed.code).toBe(0);
  expect(existsSync(join(bot.path, 'checked.txt'))).toBe(true);
});

test('a rollback plan writes no check into the tree that only the ledger knows', async () => {
  await using bot = await desk();
  await bot.write('bot.sh', 'if grep -q kindly; then printf hello; else printf goodbye; fi\n');
  const release = (prompt: string, check: string): string => `name: bot
route: { provider: command, command: [/bin/sh, bot.sh], cwd: .. }
prompt: { messages: [{ role: user, content: "${prompt}" }] }
retrieval: { embedding: e1 }
${check}`;
  const check = 'dependents: [{ name: index, built-from: retrieval, check: "touch owned.txt" }]\n';
  await bot.write('releases/bot.yaml', release('kindly', check));
  expect((await bot.run(RUN)).code).toBe(0);
  expect((await bot.run(['bless', 'latest', '--by', 'Ada', '--why', 'good'])).code).toBe(0);
  await bot.write('releases/bot.yaml', release('briskly', ''));
  // The whole suite collapses.
  expect((await bot.run(RUN)).code).toBe(1);
  const plan = ['rollback', 'echo', '--no-verify', '--write', 'plan'];
  await bot.run(plan);
  const written = await readFile(join(bot.path, 'plan/release.yaml'), 'utf8');
  expect(written).toContain('name: index');
  expect(written).not.toContain('owned');
  await bot.run([...plan, '--allow-commands']);
  expect(await readFile(join(bot.path, 'plan/release.yaml'), 'utf8')).toContain('touch owned.txt');
});

test('--untrusted and --no-code run no code of any kind, and say what they refuse', async () => {
  await using bot = await desk();
  expect((await bot.run(RUN, KEYS)).code).toBe(0);
  const id = JSON.parse((await bot.run(['list', '--json'])).stdout).snapshots[0].id as string;
  await bot.write(
    'grader.mjs',
    `import { writeFileSync } from 'node:fs'; writeFileSync('graded.txt', ''); export default () => true;`,
  );
  await bot.write(
    'suites/code/suite.yaml',
    'name: code\ntrials: 1\ncases:\n  - { id: a, vars: {}, grade: [{ javascript: ../../grader.mjs }] }\n',
  );
  await bot.write('releases/replay.yaml', 'name: replay\nroute: { provider: replay, file: r.jsonl }\n');
  await bot.write(
    'releases/r.jsonl',
    '{"case_id":"a","output":"x"}\n' +
      Array.from({ length: 24 }, (_, i) => `{"case_id":"case-${i}","output":"hello"}\n`).join(''),
  );
  await bot.write(
    'redact/redact.mjs',
    `import { writeFileSync } from 'node:fs'; writeFileSync('redacted.txt', ''); export default (t) => t;`,
  );
  for (const file of ['environment.txt', 'checked.txt']) await rm(join(bot.path, file), { force: true });
  for (const flag of ['--untrusted', '--no-code']) {
    for (const args of [
      [...RUN, flag],
      [...RUN, flag, '--allow-commands'],
      ['rollback', 'verify-state', id, flag, '--allow-commands'],
      ['run', 'suites/code', '--release', 'releases/replay.yaml', flag],
      ['check', 'suites/code', '--release', 'releases/replay.yaml', flag],
    ]) {
      const refused = await bot.run(args, KEYS);
      expect([args, refused.code]).toEqual([args, 3]);
      expect(`${refused.stdout}${refused.stderr}`).toContain('CODE_REFUSED');
    }
    await bot.write('lastgood.yaml', 'redact: [{ module: redact/redact.mjs }]\n');
    const redact = await bot.run(['run', 'suites/echo', '--release', 'releases/replay.yaml', flag], KEYS);
    expect([redact.code, redact.stderr]).toEqual([3, expect.stringContaining('CODE_REFUSED')]);
    await rm(join(bot.path, 'lastgood.yaml'));
  }
  for (const file of ['environment.txt', 'checked.txt', 'graded.txt', 'redacted.txt'])
    expect([file, existsSync(join(bot.path, file))]).toEqual([file, false]);
  // Without code the same suite is run as ever.
  expect(
    (await bot.run(['run', 'suites/echo', '--release', 'releases/replay.yaml', '--untrusted'], KEYS)).code,
  ).toBe(0);
});

test('a program that grades is listed, runs without keys, never for strangers, and only where a suite file names it', async () => {
  await using bot = await desk();
  await bot.write('mark.sh', 'env > graded.txt; cat > /dev/null; echo true\n');
  const suite = (grade: string): string =>
    `name: code\ntrials: 1\ncases:\n  - { id: a, vars: {}, grade: [${grade}] }\n`;
  await bot.write('suites/code/suite.yaml', suite('{ command: { run: [/bin/sh, mark.sh], cwd: ../.. } }'));
  await bot.write('releases/replay.yaml', 'name: replay\nroute: { provider: replay, file: r.jsonl }\n');
  await bot.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  const run = ['run', 'suites/code', '--release', 'releases/replay.yaml'];
  for (const flag of ['--untrusted', '--no-code']) {
    const refused = await bot.run([...run, flag, '--allow-commands'], KEYS);
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('CODE_REFUSED')]);
  }
  expect(existsSync(join(bot.path, 'graded.txt'))).toBe(false);
  const ran = await bot.run(run, KEYS);
  expect([ran.code, ran.stderr]).toEqual([
    0,
    expect.stringMatching(/^code: command grader: \/bin\/sh mark\.sh/m),
  ]);
  const given = await readFile(join(bot.path, 'graded.txt'), 'utf8');
  expect(given).toContain('LASTGOOD_NOTE=kept');
  expect(given).not.toMatch(/none-of-yours|not-kept|BOT_TOKEN/);
  await rm(join(bot.path, 'graded.txt'));
  const id = JSON.parse((await bot.run(['list', '--json'])).stdout).snapshots[0].id as string;
  const listed = await bot.run(['regrade', id, '--fresh', '--no-code'], KEYS);
  expect([listed.code, listed.stderr]).toEqual([3, expect.stringMatching(/CODE_REFUSED|GRADER_NOT_IN_TREE/)]);
  await bot.write('suites/code/suite.yaml', suite('{ contains: x }'));
  const stored = await bot.run(['regrade', id, '--fresh', '--allow-commands'], KEYS);
  expect([stored.code, stored.stderr]).toEqual([2, expect.stringContaining('GRADER_NOT_IN_TREE')]);
  expect(existsSync(join(bot.path, 'graded.txt'))).toBe(false);
});

test('a check grades with the program of the merge base, not with the one that the branch edited', async () => {
  await using bot = await emptyProject();
  const program = (verdict: boolean): string => `cat > /dev/null; echo ${verdict}\n`;
  await bot.write('mark.sh', program(true));
  await bot.write(
    'suites/code/suite.yaml',
    'name: code\ntrials: 1\ncases:\n  - { id: a, vars: {}, critical: true, grade: [{ command: { run: [/bin/sh, mark.sh], cwd: ../.. } }] }\n',
  );
  await bot.write('.gitignore', 'snapshots\n');
  await bot.write('releases/replay.yaml', 'name: replay\nroute: { provider: replay, file: r.jsonl }\n');
  await bot.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  const git = 'git -c user.name=Ada -c user.email=ada@example.org';
  await bot.shell(
    `git init -q -b main && ${git} add -A && ${git} commit -qm all && git checkout -q -b change`,
  );
  await bot.run(['run', 'suites/code', '--release', 'releases/replay.yaml']);
  expect((await bot.run(['bless', 'latest', '--by', 'Ada', '--why', 'checked'])).code).toBe(0);
  await bot.write('mark.sh', program(false));
  await bot.write('releases/r.jsonl', '{"case_id":"a","output":"y"}\n');
  const check = ['check', 'suites/code', '--release', 'releases/replay.yaml', '--json'];
  const shown = async (exam: string): Promise<string> => {
    const checked = await bot.run([...check, '--exam', exam]);
    expect(checked.stderr).toMatch(/^code: command grader: /m);
    const { candidate } = JSON.parse(checked.stdout).suites[0] as { candidate: string };
    return (await bot.run(['show', candidate, '--case', 'a'])).stdout;
  };
  expect(await shown('main')).toContain('your program passed it with score 1');
  expect(await shown('head')).toContain('your program failed it with score 0');
});

test('a JavaScript grader is listed, runs without keys, and only where a suite file names it', async () => {
  await using bot = await desk();
  await bot.write(
    'grader.mjs',
    `import { writeFileSync } from 'node:fs';
export default () => { writeFileSync(${JSON.stringify(join(bot.path, 'graded.json'))}, JSON.stringify(process.env)); return true; };`,
  );
  await bot.write(
    'suites/code/suite.yaml',
    'name: code\ntrials: 1\ncases:\n  - { id: a, vars: {}, grade: [{ javascript: ../../grader.mjs }] }\n',
  );
  await bot.write('releases/replay.yaml', 'name: replay\nroute: { provider: replay, file: r.jsonl }\n');
  await bot.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  const ran = await bot.run(['run', 'suites/code', '--release', 'releases/replay.yaml'], KEYS);
  expect([ran.code, ran.stderr]).toEqual([
    0,
    expect.stringMatching(/code: javascript grader: .*grader\.mjs/),
  ]);
  expect(await readFile(join(bot.path, 'graded.json'), 'utf8')).not.toContain('none-of-yours');
  await rm(join(bot.path, 'graded.json'));
  const id = JSON.parse((await bot.run(['list', '--json'])).stdout).snapshots[0].id as string;

  // The ledger names the module, and no suite file does any more.
  await bot.write(
    'suites/code/suite.yaml',
    'name: code\ntrials: 1\ncases:\n  - { id: a, vars: {}, grade: [{ contains: x }] }\n',
  );
  const regraded = await bot.run(['regrade', 'latest', '--suite', 'suites/code'], KEYS);
  expect(existsSync(join(bot.path, 'graded.json'))).toBe(false);
  expect(regraded.code).toBe(0);
  const stored = await bot.run(['regrade', id], KEYS);
  expect(`${stored.stdout}${stored.stderr}`).toContain('CODE_NOT_LOCAL');
  expect(existsSync(join(bot.path, 'graded.json'))).toBe(false);
});

test('--untrusted reads no `.env`', async () => {
  await using bot = await desk();
  await bot.write('.env', 'OPENAI_API_KEY=from-the-stranger\n');
  await bot.write('suites/echo/suite.yaml', SUITE);
  await bot.write(
    'releases/model.yaml',
    'name: model\nroute: { provider: openai, model: gpt-4o-2024-11-20, base-url: "http://127.0.0.1:1" }\nprompt: { messages: [{ role: user, content: "{{ n }}" }] }\n',
  );
  const plain = await bot.shell('$LASTGOOD run suites/echo --release releases/model.yaml --dry-run');
  expect(plain.stderr).not.toContain('PROVIDER_NO_KEY');
  const stranger = await bot.shell('$LASTGOOD run suites/echo --release releases/model.yaml --untrusted');
  expect([stranger.code, stranger.stderr]).toEqual([2, expect.stringContaining('PROVIDER_NO_KEY')]);
});

test('a command known from imported files alone never runs, and an address known from them alone needs consent', async () => {
  const load = (route: string): Promise<Release> =>
    withTrust({ ...rules(), standing: new Set() }, () =>
      parseRelease(`name: r\nroute: ${route}\n`, '/nowhere/r.yaml', async () => ''),
    );
  const said: string[] = [];
  const rules = (allowCommands = true): Trust => ({
    root: null,
    allowOutside: true,
    code: true,
    allowCommands,
    untrusted: false,
    standing: new Set(),
    announce: (line) => void said.push(line),
  });
  const command = await load('{ provider: command, command: [bash, -c, "env"] }');
  const http = await load('{ provider: http, url: "http://127.0.0.1:9/", body: {}, output: text }');
  const ask = async (release: Release, imported: readonly boolean[], allow: boolean): Promise<string> => {
    const ledger = {
      list: async () =>
        imported.map((i, n) => ({ id: `s${n}`, fingerprint: release.fingerprint, imported: i })),
      releaseOf: async () => release,
    };
    const work = { store: ledger } as unknown as Workplace;
    return withTrust(rules(allow), () =>
      consentToRoute(work, { ...release, file: null }).then(
        () => 'runs',
        (error: { code: string }) => error.code,
      ),
    );
  };
  expect(await ask(command, [true, true], true)).toBe('CODE_IMPORTED');
  expect(await ask(command, [true, false], true)).toBe('runs');
  expect(await ask(command, [true, false], false)).toBe('CODE_NOT_LOCAL');
  expect(await ask(http, [true], false)).toBe('CODE_NOT_LOCAL');
  expect(await ask(http, [true], true)).toBe('runs');
  expect(await ask(http, [false], false)).toBe('runs');
  expect(said).toContain('code from the ledger: address: http://127.0.0.1:9/ (release r)');
});
