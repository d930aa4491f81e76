// Graders that compare the output with given texts: equals, one-of, contains and its kin, starts-with.

import type { JsonValue } from '../base/json.ts';
import { sameJson } from '../base/json-compare.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { type GraderResult, mark, type Subject, unmeasured } from './grader-result.ts';
import { readJson } from './json-text.ts';
import { quote, quoteJson, shown } from './quote.ts';

type Options<T extends GraderSpec['type']> = Extract<GraderSpec, { type: T }>['options'];

/**
 * Text without regard to case. Upper case, because lower-casing depends on the neighbours (a final Greek sigma) and a
 * part of a text must fold as it does inside the whole.
 */
export function foldCase(text: string): string {
  return text.toUpperCase();
}

/** The grader's own value, or the case's expected answer as text; null when neither is a text, number or truth value. */
export function wantedText(value: JsonValue | undefined, subject: Subject): string | null {
  const wanted = value ?? subject.c.expected;
  if (typeof wanted === 'string') return wanted;
  return typeof wanted === 'number' || typeof wanted === 'boolean' ? String(wanted) : null;
}

/** The mark for a grader that has nothing to compare with. */
export function nothingWanted(type: string): GraderResult {
  return unmeasured(
    'grader_error',
    `${type} has nothing to compare with: give it a value, or the case an expected answer of a fitting kind`,
  );
}

export function gradeEquals(options: Options<'equals'>, subject: Subject): GraderResult {
  const wanted = options.value === undefined ? subject.c.expected : options.value;
  if (wanted === undefined) return nothingWanted('equals');
  if (typeof wanted === 'string') {
    const same = settle(subject.text, options) === settle(wanted, options);
    return mark(
      same,
      same ? `the output is ${quote(wanted)}` : `wanted ${quote(wanted)}, found ${shown(subject.text)}`,
    );
  }
  const found = readJson(subject.text, { allowFence: false });
  const want = quoteJson(wanted);
  if (found.kind === 'bad')
    return mark(false, `wanted the JSON ${want}, found ${shown(subject.text)}: ${found.problem}`);
  const same = sameJson(found.value, wanted);
  return mark(
    same,
    same ? `the output is the JSON ${want}` : `wanted the JSON ${want}, found ${shown(subject.text)}`,
  );
}

export function gradeOneOf(options: Options<'one-of'>, subject: Subject): GraderResult {
  const text = settle(subject.text, options);
  const hit = options.values.find((value) => settle(value, options) === text);
  return hit === undefined
    ? mark(
        false,
        `found ${shown(subject.text)}, which is none of ${options.values.map((v) => quote(v, 20)).join(', ')}`,
      )
    : mark(true, `the output is ${quote(hit)}`);
}

export function gradeContains(
  type: 'contains' | 'icontains',
  options: { readonly value?: string | undefined; readonly 'ignore-case'?: boolean | undefined },
  subject: Subject,
): GraderResult {
  const wanted = wantedText(options.value, subject);
  if (wanted === null || wanted === '') return nothingWanted(type);
  const found = holds(subject.text, wanted, type === 'icontains' || options['ignore-case'] === true);
  return mark(
    found,
    found ? `the output contains ${quote(wanted)}` : `no ${quote(wanted)} in ${shown(subject.text)}`,
  );
}

export function gradeContainsAll(options: Options<'contains-all'>, subject: Subject): GraderResult {
  const missing = missingOf(options, subject.text);
  const total = options.values.length;
  if (missing.length === 0) return mark(true, `the output contains all ${total} texts`);
  return {
    kind: 'scored',
    met: false,
    score: (total - missing.length) / total,
    reason: `${missing.length} of ${total} texts are missing: ${missing.map((v) => quote(v, 30)).join(', ')}`,
    details: { missing },
  };
}

export function gradeContainsAny(options: Options<'contains-any'>, subject: Subject): GraderResult {
  const hit = options.values.find((value) => holds(subject.text, value, options['ignore-case'] === true));
  return hit === undefined
    ? mark(false, `none of ${options.values.map((v) => quote(v, 20)).join(', ')} in ${shown(subject.text)}`)
    : mark(true, `the output contains ${quote(hit)}`);
}

export function gradeStartsWith(options: Options<'starts-with'>, subject: Subject): GraderResult {
  const wanted = wantedText(options.value, subject);
  if (wanted === null || wanted === '') return nothingWanted('starts-with');
  const starts =
    options['ignore-case'] === true
      ? foldCase(subject.text).startsWith(foldCase(wanted))
      : subject.text.startsWith(wanted);
  return mark(
    starts,
    starts
      ? `the output starts with ${quote(wanted)}`
      : `wanted ${quote(wanted)} first, found ${shown(subject.text)}`,
  );
}

function settle(
  text: string,
  options: { readonly trim?: boolean | undefined; readonly 'ignore-case'?: boolean | undefined },
): string {
  const trimmed = options.trim === false ? text : text.trim();
  return options['ignore-case'] === true ? foldCase(trimmed) : trimmed;
}

function holds(text: string, part: string, ignoreCase: boolean): boolean {
  return ignoreCase ? foldCase(text).includes(foldCase(part)) : text.includes(part);
}

function missingOf(options: Options<'contains-all'>, text: string): string[] {
  const ignoreCase = options['ignore-case'] === true;
  const folded = ignoreCase ? foldCase(text) : text;
  return options.values.filter((value) => !folded.includes(ignoreCase ? foldCase(value) : value));
}
