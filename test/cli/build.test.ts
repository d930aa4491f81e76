// What is built: that it is run only as long as it is what the sources say, and that it starts from anywhere.

import { execFile } from 'node:child_process';
import { cp, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { lastgood, ROOT, temporaryFolder } from './lastgood.ts';

const run = promisify(execFile);

interface Built {
  sources(): string | null;
  entry(): string;
  STAMP: string;
}

/** A clone with two sources and something built. */
async function clone(): Promise<{ at: (path: string) => string; built: Built; entry: () => string }> {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const at = (path: string): string => join(folder.path, path);
  for (const dir of ['bin', 'src/cli', 'dist/cli']) await mkdir(at(dir), { recursive: true });
  for (const file of ['bin/built.js', 'bin/build.js', 'package.json']) await cp(join(ROOT, file), at(file));
  await writeFile(at('src/index.ts'), 'export {};\n');
  await writeFile(at('src/cli/main.ts'), 'export const main = () => 0;\n');
  const built = (await import(pathToFileURL(at('bin/built.js')).href)) as Built;
  return { at, built, entry: () => built.entry().slice(pathToFileURL(at('')).href.length + 1) };
}

const BUILD = 'dist/cli/main.js';
const SOURCES = 'src/cli/main.ts';

test('a clone runs its sources until they are built', async () => {
  const { built, entry } = await clone();
  expect(entry()).toBe(SOURCES);
  await writeFile(built.STAMP, built.sources() ?? '');
  expect(entry()).toBe(BUILD);
  await writeFile(built.STAMP, (built.sources() ?? '').slice(1));
  expect(entry()).toBe(SOURCES);
});

const hour = new Date(Date.now() - 3_600_000);
test.each<[string, (at: (path: string) => string) => Promise<unknown>]>([
  ['edited', (at) => writeFile(at('src/index.ts'), 'export const edited = 1;\n')],
  ['replaced by one of the same size', (at) => writeFile(at('src/index.ts'), 'export [];\n')],
  ['set to an older time', (at) => utimes(at('src/index.ts'), hour, hour)],
  ['added', (at) => writeFile(at('src/cli/more.ts'), '')],
  ['removed', (at) => rm(at('src/index.ts'))],
  ['kept, but the packages changed', (at) => writeFile(at('package.json'), '{}')],
])('a source that is %s is not hidden by what was built before', async (_what, change) => {
  const { at, built, entry } = await clone();
  await writeFile(built.STAMP, built.sources() ?? '');
  expect(entry()).toBe(BUILD);
  await change(at);
  expect(entry()).toBe(SOURCES);
});

test('the published package has no sources and runs what was built', async () => {
  const { at, entry } = await clone();
  await rm(at('src'), { recursive: true });
  expect(entry()).toBe(BUILD);
});

test('the build of these sources starts from elsewhere and finds its threads and files', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const at = (path: string): string => join(folder.path, path);
  await run(process.execPath, [join(ROOT, 'bin/build.js'), '--out', at('dist')], { cwd: folder.path });
  for (const part of ['bin', 'package.json', 'suites'])
    await cp(join(ROOT, part), at(part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), at('node_modules'));
  const built = (...args: string[]) => lastgood(args, { cwd: folder.path, bin: at('bin/lastgood.js') });

  expect((await built('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);

  await mkdir(at('suite'));
  await writeFile(
    at('suite/grader.mjs'),
    'export const says = ({ output }) => ({ pass: output.endsWith("7") });\n',
  );
  await writeFile(
    at('suite/suite.yaml'),
    'name: built\ncases: [cases.jsonl]\ndefaults: { grade: [{ javascript: { file: grader.mjs, export: says } }] }\n',
  );
  await writeFile(
    at('suite/release.yaml'),
    'name: recorded\nroute: { provider: replay, file: recorded.jsonl }\n',
  );
  // So many that a thread writes them.
  const lines = (line: (id: string) => object): string =>
    Array.from({ length: 450 }, (_, i) => `${JSON.stringify(line(`c${i}`))}\n`).join('');
  await writeFile(
    at('suite/cases.jsonl'),
    lines((id) => ({ id, vars: { id } })),
  );
  await writeFile(
    at('suite/recorded.jsonl'),
    lines((id) => ({ case_id: id, output: id })),
  );
  const ran = await built('run', 'suite', '--release', 'suite/release.yaml', '--json', '--quiet');
  expect(ran.stderr).toBe('');
  expect(JSON.parse(ran.stdout)).toMatchObject({
    snapshot: { validity: 'valid', answered: 450, ungraded: 0 },
  });
  const [passed, failed] = await Promise.all(['c7', 'c8'].map((id) => built('show', 'latest', '--case', id)));
  expect(passed?.stdout).toContain('pass');
  expect(failed?.stdout).toContain('FAIL');
});
