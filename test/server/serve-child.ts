// `lastgood serve` in a process of its own, that can be killed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ROOT } from '../cli/lastgood.ts';

export interface ServeChild {
  readonly url: string;
  /** Returns the exit code. */
  kill(signal: NodeJS.Signals): Promise<unknown>;
}

export async function serve(cwd: string, more: readonly string[] = []): Promise<ServeChild> {
  const child = spawn(
    process.execPath,
    [join(ROOT, 'bin/lastgood.js'), 'serve', '--port', '0', '--json', '--quiet', ...more],
    {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: cwd },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  const url = await new Promise<string>((done, fail) => {
    child.on('exit', () => fail(new Error(`the server ended: ${said}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.endsWith('}\n')) done((JSON.parse(said) as { url: string }).url);
    });
  });
  return {
    url,
    async kill(signal) {
      const ended = once(child, 'exit');
      child.kill(signal);
      return (await ended)[0];
    },
  };
}
