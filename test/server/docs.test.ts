// The examples of docs/production.md, run as they stand against a real server.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../cli/lastgood.ts';
import { running } from './running.ts';

const page = await readFile(join(ROOT, 'docs/production.md'), 'utf8');

function block(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(page)?.[1];
  if (found === undefined) throw new Error(`docs/production.md has no ${language} example`);
  return found;
}

/** Runs a program that it gets on standard input; null where there is no such program. */
async function run(
  command: string,
  args: readonly string[],
  code: string,
  env: Record<string, string>,
): Promise<string | null> {
  const child = spawn(command, args, { cwd: ROOT, env: { PATH: process.env['PATH'] ?? '', ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  child.stdin.on('error', () => {});
  child.stdin.end(code);
  const code_ = await Promise.race([once(child, 'close'), once(child, 'error')]).catch(() => null);
  if (code_ === null || code_[0] instanceof Error) return null;
  return code_[0] === 0 ? said : `exit ${code_[0]}: ${said}`;
}

describe('docs/production.md', () => {
  it.each([
    [
      'Node',
      'js',
      process.execPath,
      ['--input-type=module'],
      { release: '3fa9c1d2e4b5', outcome: { edited: 0.2 } },
    ],
    ['Python', 'python', 'python3', ['-'], { release: '3fa9c1d2e4b5', outcome: { review: 'accepted' } }],
    [
      'OpenTelemetry',
      'js otel',
      process.execPath,
      ['--input-type=module'],
      { release: '3fa9c1d2e4b5', outcome: null },
    ],
  ] as const)('sends observations from %s', async (_, language, command, args, expected) => {
    const server = await running();
    const token = await server.token('app', 'observe');
    const said = await run(command, args, block(language), {
      LASTGOOD_URL: server.url,
      LASTGOOD_TOKEN: token,
    });
    if (said === null) {
      console.warn(`skipped: there is no ${command} here`);
      return;
    }
    expect(said).toBe('');
    const [stored, ...more] = await server.stored('support-summary');
    expect(more).toEqual([]);
    expect(stored).toMatchObject({ dimensions: { release: expected.release, template: 'refund' } });
    if (expected.outcome === null) expect(stored?.outcome).toBeNull();
    else expect(stored?.outcome).toMatchObject(expected.outcome);
  });
});
