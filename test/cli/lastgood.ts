// The real command line, as a child process or in this one.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { main } from '../../src/cli/main.ts';

export const ROOT = resolve(import.meta.dirname, '../..');
const BIN = join(ROOT, 'bin/lastgood.js');

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SpawnSettings {
  readonly cwd?: string;
  /** The program to run; this clone's when not given. */
  readonly bin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the child, e.g. to interrupt it. */
  readonly onStart?: (pid: number, output: { stdout: () => string; stderr: () => string }) => void;
}

const environment = (given: SpawnSettings['env']): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  ...given,
});

/** Runs `lastgood ARGS` and waits for its end. The environment holds nothing but PATH, HOME and what is given. */
export function lastgood(args: readonly string[], settings: SpawnSettings = {}): Promise<Outcome> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [settings.bin ?? BIN, ...args], {
      cwd: settings.cwd ?? ROOT,
      env: environment(settings.env),
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
    if (child.pid !== undefined)
      settings.onStart?.(child.pid, { stdout: () => stdout, stderr: () => stderr });
  });
}

/**
 * The same `main`, given the same words, without a process of its own: a second less for each command. For tests that run
 * many; what only a process has (signals, its exit, `.env`, what it loads and leaves open) needs `lastgood`.
 */
export async function lastgoodHere(
  args: readonly string[],
  settings: Pick<SpawnSettings, 'cwd' | 'env'> = {},
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  let clearLive = (): void => {};
  const { signal } = new AbortController();
  const code = await main(args, {
    out: (text) => {
      clearLive();
      stdout += text;
    },
    err: (text) => {
      stderr += text;
    },
    beforeOut: (clear) => {
      clearLive = clear;
    },
    outIsTty: false,
    errIsTty: false,
    environment: environment(settings.env),
    cwd: settings.cwd ?? ROOT,
    sharesProcess: true,
    nodeVersion: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    signal,
    hardSignal: signal,
  });
  return { code, stdout, stderr };
}

/** The parsed JSON a command printed; its stderr is in the error when it printed none. */
export function json<T = Record<string, never>>(outcome: Outcome): T {
  try {
    return JSON.parse(outcome.stdout) as T;
  } catch {
    throw new Error(
      `no JSON on stdout (exit ${outcome.code}); stdout: ${outcome.stdout.slice(0, 500)}; stderr: ${outcome.stderr.slice(0, 2000)}`,
    );
  }
}

/** A fresh folder that is gone when the test ends: `await using dir = await temporaryFolder()`. */
export async function temporaryFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'lastgood-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
