// JavaScript of a promptfoo configuration as graders of their own; only where code is allowed.

import type { JsonObject } from '../../base/json.ts';
import { contentName, filePathOf, readNamed, rendered, type Site } from './site.ts';

interface Given {
  readonly site: Site;
  readonly vars: JsonObject;
  readonly inverse: boolean;
}

type Body = { readonly grader: string; readonly options: JsonObject };

/** The grader, a text that says why there is none, or null where that is reported already. */
export function javascriptGrader(raw: JsonObject, { site, vars, inverse }: Given): Body | string | null {
  const value = raw['value'];
  if (typeof value !== 'string') return 'it has no code';
  if (!site.reading.allowCode) return 'it is code; take it with --allow-code after you have read it';
  const path = filePathOf(value);
  const threshold = typeof raw['threshold'] === 'number' ? raw['threshold'] : null;
  const config = { inverse, threshold, ...(raw['config'] === undefined ? {} : { config: raw['config'] }) };
  if (path !== null) return fileGrader(path, config, site);
  const code = rendered(value, vars, site, 'assert type "javascript"')?.trimEnd();
  if (code === undefined) return null;
  const body = code.includes('\n') ? code : functionBody(code);
  const file = site.reading.sink.add(
    `graders/javascript-${contentName(body)}.mjs`,
    `// From a promptfoo assertion of type javascript.\n\nconst check = (output, context) => {\n${body}\n};\n${WRAPPER}`,
  );
  return { grader: 'javascript', options: { file, config } };
}

function fileGrader(ref: string, config: JsonObject, site: Site): Body | string | null {
  const [, path = ref, name] = /^(.*?\.(?:[cm]?js|ts))(?::(\w+))?$/.exec(ref) ?? [];
  if (!/\.([cm]?js|ts)$/.test(path)) return 'its file is not JavaScript';
  const file = readNamed(path, site, 'assert type "javascript"');
  if (file === null) return null;
  const ending = /\bmodule\.exports\b|\bexports\.\w+\s*=/.test(file.text)
    ? 'cjs'
    : path.endsWith('.ts')
      ? 'ts'
      : 'mjs';
  const base = (path.split(/[\\/]/).at(-1) ?? 'check').replace(/\.[^.]*$/, '').replace(/[^\w-]/g, '-');
  const copy = site.reading.sink.add(`graders/${base}.source.${ending}`, file.text);
  const wrapper = site.reading.sink.add(
    `graders/${base}${name === undefined ? '' : `-${name}`}.mjs`,
    `// Calls the code of a promptfoo assertion.\n\nimport * as source from './${copy.slice('graders/'.length)}';\n\nconst found = ${name === undefined ? 'source.default ?? source' : `source[${JSON.stringify(name)}] ?? source.default?.[${JSON.stringify(name)}]`};\nconst check = typeof found === 'function' ? found : found.default;\n${WRAPPER}`,
  );
  site.approximated('assert type "javascript"', 'the file is copied; files that it imports are not');
  return { grader: 'javascript', options: { file: wrapper, config } };
}

/** promptfoo calls the code with the answer and a context; what it returns is a verdict, a score, or both. */
const WRAPPER = `
export default async function grade({ output, case: c, trial, config: { inverse, threshold, config } }) {
  let found;
  try {
    found = await check(output, { vars: c.vars, test: { vars: c.vars, metadata: c.meta }, config, providerResponse: { output } }, undefined);
  } catch (error) {
    return { score: 0, pass: false, reason: 'the code threw: ' + error.message };
  }
  if (typeof found === 'boolean') return { score: found !== inverse ? 1 : 0, pass: found !== inverse };
  if (typeof found === 'number') {
    const pass = (threshold === null ? found > 0 : found >= threshold) !== inverse;
    return { score: Math.min(1, Math.max(0, found)), pass, reason: 'the code returned ' + found };
  }
  if (found === null || typeof found !== 'object' || typeof found.pass !== 'boolean')
    return { score: 0, pass: false, reason: 'the code returned no verdict' };
  return {
    score: Math.min(1, Math.max(0, typeof found.score === 'number' ? found.score : found.pass ? 1 : 0)),
    pass: found.pass !== inverse,
    reason: String(found.reason ?? ''),
  };
}
`;

/** One line of code returns its last expression. */
function functionBody(code: string): string {
  const trimmed = code.trim().replace(/;+\s*$/, '');
  if (!/^(const|let|var)\s/.test(trimmed)) return `return ${trimmed}`;
  const at = lastSemicolon(trimmed);
  const rest = at < 0 ? '' : trimmed.slice(at + 1).trim();
  return rest === '' ? trimmed : `${trimmed.slice(0, at + 1)} return ${rest}`;
}

/** The last semicolon that stands in no text and no brackets. */
function lastSemicolon(code: string): number {
  let quote = '';
  let depth = 0;
  let last = -1;
  for (let i = 0; i < code.length; i++) {
    const c = code[i] as string;
    if (quote !== '') {
      if (c === '\\') i++;
      else if (c === quote) quote = '';
    } else if (c === '"' || c === "'" || c === '`') quote = c;
    else if (/[([{]/.test(c)) depth++;
    else if (/[)\]}]/.test(c)) depth--;
    else if (c === ';' && depth === 0) last = i;
  }
  return last;
}
