// A server checks the monitors of its project's features beside its requests, and stops with them.

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { REFERENCE, sendDesk } from '../jobs/production-world.ts';

test('monitors are checked at once, a wrong file is named, and the server ends with its check', async () => {
  await using dir = await temporaryFolder();
  await sendDesk(dir.path, { days: 30 });
  await mkdir(join(dir.path, 'features'));
  const feature = (name: string, text: string) => writeFile(join(dir.path, 'features', name), text);
  const monitor = { signal: 'length.p50', reference: REFERENCE, change: '10%' };
  await feature('desk.yaml', JSON.stringify({ feature: 'desk', monitors: [monitor] }));
  await feature('wrong.yaml', JSON.stringify({ feature: 'wrong', monitors: [{ ...monitor, change: '1' }] }));
  await feature('plain.yaml', 'feature: plain\n');
  const child = spawn(
    process.execPath,
    [join(ROOT, 'bin/lastgood.js'), 'serve', '--port', '0', '--monitor-every', '10m'],
    { cwd: dir.path, env: { PATH: process.env['PATH'], HOME: dir.path }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const checks: { feature: string; monitors: string; code?: string }[] = [];
  let log = '';
  const both = new Promise<void>((seen) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      const lines = log.split('\n').slice(0, -1);
      checks.splice(
        0,
        checks.length,
        ...lines.filter((l) => l.includes('"monitors"')).map((l) => JSON.parse(l)),
      );
      if (checks.length >= 2) seen();
    });
  });
  const ended = new Promise<number | null>((done) => {
    child.on('close', done);
  });
  await Promise.race([both, ended]);
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  // The windows of this desk are long over: that is a gap, not quiet.
  expect(checks[0]).toMatchObject({ feature: 'desk', monitors: 'cannot-tell' });
  expect(checks[1]).toMatchObject({ feature: 'wrong', monitors: 'failed', code: 'TICKET_BAD_VALUE' });
  expect(new Set(checks.map((c) => c.feature))).toEqual(new Set(['desk', 'wrong']));
});
