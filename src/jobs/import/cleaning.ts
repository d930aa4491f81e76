// What is taken out before anything is written: secrets of the environment, credentials by their shape, and what `redact` rules name.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { SecretMask } from '../../base/secrets.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import type { FoundCase, FoundRecording } from '../../intake/parts/found.ts';

/** Shapes of credentials that are far from any ordinary text. */
const CREDENTIAL =
  /\b(?:sk|rk|pk)[-_][A-Za-z0-9_-]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}|\bAIza[0-9A-Za-z_-]{30,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** A text without any of these holds none of them. */
const SIGN = /[srp]k[-_]|gh[pousr]_|github_pat_|xox|AIza|AKIA|eyJ|-----BEGIN/;

export class Cleaning {
  readonly #mask: SecretMask;
  readonly #privacy: Privacy | null;
  /** Credentials that were replaced. */
  masked = 0;

  constructor(mask: SecretMask, privacy: Privacy | null) {
    this.#mask = mask;
    this.#privacy = privacy;
  }

  text(text: string): string {
    const hidden = this.#mask.text(text);
    if (hidden !== text) this.masked++;
    if (!SIGN.test(hidden)) return hidden;
    return hidden.replace(CREDENTIAL, () => {
      this.masked++;
      return '[secret]';
    });
  }

  json<T extends JsonValue>(value: T): T {
    return this.#walk(value) as T;
  }

  case(c: FoundCase): FoundCase {
    const { vars, messages, expected, meta, grade, tags } = c;
    const texts = {
      vars: vars ?? {},
      messages: messages ?? null,
      meta: meta ?? {},
      expected: expected ?? null,
    } as JsonObject;
    const kept = this.json(this.#privacy?.value(texts) ?? texts);
    const graders =
      grade === undefined ? undefined : this.json((this.#privacy?.value([...grade]) ?? grade) as JsonValue[]);
    return {
      ...c,
      ...(vars === undefined ? {} : { vars: kept['vars'] as JsonObject }),
      ...(messages === undefined ? {} : { messages: kept['messages'] as JsonValue[] }),
      ...(expected === undefined ? {} : { expected: kept['expected'] as JsonValue }),
      ...(meta === undefined ? {} : { meta: kept['meta'] as JsonObject }),
      ...(graders === undefined ? {} : { grade: graders }),
      ...(tags === undefined ? {} : { tags: tags.map((t) => this.text(this.#privacy?.message(t) ?? t)) }),
    };
  }

  recording(r: FoundRecording): FoundRecording {
    const privacy = this.#privacy;
    const text = (t: string): string => this.text(privacy === null ? t : privacy.value(t));
    return {
      ...r,
      ...(r.output === undefined
        ? {}
        : {
            output:
              typeof r.output === 'string'
                ? this.text(privacy?.answer(r.output) ?? r.output)
                : this.json(privacy?.value(r.output) ?? r.output),
          }),
      ...(r.toolCalls === undefined
        ? {}
        : { toolCalls: this.json((privacy?.value([...r.toolCalls]) ?? r.toolCalls) as JsonValue[]) }),
      ...(r.error === undefined ? {} : { error: text(r.error) }),
    };
  }

  /** Copies only what changes: nearly all values hold no secret. */
  #walk(value: JsonValue): JsonValue {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) {
      const list = value as readonly JsonValue[];
      const out = list.map((item) => this.#walk(item));
      return out.some((item, i) => item !== list[i]) ? out : value;
    }
    if (!isJsonObject(value)) return value;
    let changed = false;
    const pairs = Object.entries(value).map(([key, item]) => {
      const cleanKey = this.text(key);
      const clean = item === undefined ? item : this.#walk(item);
      if (clean !== item || cleanKey !== key) changed = true;
      return [cleanKey, clean] as const;
    });
    return changed ? (Object.fromEntries(pairs) as JsonObject) : value;
  }
}
