// The examples of docs/flags.md, docs/guard.md and the registry in docs/rollouts.md: commands print what the pages show, snippets run.

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { withGuard } from '../../src/jobs/guard/open-guard.ts';
import { lastgoodHere, ROOT } from '../cli/lastgood.ts';
import { type Running, running } from './running.ts';

const page = (name: string): Promise<string> => readFile(join(ROOT, 'docs', name), 'utf8');

/** Times, ids and durations differ from run to run. */
function normal(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME')
    .replace(/\bs[a-z0-9]{11}\b/g, 'SNAPSHOT')
    .replace(/\ba_[0-9a-f]{16}\b/g, 'APPROVAL')
    .replace(/\b[0-9a-f]{12}\b/g, 'HASH')
    .replace(/after \d+ ms/g, 'after MS')
    .trim();
}

/** Commands under `<!-- run -->` with the output that the page shows after them. */
function examples(text: string): { readonly commands: string[]; readonly shown: string | null }[] {
  const found = text.matchAll(/^<!-- run -->\n```sh\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```)?/gm);
  return [...found].map(([, commands = '', shown]) => ({
    commands: commands.trim().split('\n'),
    shown: shown ?? null,
  }));
}

function block(text: string, language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`no ${language} example`);
  return found;
}

async function follow(text: string, server: Running): Promise<number> {
  let count = 0;
  for (const { commands, shown } of examples(text)) {
    let printed = '';
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
      const [program, ...args] = words;
      expect(program).toBe('lastgood');
      const { code, stdout, stderr } = await lastgoodHere([...args, '--db', server.db], {
        cwd: server.project,
      });
      expect(code, `${command}\n${stderr}`).toBe(0);
      printed = stdout;
      count++;
    }
    if (shown !== null) expect(normal(printed)).toBe(normal(shown));
  }
  return count;
}

/** Writes the file that a page marks with its name. */
async function withFile(text: string, server: Running): Promise<void> {
  const [, file = '', body = ''] = /<!-- file: (\S+) -->\n```yaml\n([\s\S]*?)^```/m.exec(text) ?? [];
  await mkdir(dirname(join(server.project, file)), { recursive: true });
  await writeFile(join(server.project, file), body);
}

/** What a program prints; null where there is no such program. */
async function said(server: Running, command: string, args: readonly string[]): Promise<string | null> {
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', LASTGOOD_URL: server.url },
    LASTGOOD_TOKEN: await server.token('app', 'observe'),
  };
  try {
    return (await promisify(execFile)(command, [...args], { cwd: ROOT, env })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

describe('docs/flags.md', () => {
  it('commands print what the page shows, and the snippet reads the flag', async () => {
    const server = await running();
    const text = await page('flags.md');
    expect(await follow(text, server)).toBe(11);
    // A busy machine needs longer than the page's half second.
    const code = block(text, 'js').replace('timeout(500)', 'timeout(60_000)');
    expect(code).toContain('60_000');
    expect(await said(server, process.execPath, ['--input-type=module', '-e', code])).toBe(
      'draft no release\n',
    );
  });
});

describe('docs/guard.md', () => {
  async function desk(): Promise<{ readonly server: Running; readonly text: string }> {
    const server = await running();
    const text = await page('guard.md');
    await withFile(text, server);
    return { server, text };
  }

  it('commands print what the page shows', async () => {
    const { server, text } = await desk();
    expect(await follow(text, server)).toBe(4);
  });

  it('the agent in JavaScript is decided about, and the log and the approvals are as shown', async () => {
    const { server, text } = await desk();
    const code = block(text, 'js').replace('lastgood/client', join(ROOT, 'src/client/index.ts'));
    expect(await said(server, process.execPath, ['--input-type=module', '-e', code])).toBe(
      'paid 80\na person decides about order-2\n',
    );
    const shown = [...text.matchAll(/^```text\n([\s\S]*?)^```/gm)].map((m) => normal(m[1] ?? ''));
    for (const args of [['approvals'], ['guard', 'log', 'support-desk']]) {
      const { stdout } = await lastgoodHere([...args, '--db', server.db], { cwd: server.project });
      expect(shown).toContain(normal(stdout));
    }
  });

  it('the agent in Python is decided about over plain HTTP', async () => {
    const { server, text } = await desk();
    const printed = await said(server, 'python3', ['-c', block(text, 'python')]);
    if (printed === null) {
      console.warn('skipped: there is no python3 here');
      return;
    }
    expect(printed).toBe('done\napproval-pending\n');
    expect(await withGuard(server.db, (log) => log.decisions({ most: 10 }))).toMatchObject([
      { outcome: 'approval-pending', agent: 'py-1' },
      { outcome: 'allowed', succeeded: true },
    ]);
  });
});

describe('docs/rollouts.md', () => {
  it('the commands of the registry print what the page shows', async () => {
    const server = await running();
    expect((await lastgoodHere(['init', server.project])).code).toBe(0);
    const text = await page('rollouts.md');
    await withFile(text, server);
    expect(await follow(text, server)).toBe(8);
  });
});
