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
  const add = (value: string): void => {
    if (value.length < SHORTEST_SECRET) return;
    forms.add(value);
    forms.add(encodeURIComponent(value));
    forms.add(JSON.stringify(value).slice(1, -1));
    forms.add(Buffer.from(value, 'utf8').toString('base64'));
  };
  for (const value of values) add(value);

  const text = (input: string): string => {
    let out = input;
    for (const form of [...forms].sort((a, b) => b.length - a.length)) {
      if (out.includes(form)) out = out.replaceAll(form, '[secret]');
    }
    return out;
  };
  const walk = (value: JsonValue): JsonValue => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map((v) => walk(v as JsonValue));
    if (typeof value === 'object' && value !== null) {
      const out: Record<string, JsonValue | undefined> = {};
      for (const [key, v] of Object.entries(value as JsonObject))
        out[text(key)] = v === undefined ? undefined : walk(v);
      return out;
    }
    return value;
  };
  return { text, json: <T extends JsonValue>(value: T): T => walk(value) as T, add };
}
