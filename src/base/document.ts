// A file a person wrote, YAML or JSON: its value, and the line and column of every part, so that a complaint can point at it.

import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import {
  expandedLength,
  hasTooManyAliases,
  MAX_DEPTH,
  repeatedKeys,
  tooDeep,
  withinDepth,
} from './document-limits.ts';
import type { ErrorCode } from './error-catalogue.ts';
import { type ErrorWhere, LastgoodError, throwAll } from './errors.ts';
import type { JsonValue } from './json.ts';
import { isDeeperThan, normalizeNewlines } from './json.ts';

/** Keys and indexes from the top of a document down to one of its values. */
export type DocumentPath = readonly (string | number)[];

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface TextDocument {
  /** As it is shown in errors. */
  readonly file: string;
  readonly value: JsonValue;
  /** Where the value at a path stands, or its key; what is not there is looked for at its nearest parent. */
  locate(path: DocumentPath, of?: 'value' | 'key'): Place;
}

/** Prefix of the codes of errors in one kind of file: `SUITE` gives `SUITE_SYNTAX`, `SUITE_UNKNOWN_KEY`, … */
export type ErrorFamily =
  | 'SUITE'
  | 'RELEASE'
  | 'CONFIG'
  | 'PRICES'
  | 'EVENT'
  | 'SCENARIO'
  | 'IMPORT'
  | 'TICKET';

/** Aliases may repeat values this often; far above any real file, far below a "billion laughs" bomb. */
const MAX_ALIASES = 10_000;
/** Characters of a document with every alias written out: what hashing, storing and sending it would have to hold. */
const MAX_EXPANDED = 64 * 1024 * 1024;

/** Reads YAML 1.2 or, where the name ends in `.json`, strict JSON. Duplicate keys, tags, several documents and values that JSON cannot hold are errors. Throws LastgoodError(s). */
export function readDocument(text: string, file: string, family: ErrorFamily): TextDocument {
  const source = normalizeNewlines(text);
  const code: ErrorCode = `${family}_SYNTAX`;
  const isJson = /\.json$/i.test(file);
  if (isJson) checkStrictJson(source, file, code);

  const lines = new LineCounter();
  const parsed = withinDepth(file, code, () =>
    parseDocument<Node>(source, {
      lineCounter: lines,
      // The package compares every key with every other one; `repeatedKeys` does it in one pass.
      uniqueKeys: false,
      stringKeys: true,
      merge: !isJson,
      prettyErrors: false,
      logLevel: 'error',
    }),
  );
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };

  const complaints = [
    ...parsed.errors,
    ...parsed.warnings,
    ...withinDepth(file, code, () => repeatedKeys(parsed.contents)),
  ].sort((a, b) => a.pos[0] - b.pos[0]);
  if (complaints.length > 0) {
    // The first complaint is the cause; those behind it are mostly its echoes, duplicate keys aside.
    const [first, ...rest] = complaints;
    if (/Maximum call stack|Stack overflow/i.test(first?.message ?? '')) throw tooDeep(file, code, first);
    throwAll(
      [first, ...rest.filter((e) => e.code === 'DUPLICATE_KEY')]
        .filter((e) => e !== undefined)
        .map(
          (e) =>
            new LastgoodError({
              code,
              ...syntaxComplaint(e.code, e.message, source, e.pos[0], isJson),
              where: { file, ...placeAt(e.pos[0]) },
            }),
        ),
    );
  }

  if (withinDepth(file, code, () => hasTooManyAliases(parsed.contents))) {
    throw new LastgoodError({
      code,
      message: 'the file has more aliases (*name) than can be looked up in a file of its size',
      where: { file },
      hint: 'write the values out',
    });
  }
  let value: unknown;
  try {
    value = parsed.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(file, code, cause);
    throw new LastgoodError({
      code,
      message: `the file could not be read as YAML: ${(cause as Error).message}`,
      where: { file },
      cause,
    });
  }

  const pairsOf = pairIndex();
  const locate = (path: DocumentPath, of: 'value' | 'key' = 'value'): Place => {
    let node: Node | null | undefined = parsed.contents;
    let place = placeAt(node?.range?.[0] ?? 0);
    for (const [i, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(parsed);
      const found: { key?: Node | null; value?: Node | null | undefined } | undefined = isMap(node)
        ? pairsOf(node as YAMLMap<Node, Node>).get(String(step))
        : isSeq(node)
          ? { value: node.items[Number(step)] as Node | undefined }
          : undefined;
      if (!found) return place;
      const wantsKey = of === 'key' && i === path.length - 1;
      const offset: number | undefined = wantsKey
        ? (found.key?.range?.[0] ?? found.value?.range?.[0])
        : (found.value?.range?.[0] ?? found.key?.range?.[0]);
      if (offset === undefined) return place;
      place = placeAt(offset);
      node = found.value;
    }
    return place;
  };

  const expanded = withinDepth(file, code, () => expandedLength(value));
  if (expanded > MAX_EXPANDED && expanded > source.length * 2) {
    throw new LastgoodError({
      code,
      message: `the aliases (*name) of the file repeat its values until they have ${expanded.toExponential(1)} characters, expected at most ${MAX_EXPANDED}`,
      where: { file },
      hint: 'write the values out, or move them to a file of their own',
    });
  }
  throwAll(
    notJson(value).map(
      ({ path, problem }) =>
        new LastgoodError({
          code,
          message: problem,
          where: { file, ...locate(path), key: dottedKey(path) },
        }),
    ),
  );
  return { file, value: value as JsonValue, locate };
}

/** A document that was read elsewhere (a row of a CSV file, a JSON line): everything in it stands at one place. */
export function fixedDocument(value: JsonValue, file: string, place: Place): TextDocument {
  return { file, value, locate: () => place };
}

/** The `where` of an error about the value at `path`. */
export function whereIn(
  document: TextDocument,
  path: DocumentPath,
  of: 'value' | 'key' = 'value',
  caseId?: string,
): ErrorWhere {
  const key = dottedKey(path);
  return {
    file: document.file,
    ...document.locate(path, of),
    ...(caseId === undefined ? {} : { caseId }),
    ...(key === '' ? {} : { key }),
  };
}

/** `cases[3].grade[0].max-length` */
export function dottedKey(path: readonly PropertyKey[]): string {
  let key = '';
  for (const step of path) {
    if (typeof step === 'number') key += `[${step}]`;
    else key += key === '' ? String(step) : `.${String(step)}`;
  }
  return key;
}

/** Shapes of well-known credentials. Text like this is never shown, and never belongs in a file. */
export const LOOKS_SECRET =
  /^\s*(bearer|basic|token)\s+\S{8}|(^|[^a-z0-9])(sk|rk|pk)[-_][a-z0-9_-]{8}|gh[pousr]_[a-z0-9]{8}|github_pat_|xox[abeprs]-|AIza[0-9a-z_-]{10}|eyJ[a-z0-9_-]{8,}\.[a-z0-9_-]+\.|AKIA[0-9A-Z]{12}|-----BEGIN/i;

/** What stands there, in words: `the number 12`, `the text "abc"`, `a list`. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'nothing (null)';
  if (value === '') return 'an empty text';
  if (typeof value === 'string') {
    return LOOKS_SECRET.test(value) ? 'a text that looks like a secret' : `the text ${quote(value)}`;
  }
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'boolean') return `${value}`;
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return 'a map';
}

/** Text in double quotes, clipped to one readable line. */
export function quote(text: string): string {
  const clipped = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return JSON.stringify(clipped);
}

/** Problems that keep parsed text from being plain JSON data: NaN, `__proto__`, endless or broken content. Empty = it is. */
export function notJson(value: unknown): { path: DocumentPath; problem: string }[] {
  const found: { path: DocumentPath; problem: string }[] = [];
  const seen = new Set<object>();
  const above = new Set<object>();
  const path: (string | number)[] = [];
  const report = (problem: string): void => {
    found.push({ path: [...path], problem });
  };
  const walk = (v: unknown): void => {
    if (typeof v === 'number') {
      if (!Number.isFinite(v)) report(`${v} is not a number JSON can hold`);
    } else if (typeof v === 'string') {
      if (!v.isWellFormed()) report('the text holds half of a surrogate pair, which no UTF-8 file can hold');
    } else if (typeof v === 'object' && v !== null) {
      if (above.has(v) || path.length > MAX_DEPTH) {
        report(above.has(v) ? 'the value contains itself' : 'the value is nested too deeply');
        return;
      }
      if (seen.has(v)) return;
      seen.add(v);
      above.add(v);
      for (const key of Object.keys(v)) {
        path.push(Array.isArray(v) ? Number(key) : key);
        if (key === '__proto__' || !key.isWellFormed()) report(`the key ${quote(key)} is not accepted`);
        else walk((v as Record<string, unknown>)[key]);
        path.pop();
      }
      above.delete(v);
    } else if (v !== null && typeof v !== 'boolean') report(`${typeof v} is not a JSON value`);
  };
  walk(value);
  return found;
}

/** Finds a map's pair by its key: a complaint about each of 200,000 keys must not look through all of them each time. */
function pairIndex(): (map: YAMLMap<Node, Node>) => ReadonlyMap<string, Pair<Node, Node>> {
  const known = new WeakMap<object, ReadonlyMap<string, Pair<Node, Node>>>();
  return (map) => {
    let index = known.get(map);
    if (index === undefined) {
      const made = new Map<string, Pair<Node, Node>>();
      for (const pair of map.items as Pair<Node, Node>[])
        if (isScalar(pair.key) && !made.has(String(pair.key.value))) made.set(String(pair.key.value), pair);
      index = made;
      known.set(map, index);
    }
    return index;
  };
}

function checkStrictJson(source: string, file: string, code: ErrorCode): void {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (cause) {
    if (cause instanceof RangeError) throw tooDeep(file, code, cause);
    throw new LastgoodError({
      code,
      message: `the file is not JSON: ${jsonComplaint(cause as Error)}`,
      where: { file, ...jsonPlace(cause as Error, source) },
      cause,
    });
  }
  // Here, where it is quick: the reader of places would take long to find out.
  if (isDeeperThan(value, MAX_DEPTH)) throw tooDeep(file, code, undefined);
}

/** The engine's complaint without the excerpt and the position it appends. */
export function jsonComplaint(error: Error): string {
  return error.message
    .replace(/ \(line \d+ column \d+\)$/, '')
    .replace(/ in JSON at position \d+.*$/s, '')
    .replace(/, (\.\.\.)?".*$/s, '');
}

/** Where the engine gave up, as far as its message lets one find it; the start otherwise. */
export function jsonPlace(error: Error, source: string): Place {
  const position = /at position (\d+)/.exec(error.message)?.[1];
  let offset = Number(position ?? 0);
  if (/end of JSON input/.test(error.message)) offset = source.length;
  else if (position === undefined) {
    // `Unexpected token 'x', ..."excerpt"... is not valid JSON`: ten characters on either side of the token, or the whole of a short text.
    const excerpt = /, (\.\.\.)?"(.*)"(\.\.\.)? is not valid JSON$/s.exec(error.message);
    const start = excerpt?.[2] ? source.indexOf(excerpt[2]) : -1;
    offset = excerpt?.[1] && start >= 0 ? start + 10 : shortestBad(source.slice(0, 100));
  }
  const before = source.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/** Where a text stops being the beginning of any JSON. */
function shortestBad(text: string): number {
  for (let i = 1; i <= text.length; i++) {
    try {
      JSON.parse(text.slice(0, i));
    } catch (error) {
      if (/Unexpected token/.test((error as Error).message)) return i - 1;
    }
  }
  return 0;
}

function syntaxComplaint(
  kind: string,
  message: string,
  source: string,
  offset: number,
  isJson: boolean,
): { message: string; hint?: string } {
  const rest = source.slice(offset, offset + 80).split('\n')[0] ?? '';
  switch (kind) {
    case 'DUPLICATE_KEY':
      return {
        message: `the key ${quote(/^["']?([^"':,{}]+)/.exec(rest)?.[1]?.trim() ?? rest)} stands twice in the same map`,
        hint: 'keep one of the two',
      };
    case 'NON_STRING_KEY':
      return {
        message: 'a map or list stands where a key belongs',
        hint: 'put text that starts with { or [ in quotes, e.g. "{{ ticket }}"',
      };
    case 'BAD_SCALAR_START':
      return {
        message: `text cannot start with ${quote(rest[0] ?? '')} here`,
        hint: 'put the text in quotes',
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        message: 'a second "key: value" stands on the same line',
        hint: 'put text that contains ": " in quotes, or indent the inner map on lines of its own',
      };
    case 'MULTIPLE_DOCS':
      return { message: 'a second document starts here (`---`)', hint: 'keep one document per file' };
    case 'TAB_AS_INDENT':
      return { message: 'the line is indented with a tab', hint: 'indent with spaces' };
    case 'TAG_RESOLVE_FAILED':
      return {
        message: `YAML tags are not supported: ${message}`,
        hint: 'remove the tag (the word after !)',
      };
    default:
      return { message: `the file is not ${isJson ? 'JSON' : 'YAML'}: ${message}` };
  }
}
