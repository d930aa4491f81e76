// Graders outside this process from the command line: stored, compared, and never started because a ledger or an import says so.

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { json, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

const RULE = `let t = '';
process.stdin.on('data', (d) => { t += d; }).on('end', () => {
  const { output } = JSON.parse(t);
  console.log(JSON.stringify({ score: output.includes('sorry') ? 1 : 0, reason: 'looked for an apology' }));
});
`;

/** A project with two recorded answers, graded by a program of its own. */
async function project(folder: string, more: { grade?: unknown; outputs?: unknown[] } = {}): Promise<void> {
  await mkdir(join(folder, 'graders'), { recursive: true });
  await writeFile(join(folder, 'graders/apology.mjs'), RULE);
  const grade = more.grade ?? { command: { run: ['node', 'graders/apology.mjs'], id: 'apology' } };
  const suite = {
    name: 'desk',
    defaults: { grade: [grade] },
    cases: [
      { id: 'late', vars: { ticket: 'Where is it?' } },
      { id: 'broken', vars: { ticket: 'It broke.' } },
    ],
  };
  await writeFile(join(folder, 'suite.yaml'), JSON.stringify(suite));
  const outputs = more.outputs ?? [
    { case_id: 'late', output: 'We are sorry.' },
    { case_id: 'broken', output: 'Send it back.' },
  ];
  await writeFile(join(folder, 'outputs.jsonl'), outputs.map((o) => JSON.stringify(o)).join('\n'));
  await writeFile(join(folder, 'release.yaml'), 'route: { provider: replay, file: outputs.jsonl }\n');
}

interface Ran {
  readonly snapshot: {
    id: string;
    passRate: number | null;
    ungraded: number;
    exam: string;
    validity: string;
  };
}

const run = async (cwd: string): Promise<Ran['snapshot']> => {
  const outcome = await lastgoodHere(['run', 'suite.yaml', '--release', 'release.yaml', '--json'], { cwd });
  return json<Ran>(outcome as never).snapshot;
};

/** Exports a snapshot from one project and imports it into another. */
async function bring(id: string, from: string, to: string): Promise<void> {
  const exported = await lastgoodHere(['export', id, '--json'], { cwd: from });
  const [file = ''] = json<{ files: { file: string }[] }>(exported as never).files.map((f) => f.file);
  const imported = await lastgoodHere(['import', join(from, file)], { cwd: to });
  expect(imported.code, imported.stderr).toBe(0);
}

describe('a suite graded by a program of the project', () => {
  test('is run, shown and compared; another script is another exam', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const first = await run(dir.path);
    expect(first).toMatchObject({ passRate: 0.5, ungraded: 0, validity: 'valid' });
    const shown = await lastgoodHere(['show', first.id, '--case', 'late'], { cwd: dir.path });
    expect(shown.stdout).toContain('looked for an apology');
    expect((await run(dir.path)).exam).toBe(first.exam);
    await writeFile(join(dir.path, 'graders/apology.mjs'), RULE.replace('sorry', 'apologise'));
    expect((await run(dir.path)).exam).not.toBe(first.exam);
  });

  test('whose program breaks has ungraded trials and no pass rate', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    await writeFile(join(dir.path, 'graders/apology.mjs'), 'console.log("95 %")');
    expect(await run(dir.path)).toMatchObject({ passRate: null, ungraded: 2, validity: 'invalid' });
  });

  test('can be graded again from the ledger, in another checkout too', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path);
    const { id } = await run(dir.path);
    const again = await lastgoodHere(['regrade', id, '--fresh', '--json'], { cwd: dir.path });
    expect(again.code, again.stderr).toBe(0);

    await using other = await temporaryFolder();
    await project(other.path);
    await bring(id, dir.path, other.path);
    const there = await lastgoodHere(['regrade', id, '--fresh', '--json'], { cwd: other.path });
    expect(there.code, there.stderr).toBe(0);
    const { snapshot } = json<{ snapshot: Ran['snapshot'] }>(there as never);
    expect(snapshot).toMatchObject({ passRate: 0.5, ungraded: 0 });
  });

  test('with a program that is not there is refused before anything is stored', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path, { grade: { command: 'no-such-program-here' } });
    const refused = await lastgoodHere(['run', 'suite.yaml', '--release', 'release.yaml'], { cwd: dir.path });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('there is no program "no-such-program-here"');
    expect((await lastgoodHere(['list'], { cwd: dir.path })).stdout).not.toMatch(/desk/);
  });
});

describe('an imported snapshot', () => {
  test('cannot start a program that no suite file of the working tree has', async () => {
    await using dir = await temporaryFolder();
    await project(dir.path, {
      grade: { command: ['node', '-e', "require('fs').writeFileSync('started','');console.log('true')"] },
    });
    const { id } = await run(dir.path);
    expect(existsSync(join(dir.path, 'started'))).toBe(true);

    await using victim = await temporaryFolder();
    await project(victim.path);
    await bring(id, dir.path, victim.path);
    const regraded = await lastgoodHere(['regrade', id, '--fresh'], { cwd: victim.path });
    expect(regraded.code).not.toBe(0);
    expect(regraded.stderr).toContain('GRADER_NOT_IN_TREE');
    expect(existsSync(join(victim.path, 'started'))).toBe(false);
  });
});
