// Masking by value: whatever a secret is called and wherever it turns up, its value is never written.

import type { JsonObject, JsonValue } from './json.ts';

/** Replaces every known secret by `[secret]`. */
export interface SecretMask {
  text(text: string): string;
  json<T extends JsonValue>(value: T): T;
  /** Adds a value learnt later (a header read from the environment). */
  add(value: string): void;
}

const SECRET_NAME =
  /key|token|secret|passw|passphrase|credential|authorization|cookie|dsn|bearer|webhook|jwt|_pwd$|_pat$|_auth$|(^|_)pass$/i;

/** The password in an address, whatever its variable is called: `postgres://user:password@host`. */
const ADDRESS_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s:]*:([^/?#\s]+)@/i;

/** Shorter values are too likely to stand in ordinary text. */
const SHORTEST_SECRET = 8;

/** The values of all environment variables whose name says that they are secret, and passwords in the addresses of others. */
export function secretValues(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment)
    .flatMap(([name, value = '']) => {
      const password = ADDRESS_PASSWORD.exec(value)?.[1];
      return [
        ...(SECRET_NAME.test(name) ? [value] : []),
        ...(password === undefined ? [] : [password, decoded(password)]),
      ];
    })
    .filter((value) => value.length >= SHORTEST_SECRET);
}

/** Does this variable hold a secret, by its name or by a password in its address? */
export function isSecretVariable(name: string, value: string): boolean {
  return SECRET_NAME.test(name) || ADDRESS_PASSWORD.test(value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * What base64 makes of a value that stands among other bytes, as a key does in `user:key`: the characters that only its own bytes
 * decide, which differ by where it begins in a group of three.
 */
function base64Cores(value: string): string[] {
  return [0, 1, 2].map((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value, 'utf8')]);
    return bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
  });
}

/** A way of writing characters that is only looked for where its sign stands in a text. */
interface Encoded {
  readonly sign: string;
  readonly pattern: RegExp;
}

const HTML_NAMES: Readonly<Record<string, string>> = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": 'apos',
};

/**
 * A value of which any character may be escaped: `\\u0061` in JSON, also of JSON within JSON; `%61` and `%2561` in addresses; `&#97;` in HTML.
 * Writers escape some characters or all of them, so each has its alternatives.
 */
function encodedForms(value: string): Encoded[] {
  const literal = (char: string): string => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  const anyCase = (hex: string): string => hex.replace(/[a-f]/g, (d) => `[${d}${d.toUpperCase()}]`);
  const each = (chars: Iterable<string>, escaped: (char: string) => string): RegExp =>
    new RegExp([...chars].map((char) => `(?:${literal(char)}|${escaped(char)})`).join(''), 'g');
  const unit = (char: string): string => {
    const short = JSON.stringify(char).slice(1, -1);
    const named = short === char || short.startsWith('\\u') ? '' : `|\\\\+${literal(short.slice(1))}`;
    return `\\\\+u${anyCase((char.codePointAt(0) as number).toString(16).padStart(4, '0'))}${named}`;
  };
  const percent = (char: string): string => {
    const bytes = [...Buffer.from(char, 'utf8')].map((b) => anyCase(b.toString(16).padStart(2, '0')));
    return `${bytes.map((hex) => `%(?:25)*${hex}`).join('')}${char === ' ' ? '|\\+' : ''}`;
  };
  const entity = (char: string): string => {
    const code = char.codePointAt(0) as number;
    const name = HTML_NAMES[char];
    return `&(?:amp;)*(?:#0*${code}|#[xX]0*${anyCase(code.toString(16))}${name === undefined ? '' : `|${name}`});`;
  };
  return [
    { sign: '\\', pattern: each(value.split(''), unit) },
    { sign: '%', pattern: each(value, percent) },
    { sign: '&', pattern: each(value, entity) },
  ];
}

/** A mask for the given values, their base64, hexadecimal, URL-encoded, JSON- and HTML-escaped forms included. */
export function secretMask(values: Iterable<string>): SecretMask {
  /** What tells that a text holds a secret, gone through for every text there is; and longer forms that hold one of these. */
  const telling = new Set<string>();
  const whole = new Set<string>();
  const encoded: Encoded[] = [];
  let listed: readonly string[] = [];
  let forms: readonly string[] = [];
  const add = (value: string): void => {
    if (value.length < SHORTEST_SECRET || telling.has(value)) return;
    const url = encodeURIComponent(value.toWellFormed());
    telling.add(value);
    for (const form of [
      url,
      url.replaceAll(/%../g, (code) => code.toLowerCase()),
      url.replaceAll('%20', '+'),
    ])
      telling.add(form);
    telling.add(JSON.stringify(value).slice(1, -1));
    const hex = Buffer.from(value, 'utf8').toString('hex');
    telling.add(hex).add(hex.toUpperCase());
    encoded.push(...encodedForms(value.toWellFormed()));
    for (const form of [...base64Cores(value), Buffer.from(value, 'utf8').toString('base64')]) {
      const plain = form.includes('=') ? whole : telling;
      plain.add(form);
      plain.add(form.replaceAll('+', '-').replaceAll('/', '_'));
    }
    listed = [...telling];
    forms = [...telling, ...whole];
  };
  for (const value of values) add(value);

  const holdsSecret = (input: string): boolean => {
    for (let i = 0; i < listed.length; i++) if (input.includes(listed[i] as string)) return true;
    return encoded.some(({ sign, pattern }) => input.includes(sign) && input.search(pattern) >= 0);
  };
  // All matches are found before anything is replaced: of two secrets that overlap, no rest may stay visible.
  const text = (input: string): string => {
    if (input.length < SHORTEST_SECRET || !holdsSecret(input)) return input;
    const ranges: [number, number][] = [];
    for (const form of forms) {
      for (let at = input.indexOf(form); at !== -1; at = input.indexOf(form, at + 1))
        ranges.push([at, at + form.length]);
    }
    for (const { sign, pattern } of encoded)
      if (input.includes(sign))
        for (const match of input.matchAll(pattern))
          ranges.push([match.index, match.index + match[0].length]);
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
