// One assertion while it is read, and the texts of its value.

import type { JsonObject, JsonValue } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import { filePathOf, readNamed, rendered, type Site } from './site.ts';

/** What a case must hold for its graders, found while they are read. */
export interface CaseNeeds {
  expected?: JsonValue | undefined;
  judge?: boolean | undefined;
  embedder?: boolean | undefined;
}

/** One assertion while it is read. */
export interface Asked {
  readonly type: string;
  readonly base: string;
  readonly inverse: boolean;
  readonly raw: JsonObject;
  readonly vars: JsonObject;
  readonly site: Site;
  readonly needs: CaseNeeds;
  /** From a CSV cell, where promptfoo fills in thresholds of its own. */
  readonly csv: boolean;
}

/** A grader, or a yes/no question to the judge. */
export type Body = { readonly grader: string | null; readonly options: JsonObject; readonly ask?: string };

/** The rendered text of `value`; undefined where it is none that promptfoo takes; null = reported. */
export function textValue(asked: Asked, numbers: boolean, empty = false): string | undefined | null {
  const { raw, vars, site, type } = asked;
  const value = raw['value'];
  if (numbers && typeof value === 'number') return String(value);
  if (typeof value !== 'string') return undefined;
  const what = `assert type ${quoted(type)}`;
  const path = filePathOf(value);
  if (path !== null) {
    if (/\.(m?[jt]s|cjs|py|rb)(:\w+)?$/.test(path)) {
      site.dropped(what, 'its value is made by code');
      return null;
    }
    const file = readNamed(path, site, what);
    if (file === null) return null;
    const text = file.text.trim();
    return text === '' && !empty ? undefined : text;
  }
  const text = rendered(value, vars, site, what);
  return text === '' && !empty ? undefined : text;
}

/** Graders of lists of texts; a text says why there is none. */
export function listOf(asked: Asked, grader: string, ignoreCase: boolean): Body | string | null {
  const { raw, vars, site, type } = asked;
  const what = `assert type ${quoted(type)}`;
  const value = raw['value'];
  let items: string[];
  if (typeof value === 'string') {
    const text = rendered(value, vars, site, what);
    if (text === null) return null;
    const split = commaList(text);
    if (split === null) return 'its list has a quote that is not closed';
    items = split;
  } else if (Array.isArray(value)) {
    items = [];
    for (const item of value as readonly JsonValue[]) {
      const text = typeof item === 'string' ? rendered(item, vars, site, what) : String(item);
      if (text === null) return null;
      items.push(text);
    }
  } else return 'it has no list of texts';
  if (items.length === 0) return 'its list is empty';
  if (items.includes('')) return 'its list holds an empty text, which every answer contains';
  return { grader, options: { values: items, ...(ignoreCase ? { 'ignore-case': true } : {}) } };
}

/** Comma-separated texts; in quotes they may hold commas, and quotes doubled or behind a backslash. null = a quote is not closed. */
export function commaList(text: string): string[] | null {
  const found: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /[\s,]/.test(text[at] as string)) at++;
    if (at >= text.length) return found;
    if (text[at] !== '"') {
      const end = text.indexOf(',', at);
      found.push(text.slice(at, end < 0 ? text.length : end).trim());
      at = end < 0 ? text.length : end;
      continue;
    }
    let field = '';
    let closed = false;
    for (at++; at < text.length; at++) {
      const [c, next] = [text[at] as string, text[at + 1]];
      if ((c === '\\' && (next === '"' || next === '\\')) || (c === '"' && next === '"')) {
        field += next;
        at++;
      } else if (c === '"') {
        closed = true;
        at++;
        break;
      } else field += c;
    }
    while (at < text.length && /\s/.test(text[at] as string)) at++;
    if (!closed || (at < text.length && text[at] !== ',')) return null;
    found.push(field);
  }
}

/** Can the text be a regular expression? */
export function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
