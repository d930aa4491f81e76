// The files a suite's `cases` name: globs expanded in a fixed order, each file read once.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, normalize } from 'node:path';
import { type DocumentPath, quote, type TextDocument, whereIn } from '../core/document.ts';
import { listOf } from '../core/document-check.ts';
import { didYouMean, LastgoodError } from '../core/errors.ts';
import { CASE_FILE_TYPES } from './case-rows.ts';
import type { Problems } from './problems.ts';

/** Paths (as shown in errors) of the case files a pattern names, sorted; the suite file itself is never one of them. */
export async function findCaseFiles(
  pattern: string,
  suite: TextDocument,
  path: DocumentPath,
  problems: Problems,
): Promise<string[]> {
  const dir = dirname(suite.file);
  const fail = (code: string, message: string, hint?: string): [] => {
    problems.add(new LastgoodError({ code, message, where: whereIn(suite, path), hint }));
    return [];
  };
  const literal = isAbsolute(pattern) ? pattern : join(dir, pattern);
  const isPattern = /[*?[\]{}]/.test(pattern) && !existsSync(literal);
  if (!isPattern) {
    if (!existsSync(literal)) {
      return fail('SUITE_NO_CASE_FILE', `the file ${quote(pattern)} does not exist`, nearFile(literal));
    }
    if (statSync(literal).isDirectory()) {
      return fail(
        'SUITE_NO_CASE_FILE',
        `${quote(pattern)} is a directory, expected a file`,
        `name the files in it: "${pattern.replace(/\/$/, '')}/*.yaml"`,
      );
    }
  }
  const matches: string[] = [];
  if (isPattern) {
    for await (const match of glob(pattern.replaceAll('\\', '/'), { cwd: dir })) {
      matches.push(isAbsolute(match) ? match : join(dir, match));
    }
  } else matches.push(literal);
  const files = matches
    .filter((file) => normalize(file) !== normalize(suite.file) && statSync(file).isFile())
    .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  if (files.length === 0) {
    return fail('SUITE_NO_CASE_FILE', `the pattern ${quote(pattern)} matches no file`, nearFile(literal));
  }
  const foreign = files.find((file) => !CASE_FILE_TYPES.includes(extname(file).toLowerCase()));
  if (foreign !== undefined) {
    return fail(
      'SUITE_BAD_CASE_FILE',
      `cases are read from ${listOf(CASE_FILE_TYPES)} files, found ${quote(foreign)}`,
      isPattern ? `narrow the pattern, e.g. "${dirname(pattern)}/*.yaml"` : undefined,
    );
  }
  return files;
}

function nearFile(path: string): string | undefined {
  try {
    const near = didYouMean(basename(path), readdirSync(dirname(path)));
    return near === undefined
      ? 'paths are relative to the file they stand in'
      : `did you mean ${quote(near)}?`;
  } catch {
    return `there is no directory ${quote(dirname(path))}`;
  }
}
