// The demo as a stranger runs it: from a clone, with every command it prints at the end, and from what npm publishes.

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lastgood, type Outcome, ROOT, temporaryFolder } from './lastgood.ts';

const run = promisify(execFile);
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let cwd: string;
let demo: Outcome;

beforeAll(async () => {
  folder = await temporaryFolder();
  cwd = folder.path;
  demo = await lastgood(['demo', '--quiet'], { cwd });
}, 240_000);
afterAll(() => folder[Symbol.asyncDispose]());

test('the demo tells the story, verifies a rollback target, and its closing commands work', async () => {
  expect(demo.stderr).toBe('');
  expect(demo.code).toBe(0);

  expect(demo.stdout).toMatch(/A SIMULATION/);
  const nights = demo.stdout.match(/^2026-\d\d-\d\d {2}s[0-9a-z]{11} /gm) ?? [];
  expect(nights.length).toBeGreaterThanOrEqual(21);
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

test('the packed tarball runs --version, --help, init, run and the demo from elsewhere, and the story is the same', async () => {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
  await run('npm', ['pack', '--silent', '--pack-destination', cwd], { cwd: ROOT, env });
  const tarball = readdirSync(cwd).find((f) => f.endsWith('.tgz'));
  await run('tar', ['-xzf', join(cwd, tarball ?? ''), '-C', cwd]);
  const home = join(cwd, 'package');
  // Built JavaScript, schemas, the example suite, documents; no sources.
  expect(readdirSync(home).sort()).toEqual(
    [
      'ARCHITECTURE.md',
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'package.json',
      'schema',
      'suites',
    ].sort(),
  );
  expect(existsSync(join(home, 'src'))).toBe(false);
  // The dependencies a user's npm would put beside it.
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));

  const installed = (...args: string[]): Promise<Outcome> =>
    lastgood(args, { cwd, bin: join(home, 'bin/lastgood.js') });
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

  // Re-runnable, where the first demo left its files: the same seed tells the same story in the same ids.
  const again = await installed('demo', '--quiet');
  expect(again.stderr).toBe('');
  expect(again.code).toBe(0);
  expect(again.stdout).toContain('VERIFIED');
  // Which of two equal requests in flight is answered first is the machine's business: it decides only which output is quoted.
  const told = (text: string) => text.replace(/^ +(before|after|why): .*\n/gm, '');
  expect(told(again.stdout)).toBe(told(demo.stdout));
}, 240_000);
