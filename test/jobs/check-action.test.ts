// The GitHub Action: its rules checked in the file, its scripts run by a real shell on a real repository.

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../cli/lastgood.ts';

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Readonly<Record<string, string>>;
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly default?: string; readonly required?: boolean }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

const text = await readFile(join(ROOT, 'action.yml'), 'utf8');
const action = parse(text) as Action;
const { steps } = action.runs;
const step = (id: string): Step => steps.find((s) => s.id === id) ?? {};

test('every script has a shell and takes no expression; every action it uses is fixed', () => {
  expect(action.runs.using).toBe('composite');
  for (const s of steps) {
    if (s.run !== undefined) {
      expect(s.shell).toBe('bash');
      expect(s.run).not.toContain('${{');
    }
    if (s.uses !== undefined) expect(s.uses).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
  }
});

test('every input is used, every output comes from a step, and the version that is pinned is the one of this package', async () => {
  for (const name of Object.keys(action.inputs)) expect(text).toContain(`inputs.${name}`);
  for (const { value } of Object.values(action.outputs)) {
    const id = /^\$\{\{ steps\.([\w-]+)\.outputs\.[\w-]+ \}\}$/.exec(value)?.[1];
    expect(steps.map((s) => s.id)).toContain(id);
  }
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(action.inputs['version']?.default).toBe('');
  expect(step('check').run?.match(/lastgood@[\d.]+/g)).toEqual([`lastgood@${version}`]);
});

let world: string;
beforeAll(async () => {
  world = await mkdtemp(join(tmpdir(), 'lastgood-action-'));
  await mkdir(join(world, 'bin'));
  const tool = async (name: string, script: string): Promise<void> => {
    await writeFile(join(world, 'bin', name), `#!/usr/bin/env bash\n${script}\n`);
    await chmod(join(world, 'bin', name), 0o755);
  };
  // Stands in for the registry: the same arguments reach this source tree.
  await tool(
    'npx',
    `printf '%s\\n' "$@" > "$WORLD/npx.txt"; shift 2; exec "${process.execPath}" "${join(ROOT, 'bin/lastgood.js')}" "$@"`,
  );
  await tool(
    'gh',
    `printf '%s\\n' "$*" >> "$WORLD/gh.txt"; case "$*" in *--paginate*) printf '%s' "$KNOWN";; esac`,
  );
  await mkdir(join(world, 'suite'));
  await writeFile(
    join(world, 'suite/suite.yaml'),
    'name: small-talk\ncases:\n  - { id: greeting, vars: {}, grade: [{ contains: hello }] }\n',
  );
  await writeFile(
    join(world, 'suite/release.yaml'),
    'name: small-talk\nroute: { provider: replay, file: answers.jsonl }\n',
  );
  await writeFile(join(world, 'suite/answers.jsonl'), '{"case_id":"greeting","output":"hello"}\n');
});
afterAll(() => rm(world, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a step's script with the action's defaults and these inputs. */
function runStep(id: string, given: Readonly<Record<string, string>>): Promise<Ran> {
  const env: Record<string, string> = {};
  for (const [variable, value] of Object.entries(step(id).env ?? {})) {
    const input = /^\$\{\{ inputs\.([\w-]+) \}\}$/.exec(value)?.[1];
    env[variable] = input === undefined ? '' : (action.inputs[input]?.default ?? '');
  }
  return new Promise((done) => {
    execFile(
      'bash',
      ['-e', '-c', step(id).run ?? ''],
      {
        cwd: world,
        env: {
          PATH: `${join(world, 'bin')}:${process.env['PATH'] ?? ''}`,
          HOME: world,
          WORLD: world,
          GITHUB_OUTPUT: join(world, 'output.txt'),
          GITHUB_STEP_SUMMARY: join(world, 'summary.md'),
          ...env,
          ...given,
        },
      },
      (error, stdout, stderr) => done({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test('the check step passes its inputs as single arguments, keeps the exit code for later and writes the reports', async () => {
  await rm(join(world, 'output.txt'), { force: true });
  const ran = await runStep('check', {
    IN_SUITES: 'suite\n  suite=suite/release.yaml',
    IN_RELEASE: 'suite/release.yaml',
    IN_SNAPSHOTS: '',
    IN_OFFLINE_OK: 'true',
  });
  expect(ran).toMatchObject({ code: 0 });
  const args = (await readFile(join(world, 'npx.txt'), 'utf8')).trim().split('\n');
  expect(args.slice(0, 5)).toEqual(['--yes', 'lastgood@0.1.0', 'check', 'suite', 'suite=suite/release.yaml']);
  expect(args).toContain('--release=suite/release.yaml');
  expect(args).toContain('--offline-ok');
  const outputs = await readFile(join(world, 'output.txt'), 'utf8');
  expect(outputs).toContain('verdict=no-baseline\n');
  expect(outputs).toContain('exit-code=3\n');
  expect(outputs).toContain('report-dir=./lastgood-report\n');
  for (const file of ['comment.md', 'junit.xml', 'check.json', 'report.html'])
    expect((await readFile(join(world, 'lastgood-report', file), 'utf8')).length).toBeGreaterThan(50);
});

test('a pull request from a fork is untrusted, one of the repository itself is not, and an input decides otherwise', async () => {
  const own = {
    IN_SUITES: 'suite',
    IN_RELEASE: 'suite/release.yaml',
    PULL_REQUEST: '7',
    REPOSITORY: 'tarn/heather',
  };
  for (const [given, untrusted] of [
    [{ HEAD_REPOSITORY: 'stranger/heather' }, true],
    [{ HEAD_REPOSITORY: '' }, true],
    [{ HEAD_REPOSITORY: 'tarn/heather' }, false],
    [{ HEAD_REPOSITORY: '', PULL_REQUEST: '' }, false],
    [{ HEAD_REPOSITORY: 'stranger/heather', IN_UNTRUSTED: 'false' }, false],
    [{ HEAD_REPOSITORY: 'tarn/heather', IN_UNTRUSTED: 'true' }, true],
  ] as const) {
    expect((await runStep('check', { ...own, ...given })).code).toBe(0);
    const args = (await readFile(join(world, 'npx.txt'), 'utf8')).trim().split('\n');
    expect([given, args.includes('--untrusted')]).toEqual([given, untrusted]);
  }
  expect((await runStep('check', { ...own, IN_UNTRUSTED: 'maybe' })).code).toBe(2);
});

test('a comment that was there before the check is never posted', async () => {
  await mkdir(join(world, 'lastgood-report'), { recursive: true });
  await writeFile(
    join(world, 'lastgood-report/comment.md'),
    '<!-- lastgood:check-small-talk -->\n## all is well\n',
  );
  expect(
    (await runStep('check', { IN_SUITES: 'no-such-suite', IN_RELEASE: 'suite/release.yaml' })).code,
  ).toBe(0);
  await rm(join(world, 'gh.txt'), { force: true });
  const posted = await runStep('comment', {
    GH_TOKEN: 'none',
    REPOSITORY: 'tarn/heather',
    PULL_REQUEST: '7',
    REPORT_DIR: './lastgood-report',
  });
  expect(posted.code).toBe(0);
  await expect(readFile(join(world, 'gh.txt'))).rejects.toThrow();
});

test("the project's own version runs where one is installed, another where it is asked for", async () => {
  const bin = join(world, 'node_modules/.bin');
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, 'lastgood'), '');
  try {
    const ran = async (given: Readonly<Record<string, string>>): Promise<string[]> => {
      await runStep('check', { IN_SUITES: 'suite', IN_RELEASE: 'suite/release.yaml', ...given });
      return (await readFile(join(world, 'npx.txt'), 'utf8')).split('\n').slice(0, 2);
    };
    expect(await ran({})).toEqual(['--no', 'lastgood']);
    expect(await ran({ IN_VERSION: '0.2.7' })).toEqual(['--yes', 'lastgood@0.2.7']);
    // What a stranger's files install is their code.
    expect(await ran({ IN_UNTRUSTED: 'true' })).toEqual(['--yes', expect.stringMatching(/^lastgood@/)]);
  } finally {
    await rm(join(world, 'node_modules'), { recursive: true });
  }
});

test('an input that looks like a command stays an argument', async () => {
  const evil = '$(touch owned) `touch owned` "; touch owned; "';
  const ran = await runStep('check', { IN_SUITES: 'suite', IN_RELEASE: evil, IN_CHANGED: '' });
  expect(ran.code).toBe(0);
  expect(await readFile(join(world, 'npx.txt'), 'utf8')).toContain(`--release=${evil}\n`);
  await expect(readFile(join(world, 'owned'))).rejects.toThrow();
  expect(await readFile(join(world, 'output.txt'), 'utf8')).toContain('exit-code=2\n');
});

test('the comment is updated where it is there, made where it is not', async () => {
  await mkdir(join(world, 'lastgood-report'), { recursive: true });
  await writeFile(
    join(world, 'lastgood-report/comment.md'),
    '<!-- lastgood:check-small-talk -->\n## all is well\n',
  );
  const given = {
    GH_TOKEN: 'none',
    REPOSITORY: 'tarn/heather',
    PULL_REQUEST: '7',
    REPORT_DIR: './lastgood-report',
  };
  for (const [known, call] of [
    ['', '--method POST repos/tarn/heather/issues/7/comments'],
    ['4411', '--method PATCH repos/tarn/heather/issues/comments/4411'],
  ] as const) {
    await rm(join(world, 'gh.txt'), { force: true });
    expect((await runStep('comment', { ...given, KNOWN: known })).code).toBe(0);
    expect(await readFile(join(world, 'gh.txt'), 'utf8')).toContain(call);
  }
});

test('the last step ends as the check did; "could not tell" is let pass only when asked', async () => {
  for (const code of [0, 1, 2, 3, 4])
    expect((await runStep('verdict', { CODE: String(code) })).code).toBe(code);
  expect((await runStep('verdict', { CODE: '' })).code).toBe(4);
  expect((await runStep('verdict', { CODE: '3', FAIL_ON: 'regression' })).code).toBe(0);
  expect((await runStep('verdict', { CODE: '1', FAIL_ON: 'regression' })).code).toBe(1);
});
