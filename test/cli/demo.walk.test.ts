// The demo as a stranger runs it: the whole story from what npm publishes, with every command it prints at the end; and from a
// clone, until it is interrupted.

import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastgood, lastgoodHere, type Outcome, ROOT, temporaryFolder } from './lastgood.ts';

const run = promisify(execFile);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cwd: string;
let interrupted: Outcome;
let demo: Outcome;

/** The unpacked tarball. */
const home = (): string => join(cwd, 'package');
const installed = (...args: string[]): Promise<Outcome> =>
  lastgood(args, { cwd, bin: join(home(), 'bin/lastgood.js') });
const nightsOf = (story: string): string[] => story.match(/^2026-\d\d-\d\d {2}s[0-9a-z]{11} .*/gm) ?? [];

beforeAll(async () => {
  folder = await temporaryFolder();
  cwd = folder.path;
  // Blessed after the fifth night, so that the last ones are compared.
  interrupted = await lastgood(['demo', '--quiet'], {
    cwd,
    onStart: (pid, output) => {
      const timer = setInterval(() => {
        if (nightsOf(output.stdout()).length < 8) return;
        clearInterval(timer);
        process.kill(pid, 'SIGINT');
      }, 20);
      timer.unref();
    },
  });

  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
  await run('npm', ['pack', '--silent', '--pack-destination', cwd], { cwd: ROOT, env });
  const tarball = readdirSync(cwd).find((f) => f.endsWith('.tgz'));
  await run('tar', ['-xzf', join(cwd, tarball ?? ''), '-C', cwd]);
  // The dependencies a user's npm would put beside it.
  await symlink(join(ROOT, 'node_modules'), join(home(), 'node_modules'));
  // Where the interrupted one left its files.
  demo = await installed('demo', '--quiet');
}, 480_000);
afterAll(() => folder[Symbol.asyncDispose]());

test('the demo tells the story, verifies a rollback target, and its closing commands work', async () => {
  expect(demo.stderr).toBe('');
  expect(demo.code).toBe(0);

  expect(demo.stdout).toMatch(/A SIMULATION/);
  expect(nightsOf(demo.stdout).length).toBe(24);
  const story = demo.stdout.slice(0, demo.stdout.indexOf('The alarm'));
  expect(story).toMatch(/a reworded prompt is tried: (unchanged|inconclusive)/);
  const alarms = story.match(/^(2026-\d\d-\d\d) .*REGRESSED/gm) ?? [];
  expect(alarms[0]).toContain('2026-05-13');
  expect(alarms.length).toBe(3);
  expect(demo.stdout).toMatch(/provider-side drift suspected/);
  expect(demo.stdout).toMatch(/before: category: escalate/);
  expect(demo.stdout).toMatch(/VERIFIED {2}triage-fallback/);

  const html = readFileSync(join(cwd, 'demo/report.html'), 'utf8');
  expect(html).toContain('This is a simulation');
  expect(html).toContain('Rollback');
  expect(html).not.toMatch(/<(link|img|iframe)\b|https?:\/\/(?!www\.w3\.org)/);
  expect(existsSync(join(cwd, 'demo/report.md'))).toBe(true);

  const commands = [...demo.stdout.matchAll(/^ {2}npx lastgood (.+)$/gm)].map((m) => (m[1] ?? '').split(' '));
  expect(commands.map((c) => c[0])).toEqual(['list', 'diff', 'show']);
  const outcomes = [];
  for (const command of commands) outcomes.push(await lastgood(command, { cwd }));
  expect(outcomes.map((o) => o.code)).toEqual([0, 1, 0]);
  expect(outcomes[0]?.stdout).toContain('baseline');
  expect(outcomes[1]?.stdout).toContain('REGRESSED');
  expect(outcomes[2]?.stdout).toMatch(/FAIL {2}/);
  expect(outcomes.map((o) => o.stderr)).toEqual(['', '', '']);
});

test('the demo of a clone tells the same story in the same ids until it is interrupted', () => {
  expect(interrupted.code).toBe(130);
  const told = nightsOf(interrupted.stdout);
  expect(told.length).toBeGreaterThanOrEqual(8);
  // The last night may have been cut short; the one before was compared with the baseline.
  expect(told.at(-2)).toMatch(/no alarm \((unchanged|inconclusive)\)/);
  expect(told.slice(0, -1)).toEqual(nightsOf(demo.stdout).slice(0, told.length - 1));
  expect(interrupted.stdout).not.toContain('The alarm');
});

test('the demo tells on every machine and every day what the README shows of it', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const sample = /^```text\n(2026-[\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
  // Names of snapshots change with every detail of a suite, what happened does not. What is quoted depends on which of two equal
  // requests in flight was answered first.
  const plain = (line: string): string => line.replace(/ s[0-9a-z]{11} | [0-9a-f]{12} /g, ' # ').trimEnd();
  const lines = sample.split('\n').filter((l) => l !== '' && !/^ +(before|after):/.test(l));
  expect(lines.length).toBe(6);
  const told = demo.stdout.split('\n').map(plain);
  // Shortened: every line of it begins one that is told, in the same order.
  let from = 0;
  for (const line of lines.map(plain)) {
    const at = told.findIndex((t, i) => i >= from && t.startsWith(line));
    expect(at, line).toBeGreaterThanOrEqual(0);
    from = at + 1;
  }
});

test('docs/playbook.md shows the playbook of the demo, and what its check finds', async () => {
  const page = readFileSync(join(ROOT, 'docs/playbook.md'), 'utf8');
  const shop = join(cwd, 'shop');
  mkdirSync(join(shop, 'snapshots'), { recursive: true });
  copyFileSync(join(cwd, 'demo/lastgood.db'), join(shop, 'snapshots/lastgood.db'));
  for (const folder of ['features', 'suites'])
    cpSync(join(home(), folder), join(shop, folder), { recursive: true });
  const set = /^lastgood (registry set .*)$/m.exec(page)?.[1] ?? '';
  const words = [...set.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
  expect(await lastgoodHere(words, { cwd: shop })).toMatchObject({ code: 0 });
  const shown = [...page.matchAll(/^<!-- output: (.*) -->\n```text\n([\s\S]*?)^```$/gm)];
  expect(shown.map((m) => m[1])).toEqual(['playbook support-triage', 'playbook check support-triage']);
  for (const [, command = '', sample = ''] of shown) {
    const { code, stdout } = await lastgoodHere(command.split(' '), { cwd: shop });
    expect(code).toBe(command.includes('check') ? 1 : 0);
    expect(timeless(stdout)).toBe(timeless(sample));
  }
});

/** Ids of runs, times, ages and durations differ. */
function timeless(text: string): string {
  return text
    .replace(/\bs[0-9a-z]{11}\b/g, 'RUN')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'TIME')
    .replace(/\d+(\.\d+)? (days ago|m?s\b)/g, 'AGE')
    .replace(/(no valid run within 26h).*/g, '$1');
}

test('the packed tarball holds what is published, and runs --version, --help, init and run from elsewhere', async () => {
  // Built JavaScript, schemas, the example suite, documents; no sources.
  expect(readdirSync(home()).sort()).toEqual(
    [
      'ARCHITECTURE.md',
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'features',
      'node_modules',
      'package.json',
      'schema',
      'suites',
    ].sort(),
  );
  expect(existsSync(join(home(), 'src'))).toBe(false);
  expect(readdirSync(join(home(), 'bin')).sort()).toEqual(['built.js', 'lastgood.js']);
  expect(existsSync(join(home(), 'dist/built-from'))).toBe(false);
  expect(await installed('--version')).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  expect(await installed('--help')).toMatchObject({ code: 0, stderr: '' });
  expect(await installed('init', 'first')).toMatchObject({ code: 0, stderr: '' });
  expect(
    await installed(
      'run',
      'first/suites/first-suite',
      '--release',
      'first/releases/recorded.yaml',
      '--quiet',
    ),
  ).toMatchObject({ code: 0, stderr: '' });
});
