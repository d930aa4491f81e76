// Long texts are lifted out of a JSON value, so that a system prompt that is sent with every trial of every night is stored once.

import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';

/** A JSON value in two parts: its text with sorted keys and long strings replaced by marks, and those strings in order. */
export interface Lifted {
  readonly shape: string;
  readonly texts: readonly string[];
}

/** Shorter strings cost more as content of their own (a hash and its index entry) than in place. */
const SHORTEST_LIFTED = 96;

/** A string in the shape that starts with this is either a mark (`#` and the text's number) or a real string (`=` and all of it). */
const ESCAPE = '\u0001';

/** The parts of a value; lone surrogates become U+FFFD, see `wellFormed`. */
export function liftTexts(value: JsonValue): Lifted {
  const texts: string[] = [];
  const numbers = new Map<string, number>();
  const walk = (v: JsonValue | undefined): JsonValue | undefined => {
    if (typeof v === 'string') {
      const text = v.toWellFormed();
      if (text.length < SHORTEST_LIFTED) return text.startsWith(ESCAPE) ? `${ESCAPE}=${text}` : text;
      let n = numbers.get(text);
      if (n === undefined) {
        n = texts.push(text) - 1;
        numbers.set(text, n);
      }
      return `${ESCAPE}#${n}`;
    }
    if (Array.isArray(v)) return v.map(walk) as JsonValue;
    if (isJsonObject(v)) {
      // Sorted, so that equal values number their texts alike and have one shape.
      const entries = Object.keys(v)
        .sort()
        .map((key) => [key.toWellFormed(), walk(v[key])] as const);
      return Object.fromEntries(entries);
    }
    return v;
  };
  const shape = JSON.stringify(walk(value));
  return { shape, texts };
}

export function restoreTexts({ shape, texts }: Lifted): JsonValue {
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
  return walk(JSON.parse(shape) as JsonValue);
}

/**
 * The value with every lone surrogate replaced by U+FFFD: a model can send `"\ud800"`, which is no Unicode text and has neither
 * a canonical form nor a UTF-8 encoding. Values without one (nearly all) come back as they are.
 */
export function wellFormed<T extends JsonValue>(value: T): T {
  return (isWellFormed(value) ? value : repair(value)) as T;
}

function isWellFormed(v: JsonValue | undefined): boolean {
  if (typeof v === 'string') return v.isWellFormed();
  if (Array.isArray(v)) return (v as readonly JsonValue[]).every(isWellFormed);
  if (isJsonObject(v))
    return Object.entries(v).every(([key, child]) => key.isWellFormed() && isWellFormed(child));
  return true;
}

function repair(v: JsonValue): JsonValue {
  if (typeof v === 'string') return v.toWellFormed();
  if (Array.isArray(v)) return v.map(repair);
  if (isJsonObject(v)) {
    const entries = Object.entries(v).map(([key, child]) => [
      key.toWellFormed(),
      child === undefined ? undefined : repair(child),
    ]);
    return Object.fromEntries(entries) as JsonObject;
  }
  return v;
}
