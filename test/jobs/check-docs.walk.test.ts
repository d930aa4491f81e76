// The pages a reader copies from: every command in them is run here, every snippet is read, every printed label is explained.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { json, lastgoodHere, type Outcome, ROOT } from '../cli/lastgood.ts';
import { type Repository, repository } from './check-repository.ts';

const page = (name: string): Promise<string> => readFile(join(ROOT, 'docs', name), 'utf8');

/** Blocks of one language. */
function blocks(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    (m) => m[1] ?? '',
  );
}

/** A command line as a shell would split it; the pages use double quotes only. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
}

let repo: Repository;
beforeAll(async () => {
  repo = await repository();
  // As a clone has it.
  await repo.git('update-ref', 'refs/remotes/origin/main', 'main');
});
afterAll(() => repo[Symbol.asyncDispose]());

async function run(line: string): Promise<Outcome> {
  const [program, ...args] = words(line);
  if (program === 'git') {
    await repo.git(...args);
    return { code: 0, stdout: '', stderr: '' };
  }
  expect(program).toBe('lastgood');
  return lastgoodHere(args, { cwd: repo.path, env: repo.keys });
}

test('the commands of pre-merge.md, json.md and reports.md run as they stand', async () => {
  const commands: string[] = [];
  for (const name of ['pre-merge.md', 'json.md', 'reports.md'])
    commands.push(...blocks(await page(name), 'sh').flatMap((b) => b.trim().split('\n')));
  expect(commands.length).toBeGreaterThan(12);
  const files = (await repo.git('ls-files', 'snapshots')).trim().split('\n');
  await lastgoodHere(['import', ...files], { cwd: repo.path });
  for (const command of commands) {
    const { code, stderr } = await run(command);
    // Whether two runs differ is the simulator's business; that the command does its work is ours.
    expect([0, 1, 3], `${command}\n${stderr}`).toContain(code);
  }
  for (const file of [
    'report/comment.md',
    'report/junit.xml',
    'report/quality.json',
    'report/check.json',
    'check.json',
  ])
    expect((await repo.read(file)).length).toBeGreaterThan(2);
});

test('real JSON of check and diff fits the schemas in schema/, and they hold no field that the schema does not name', async () => {
  const ajv = addFormats.default(new Ajv({ strict: false, allErrors: true }));
  const schema = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(ROOT, 'schema', name), 'utf8')) as Record<string, unknown>;
  for (const [name, outcome] of [
    [
      'check.schema.json',
      await run(
        'lastgood check support-triage --release suites/support-triage/releases/triage-generous.yaml --tier smoke --json',
      ),
    ],
    [
      'check.schema.json',
      await run('lastgood check release-notes --release releases/notes.yaml --json --changed origin/main'),
    ],
    ['comparison.schema.json', await run('lastgood diff latest~1 latest --suite support-triage --json')],
  ] as const) {
    const open = await schema(name);
    const value = json(outcome);
    const validate = ajv.compile(open);
    validate(value);
    expect(validate.errors, name).toBeNull();
    const strict = ajv.compile(closed(open) as Record<string, unknown>);
    strict(value);
    expect(strict.errors, name).toBeNull();
  }
});

/** The same schema, with unknown fields refused wherever fields are named. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const out = Object.fromEntries(Object.entries(schema).map(([k, v]) => [k, closed(v)]));
  return 'properties' in out && !('additionalProperties' in out)
    ? { ...out, additionalProperties: false }
    : out;
}

test('every label that run and check print, short or long, is explained', async () => {
  const explained = `${await page('reports.md')}\n${await page('statistics.md')}`;
  const outputs = [
    await run(
      'lastgood run support-triage --release suites/support-triage/releases/triage-generous.yaml --trials 2 --verbose',
    ),
    await run('lastgood check support-triage --release suites/support-triage/releases/triage-generous.yaml'),
    await lastgoodHere(
      ['check', 'support-triage', '--release', 'suites/support-triage/releases/triage.yaml'],
      {
        cwd: repo.path,
      },
    ),
  ];
  const labels = new Set<string>();
  for (const { stdout } of outputs)
    for (const line of stdout.split('\n')) {
      const label = /^ {0,4}((?:layers |served |offline )?[A-Za-z][a-z]+)(?: cases \(\d+\))?:(?= |$)/.exec(
        line,
      )?.[1];
      if (label !== undefined) labels.add(`${label}:`);
      const section = /^(?!CHECK )([A-Z][A-Za-z ,]+?)(?: \(.*\))?$/.exec(line)?.[1];
      if (section !== undefined) labels.add(section);
    }
  for (const expected of [
    'rule:',
    'Gate:',
    'Coverage:',
    'Method:',
    'next:',
    'Attribution',
    'Regressed cases',
    'CHECK FAIL',
  ])
    expect([...labels, ...outputs.map((o) => o.stdout.slice(0, 10))]).toContain(expected);
  expect([...labels].filter((label) => !explained.includes(label))).toEqual([]);
});

test('the YAML snippets are read; they call this action with inputs it has, and the tool with options it has', async () => {
  const snippets = blocks(await page('pre-merge.md'), 'yaml');
  expect(snippets).toHaveLength(3);
  const action = parse(await readFile(join(ROOT, 'action.yml'), 'utf8')) as {
    inputs: Record<string, unknown>;
  };
  const cli = await page('cli.md');
  const check = cli.slice(cli.indexOf('## lastgood check'));
  const github = parse(snippets[0] ?? '') as {
    jobs: { check: { steps: { uses: string; with: Record<string, string> }[] } };
  };
  const step = github.jobs.check.steps.find((s) => s.uses.includes('lastgood'));
  for (const input of Object.keys(step?.with ?? {})) expect(action.inputs).toHaveProperty([input]);
  const comment = parse(snippets[1] ?? '') as { permissions: Record<string, string> };
  expect(comment.permissions).toEqual({ actions: 'read', 'pull-requests': 'write' });
  // Scripts take what a stranger can name through the environment only.
  const scripts = [...(snippets[1] ?? '').matchAll(/run: \|\n([\s\S]*)$/g)].map((m) => m[1] ?? '');
  expect(scripts).toHaveLength(1);
  for (const script of scripts) expect(script).not.toContain('${{');
  const gitlab = (parse(snippets[2] ?? '') as { lastgood: { script: string[] } }).lastgood.script.join(' ');
  const options = [...gitlab.matchAll(/ (--[a-z-]+)/g)].map((m) => m[1] ?? '').filter((o) => o !== '--yes');
  expect(options.length).toBeGreaterThan(4);
  for (const option of options) expect(check).toContain(`${option} <`);
});
