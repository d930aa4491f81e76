// What npm publishes works on its own: built JavaScript, schemas, the example suite, no sources.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, temporaryFolder } from './lastgood.ts';

test('the packed tarball runs --version, --help, init and the demo from elsewhere', async () => {
  await using dir = await temporaryFolder();
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` };
  execFileSync('npm', ['pack', '--silent', '--pack-destination', dir.path], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const tarball = readdirSync(dir.path).find((f) => f.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', tarball ?? '', '-C', dir.path], { cwd: dir.path });
  const home = join(dir.path, 'package');
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

  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(home, 'bin/lastgood.js'), ...args], {
      cwd: dir.path,
      encoding: 'utf8',
      env,
    });
  expect(run('--version')).toMatchObject({ status: 0, stdout: '0.1.0\n', stderr: '' });
  expect(run('--help')).toMatchObject({ status: 0, stderr: '' });
  expect(run('init', 'first')).toMatchObject({ status: 0, stderr: '' });
  expect(
    run('run', 'first/suites/first-suite', '--release', 'first/releases/recorded.yaml', '--quiet'),
  ).toMatchObject({ status: 0, stderr: '' });
  const demo = run('demo', '--quiet');
  expect(demo.stderr).toBe('');
  expect(demo.status).toBe(0);
  expect(demo.stdout).toContain('VERIFIED');
}, 120_000);
