// Ids of imported cases: the source's own, or made from content, so that importing twice gives the same ids.

import { contentHash, type JsonObject, type JsonValue, wellFormed } from '../../base/json.ts';
import type { FoundCase } from './found.ts';

/** The content that two records must share to be one case. */
function caseContent(c: FoundCase): JsonObject {
  return {
    vars: (c.vars ?? {}) as JsonObject,
    messages: (c.messages ?? null) as JsonValue,
    expected: c.expected ?? null,
    grade: (c.grade ?? []) as JsonValue,
    restricted: (c.tags ?? []).filter((t) => t.startsWith('prompt:') || t.startsWith('provider:')),
  };
}

/** Hash under which duplicates are merged. A source id keeps apart what the source keeps apart. */
export function caseKey(c: FoundCase): string {
  return contentHash(wellFormed({ ...caseContent(c), id: c.sourceId ?? null }));
}

/** `where-is-my-parcel-3fa94c01d2e8`, or the source's id as one line of text. */
export function caseId(c: FoundCase, key: string): string {
  const own = c.sourceId === undefined ? '' : label(c.sourceId);
  if (own !== '') return own;
  const words = slug(firstText(c));
  return `${words === '' ? 'case' : words}-${key.slice(0, 12)}`;
}

/** Letters and digits of a text, for names of files and ids. */
export function slug(text: string, most = 32): string {
  const words = text
    .slice(0, 400)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  if (words.length <= most) return words;
  const cut = words.slice(0, most);
  const end = cut.lastIndexOf('-');
  return (end > most / 2 ? cut.slice(0, end) : cut).replace(/-+$/, '');
}

/** A text as a suite file takes it for an id or a tag: one line, no control characters, no white space at its ends. */
export function label(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 200)
    .trim();
}

function firstText({ messages, vars }: FoundCase): string {
  const users = (messages ?? []).filter((m) => (m as JsonObject)['role'] === 'user');
  for (const message of [...users].reverse()) {
    const content = (message as JsonObject)['content'];
    if (typeof content === 'string' && content.trim() !== '') return content;
  }
  // The longest text says most; of texts of one length the first.
  let longest = '';
  for (const value of Object.values(vars ?? {}))
    if (typeof value === 'string' && value.trim().length > longest.length) longest = value.trim();
  return longest;
}
