// The files a suite's `cases` name: globs expanded in a fixed order, each file read once.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, normalize } from 'node:path';
import { type DocumentPath, quote, type TextDocument, whereIn } from '../base/document.ts';
import { listOf } from '../base/document-check.ts';
import type { ErrorCode } from '../base/error-catalogue.ts';
import { didYouMean, LastgoodError } from '../base/errors.ts';
import { mustBeInside } from '../base/trust.ts';
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
  const fail = (code: ErrorCode, message: string, hint?: string): [] => {
    problems.add(new LastgoodError({ code, message, where: whereIn(suite, path), hint }));
    return [];
  };
  const literal = isAbsolute(pattern) ? pattern : join(dir, pattern);
  const isPattern = /[*?[\]{}]/.test(pattern) && !existsSync(literal);
  const refusal = isPattern ? patternProblem(pattern) : null;
  if (refusal !== null)
    return fail(
      'SUITE_BAD_PATTERN',
      `the pattern ${quote(pattern)} ${refusal}`,
      'name the files, or use * and **',
    );
  try {
    // Before anything is listed: a pattern that starts outside would walk there.
    mustBeInside(fixedPart(literal), suite.file, whereIn(suite, path));
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    problems.add(error);
    return [];
  }
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
  for (const file of matches) {
    try {
      // A match may be a link.
      mustBeInside(file, suite.file, whereIn(suite, path));
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      problems.add(error);
      return [];
    }
  }
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

/** The folders in front of the first part with a wildcard. */
function fixedPart(literal: string): string {
  const parts = literal.split(/[\\/]/);
  const wild = parts.findIndex((part) => /[*?[\]{}]/.test(part));
  return wild < 0 || existsSync(literal) ? literal : parts.slice(0, wild).join('/') || '/';
}

const MOST_ALTERNATIVES = 1000;
const MOST_STARS = 5;

/** What makes a pattern slower than its files are many; null = nothing. */
function patternProblem(pattern: string): string | null {
  const parts = pattern.split(/[\\/]/);
  const wild = parts.findIndex((part) => /[*?[\]{}]/.test(part));
  if (parts.slice(wild).includes('..')) return 'goes up (..) behind a wildcard';
  if (/[!?*+@]\(/.test(pattern)) return 'uses extended patterns such as +(…)';
  if (parts.filter((part) => part === '**').length > MOST_STARS)
    return `has more than ${MOST_STARS} times **`;
  if (parts.some((part) => (part.match(/\*+/g) ?? []).length > MOST_STARS))
    return `has more than ${MOST_STARS} stars in one name`;
  // `{a,b}{c,d}` is four patterns: the counts multiply.
  let patterns = 1;
  for (const group of pattern.matchAll(/\{([^{}]*)/g)) {
    const range = /^(-?\d+)\.\.(-?\d+)/.exec(group[1] ?? '');
    const sized = range === null ? 0 : Math.abs(Number(range[2]) - Number(range[1])) + 1;
    patterns *= Math.max(2, sized, (group[1] ?? '').split(',').length);
  }
  return patterns > MOST_ALTERNATIVES ? `expands to more than ${MOST_ALTERNATIVES} patterns` : null;
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
