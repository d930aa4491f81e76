// The reports of a check that leave the machine: the page, the exported snapshots, and commands that still work there.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckResult } from '../../src/core/index.ts';
import { json, lastgoodHere } from '../cli/lastgood.ts';
import { ANSWERS, answers, type DeskTemplate, deskTemplate, half } from '../security/desk-repository.ts';
import { repository, TRIAGE } from './check-repository.ts';

let template: DeskTemplate;
beforeAll(async () => {
  template = await deskTemplate();
});
afterAll(() => template[Symbol.asyncDispose]());

test('the exported snapshots can be compared on a machine that has only the report', async () => {
  await using d = await template.desk();
  await d.write(ANSWERS, answers(half));
  const outcome = await d.check('--export', 'report', '--markdown', 'report/comment.md', '--json');
  // Two recordings are compared as runs of different times: suspected, and the check is what to run next.
  const [suite] = json<CheckResult>(outcome).suites;
  const next = suite?.next ?? '';
  expect(next).toMatch(/^lastgood check desk --release releases\/desk\.yaml/);
  expect(await d.read('report/comment.md')).toContain(next);
  const files = (await readdir(join(d.path, 'report'))).filter((f) => f.endsWith('.snapshot.jsonl'));
  expect(files.length).toBe(2);
  const elsewhere = ['--db', join(d.path, 'elsewhere.db')];
  const imported = await d.lastgood('import', ...files.map((f) => join('report', f)), ...elsewhere);
  expect(imported.code).toBe(0);
  const { comparison } = suite ?? {};
  const ids = [comparison?.baseline.id ?? '', comparison?.candidate.id ?? ''];
  const shown = await d.lastgood('diff', ...ids, ...elsewhere);
  expect([shown.code, shown.stdout]).toEqual([1, expect.stringContaining('Sorry?')]);
});

test('without exported snapshots the comment names the check to run again', async () => {
  await using d = await template.desk();
  await d.write(ANSWERS, answers(half));
  await d.check('--markdown', 'report/comment.md');
  expect(await d.read('report/comment.md')).toMatch(
    /Next: `lastgood check desk --release releases\/desk\.yaml/,
  );
});

test('the page of one suite, and an overview with a page each for several', async () => {
  await using d = await template.desk();
  await d.write(ANSWERS, answers(half));
  await d.check('--html', 'report/check.html');
  const page = await d.read('report/check.html');
  expect(page).toMatch(/<h2 id="gate">Gate: <span class="[\w-]+">inconclusive<\/span><\/h2>/);
  expect(page).toContain('the exam of the merge base with main');
  expect(page).toContain('Sorry?');
  const two = await lastgoodHere(
    ['check', 'desk', 'desk=releases/desk.yaml', '--release', 'releases/desk.yaml', '--quiet'].concat([
      '--format',
      'html',
      '-o',
      'report/stream.html',
      '--html',
      'report/two.html',
    ]),
    { cwd: d.path },
  );
  expect(two.code).toBe(3);
  const overview = await d.read('report/two.html');
  expect(overview).toContain('<a href="two.1-desk.html">desk</a>');
  expect(await d.read('report/two.2-desk.html')).toContain('id="gate"');
  expect(await d.read('report/stream.html')).toContain('<h1>');
});

test('--fail-on regression lets "could not tell" pass with a warning', async () => {
  await using d = await template.desk();
  const unclear = ['--snapshots', 'elsewhere'];
  expect((await d.check(...unclear)).code).toBe(3);
  const passed = await d.check(...unclear, '--fail-on', 'regression', '--json');
  expect([passed.code, passed.stderr]).toEqual([0, expect.stringContaining('NOT_FAILED')]);
  expect(json<CheckResult>(passed).exitCode).toBe(3);
  const wrong = await d.check('--fail-on', 'never');
  expect(wrong.code).toBe(2);
  for (const command of ['run', 'compare', 'diff', 'nightly'])
    expect((await d.lastgood(command, '--help')).stdout).toContain('--fail-on');
});

test('a real regression exits 1 under --fail-on regression, and its next command works where only the report is', async () => {
  await using repo = await repository();
  await repo.write(
    'suites/support-triage/prompts/triage.md',
    await repo.read('suites/support-triage/prompts/triage-generous.md'),
  );
  await repo.git('commit', '--quiet', '--all', '--message', 'refund more');
  const outcome = await repo.check([
    ...[TRIAGE, '--changed', 'main', '--fail-on', 'regression', '--json', '--quiet'],
    ...['--export', 'report', '--markdown', 'report/comment.md'],
  ]);
  expect(outcome.code).toBe(1);
  const result = json<CheckResult>(outcome);
  expect(result).toMatchObject({ exitCode: 1, gate: { outcome: 'fail' } });
  const next = result.suites[0]?.next ?? '';
  expect(next).toMatch(/^lastgood import report\/\*\.snapshot\.jsonl && lastgood (show|diff) s\w+/);
  expect(await repo.read('report/comment.md')).toContain(next);

  // On another machine: no ledger, no keys, nothing but the files of the report.
  const elsewhere = (...args: string[]) =>
    lastgoodHere([...args, '--db', join(repo.path, 'elsewhere.db')], { cwd: repo.path });
  const files = (await readdir(join(repo.path, 'report'))).filter((f) => f.endsWith('.snapshot.jsonl'));
  expect((await elsewhere('import', ...files.map((f) => join('report', f)))).code).toBe(0);
  const [, command = ''] = next.split(' && ');
  const shown = await elsewhere(...command.split(' ').slice(1));
  expect(shown.stderr).toBe('');
  expect(shown.stdout).toContain('refund');
  const { comparison } = result.suites[0] ?? {};
  const compared = await elsewhere('diff', comparison?.baseline.id ?? '', comparison?.candidate.id ?? '');
  expect(compared.stdout).toContain('refund');
  expect(compared.stderr).toBe('');
});
