// Every code that src/ uses is in the catalogue, the catalogue has no other, and its exit codes are those of the code.

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CATALOGUE } from '../../src/base/error-catalogue.ts';
import type { CatalogueEntry } from '../../src/base/error-codes/entry.ts';

const SRC = resolve(import.meta.dirname, '../../src');
const entries = new Map<string, CatalogueEntry>(
  Object.values(CATALOGUE).flatMap((codes) => Object.entries<CatalogueEntry>(codes)),
);
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(
    (file) => file.endsWith('.ts') && !/base[\\/]error-c/.test(file) && !file.startsWith('cli/errors-page'),
  )
  .map((file) => readFileSync(join(SRC, file), 'utf8'));
const text = sources.join('\n');

/** `readDocument` and `checkShape` make these for each kind of file. */
const FAMILIES = ['TICKET', 'SUITE', 'RELEASE', 'CONFIG', 'PRICES', 'EVENT', 'SCENARIO', 'IMPORT'];
const KINDS = ['SYNTAX', 'UNKNOWN_KEY', 'MISSING_KEY', 'BAD_VALUE'];

/** Codes that are not ours: SQLite's, Node's and the YAML reader's. */
const FOREIGN = /^(SQLITE_|ERR_|UND_ERR_|EAI_)|^(DUPLICATE_KEY|ECONNRESET)$/;

test('every code that is used is in the catalogue', () => {
  const used = new Set([
    ...[...text.matchAll(/\bcode: (?:[^'\n;{}]*\? )?'([A-Z][A-Z0-9_]+)'/g)].map((m) => m[1] ?? ''),
    ...[...text.matchAll(/\?\s*'([A-Z][A-Z0-9]*_[A-Z0-9_]+)' : '([A-Z][A-Z0-9_]+)'/g)].flatMap((m) => [
      m[1] ?? '',
      m[2] ?? '',
    ]),
    ...[
      ...text.matchAll(
        /(?:fail|explained|answersRemoved|unknown|ScratchFile)\([^()]*?'([A-Z][A-Z0-9]*_[A-Z0-9_]+)'/g,
      ),
    ].map((m) => m[1] ?? ''),
    ...FAMILIES.flatMap((family) => KINDS.map((kind) => `${family}_${kind}`)),
  ]);
  expect(used.size).toBeGreaterThan(220);
  expect([...used].filter((code) => !entries.has(code) && !FOREIGN.test(code))).toEqual([]);
});

test('every code in the catalogue is used', () => {
  const made = new Set(FAMILIES.flatMap((family) => KINDS.map((kind) => `${family}_${kind}`)));
  const words = new Set(text.match(/\b[A-Z][A-Z0-9_]+\b/g));
  expect([...entries.keys()].filter((code) => !made.has(code) && !words.has(code))).toEqual([]);
});

test('the exit codes are those that the errors have', () => {
  const wrong: string[] = [];
  let seen = 0;
  const thrown = sources.flatMap((source) => [
    ...source.matchAll(/new LastgoodError\(\{\s*code: '([A-Z0-9_]+)',([\s\S]*?)\}\);?\n/g),
  ]);
  for (const [, code = '', rest = ''] of thrown) {
    // An exit code that is worked out is left to the entry.
    if (/exitCode\b(?!: \d)/.test(rest)) continue;
    seen++;
    const exit = Number(/exitCode: (\d)/.exec(rest)?.[1] ?? 2);
    if (!entries.get(code)?.exits.some((known) => known === exit)) wrong.push(`${code} ${exit}`);
  }
  expect(seen).toBeGreaterThan(100);
  expect(wrong).toEqual([]);
});

test('each entry is three sentences', () => {
  for (const [code, { meaning, cause, remedy }] of entries)
    for (const part of [meaning, cause, remedy]) expect(part, code).toMatch(/^\w.*[^.]\.$|^`.*[^.]\.$/);
});
