// `npm run prose`: prints where docs, help and report texts use a banned expression or a sentence that is too long.

import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAst } from 'rolldown/parseAst';
import { type Finding, findingsIn, looksLikeProse, type Passage, passagesOf } from './prose-rules.ts';

export const ROOT = resolve(import.meta.dirname, '../..');

const PAGES = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'docs/*.md', 'suites/*/README.md'];

/** Sources whose texts a user reads. */
const SOURCES = ['src/**/*.ts'];

/** Left out: scripted answers of simulated models and questions to a judge (part of the exam's hash) are data. */
const DATA = ['src/simulator/', 'src/core/ready-judges.ts', 'src/jobs/project/first-suite.ts'];

/** Not held to the rules yet. */
const LATER: readonly string[] = [];

/** `file:line: problem: text`, in the order of the files. */
export function proseFindings(): string[] {
  const pages = globSync(PAGES, { cwd: ROOT }).sort();
  const sources = globSync(SOURCES, { cwd: ROOT })
    .filter((file) => ![...DATA, ...LATER].some((part) => file.startsWith(part)))
    .sort();
  return [
    ...pages.flatMap((file) => listed(file, passagesOf(read(file)))),
    // The page is the help, line by line.
    ...sources.flatMap((file) => listed(file, textsOf(read(file), file))),
  ];
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

function listed(file: string, passages: readonly Passage[]): string[] {
  return passages
    .flatMap((passage) => findingsIn(passage))
    .map(
      ({ line, problem, text }: Finding) =>
        `${file}:${line}: ${problem}: ${text.replace(/\s+/g, ' ').slice(0, 400)}`,
    );
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly value?: unknown;
  readonly quasis?: readonly { readonly value: { readonly cooked: string | null } }[];
}

/** Texts and templates of a TypeScript file that read as prose; an expression in a template counts as one word. */
export function textsOf(source: string, file: string): Passage[] {
  const starts = [0, ...[...source.matchAll(/\n/g)].map((m) => m.index + 1)];
  const lineOf = (offset: number): number => starts.filter((start) => start <= offset).length;
  const passages: Passage[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const node = value as Node;
    const text =
      node.type === 'TemplateLiteral'
        ? (node.quasis ?? []).map((quasi) => quasi.value.cooked ?? '').join('X')
        : node.type === 'Literal' && typeof node.value === 'string'
          ? node.value
          : null;
    // Lines of a text are lines of a terminal: each is read for itself.
    if (text !== null && looksLikeProse(text))
      for (const part of text.split('\n')) passages.push({ line: lineOf(node.start), text: part });
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseAst(source, { lang: 'ts' }, file));
  return passages;
}

if (import.meta.main) {
  const findings = proseFindings();
  for (const finding of findings) process.stdout.write(`${finding}\n`);
  if (findings.length > 0) {
    process.stderr.write(`${findings.length} findings; the rules are in test/prose/prose-rules.ts\n`);
    process.exitCode = 1;
  }
}
