// What `show` prints of a snapshot and of a case, from the command line, as text, JSON and page.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StoredTrial } from '../../src/core/index.ts';
import { deskCases, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

test('a case shows its input, its expected value, every trial, and what the baseline answered', async () => {
  const desk = await helpDesk({
    cases: deskCases((i) => ({ expected: `answer K${100 + i}` })),
    scenario: {
      effects: [{ when: { promptContains: 'Always refund' }, tags: ['refund'], skill: { set: 0 } }],
    },
    releases: {
      desk: openaiRelease(),
      generous: openaiRelease({
        prompt: { system: 'Always refund.', messages: [{ role: 'user', content: '{{ question }}' }] },
      }),
    },
  });
  const good = await desk.run('desk');
  const alone = await desk.cli('show', good, '--case', 'refund-03');
  expect(alone.stdout).not.toContain('baseline');
  await desk.bless(good);
  const bad = await desk.run('generous');
  const text = (await desk.cli('show', bad, '--case', 'refund-03')).stdout;
  expect(text).toMatch(/input\n {2}\| Question number K103 about my order\n\nexpected\n {2}\| answer K103\n/);
  expect(text).toContain('trial 2: answered');
  expect(text).toContain(`baseline ${good}: 3 of 3 trials passed`);
  expect(text).toMatch(/trial 0 \(pass\) answered:\n {2}\| Here is your answer K103/);
  const { json } = await desk.cli<{
    content: object;
    trials: StoredTrial[];
    baseline: { snapshot: string; trials: StoredTrial[] };
  }>('show', bad, '--case', 'refund-03', '--json');
  expect(json.content).toEqual({
    vars: { question: 'Question number K103 about my order' },
    messages: null,
    expected: 'answer K103',
  });
  expect(json.trials).toHaveLength(3);
  expect(json.baseline).toMatchObject({ snapshot: good });
  const wrong = await desk.cli('show', bad, '--case', 'refund-3');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('did you mean "refund-0');

  const diff = await desk.cli('diff', good, bad, '--verbose');
  expect(diff.stdout).toMatch(
    /input: {2}Question number K1\d\d about my order\n {4}expected: answer K1\d\d\n {4}before: .*\n {4}after: {2}We will look/,
  );

  const file = join(desk.dir, 'run.html');
  expect((await desk.cli('show', bad, '--format', 'html', '-o', file)).code).toBe(0);
  const page = await readFile(file, 'utf8');
  expect(page).toContain('Question number K103 about my order');
  expect(page).toContain('We will look into that');
  const one = await desk.cli('show', bad, '--case', 'refund-03', '--format', 'html');
  expect(one.code).toBe(2);
  expect(one.stderr).toContain('#case=refund-03');
});

test('a pass rate never stands over cases that were not graded', async () => {
  // Half of the answers come from a recording that has only the first four cases.
  const desk = await helpDesk({
    suite: { trials: 1 },
    releases: { recorded: { route: { provider: 'replay', file: '../outputs.jsonl' } } },
  });
  await desk.write(
    'outputs.jsonl',
    [0, 1, 2, 3]
      .map((i) => JSON.stringify({ case_id: `refund-0${i}`, output: `answer K10${i}`, model: MODEL }))
      .join('\n'),
  );
  const run = await desk.cli('run', 'suite.yaml', '--release', 'releases/recorded.yaml');
  const told = '100.0 % over the 4 graded trials of 4 of 24 cases';
  expect(run.stdout).toContain(`pass rate ${told}`);
  expect((await desk.cli('show', 'latest')).stdout).toContain(`pass rate    ${told}`);
  expect((await desk.cli('list')).stdout).toMatch(/4 of 24 +100\.0 %/);
  expect((await desk.cli('show', 'latest', '--format', 'html')).stdout).toContain(told);
  const listed = await desk.cli('list', '--json');
  expect(listed.json.snapshots[0]).toMatchObject({ passRate: 1, cases: 24, gradedCases: 4 });
});
