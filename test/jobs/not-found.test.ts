// A suite or release that is not there: the names that are, not the paths that were tried.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findReleaseFile, findSuiteFile } from '../../src/engine/workplace/settings-file.ts';
import { lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

test('the suites and releases of the project are listed, the nearest first', async () => {
  await using dir = await temporaryFolder();
  await expect(findSuiteFile('triage', dir.path)).rejects.toMatchObject({
    code: 'SUITE_NOT_FOUND',
    hint: `there are none in ${join(dir.path, 'suites')}; name a file, or start with \`lastgood init\``,
  });
  for (const folder of ['suites/support-triage', 'suites/refunds', 'suites/empty', 'releases'])
    await mkdir(join(dir.path, folder), { recursive: true });
  for (const file of [
    ...['suites/support-triage/suite.yaml', 'suites/refunds/suite.json', 'suites/mail.yaml'],
    ...['releases/triage.yaml', 'releases/notes.txt'],
  ])
    await writeFile(join(dir.path, file), '');
  await expect(findSuiteFile('refund', dir.path)).rejects.toMatchObject({
    message: 'there is no suite "refund"',
    hint: 'did you mean "refunds"? suites here: mail, refunds, support-triage; or name a file',
  });
  await expect(findReleaseFile('triage2', dir.path)).rejects.toMatchObject({
    code: 'RELEASE_NOT_FOUND',
    hint: 'did you mean "triage"? releases here: triage; or name a file',
  });
  const said = await lastgoodHere(['run', 'suport-triage', '--release', 'triage'], { cwd: dir.path });
  expect(said.code).toBe(2);
  expect(said.stderr).toContain('did you mean "support-triage"?');
});
