// What a command loads is what it costs before it does anything: about half a millisecond a module. Whole processes, what they load is counted.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storedSuite, storeRun } from '../../bench/kit/ledgers.ts';
import { buildProgram } from '../../src/cli/program.ts';
import type { Io } from '../../src/cli/terminal/io.ts';
import { openLedger } from '../../src/ledger/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const WATCH = `data:text/javascript,${encodeURIComponent(`
  import { createRequire, registerHooks } from 'node:module';
  const seen = new Set();
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      seen.add(found.url);
      return found;
    },
  });
  process.on('exit', () => process.stderr.write('\\nLOADED' + JSON.stringify([...seen])));
`)}`;

/** `main` of the sources, whatever is built: what a command loads is told by the rooms of the sources. */
const SOURCES = `import { main } from ${JSON.stringify(pathToFileURL(join(ROOT, 'src/cli/main.ts')).href)};
  process.exitCode = await main(process.argv.slice(1));`;

let folder: string;
let db: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lastgood-start-up-'));
  db = join(folder, 'ledger.db');
  const store = await openLedger(db);
  const suite = storedSuite('small', 3, 1);
  const passes = (): boolean => true;
  for (const [n, id] of ['sfirst', 'ssecond', 'shalted'].entries())
    await storeRun(store, suite, {
      id,
      startedAt: `2026-03-1${n}T02:00:00.000Z`,
      trials: 1,
      passes,
      state: id === 'shalted' ? 'interrupted' : 'finished',
    });
  await store.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Packages and rooms of the source that a command loads, and how many modules in all. */
const loadedBy = (...args: string[]) => watched('--input-type=module', '-e', SOURCES, '--', ...args);

async function watched(...args: string[]): Promise<{ code: number; names: Set<string>; modules: number }> {
  const { code, stderr } = await new Promise<{ code: number; stderr: string }>((done) => {
    const child = execFile(
      process.execPath,
      ['--import', WATCH, ...args],
      // No key of any service: what needs none must not ask for one.
      { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder } },
      (_error, _stdout, stderr) => done({ code: child.exitCode ?? -1, stderr }),
    );
  });
  const urls = JSON.parse(stderr.slice(stderr.lastIndexOf('LOADED') + 6)) as string[];
  const nameOf = (url: string): string[] => {
    const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(url)?.[1];
    if (dependency !== undefined) return [dependency];
    const room = /\/src\/([^/]+)\/[^/]/.exec(url)?.[1];
    return room === undefined ? [] : [`src/${room}`];
  };
  return { code, names: new Set(urls.flatMap(nameOf)), modules: urls.length };
}

const SDKS = ['openai', '@anthropic-ai/sdk', 'undici', 'pg'];
const FILES = ['zod', 'yaml', 'ajv'];
const REPORTS = ['diff', 'xmlbuilder'];

test.each([['--version'], ['--help'], ['run', '--help'], ['nonsense']])(
  '%s %s loads nothing but the command line',
  async (...args) => {
    const { names, modules } = await loadedBy(...args);
    expect(
      [...names].filter((n) => !['commander', 'src/cli', 'src/base', 'src/core', 'src/report'].includes(n)),
    ).toEqual([]);
    expect(modules).toBeLessThan(args[0] === '--version' ? 30 : 90);
  },
);

test.each([
  ['list', [], 0, ['src/stats', 'src/compare'], 140],
  ['show', ['sfirst'], 0, ['src/stats', 'src/compare'], 145],
  ['diff', ['sfirst', 'ssecond'], 0, [], 220],
  ['run', ['--resume', 'shalted'], 0, ['src/stats', 'src/compare', 'src/release', 'src/provider'], 245],
])('%s loads no SDK and no reader of suite files', async (command, args, exit, more, most) => {
  const { code, names, modules } = await loadedBy(command, ...args, '--db', db);
  expect(code).toBe(exit);
  expect(names).toContain('better-sqlite3');
  for (const name of [...SDKS, ...FILES, ...REPORTS, ...more]) expect(names).not.toContain(name);
  expect(modules).toBeLessThan(most);
});

test('each command is found by its own name alone', async () => {
  const io: Io = {
    out: () => {},
    err: () => {},
    beforeOut: () => {},
    outIsTty: false,
    errIsTty: false,
    environment: {},
    cwd: '/',
    nodeVersion: '',
    platform: '',
    signal: new AbortController().signal,
    hardSignal: new AbortController().signal,
  };
  const all = (await buildProgram(io, () => {})).commands.map((c) => c.name());
  expect(all.length).toBeGreaterThan(25);
  expect(new Set(all).size).toBe(all.length);
  for (const name of all) {
    const alone = (await buildProgram(io, () => {}, name)).commands.map((c) => c.name());
    expect(alone).toContain(name);
    // A command that its own entry does not name would make all of them load.
    expect(alone.length).toBeLessThan(4);
  }
});
