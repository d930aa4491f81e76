// Long texts are lifted out of a JSON value, so that a system prompt that is sent with every trial of every night is stored once.

import type { JsonObject, JsonValue } from '../../base/json.ts';
import { isJsonObject } from '../../base/json.ts';

export { wellFormed } from '../../base/json.ts';

/** What stands where a payload was removed by pruning or forgetting. */
export const REMOVED_TEXT = '[removed from the ledger]';

/** A JSON value in two parts: its text with sorted keys and long strings replaced by marks, and those strings in order. */
export interface Lifted {
  readonly shape: string;
  readonly texts: readonly string[];
}

/** Shorter strings cost more as content of their own (a hash and its index entry) than in place. */
const SHORTEST_LIFTED = 96;

/** A string in the shape that starts with this is either a mark (`#` and the text's number) or a real string (`=` and all of it). */
const ESCAPE = '\u0001';

/** What stands in a shape for the text with this number. */
export function textMark(n: number): string {
  return `${ESCAPE}#${n}`;
}

/** Its number. */
export const TEXT_MARK = /^\u0001#(\d+)$/;

/** The parts of a value; `also` are shorter texts to lift. Lone surrogates become U+FFFD, see `wellFormed`. */
export function liftTexts(value: JsonValue, also?: ReadonlySet<string>): Lifted {
  const texts: string[] = [];
  const numbers = new Map<string, number>();
  // Written in one go: building the marked value first and its text after takes several times as long.
  const write = (v: JsonValue): string => {
    if (typeof v === 'string') return JSON.stringify(marked(v));
    if (Array.isArray(v))
      return `[${v.map((item) => (item === undefined ? 'null' : write(item))).join(',')}]`;
    if (!isJsonObject(v)) return JSON.stringify(v);
    let text = '';
    // Sorted, so that equal values number their texts alike and have one shape.
    for (const key of Object.keys(v).sort()) {
      const child = v[key];
      if (child !== undefined)
        text += `${text === '' ? '' : ','}${JSON.stringify(key.toWellFormed())}:${write(child)}`;
    }
    return `{${text}}`;
  };
  const marked = (raw: string): string => {
    const text = raw.toWellFormed();
    if (text.length < SHORTEST_LIFTED && !also?.has(text))
      return text.startsWith(ESCAPE) ? `${ESCAPE}=${text}` : text;
    let n = numbers.get(text);
    if (n === undefined) {
      n = texts.push(text) - 1;
      numbers.set(text, n);
    }
    return textMark(n);
  };
  return { shape: write(value), texts };
}

/** What a text takes as content of its own, and a mark for it in place, about. */
const OWN_BYTES = 130;
const MARK_BYTES = 14;

/** Texts of these values that are too short to be lifted for themselves, but come back so often that it pays. */
export function repeatedTexts(values: Iterable<JsonValue>): ReadonlySet<string> {
  const counts = new Map<string, number>();
  const walk = (v: JsonValue): void => {
    if (typeof v === 'string') {
      if (v.length > MARK_BYTES && v.length < SHORTEST_LIFTED && v.isWellFormed())
        counts.set(v, (counts.get(v) ?? 0) + 1);
    } else if (Array.isArray(v)) v.forEach(walk);
    else if (isJsonObject(v)) for (const child of Object.values(v)) if (child !== undefined) walk(child);
  };
  for (const value of values) walk(value);
  const pays = ([text, count]: readonly [string, number]): boolean =>
    count * (text.length - MARK_BYTES) > OWN_BYTES;
  return new Set([...counts].filter(pays).map(([text]) => text));
}

/** The value of a shape, as it was parsed, and the texts that belong into it. */
export function restoreTexts(shape: JsonValue, texts: readonly string[]): JsonValue {
  const walk = (v: JsonValue): JsonValue => {
    if (typeof v === 'string') {
      if (!v.startsWith(ESCAPE)) return v;
      if (v[1] === '=') return v.slice(2);
      const text = texts[Number(v.slice(2))];
      if (text === undefined)
        throw new TypeError(`the stored value refers to text ${v.slice(2)}, which is not there`);
      return text;
    }
    if (Array.isArray(v)) return v.map(walk);
    if (isJsonObject(v)) {
      const entries = Object.entries(v).map(([key, child]) => [key, walk(child as JsonValue)]);
      return Object.fromEntries(entries) as JsonObject;
    }
    return v;
  };
  return walk(shape);
}
