// lastgood db and forget, as docs/ledger.md shows them.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { json, lastgood, lastgoodHere, temporaryFolder } from './lastgood.ts';

it('tells the size, prunes, checks, and takes a text out', async () => {
  await using dir = await temporaryFolder();
  const at = { cwd: dir.path };
  expect((await lastgood(['init', 'desk'], at)).code).toBe(0);
  const cwd = join(dir.path, 'desk');
  const here = { cwd };
  const files = await readFile(join(cwd, 'lastgood.yaml'), 'utf8').catch(() => '');
  expect((await lastgood(['run', '--quiet'], here)).code, files).toBeLessThan(4);

  const stats = json<{ kind: string; snapshots: number; bytes: number; parts: { bytes: number }[] }>(
    await lastgood(['db', 'stats', '--json'], here),
  );
  expect(stats).toMatchObject({ kind: 'db-stats', snapshots: 1 });
  expect((await lastgood(['db', 'stats'], here)).stdout).toContain('answers by suite');

  const plan = await lastgoodHere(
    ['db', 'prune', '--keep-last', '30', '--keep-days', '90', '--dry-run'],
    here,
  );
  expect(plan.stdout).toContain('would remove 0 texts');
  const pruned = await lastgoodHere(['db', 'prune', '--keep-last', '0', '--json'], here);
  expect(json<{ kind: string; texts: number }>(pruned).texts).toBeGreaterThan(0);
  expect((await lastgoodHere(['db', 'prune'], here)).code).toBe(2);

  const check = await lastgoodHere(['db', 'check'], here);
  expect(check.stdout).toContain('sound');
  expect(check.code).toBe(0);
  expect(
    json<{ kind: string; ok: boolean }>(await lastgoodHere(['db', 'check', '--json'], here)),
  ).toMatchObject({
    ok: true,
  });

  const unasked = await lastgood(['forget', 'no such words in it'], here);
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('FORGET_NOT_CONFIRMED') });
  const forgot = await lastgood(['forget', 'no such words in it', '--yes'], here);
  expect(forgot.stdout).toContain('removed 0 payloads');
  expect((await lastgoodHere(['forget'], here)).code).toBe(2);
  expect((await lastgoodHere(['forget', '--case', 'nobody', '--yes'], here)).stderr).toContain(
    'CASE_UNKNOWN',
  );
});
