// A real git repository for tests of `lastgood check`: two suites, each with a release of its own, and committed baselines.

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parseScenario, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const run = promisify(execFile);
const SUITE = join(ROOT, 'suites/support-triage');

export const TRIAGE = 'suites/support-triage=suites/support-triage/releases/triage.yaml';
export const NOTES = 'suites/release-notes=releases/notes.yaml';

/** What stands in the repository besides the shipped support-triage suite. */
const NOTES_FILES: Readonly<Record<string, string>> = {
  'suites/release-notes/suite.yaml': `name: release-notes
trials: 1
cases: [cases.jsonl]
`,
  'suites/release-notes/cases.jsonl': `${Array.from({ length: 120 }, (_, i) =>
    JSON.stringify({
      id: `change-${i + 1}`,
      vars: { change: `change number ${i + 1}` },
      grade: [{ contains: `number ${i + 1}` }, { 'max-length': 200 }],
    }),
  ).join('\n')}\n`,
  'releases/notes.yaml': `name: notes
route: { provider: replay, file: notes.jsonl }
`,
  'releases/notes.jsonl': `${Array.from({ length: 120 }, (_, i) =>
    JSON.stringify({ case_id: `change-${i + 1}`, output: `Adds change number ${i + 1}.` }),
  ).join('\n')}\n`,
  '.gitignore': 'snapshots/*.db*\n',
};

export interface Repository {
  readonly path: string;
  readonly simulator: Simulator;
  /** Environment of a machine with keys. */
  readonly keys: Readonly<Record<string, string>>;
  git(...args: string[]): Promise<string>;
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  /** The work tree as it was committed, and no ledger: the next check runs on a fresh machine. */
  reset(): Promise<void>;
  /** `lastgood check ARGS` here. */
  check(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Runs both suites, exports their snapshots and commits everything on `main`. */
export async function repository(): Promise<Repository> {
  const folder = await temporaryFolder();
  const { path } = folder;
  const simulator = await startSimulator({
    scenario: parseScenario(await readFile(join(SUITE, 'scenario.yaml'), 'utf8')),
  });
  const keys = {
    LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
    LASTGOOD_SIM_ANTHROPIC_URL: simulator.anthropicBaseUrl,
    OPENAI_API_KEY: 'none-needed-for-the-simulator',
  };
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: path }))
      .stdout;
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  };
  const must = async (...args: string[]): Promise<void> => {
    const outcome = await lastgoodHere(args, { cwd: path, env: keys });
    if (outcome.code !== 0)
      throw new Error(`lastgood ${args.join(' ')} ended with ${outcome.code}: ${outcome.stderr}`);
  };

  await git('init', '--quiet', '--initial-branch=main');
  await cp(SUITE, join(path, 'suites/support-triage'), { recursive: true });
  for (const [file, text] of Object.entries(NOTES_FILES)) await write(file, text);
  const triage = ['suites/support-triage', '--release', 'suites/support-triage/releases/triage.yaml'];
  await must('run', ...triage, '--trials', '8', '--quiet');
  await must('run', ...triage, '--trials', '8', '--quiet');
  await must('run', 'suites/release-notes', '--release', 'releases/notes.yaml', '--quiet');
  await must('export', 'latest', 'latest~1', '--suite', 'support-triage');
  await must('export', 'latest', '--suite', 'release-notes');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'suites, releases and their baselines');
  await git('switch', '--quiet', '--create', 'change');

  const reset = async (): Promise<void> => {
    await git('reset', '--quiet', '--hard', 'main');
    await git('clean', '--quiet', '-d', '--force');
    for (const file of ['lastgood.db', 'lastgood.db-wal', 'lastgood.db-shm'])
      await rm(join(path, 'snapshots', file), { force: true });
    simulator.reset();
  };
  await reset();
  return {
    path,
    simulator,
    keys,
    git,
    write,
    read: (file) => readFile(join(path, file), 'utf8'),
    reset,
    check: (args, env = keys) => lastgoodHere(['check', ...args], { cwd: path, env }),
    async [Symbol.asyncDispose]() {
      await simulator.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
