// Masking by value: whatever a secret is called and wherever it turns up, its value is never written.

import type { JsonObject, JsonValue } from './json.ts';

/** Replaces every known secret by `[secret]`. */
export interface SecretMask {
  text(text: string): string;
  json<T extends JsonValue>(value: T): T;
  /** Adds a value learnt later (a header read from the environment). */
  add(value: string): void;
}

const SECRET_NAME = /key|token|secret|passw|credential|authorization|cookie|dsn/i;

/** Shorter values are too likely to stand in ordinary text. */
const SHORTEST_SECRET = 8;

/** The values of all environment variables whose name says that they are secret. */
export function secretValues(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment)
    .filter(
      ([name, value]) => SECRET_NAME.test(name) && value !== undefined && value.length >= SHORTEST_SECRET,
    )
    .map(([, value]) => value as string);
}

/** A mask for the given values, their URL-encoded, JSON-escaped and base64 forms included. */
export function secretMask(values: Iterable<string>): SecretMask {
  const forms = new Set<string>();
  // Gone through for every text there is.
  let listed: readonly string[] = [];
  const add = (value: string): void => {
    if (value.length < SHORTEST_SECRET) return;
    forms.add(value);
    forms.add(encodeURIComponent(value));
    forms.add(JSON.stringify(value).slice(1, -1));
    forms.add(Buffer.from(value, 'utf8').toString('base64'));
    listed = [...forms];
  };
  for (const value of values) add(value);

  const holdsSecret = (input: string): boolean => {
    for (let i = 0; i < listed.length; i++) if (input.includes(listed[i] as string)) return true;
    return false;
  };
  // All matches are found before anything is replaced: of two secrets that overlap, no rest may stay visible.
  const text = (input: string): string => {
    if (input.length < SHORTEST_SECRET || !holdsSecret(input)) return input;
    const ranges: [number, number][] = [];
    for (const form of forms) {
      for (let at = input.indexOf(form); at !== -1; at = input.indexOf(form, at + 1))
        ranges.push([at, at + form.length]);
    }
    ranges.sort((a, b) => a[0] - b[0]);
    let out = '';
    let end = 0;
    for (const [from, to] of ranges) {
      if (from >= end) out += `${input.slice(end, from)}[secret]`;
      end = Math.max(end, to);
    }
    return out + input.slice(end);
  };
  // Copies only what holds a secret: nearly every value comes back as it is.
  const walk = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      let copy: JsonValue[] | null = null;
      for (let i = 0; i < value.length; i++) {
        const old = value[i] as JsonValue;
        const masked = walk(old);
        if (masked === old) continue;
        copy ??= [...value];
        copy[i] = masked;
      }
      return copy ?? value;
    }
    const given = value as JsonObject;
    for (const key in given) {
      const old = given[key];
      if ((old === undefined || walk(old) === old) && text(key) === key) continue;
      return Object.fromEntries(
        Object.entries(given).map(([k, v]) => [text(k), v === undefined ? v : walk(v)]),
      );
    }
    return value;
  };
  return {
    text,
    json: <T extends JsonValue>(value: T): T => (listed.length === 0 ? value : (walk(value) as T)),
    add,
  };
}
