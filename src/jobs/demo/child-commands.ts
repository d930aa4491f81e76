// Runs lastgood itself in child processes: the commands of the demo are those that a person types.

import { type ChildProcess, spawn } from 'node:child_process';
import { LastgoodError } from '../../base/index.ts';

export interface ChildProgram {
  /** Program and first arguments that start lastgood. */
  readonly program: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Ends the child. */
  readonly signal: AbortSignal;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command prints as JSON. Throws `DEMO_COMMAND` for an exit code that is not expected. */
export async function runJson<T>(
  child: ChildProgram,
  args: readonly string[],
  expected: readonly number[] = [0],
): Promise<T> {
  const { code, stdout, stderr } = await run(child, [...args, '--json', '--quiet']);
  if (code !== null && expected.includes(code)) return JSON.parse(stdout) as T;
  throw failed(args, code, stderr);
}

function failed(args: readonly string[], code: number | null, stderr: string): LastgoodError {
  return new LastgoodError({
    code: 'DEMO_COMMAND',
    message: `the command "lastgood ${args.join(' ')}" of the demo ended with ${code === null ? 'a signal' : `exit code ${code}`}: ${stderr.trim().slice(0, 600)}`,
    hint: 'run it in the folder of the demo to see more',
    exitCode: 4,
  });
}

function run(child: ChildProgram, args: readonly string[]): Promise<Ended> {
  const { running, output } = start(child, args);
  return new Promise((done, fail) => {
    running.on('error', (error) => (child.signal.aborted ? done({ code: null, ...output }) : fail(error)));
    running.on('close', (code) => done({ code, ...output }));
  });
}

function start(
  { program: [node, ...first], cwd, environment, signal }: ChildProgram,
  args: readonly string[],
): { readonly running: ChildProcess; readonly output: { stdout: string; stderr: string } } {
  const output = { stdout: '', stderr: '' };
  const running = spawn(node, [...first, ...args], {
    ...{ cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGTERM' },
  });
  running.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  running.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return { running, output };
}

export interface ServedDemo {
  readonly url: string;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

/** `lastgood serve` on a free port, once it listens. Throws `DEMO_COMMAND`. */
export function serve(child: ChildProgram, args: readonly string[]): Promise<ServedDemo> {
  const all = ['serve', '--port', '0', ...args, '--json', '--quiet'];
  const { running, output } = start(child, all);
  return new Promise((done, fail) => {
    const ended = new Promise<void>((resolve) => {
      running.on('error', () => {});
      running.on('close', (code) => {
        fail(failed(all, code, output.stderr));
        resolve();
      });
    });
    running.stdout?.on('data', () => {
      const url = urlOf(output.stdout);
      if (url === null) return;
      done({
        url,
        stop() {
          running.kill('SIGTERM');
          return ended;
        },
      });
    });
  });
}

/** Null until the document is complete. */
function urlOf(text: string): string | null {
  try {
    return (JSON.parse(text) as { readonly url: string }).url;
  } catch {
    return null;
  }
}
