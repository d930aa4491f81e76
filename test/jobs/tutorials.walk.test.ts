// The tutorials and the map: every file is written, every command runs in its order, every printed line is printed, every link leads
// somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parseScenario, type Simulator, startSimulator } from '../../src/simulator/index.ts';
import { lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const page = (name: string): string => readFileSync(join(ROOT, 'docs', name), 'utf8');

/** Shell commands, files and printed samples of a page, in its order. */
function blocksOf(text: string): { language: string; file: string | undefined; body: string }[] {
  return [...text.matchAll(/(?:^<!-- file: (\S+) -->\n)?^```(\w+)\n([\s\S]*?)^```$/gm)].map(
    ([, file, language = '', body = '']) => ({ language, file, body }),
  );
}

/** Does what the page says in `folder`; returns the number of commands. */
async function follow(name: string, folder: string): Promise<number> {
  let simulator: Simulator | undefined;
  const env: Record<string, string> = { OPENAI_API_KEY: 'none', ANTHROPIC_API_KEY: 'none' };
  let printed = '';
  let commands = 0;
  try {
    for (const { language, file, body } of blocksOf(page(name))) {
      if (file !== undefined) {
        await mkdir(dirname(join(folder, file)), { recursive: true });
        await writeFile(join(folder, file), body);
        continue;
      }
      if (language === 'text') {
        for (const line of body.trim().split('\n')) expect(printed, name).toContain(line.trim());
        continue;
      }
      if (language !== 'sh') continue;
      printed = '';
      for (const line of body.trim().split('\n')) {
        const [command = '', comment = ''] = line.split(/\s+#\s/);
        const [program, ...args] = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2] ?? '');
        expect(program).toBe('lastgood');
        commands++;
        if (args[0] === 'simulate') {
          await simulator?.close();
          const text = await readFile(join(ROOT, 'suites/support-triage/scenario.yaml'), 'utf8');
          simulator = await startSimulator({ scenario: parseScenario(text), date: args[2] ?? '' });
          env['LASTGOOD_SIM_URL'] = simulator.openaiBaseUrl;
          env['LASTGOOD_SIM_ANTHROPIC_URL'] = simulator.anthropicBaseUrl;
          continue;
        }
        const { code, stdout, stderr } = await lastgoodHere(args, { cwd: folder, env });
        printed += stdout;
        expect(code, `${line}\n${stderr}\n${stdout}`).toBe(Number(/exit (\d)/.exec(comment)?.[1] ?? 0));
      }
    }
  } finally {
    await simulator?.close();
  }
  return commands;
}

test('first-hour.md', async () => {
  await using dir = await temporaryFolder();
  expect(await follow('first-hour.md', dir.path)).toBe(13);
  expect(existsSync(join(dir.path, 'report.html'))).toBe(true);
});

test('first-nightly.md', async () => {
  await using dir = await temporaryFolder();
  await symlink(join(ROOT, 'suites'), join(dir.path, 'suites'));
  expect(await follow('first-nightly.md', dir.path)).toBe(9);
});

test('first-incident.md', async () => {
  await using dir = await temporaryFolder();
  await symlink(join(ROOT, 'suites'), join(dir.path, 'suites'));
  expect(await follow('first-incident.md', dir.path)).toBe(9);
  const cases = (await readFile(join(dir.path, 'incident-cases.jsonl'), 'utf8')).trim().split('\n');
  expect(JSON.parse(cases[0] ?? '')).toMatchObject({ critical: true });
});

test('the map names every page, and no link of a page is broken', () => {
  const map = page('README.md');
  const pages = readdirSync(join(ROOT, 'docs')).filter((f) => f.endsWith('.md') && f !== 'README.md');
  expect(pages.filter((name) => !map.includes(`(${name})`))).toEqual([]);
  const anchorsOf = (text: string): string[] =>
    [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map((m) =>
      (m[1] ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const broken: string[] = [];
  for (const name of [...pages, 'README.md'])
    for (const [, path = '', anchor] of page(name).matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
      const target = path === '' ? join(ROOT, 'docs', name) : resolve(ROOT, 'docs', path);
      if (!existsSync(target)) broken.push(`${name}: ${path}`);
      else if (
        anchor !== undefined &&
        target.endsWith('.md') &&
        !anchorsOf(readFileSync(target, 'utf8')).includes(anchor)
      )
        broken.push(`${name}: ${path}#${anchor}`);
    }
  expect(broken).toEqual([]);
});
