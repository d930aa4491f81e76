// A ledger on PostgreSQL where its optional packages are not installed.

import { expect, test } from 'vitest';
import { lastgood, temporaryFolder } from '../cli/lastgood.ts';
import { withoutPackage } from '../cli/without-package.ts';

test('without the driver the error names the package to install', async () => {
  await using folder = await temporaryFolder();
  const env = await withoutPackage(folder.path, 'pg');
  const outcome = await lastgood(['list', '--db', 'postgres://someone@127.0.0.1:1/evals'], { env });
  expect(outcome).toMatchObject({ code: 4, stdout: '' });
  expect(outcome.stderr).toContain('[LEDGER_DRIVER]');
  expect(outcome.stderr).toContain('npm install --save-dev pg@8');
});
