// A small project as an attacker finds it: a suite, a good and a bad release from recordings, a blessed baseline, and a shell.

import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';

export const BIN = join(ROOT, 'bin/lastgood.js');

export interface Project {
  readonly path: string;
  write(file: string, text: string): Promise<void>;
  /** `lastgood ARGS` in this process. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** A line of bash in the project's folder; `$LASTGOOD` starts the command line. */
  shell(line: string, env?: Readonly<Record<string, string>>): Promise<Outcome>;
  [Symbol.asyncDispose](): Promise<void>;
}

const CASES = 60;
const rows = (row: (i: number) => object): string =>
  `${Array.from({ length: CASES }, (_, i) => JSON.stringify(row(i))).join('\n')}\n`;

/** An empty folder that is a project. */
export async function emptyProject(): Promise<Project> {
  const folder = await temporaryFolder();
  const { path } = folder;
  return {
    path,
    async write(file, text) {
      await mkdir(dirname(join(path, file)), { recursive: true });
      await writeFile(join(path, file), text);
    },
    run: (args, env) => lastgoodHere(args, { cwd: path, ...(env === undefined ? {} : { env }) }),
    shell: (line, env = {}) =>
      new Promise((done, fail) => {
        const child = spawn('bash', ['-c', line], {
          cwd: path,
          env: {
            PATH: process.env['PATH'] ?? '',
            HOME: process.env['HOME'] ?? '',
            NODE: process.execPath,
            LASTGOOD: `${process.execPath} ${BIN}`,
            ...env,
          },
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let stdout = '';
        let stderr = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          stdout += text;
        });
        child.stderr.setEncoding('utf8').on('data', (text: string) => {
          stderr += text;
        });
        child.on('error', fail);
        child.on('close', (code) => done({ code, stdout, stderr }));
      }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** `releases/good.yaml` is blessed; `releases/bad.yaml` fails most cases. */
export async function project(): Promise<Project> {
  const made = await emptyProject();
  await made.write('suites/echo/suite.yaml', 'name: echo\ntrials: 1\ncases: [cases.jsonl]\n');
  await made.write(
    'suites/echo/cases.jsonl',
    rows((i) => ({ id: `case-${i}`, vars: { n: `${i}` }, grade: [{ contains: `number ${i}.` }] })),
  );
  for (const [name, says] of [
    ['good', (i: number) => `It is number ${i}.`],
    ['bad', (i: number) => `I cannot say. ${'x'.repeat(400)} ${i}`],
  ] as const) {
    await made.write(
      `releases/${name}.yaml`,
      `name: ${name}\nroute: { provider: replay, file: ${name}.jsonl }\n`,
    );
    await made.write(
      `releases/${name}.jsonl`,
      rows((i) => ({ case_id: `case-${i}`, output: says(i) })),
    );
  }
  for (const args of [
    ['run', 'suites/echo', '--release', 'releases/good.yaml', '--quiet'],
    ['bless', 'latest', '--by', 'Ada', '--why', 'checked'],
  ]) {
    const outcome = await made.run(args);
    if (outcome.code !== 0) throw new Error(`lastgood ${args.join(' ')}: ${outcome.stderr}`);
  }
  return made;
}
