// doctor looks and leaves nothing behind; keys are told to be there, never shown.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { json, lastgood, temporaryFolder } from './lastgood.ts';

test('on a fresh machine everything is told and nothing is made', async () => {
  await using dir = await temporaryFolder();
  const outcome = await lastgood(['doctor'], {
    cwd: dir.path,
    env: { OPENAI_API_KEY: 'sk-canary-12345678' },
  });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  expect(outcome.stdout).toMatch(/ok +ledger: none yet/);
  expect(outcome.stdout).toMatch(/ok +OPENAI_API_KEY: set/);
  expect(outcome.stdout).toMatch(/warn ANTHROPIC_API_KEY: not set/);
  expect(outcome.stdout).not.toContain('canary');
  expect(existsSync(join(dir.path, 'snapshots'))).toBe(false);
});

test('a file that is no ledger is bad, with a remedy, and exit code 4', async () => {
  await using dir = await temporaryFolder();
  await writeFile(join(dir.path, 'notes.db'), 'These are my notes, not a database.');
  const outcome = await lastgood(['doctor', '--db', 'notes.db', '--json'], { cwd: dir.path });
  expect(outcome.code).toBe(4);
  const { checks } = json<{ checks: { name: string; state: string }[] }>(outcome);
  expect(checks.find((c) => c.name === 'ledger')).toMatchObject({ state: 'bad' });
});

test('a release whose key is missing is told', async () => {
  await using dir = await temporaryFolder();
  await lastgood(['init'], { cwd: dir.path });
  const outcome = await lastgood(['doctor', '--release', 'releases/live.yaml'], { cwd: dir.path });
  expect(outcome.code).toBe(4);
  expect(outcome.stdout).toMatch(/bad +model: .*OPENAI_API_KEY/);
});
