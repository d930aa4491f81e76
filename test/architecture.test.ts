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
  'intake',
  'provider',
  'run',
  'grade',
  'ledger',
  'monitor',
  'compare',
  'rollback',
  'rollout',
  'report',
  'simulator',
] as const;

const NOUNS = ['base', 'core'] as const;

/** Room to the rooms it may import, itself aside. Stages that do not count may not import `stats`. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  core: ['base'],
  stats: NOUNS,
  suite: NOUNS,
  release: NOUNS,
  intake: NOUNS,
  provider: NOUNS,
  run: NOUNS,
  grade: [...NOUNS, 'stats'],
  ledger: NOUNS,
  monitor: [...NOUNS, 'stats'],
  compare: [...NOUNS, 'stats'],
  rollback: [...NOUNS, 'stats'],
  rollout: [...NOUNS, 'stats'],
  report: [...NOUNS, 'stats'],
  simulator: [...NOUNS, 'stats'],
  engine: [...NOUNS, 'stats', ...STAGES],
  jobs: [...NOUNS, 'stats', ...STAGES, 'engine'],
  server: ['jobs', ...NOUNS, 'report'],
  mcp: ['jobs', 'engine', ...NOUNS, 'report'],
  vitest: ['library', 'jobs', 'engine', ...NOUNS, 'suite', 'release', 'report'],
  cli: ['mcp', 'jobs', 'engine', ...NOUNS, 'report', 'server', 'client'],
  library: ['engine', 'base'],
  // For applications: it must load nothing of the program.
  client: [],
  'index.ts': ['library', 'jobs', 'engine', ...NOUNS, 'suite', 'release', 'grade', 'report'],
};

/** Job to the jobs that it may import. What several jobs need otherwise belongs in `engine`. */
const JOB_MAY_IMPORT: Record<string, readonly string[]> = {
  apply: ['observe', 'registry', 'rollout', 'timeline'],
  baseline: [],
  bisect: ['rollback'],
  check: [],
  compare: ['regrade'],
  decisions: [],
  demo: ['baseline', 'decisions', 'nightly', 'observe', 'residue', 'rollback', 'timeline'],
  drill: ['apply', 'flag', 'registry', 'rollback'],
  flag: ['registry'],
  guard: ['flag', 'registry'],
  history: [],
  import: [],
  incident: ['monitor', 'timeline'],
  judge: ['regrade'],
  'judge-answers': ['import'],
  ledger: ['observe'],
  monitor: [],
  nightly: ['check', 'judge'],
  observe: ['import'],
  pages: ['compare', 'nightly', 'registry', 'signals', 'timeline'],
  project: [],
  registry: [],
  regrade: [],
  residue: [],
  rollback: [],
  rollout: ['flag', 'nightly', 'observe', 'registry', 'ticket'],
  run: ['check', 'compare', 'regrade'],
  serve: [],
  shadow: ['import', 'judge', 'run'],
  signals: [],
  ticket: [],
  timeline: ['nightly'],
  worker: [],
};

/** Node modules that only some rooms may touch, and why the others may not. */
const RESTRICTED: readonly { module: RegExp; rooms: readonly string[]; because: string }[] = [
  { module: /^(better-sqlite3|pg|pg-boss)$/, rooms: ['ledger'], because: 'only the ledger has a database' },
  {
    module: /^(openai|@anthropic-ai\/sdk|undici)/,
    rooms: ['provider'],
    because: 'only providers reach the network',
  },
  {
    module: /^node:child_process$/,
    rooms: ['provider', 'jobs', 'engine'],
    because: 'only providers and checks of dependent state start processes',
  },
  {
    module: /^(node:(http|https|net|tls)|hono|@hono\/.*)$/,
    rooms: ['provider', 'simulator', 'server'],
    because: 'only providers reach the network, and only the server listens to it',
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

const folderOf = (path: string): string => relative(SRC, dirname(path)).replaceAll('\\', '/');

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

const jobOf = (path: string): string | undefined => /^jobs\/([^/]+)/.exec(folderOf(path))?.[1];

test('every job is listed, and a job imports only the jobs that the table names', () => {
  const jobs = new Set(files.flatMap((file) => jobOf(file) ?? []));
  expect([...jobs].sort()).toEqual(Object.keys(JOB_MAY_IMPORT));
  const strays = uses
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ file, specifier }) => ({ file, from: jobOf(file), to: jobOf(resolve(dirname(file), specifier)) }))
    .filter(({ from, to }) => from !== undefined && to !== undefined && from !== to)
    .filter(({ from, to }) => !JOB_MAY_IMPORT[from ?? '']?.includes(to ?? ''));
  expect(strays.map(({ file, to }) => `${relative(SRC, file)} imports the job ${to}`)).toEqual([]);
});

test('no folders import each other in a circle, type imports included', () => {
  const imports = new Map<string, Set<string>>();
  for (const { file, specifier } of uses) {
    if (!specifier.startsWith('.')) continue;
    const target = resolve(dirname(file), specifier);
    const [from, to] = [folderOf(file), folderOf(target)];
    if (from !== to && !to.startsWith('..')) imports.set(from, (imports.get(from) ?? new Set()).add(to));
  }
  expect(imports.size).toBeGreaterThan(25);
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (folder: string, path: readonly string[]): void => {
    if (path.includes(folder)) circles.push([...path.slice(path.indexOf(folder)), folder].join(' > '));
    if (path.includes(folder) || done.has(folder)) return;
    for (const next of imports.get(folder) ?? []) walk(next, [...path, folder]);
    done.add(folder);
  };
  for (const folder of imports.keys()) walk(folder, []);
  expect(circles).toEqual([]);
});

test('database, network and child processes stay in their rooms', () => {
  const strays = uses.flatMap(({ file, specifier }) =>
    RESTRICTED.filter((rule) => rule.module.test(specifier) && !rule.rooms.includes(roomOf(file))).map(
      (rule) => `${relative(SRC, file)} imports ${specifier}, but ${rule.because}`,
    ),
  );
  expect(strays).toEqual([]);
});

test('only the cli touches the console and argv, and the vitest entry the console that vitest collects', () => {
  const strays = files
    .filter((file) => roomOf(file) !== 'cli' && !file.endsWith('vitest/print-report.ts'))
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
