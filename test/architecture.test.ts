// Imports only go down the floors, and stages never import each other. ARCHITECTURE.md draws the same table. And what the
// tests themselves keep to.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { LONGEST } from './sequencer.ts';

const SRC = resolve(import.meta.dirname, '../src');

const STAGES = [
  'suite',
  'release',
  'provider',
  'run',
  'grade',
  'snapshot',
  'compare',
  'rollback',
  'report',
  'simulator',
] as const;

/** Room to the rooms it may import, itself aside. Stages that do not count may not import `stats`. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  stats: ['core'],
  suite: ['core'],
  release: ['core'],
  provider: ['core'],
  run: ['core'],
  grade: ['core', 'stats'],
  snapshot: ['core'],
  compare: ['core', 'stats'],
  rollback: ['core', 'stats'],
  report: ['core', 'stats'],
  simulator: ['core', 'stats'],
  workflow: ['core', 'stats', ...STAGES],
  cli: ['workflow', 'core', 'report'],
  'index.ts': ['workflow', 'core', 'report'],
};

/** Node modules that only some rooms may touch, and why the others may not. */
const RESTRICTED: readonly { module: RegExp; rooms: readonly string[]; because: string }[] = [
  { module: /^better-sqlite3$/, rooms: ['snapshot'], because: 'only the ledger has a database' },
  {
    module: /^(openai|@anthropic-ai\/sdk|undici)/,
    rooms: ['provider'],
    because: 'only providers reach the network',
  },
  {
    module: /^node:child_process$/,
    rooms: ['provider', 'workflow'],
    because: 'only providers and checks of dependent state start processes',
  },
  {
    module: /^node:(http|https|net|tls)$/,
    rooms: ['provider', 'simulator'],
    because: 'only providers reach the network',
  },
];

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly file: string;
  readonly specifier: string;
}

function sourceFiles(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function roomOf(path: string): string {
  return relative(SRC, path).split(/[\\/]/)[0] ?? '';
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

function specifiersOf(text: string): string[] {
  const code = withoutComments(text);
  const found: string[] = [];
  for (const match of code.matchAll(
    /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+|\bnew URL\(\s*)(['"])([^'"\n]+)\1/g,
  )) {
    if (match[2] !== undefined) found.push(match[2]);
  }
  return found;
}

const files = sourceFiles(SRC);
const uses = files.flatMap((file) =>
  specifiersOf(readFileSync(file, 'utf8')).map((specifier) => ({ file, specifier })),
);
const edges: Edge[] = uses
  .filter(({ specifier }) => specifier.startsWith('.'))
  .map(({ file, specifier }) => ({
    from: roomOf(file),
    to: roomOf(resolve(dirname(file), specifier)),
    file: relative(SRC, file),
    specifier,
  }))
  .filter((edge) => edge.from !== edge.to && !edge.to.startsWith('..'));

test('every room is listed in the import table and the table names no room that is not there', () => {
  const rooms = new Set(files.map(roomOf));
  expect([...rooms].filter((room) => !(room in MAY_IMPORT))).toEqual([]);
  expect(Object.keys(MAY_IMPORT).filter((room) => !rooms.has(room))).toEqual([]);
});

test('imports only go down, and stages never import each other', () => {
  expect(edges.length).toBeGreaterThan(50);
  const upward = edges.filter((edge) => !MAY_IMPORT[edge.from]?.includes(edge.to));
  expect(upward.map((edge) => `${edge.file} imports ${edge.specifier}`)).toEqual([]);
});

test('database, network and child processes stay in their rooms', () => {
  const strays = uses.flatMap(({ file, specifier }) =>
    RESTRICTED.filter((rule) => rule.module.test(specifier) && !rule.rooms.includes(roomOf(file))).map(
      (rule) => `${relative(SRC, file)} imports ${specifier}, but ${rule.because}`,
    ),
  );
  expect(strays).toEqual([]);
});

test('only the cli touches the console and argv', () => {
  const strays = files
    .filter((file) => roomOf(file) !== 'cli')
    .filter((file) =>
      /\bconsole\.|\bprocess\.(argv|stdout|stderr|exit\b|exitCode)/.test(
        withoutComments(readFileSync(file, 'utf8')),
      ),
    )
    .map((file) => relative(SRC, file));
  expect(strays).toEqual([]);
});

test('a file is one clear subject: none is over 450 lines', () => {
  const long = files
    .map((file) => ({ file: relative(SRC, file), lines: readFileSync(file, 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 450);
  expect(long).toEqual([]);
});

test('no test changes what it shares with the other files of its worker', () => {
  const shared =
    /\bprocess\.chdir\(|\bvi\.(mock|doMock|stubGlobal|useFakeTimers)\(|\bprocess\.env(\.\w+|\[[^\]]+\]) *\??\??=[^=]/;
  const here = import.meta.dirname;
  const tests = sourceFiles(here).filter(
    (file) => file.endsWith('.test.ts') && file !== import.meta.filename,
  );
  expect(tests.length).toBeGreaterThan(100);
  const strays = tests.filter((file) => shared.test(withoutComments(readFileSync(file, 'utf8'))));
  expect(strays.map((file) => relative(here, file))).toEqual([]);
});

test('the list of the longest test files names files that are there', () => {
  const root = resolve(import.meta.dirname, '..');
  expect(LONGEST.filter((file) => !existsSync(join(root, file)))).toEqual([]);
});
