// A project with lastgood and vitest installed, and vitest as its own child process.

import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');

export interface Project extends AsyncDisposable {
  readonly path: string;
  write(file: string, text: string): Promise<void>;
  /** `vitest ARGS` until it ends. */
  vitest(args: readonly string[], env?: Record<string, string>): Promise<Outcome>;
  lastgood(...args: string[]): Promise<Outcome>;
}

export const CASES = ['refund-angry', 'refund-late', 'refund-twice'] as const;

/** Recorded answers: `wrong` names the cases whose answer names no refund. */
export function recording(wrong: readonly string[] = []): string {
  return CASES.flatMap((id) =>
    [0, 1, 2].map((trial) => {
      const output = wrong.includes(id) ? `We cannot help.\u001b[31m ${trial}` : 'Your refund is on its way.';
      return `${JSON.stringify({ case_id: id, trial, output })}\n`;
    }),
  ).join('');
}

export const release = (name: string, file = `../recorded/${name}.jsonl`): string =>
  `name: ${name}\nroute: { provider: replay, file: ${file} }\n`;

/** The built package beside the vitest of this clone, a suite of three cases and two recorded releases. */
export async function vitestProject(): Promise<Project> {
  const folder = await temporaryFolder();
  const at = (path: string): string => join(folder.path, path);
  const home = at('node_modules/lastgood');
  await mkdir(home, { recursive: true });
  await promisify(execFile)(process.execPath, [join(ROOT, 'bin/build.js'), '--out', join(home, 'dist')]);
  await cp(join(ROOT, 'package.json'), join(home, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  await symlink(join(ROOT, 'node_modules/vitest'), at('node_modules/vitest'));
  const write = async (file: string, text: string): Promise<void> => {
    await mkdir(dirname(at(file)), { recursive: true });
    await writeFile(at(file), text);
  };
  await write('package.json', '{ "type": "module" }');
  await write('lastgood.yaml', 'suite: suites/refunds/suite.yaml\n');
  await write(
    'suites/refunds/suite.yaml',
    'name: refunds\ntrials: 3\ncases: [cases.jsonl]\ndefaults: { grade: [{ contains: refund }, { max-length: 200 }] }\npolicy: { margin: 0.3 }\n',
  );
  await write(
    'suites/refunds/cases.jsonl',
    CASES.map(
      (id) => `${JSON.stringify({ id, vars: { ticket: `Ticket ${id}, please.` }, expected: 'refund' })}\n`,
    ).join(''),
  );
  await write('recorded/good.jsonl', recording());
  await write('recorded/bad.jsonl', recording(['refund-late']));
  await write('releases/good.yaml', release('good'));
  await write('releases/bad.yaml', release('bad'));
  return {
    path: folder.path,
    write,
    lastgood: (...args) => lastgoodHere(args, { cwd: folder.path }),
    vitest: (args, env) => start(folder.path, ['run', ...args], env).ended,
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A vitest that may go on, as in watch mode; `seen` resolves with its output once that fits, and begins anew. */
export function start(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): { readonly ended: Promise<Outcome>; seen(text: RegExp): Promise<string>; stop(): void } {
  const child = spawn(process.execPath, [VITEST, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const waiting = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Outcome>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
  return {
    ended,
    seen: (text) =>
      Promise.race([
        new Promise<string>((done) => {
          const look = (): void => {
            if (!text.test(stdout)) return;
            waiting.delete(look);
            const until = stdout;
            stdout = '';
            done(until);
          };
          waiting.add(look);
          look();
        }),
        ended.then(({ code }) => {
          throw new Error(`vitest ended with ${code}: ${stdout}\n${stderr}`);
        }),
      ]),
    stop: () => void child.kill('SIGINT'),
  };
}
