// JSON in a text that a model wrote: one value, perhaps in a Markdown fence, perhaps with a key twice.

import type { JsonValue } from '../base/json.ts';
import { clip, quote } from './quote.ts';

export type ReadJson =
  | { readonly kind: 'ok'; readonly value: JsonValue; readonly text: string }
  | { readonly kind: 'bad'; readonly problem: string };

/** Reads a text that is one JSON value (RFC 8259: no NaN, no comments, no trailing comma), white space and a BOM around it aside. */
export function readJson(text: string, options: { readonly allowFence: boolean }): ReadJson {
  let body = text.replace(/^\uFEFF/, '').trim();
  if (options.allowFence) body = withoutFence(body) ?? body;
  if (body === '') return { kind: 'bad', problem: 'the output is empty' };
  try {
    return { kind: 'ok', value: JSON.parse(body) as JsonValue, text: body };
  } catch (error) {
    if (!options.allowFence && withoutFence(body) !== null) {
      return {
        kind: 'bad',
        problem: 'the JSON stands in a Markdown code fence (allow-fence: true accepts it)',
      };
    }
    return { kind: 'bad', problem: `not JSON: ${clip(printable((error as Error).message), 90)}` };
  }
}

/** The content of a text that is exactly one Markdown code fence; null otherwise. */
function withoutFence(text: string): string | null {
  const open = /^(`{3,}|~{3,})[^\n`]*\n/.exec(text);
  const fence = open?.[1];
  if (open === null || fence === undefined) return null;
  const body = text.slice(open[0].length).trimEnd();
  if (!body.endsWith(fence)) return null;
  const inner = body.slice(0, -fence.length);
  return inner.endsWith('\n') || inner === '' ? inner.trim() : null;
}

/** The first key that stands twice in one object, as a path; null when there is none. `text` must be valid JSON. */
export function duplicateKey(text: string): string | null {
  // A stack of the keys seen instead of recursion: an output of a million brackets is no reason to fall over.
  const open: { keys: Set<string> | null; key: string | null; index: number }[] = [];
  let expectKey = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const top = open.at(-1);
    if (c === '"') {
      let end = i + 1;
      while (text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
      if (expectKey && top?.keys) {
        const key = JSON.parse(text.slice(i, end + 1)) as string;
        top.key = key;
        if (top.keys.has(key)) return open.map((o) => o.key ?? String(o.index)).join('.');
        top.keys.add(key);
        expectKey = false;
      }
      i = end;
    } else if (c === '{') {
      open.push({ keys: new Set(), key: null, index: 0 });
      expectKey = true;
    } else if (c === '[') {
      open.push({ keys: null, key: null, index: 0 });
      expectKey = false;
    } else if (c === '}' || c === ']') {
      open.pop();
      expectKey = false;
    } else if (c === ',' && top) {
      top.index++;
      expectKey = top.keys !== null;
    }
  }
  return null;
}

function printable(message: string): string {
  return quote(message, 120).slice(1, -1).replaceAll('\\"', '"');
}
