// A file of the project names only files of the project: no path, link or pattern leads out of the working tree.

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../cli/lastgood.ts';
import { emptyProject, type Project } from './world.ts';

const CASE = '{"id":"a","vars":{"x":"1"},"grade":[{"contains":"x"}]}\n';

/** The project, and beside it a folder that is none of its business. */
async function desk(secret: string): Promise<Project> {
  const made = await emptyProject();
  await made.write('suites/s/suite.yaml', 'name: s\ntrials: 1\ncases: [cases.jsonl]\n');
  await made.write('suites/s/cases.jsonl', CASE);
  await made.write('releases/r.yaml', 'name: r\nroute: { provider: replay, file: r.jsonl }\n');
  await made.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  await mkdir(join(made.path, '.git'));
  await symlink(secret, join(made.path, 'suites/s/link.jsonl'));
  await symlink(dirname(secret), join(made.path, 'suites/s/folder'));
  return made;
}

test('paths that leave the working tree are refused wherever a file can be named, and read with --allow-outside', async () => {
  await using beside = await temporaryFolder();
  const secret = join(beside.path, 'secret.jsonl');
  await writeFile(secret, CASE);
  await writeFile(join(beside.path, 'prompt.md'), 'a secret prompt');
  await writeFile(join(beside.path, 'schema.json'), '{}');
  await writeFile(
    join(beside.path, 'judge.yaml'),
    'name: j\nroute: { provider: replay, file: secret.jsonl }\n',
  );
  await writeFile(join(beside.path, 'grader.mjs'), 'export default () => true;\n');
  await writeFile(join(beside.path, 'tools.json'), '[]');
  const out = beside.path;
  const up = `../../../${out.split('/').at(-1)}`;
  const suites: readonly string[] = [
    `cases: [${secret}]`,
    `cases: [${up}/secret.jsonl]`,
    `cases: [link.jsonl]`,
    `cases: [folder/secret.jsonl]`,
    `cases: ["${out}/*.jsonl"]`,
    `cases: ["${up}/*.jsonl"]`,
    `cases: ["folder/*.jsonl"]`,
    `cases: [{ file: ${secret}, map: { id: id } }]`,
    `cases: [{ id: a, vars: {}, grade: [{ json-schema: { schema: ${up}/schema.json } }] }]`,
    `cases: [{ id: a, vars: {}, grade: [{ javascript: ${out}/grader.mjs }] }]`,
    `cases: [{ id: a, vars: {}, grade: [{ command: { run: [cat], cwd: "${out}" } }] }]`,
    `cases: [{ id: a, vars: {}, grade: [{ command: "node ${up}/grader.mjs" }] }]`,
    `judge: ${out}/judge.yaml\ncases: [{ id: a, vars: {}, grade: [{ rubric: ["Is it kind?"] }] }]`,
  ];
  const releases: readonly string[] = [
    `route: { provider: replay, file: ${secret} }`,
    `route: { provider: replay, file: ../suites/s/link.jsonl }`,
    `route: { provider: replay, file: r.jsonl }\nprompt: { system: { file: ${out}/prompt.md } }`,
    `route: { provider: replay, file: r.jsonl }\nprompt: { messages: [{ role: user, content: { file: ../../${out.split('/').at(-1)}/prompt.md } }] }`,
    `route: { provider: replay, file: r.jsonl }\ntools: { definitions: { file: ${out}/tools.json } }`,
    `route: { provider: replay, file: r.jsonl }\noutput: { schema: { file: ${out}/schema.json } }`,
    `route: { provider: command, command: [cat], cwd: ${out} }`,
    `route: { provider: command, command: [node, ../../${out.split('/').at(-1)}/grader.mjs] }`,
  ];
  await using project = await desk(secret);
  for (const [file, texts] of [
    ['suites/s/suite.yaml', suites.map((s) => `name: s\ntrials: 1\n${s}\n`)],
    ['releases/r.yaml', releases.map((r) => `name: r\n${r}\n`)],
  ] as const)
    for (const text of texts) {
      await project.write(file, text);
      for (const flags of [[], ['--untrusted', '--allow-outside']]) {
        const refused = await project.run(['validate', file, ...flags]);
        expect([text, refused.code, refused.stdout]).toEqual([
          text,
          2,
          expect.stringMatching(/PATH_OUTSIDE/),
        ]);
        expect(refused.stdout).not.toContain('a secret prompt');
      }
      const allowed = await project.run(['validate', file, '--allow-outside']);
      expect([text, allowed.stdout]).toEqual([text, expect.not.stringContaining('PATH_OUTSIDE')]);
    }
});

test('files inside the tree are read through `..` and links, from every folder of it', async () => {
  await using beside = await temporaryFolder();
  await using project = await desk(join(beside.path, 'none'));
  await project.write('shared/cases.jsonl', CASE);
  await symlink('../../shared/cases.jsonl', join(project.path, 'suites/s/inside.jsonl'));
  await project.write('suites/s/suite.yaml', 'name: s\ntrials: 1\ncases: [../../shared/cases.jsonl]\n');
  expect((await project.run(['validate', 'suites/s/suite.yaml'])).code).toBe(0);
  await project.write('suites/s/suite.yaml', 'name: s\ntrials: 1\ncases: [inside.jsonl]\n');
  expect((await project.run(['validate', 'suites/s/suite.yaml'])).code).toBe(0);
  expect((await project.shell('cd suites && $LASTGOOD validate s/suite.yaml --untrusted')).code).toBe(0);
});

test('a check of a stranger reads what the exam of the merge base names, and runs none of its code', async () => {
  await using project = await emptyProject();
  await project.write('shared/cases.jsonl', CASE);
  await project.write('suites/s/suite.yaml', 'name: s\ntrials: 1\ncases: [../../shared/cases.jsonl]\n');
  await project.write('lastgood.yaml', 'suite: suites/s\ndb: ledger/own.db\n');
  await project.write('.gitignore', 'ledger\nsnapshots\n');
  await project.write('releases/r.yaml', 'name: r\nroute: { provider: replay, file: r.jsonl }\n');
  await project.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  const git = 'git -c user.name=Ada -c user.email=ada@example.org';
  const commit = `${git} add -A && ${git} commit -qm more`;
  await project.shell(`git init -q -b main && ${commit} && git checkout -q -b change`);
  const check = ['check', 'suites/s', '--release', 'releases/r.yaml', '--exam', 'main', '--untrusted'];
  const read = await project.run(check);
  expect(`${read.stdout}${read.stderr}`).toContain('exam of the merge base');
  expect(`${read.stdout}${read.stderr}`).not.toMatch(/PATH_OUTSIDE|EXAM_UNREADABLE/);
  await project.write('suites/s/mark.mjs', 'export default () => true;\n');
  await project.write(
    'suites/s/suite.yaml',
    'name: s\ntrials: 1\ncases: [{ id: a, vars: {}, grade: [{ javascript: mark.mjs }] }]\n',
  );
  await project.shell(`git checkout -q main && ${commit} && git checkout -q -b other`);
  const refused = await project.run(check);
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('--untrusted refuses')]);
});

test('a stranger cannot put the ledger, the prices or a redaction module outside', async () => {
  await using beside = await temporaryFolder();
  await using project = await desk(join(beside.path, 'none'));
  await writeFile(join(beside.path, 'redact.mjs'), 'export default (t) => t;\n');
  const run = ['run', 'suites/s', '--release', 'releases/r.yaml'];
  for (const line of [`db: ${beside.path}/lastgood.db`, `prices: ${beside.path}/prices.yaml`]) {
    await project.write('lastgood.yaml', `${line}\n`);
    const refused = await project.run([...run, '--untrusted']);
    expect([line, refused.code, refused.stderr]).toEqual([line, 2, expect.stringContaining('PATH_OUTSIDE')]);
  }
  await project.write('lastgood.yaml', `redact: [{ module: ${beside.path}/redact.mjs }]\n`);
  const redact = await project.run(run);
  expect([redact.code, redact.stderr]).toEqual([2, expect.stringContaining('PATH_OUTSIDE')]);
  expect((await project.run([...run, '--allow-outside'])).code).toBe(0);
});
