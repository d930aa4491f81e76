// A git repository with a suite, a recorded release and a committed baseline, on a branch that breaks half of the answers.

import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { lastgoodHere, type Outcome, temporaryFolder } from '../cli/lastgood.ts';

const run = promisify(execFile);

export const CASES = 'suites/desk/cases.jsonl';
export const SUITE = 'suites/desk/suite.yaml';
export const ANSWERS = 'releases/answers.jsonl';
/** Enough that half of them still decide: none of the tricks is held by a lack of evidence alone. */
export const COUNT = 128;

export interface DeskCase {
  id: string;
  vars: Record<string, string>;
  grade: unknown[];
  critical?: boolean;
  'min-pass-rate'?: number;
}

export const caseId = (n: number): string => `ask-${String(n).padStart(3, '0')}`;

export const deskCases = (): DeskCase[] =>
  Array.from({ length: COUNT }, (_, n) => ({
    id: caseId(n),
    vars: { ask: `say word ${n}` },
    grade: [{ contains: `word ${n}.` }, ...(half(n) ? [{ javascript: { file: 'short.mjs' } }] : [])],
    ...(n < 3 ? { critical: true } : {}),
  }));

/** Recorded answers; `broken` ones say nothing of use. */
export const answers = (broken: (n: number) => boolean, more: readonly string[] = []): string =>
  `${[
    ...Array.from({ length: COUNT }, (_, n) =>
      JSON.stringify({ case_id: caseId(n), output: broken(n) ? 'Sorry?' : `The word ${n}.` }),
    ),
    ...more,
  ].join('\n')}\n`;

export const lines = (rows: readonly unknown[]): string =>
  `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;

export const suiteFile = (more = ''): string => `name: desk\ntrials: 1\ncases: [cases.jsonl]\n${more}`;

/** The second half of the cases fails. */
export const half = (n: number): boolean => n >= COUNT / 2;

export interface Desk {
  readonly path: string;
  git(...args: string[]): Promise<string>;
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  lastgood(...args: string[]): Promise<Outcome>;
  /** Commits everything on the branch, then checks it on a machine without a ledger. */
  check(...args: string[]): Promise<Outcome>;
  /** The path of the committed baseline. */
  baseline(): Promise<string>;
  [Symbol.asyncDispose](): Promise<void>;
}

const tools = (path: string) => {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: path }))
      .stdout;
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  };
  const lastgood = (...args: string[]): Promise<Outcome> => lastgoodHere(args, { cwd: path });
  return { git, write, lastgood };
};

export interface DeskTemplate {
  /** A copy of its own: `main` has suite, release and baseline; the current branch is `change`, where nothing is changed yet. */
  desk(): Promise<Desk>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes the repository once; its copies are cheap. */
export async function deskTemplate(): Promise<DeskTemplate> {
  const made = await temporaryFolder();
  const { git, write, lastgood } = tools(made.path);
  const must = async (...args: string[]): Promise<void> => {
    const outcome = await lastgood(...args);
    if (outcome.code !== 0) throw new Error(`lastgood ${args.join(' ')}: ${outcome.code} ${outcome.stderr}`);
  };
  await git('init', '--quiet', '--initial-branch=main');
  await write(SUITE, suiteFile());
  await write(CASES, lines(deskCases()));
  await write(
    'suites/desk/short.mjs',
    "import { LIMIT } from './limit.mjs';\nexport default ({ output }) => ({ score: output.length <= LIMIT ? 1 : 0, reason: 'length' });\n",
  );
  await write('suites/desk/limit.mjs', 'export const LIMIT = 40;\n');
  await write('releases/desk.yaml', 'name: desk\nroute: { provider: replay, file: answers.jsonl }\n');
  await write(
    ANSWERS,
    answers(() => false),
  );
  await write('.gitignore', 'snapshots/*.db*\nreport/\n');
  await must('run', 'desk', '--release', 'releases/desk.yaml', '--quiet', '--db', 'report/first.db');
  await must('export', 'latest', '--suite', 'desk', '--db', 'report/first.db');
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'desk');
  await git('switch', '--quiet', '--create', 'change');
  return {
    async desk() {
      const folder = await temporaryFolder();
      const { path } = folder;
      await cp(made.path, path, { recursive: true, filter: (file) => !file.endsWith('/report') });
      const own = tools(path);
      return {
        path,
        ...own,
        read: (file) => readFile(join(path, file), 'utf8'),
        async check(...args) {
          await own.git('add', '--all');
          await own.git('commit', '--quiet', '--allow-empty', '--message', 'the change');
          return own.lastgood('check', 'desk', '--release', 'releases/desk.yaml', '--quiet', ...args);
        },
        baseline: async () =>
          (await own.git('ls-files', 'snapshots/*.snapshot.jsonl')).trim().split('\n')[0] ?? '',
        [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
      };
    },
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
  };
}
