// Every command the README shows is run here, in its order, on what it says: a clone and the simulated models.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastgood, ROOT, temporaryFolder } from './lastgood.ts';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = [...README.matchAll(/```sh\n([\s\S]*?)```/g)].map((m) => m[1] ?? '');
const lines = blocks
  .flatMap((b) => b.split('\n'))
  .map((l) => l.replace(/\s+#.*$/, '').trim())
  .filter((l) => l !== '');

/** What each `npx lastgood …` line of the README must end with. */
const ENDS: Record<string, number> = {
  'run suites/support-triage --release suites/support-triage/releases/triage.yaml --trials 10': 0,
  'bless latest --by Ada --why "outputs read by hand"': 0,
  'nightly suites/support-triage --release suites/support-triage/releases/triage.yaml': 0,
  'status support-triage --max-age 26h': 0,
  'check suites/support-triage --release suites/support-triage/releases/triage-generous.yaml': 1,
  'run suites/support-triage --release suites/support-triage/releases/triage-generous.yaml': 1,
  'rollback support-triage --write restored.yaml': 0,
  'incident --good baseline --bad latest -o post-mortem.md': 0,
  'init my-feature': 0,
};

const simulate = (lines.find((l) => l.startsWith('npx lastgood simulate')) ?? '').split(' ').slice(2);

let simulator: ChildProcess;
const env: Record<string, string> = { OPENAI_API_KEY: 'none', ANTHROPIC_API_KEY: 'none' };

beforeAll(async () => {
  simulator = spawn(process.execPath, [join(ROOT, 'bin/lastgood.js'), ...simulate], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const printed = await new Promise<string>((done) => {
    let text = '';
    simulator.stdout?.on('data', (chunk) => {
      text += chunk;
      if (text.includes('ANTHROPIC_API_KEY')) done(text);
    });
  });
  for (const [, name, value] of printed.matchAll(/(LASTGOOD_SIM\w*URL)=(\S+)/g))
    env[name ?? ''] = value ?? '';
});
afterAll(async () => {
  const ended = new Promise((done) => simulator.once('exit', done));
  simulator.kill('SIGINT');
  await ended;
});

test('the two set-up commands are the scripts of package.json', () => {
  expect(lines.slice(0, 2)).toEqual(['npm ci && npm run demo', 'npm ci && npm test']);
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts['demo']).toBe('node bin/lastgood.js demo');
  expect(scripts['test']).toMatch(/^vitest run/);
});

test('every other command works, in order, as a reader would type it', async () => {
  await using dir = await temporaryFolder();
  await symlink(join(ROOT, 'suites'), join(dir.path, 'suites'));
  const commands = lines.slice(2).map((l) => l.replace(/^npx lastgood /, ''));
  expect(commands.filter((c) => !c.startsWith('simulate') && !(c in ENDS))).toEqual([]);
  for (const command of commands) {
    if (command.startsWith('simulate')) continue;
    const args = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
    const outcome = await lastgood(
      [...args, ...(args[0] === 'run' || args[0] === 'rollback' ? ['--quiet'] : [])],
      { cwd: dir.path, env },
    );
    expect({ command, code: outcome.code, stderr: outcome.stderr.slice(0, 2000) }).toEqual({
      command,
      code: ENDS[command],
      stderr: expect.any(String),
    });
  }
}, 300_000);

test('the suite in the README is a suite', async () => {
  const { writeFile } = await import('node:fs/promises');
  await using dir = await temporaryFolder();
  const yaml = README.match(/```yaml\n([\s\S]*?)```/)?.[1] ?? '';
  await writeFile(join(dir.path, 'suite.yaml'), yaml);
  await writeFile(
    join(dir.path, 'cases.jsonl'),
    '{"id":"late","vars":{"ticket":"Where?"},"grade":[{"contains":"parcel"}]}\n',
  );
  await writeFile(
    join(dir.path, 'judge.yaml'),
    'name: judge\nroute: { provider: openai, model: gpt-4o-2024-11-20 }\n',
  );
  expect(await lastgood(['validate', 'suite.yaml'], { cwd: dir.path })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('refund-bot: 2 cases'),
  });
});

test('every page the README points to is there', () => {
  for (const [, path] of README.matchAll(/\]\(([^)#:]+)\)/g))
    expect(existsSync(join(ROOT, path ?? '')), path).toBe(true);
});

test('it is short, and every line fits 100 columns, printed samples aside', () => {
  const lines = README.trimEnd().split('\n');
  expect(lines.length).toBeLessThan(150);
  const ours = README.replace(/```text\n[\s\S]*?```/g, '').split('\n');
  expect(ours.filter((line) => [...line].length > 100 && !line.startsWith('npx '))).toEqual([]);
});
