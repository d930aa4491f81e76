// What takes a text out of values: whole values only, or also parts of longer ones.

import { randomBytes } from 'node:crypto';
import { isJsonObject, type JsonValue } from '../../base/json.ts';

/** What stands where a text was taken out of a longer one. */
export const FORGOTTEN = '[forgotten]';

/** A mark that no other row has, and that tells nothing of the text. */
export function numberedMark(): string {
  return `[forgotten ${randomBytes(4).toString('hex')}]`;
}

/** What is looked for, and how it is taken out. */
export class TextCleaner {
  readonly #text: string;
  readonly #substring: boolean;
  /** As it is, as it stands inside JSON, and inside JSON that is itself a text of JSON. */
  readonly forms: readonly string[];

  constructor(text: string, substring: boolean) {
    this.#text = text;
    this.#substring = substring;
    const quoted = (value: string): string => JSON.stringify(value).slice(1, -1);
    this.forms = [...new Set([text, quoted(text), quoted(quoted(text))])];
  }

  /** True where the text stands here, whole or as a part. */
  within(value: string): boolean {
    return this.forms.some((form) => value.includes(form));
  }

  plain(value: string, mark = FORGOTTEN): string {
    if (!this.within(value)) return value;
    if (this.#substring) return this.forms.reduce((v, form) => v.replaceAll(form, mark), value);
    return value === this.#text ? mark : value;
  }

  /** The same of JSON text, string by string: its numbers and its structure stay. `keeps` names keys whose values stay as they are. */
  json(value: string, mark = FORGOTTEN, keeps: readonly string[] = []): string {
    if (!this.within(value)) return value;
    let parsed: JsonValue;
    try {
      parsed = JSON.parse(value) as JsonValue;
    } catch {
      return this.plain(value, mark);
    }
    let hit = false;
    const said = (v: string): string => {
      const cleaned = this.plain(v, mark);
      if (cleaned !== v) hit = true;
      return cleaned;
    };
    const walk = (v: JsonValue): JsonValue => {
      if (typeof v === 'string') return said(v);
      if (Array.isArray(v)) return (v as readonly JsonValue[]).map(walk);
      if (!isJsonObject(v)) return v;
      return Object.fromEntries(
        Object.entries(v).map(([key, child]) =>
          child === undefined || keeps.includes(key) ? [key, child] : [said(key), walk(child)],
        ),
      );
    };
    const cleaned = walk(parsed);
    return hit ? JSON.stringify(cleaned) : value;
  }

  /** Of a stored value. */
  holds(value: JsonValue): boolean {
    if (typeof value === 'string') return this.plain(value) !== value;
    const text = JSON.stringify(value);
    return this.json(text) !== text;
  }
}
