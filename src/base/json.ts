// JSON as a closed type, its canonical form (RFC 8785) and the hashes that identify content.

import { createHash, hash } from 'node:crypto';
import canonicalize from 'canonicalize';

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/** Canonical JSON text (RFC 8785): sorted keys, shortest numbers, no white space. Keys whose value is `undefined` are left out. Throws on NaN, Infinity and cycles. */
export function canonicalJson(value: JsonValue): string {
  const sorted = sortedKeys(value, 0);
  if (sorted !== UNSURE) return JSON.stringify(sorted);
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('undefined has no canonical JSON form');
  return text;
}

/** What only the library decides: values that have no canonical form, and keys that JavaScript keeps in an order of its own. */
const UNSURE = Symbol('unsure');
const DEEPEST_SORTED = 100;
const INTEGER_KEY = /^\d/;

/**
 * The value with the keys of all its objects in canonical order, so that `JSON.stringify` writes the canonical form: several times as
 * fast as the library. What is in order already (most small values) comes back as it is.
 */
function sortedKeys(value: JsonValue | undefined, depth: number): JsonValue | undefined | typeof UNSURE {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? value : UNSURE;
    case 'number':
      return Number.isFinite(value) ? value : UNSURE;
    case 'boolean':
      return value;
    case 'object':
      break;
    default:
      return UNSURE;
  }
  if (value === null) return null;
  if (depth > DEEPEST_SORTED) return UNSURE;
  if (Array.isArray(value)) {
    let copy: JsonValue[] | null = null;
    for (let i = 0; i < value.length; i++) {
      const child = sortedKeys(value[i] as JsonValue, depth + 1);
      if (child === UNSURE || child === undefined) return UNSURE;
      if (copy === null && child !== value[i]) copy = value.slice(0, i);
      copy?.push(child);
    }
    return copy ?? value;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return UNSURE;
  const keys = Object.keys(value);
  let inOrder = true;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    if (key === '__proto__' || key === 'toJSON' || INTEGER_KEY.test(key) || !key.isWellFormed())
      return UNSURE;
    if (i > 0 && key < (keys[i - 1] as string)) inOrder = false;
  }
  if (!inOrder) keys.sort();
  let copy: Record<string, JsonValue | undefined> | null = inOrder ? null : {};
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string;
    const child = (value as JsonObject)[key];
    const sorted = child === undefined ? undefined : sortedKeys(child, depth + 1);
    if (sorted === UNSURE) return UNSURE;
    if (copy === null && sorted !== child) {
      copy = {};
      for (let k = 0; k < i; k++) copy[keys[k] as string] = (value as JsonObject)[keys[k] as string];
    }
    if (copy !== null) copy[key] = sorted;
  }
  return copy ?? value;
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
  if (typeof v !== 'object' || v === null) return true;
  const object = v as JsonObject;
  for (const key in object) if (!key.isWellFormed() || !isWellFormed(object[key])) return false;
  return true;
}

function repair(v: JsonValue): JsonValue {
  if (typeof v === 'string') return v.toWellFormed();
  if (Array.isArray(v)) return v.map(repair);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(
    Object.entries(v).map(([key, child]) => [
      key.toWellFormed(),
      child === undefined ? undefined : repair(child as JsonValue),
    ]),
  ) as JsonObject;
}

/** SHA-256 of UTF-8 text, 64 lower-case hex digits. */
export function sha256(text: string): string {
  return hash('sha256', text, 'hex');
}

/** A SHA-256 of text that comes in pieces; the same as of the whole. */
export function sha256Stream(): { add(text: string): void; hex(): string } {
  const hash = createHash('sha256');
  let waiting = '';
  return {
    add(text) {
      waiting += text;
      if (waiting.length < 65_536) return;
      hash.update(waiting, 'utf8');
      waiting = '';
    },
    hex: () => hash.update(waiting, 'utf8').digest('hex'),
  };
}

/**
 * A SHA-256 over pieces of text in the order of their keys, whatever order they come in. The pieces wait as bytes outside the heap: those
 * of a large suite would otherwise be the largest thing in it.
 */
export class SortedHash {
  readonly #keys: string[] = [];
  readonly #ends: number[] = [];
  readonly #order: number[] = [];
  #bytes = Buffer.allocUnsafe(16_384);

  get length(): number {
    return this.#keys.length;
  }

  add(key: string, piece: string): void {
    const start = this.#ends.at(-1) ?? 0;
    const needed = start + Buffer.byteLength(piece);
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    this.#bytes.write(piece, start);
    this.#order.push(this.#keys.length);
    this.#keys.push(key);
    this.#ends.push(needed);
  }

  /** Hash of `before`, the pieces with commas between them, and `after`. Keys compare by UTF-16 code units; equal ones stay in their order. */
  hex(before: string, after: string): string {
    const keys = this.#keys;
    this.#order.sort((a, b) =>
      (keys[a] as string) < (keys[b] as string) ? -1 : keys[a] === keys[b] ? a - b : 1,
    );
    const hash = createHash('sha256').update(before, 'utf8');
    for (const [n, at] of this.#order.entries()) {
      if (n > 0) hash.update(',');
      hash.update(this.#bytes.subarray(this.#ends[at - 1] ?? 0, this.#ends[at]));
    }
    return hash.update(after, 'utf8').digest('hex');
  }
}

/** SHA-256 of the canonical JSON of a value: equal content, equal hash. */
export function contentHash(value: JsonValue): string {
  return sha256(canonicalJson(value));
}

/** The 12 hex digits under which people see a 64-digit hash. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}

/** CRLF and lone CR become LF, and a byte-order mark goes: what stands in a file does not depend on who checked it out. */
export function normalizeNewlines(text: string): string {
  return text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a dotted path (`choices.0.text`, `a["b.c"]` is not supported); undefined where there is none. */
export function jsonAt(value: JsonValue | undefined, path: string): JsonValue | undefined {
  let current: JsonValue | undefined = value;
  for (const step of path.split('.').filter((s) => s !== '' && s !== '$')) {
    for (const part of step.split(/[[\]]/).filter((s) => s !== '')) {
      if (Array.isArray(current)) current = (current as readonly JsonValue[])[Number(part)];
      else if (isJsonObject(current) && Object.hasOwn(current, part)) current = current[part];
      else return undefined;
    }
  }
  return current;
}

/** Deeper answers and recordings are no content: what stores, compares and shows a value calls itself for each level. */
export const DEEPEST_VALUE = 2000;

/** Is any part of the value below more than `most` lists and maps? */
export function isDeeperThan(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (most === 0) return true;
  for (const key in value) if (isDeeperThan((value as Record<string, unknown>)[key], most - 1)) return true;
  return false;
}
