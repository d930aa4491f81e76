// Assertions that a model decides: rubrics, ready-made judges, embeddings.

import type { JsonValue } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import { type Asked, type Body, textValue } from './asked.ts';
import { filePathOf, readNamed, rendered } from './site.ts';

const JUDGE_WORDS = "lastgood's judge answers yes or no to it, with its own prompt";

/** `llm-rubric` and its like as one question. */
export function rubric(asked: Asked): Body | string | null {
  const { base, inverse, raw, vars, site, type, needs } = asked;
  const what = `assert type ${quoted(type)}`;
  const value = raw['value'];
  let text: string | null;
  if (typeof value === 'string') {
    const path = filePathOf(value);
    if (path !== null && /\.(m?[jt]s|cjs|py)(:\w+)?$/.test(path)) return 'its rubric is made by code';
    const file = path === null ? null : readNamed(path, site, what);
    if (path !== null && file === null) return null;
    text = rendered(file === null ? value : file.text.trim(), vars, site, what);
  } else if (Array.isArray(value) && value.length > 0) {
    const parts: string[] = [];
    for (const item of value as readonly JsonValue[]) {
      const part = rendered(String(item), vars, site, what);
      if (part === null) return null;
      parts.push(part);
    }
    text = parts.join('\n');
  } else if (value !== undefined && value !== null) text = JSON.stringify(value);
  else return 'it has no rubric';
  if (text === null) return null;
  if (text.trim() === '') return 'its rubric is empty';
  needs.judge = true;
  const threshold = raw['threshold'];
  site.approximated(
    what,
    threshold === undefined ? JUDGE_WORDS : `${JUDGE_WORDS}; its threshold ${String(threshold)} is not used`,
  );
  const ask = inverse
    ? `Is it true that the answer does NOT meet this requirement? Requirement: ${text}`
    : base === 'model-graded-closedqa'
      ? `Does the answer meet this criterion? ${text}`
      : `Does the answer meet this requirement? ${text}`;
  return { grader: null, options: {}, ask };
}

/** The ready-made judge, with the reference as the expected answer of the case. */
export function factuality(asked: Asked): Body | string | null {
  const { inverse, needs, site } = asked;
  if (inverse) return 'a judge has no `not-` form';
  const value = textValue(asked, false);
  if (value === null) return null;
  if (value === undefined) return 'it has no reference answer';
  if (needs.expected !== undefined && needs.expected !== value)
    return 'the test has two reference answers, and a case has one `expected`';
  needs.expected = value;
  needs.judge = true;
  site.approximated('assert type "factuality"', 'the ready-made judge `factuality`, with its own prompt');
  return { grader: 'judge', options: { use: 'factuality' } };
}

/** Cosine between embeddings. */
export function similar(asked: Asked): Body | string | null {
  const { inverse, raw, vars, site, needs, type } = asked;
  if (inverse) return '`similar` has no `not-` form';
  let value = raw['value'];
  if (Array.isArray(value) && value.length === 1) value = value[0] as JsonValue;
  if (typeof value !== 'string') return 'it has several references, and `similar` takes one';
  const text = textValue({ ...asked, raw: { ...raw, value }, vars }, false);
  if (text === null) return null;
  if (text === undefined) return 'it has no reference text';
  const threshold = typeof raw['threshold'] === 'number' ? raw['threshold'] : 0.75;
  needs.embedder = true;
  site.approximated(`assert type ${quoted(type)}`, "the suite's `embedder` makes the vectors");
  return { grader: 'similar', options: { value: text, threshold } };
}
