// Turns rows of another shape into cases: `where` chooses rows, `map` says at which path of a row each field stands.

import { type DocumentPath, describeValue, quote, type TextDocument, whereIn } from '../base/document.ts';
import { listOf } from '../base/document-check.ts';
import { didYouMean, LastgoodError } from '../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonAt } from '../base/json.ts';
import { type Row, tagsOf } from './case-rows.ts';
import type { Problems } from './problems.ts';
import { type FileEntry, MAP_KEYS } from './suite-schema.ts';

/** The entry in the suite file that holds `map` and `where`. */
interface EntrySite {
  readonly document: TextDocument;
  readonly path: DocumentPath;
}

/** The rows that `where` keeps. A path no row has, or a filter that keeps nothing, is an error: a misspelt one would silently empty the suite. */
export function* chooseRows(
  rows: Iterable<Row>,
  where: NonNullable<FileEntry['where']>,
  site: EntrySite,
  problems: Problems,
): Generator<Row, void, undefined> {
  const conditions = Object.entries(where).map(([path, value]) => ({
    path,
    value,
    seen: new Set<string>(),
    found: false,
    fitted: false,
  }));
  let first: Row | undefined;
  let kept = false;
  for (const row of rows) {
    first ??= row;
    let all = true;
    for (const condition of conditions) {
      const at = rowAt(row.value, condition.path);
      const fitting = fits(at, condition.value);
      all &&= fitting;
      condition.fitted ||= fitting;
      if (at === undefined) continue;
      condition.found = true;
      if (condition.seen.size < 8) condition.seen.add(JSON.stringify(at));
    }
    if (!all) continue;
    kept = true;
    yield row;
  }
  if (first === undefined || kept) return;
  const empty = conditions.find((condition) => !condition.fitted);
  if (empty === undefined) {
    problems.add(
      new LastgoodError({
        code: 'SUITE_WHERE_EMPTY',
        message: 'no row fits all the conditions together',
        where: whereIn(site.document, [...site.path, 'where']),
      }),
    );
    return;
  }
  const { path, value, seen, found } = empty;
  problems.add(
    found
      ? new LastgoodError({
          code: 'SUITE_WHERE_EMPTY',
          message: `no row has ${wordsOf(value)} at ${quote(path)}; the rows hold ${[...seen].map((s) => (s.length > 40 ? `${s.slice(0, 37)}...` : s)).join(', ')}`,
          where: whereIn(site.document, [...site.path, 'where', path]),
        })
      : noSuchPath(path, first, site, ['where', path]),
  );
}

/**
 * Rows as cases, holding the mapped fields only. A path that no row has is an error, and then there are no rows; until every path
 * was seen once, rows wait for that.
 */
export function* mapRows(
  rows: Iterable<Row>,
  map: Readonly<Record<string, string>>,
  site: EntrySite,
  problems: Problems,
): Generator<Row, void, undefined> {
  const before = problems.count();
  checkKeys(map, site, problems);
  const usable = problems.count() === before;
  const unseen = new Map(Object.entries(map));
  const mapped = (row: Row): Row => ({ ...row, value: mappedCase(row.value, map) });
  const waiting: Row[] = [];
  let first: Row | undefined;
  for (const row of rows) {
    first ??= row;
    for (const [key, path] of unseen) if (rowAt(row.value, path) !== undefined) unseen.delete(key);
    if (!usable) continue;
    if (unseen.size > 0) {
      waiting.push(row);
      continue;
    }
    for (const early of waiting.splice(0)) yield mapped(early);
    yield mapped(row);
  }
  if (first === undefined) return;
  for (const [key, path] of unseen) problems.add(noSuchPath(path, first, site, ['map', key]));
}

function checkKeys(map: Readonly<Record<string, string>>, site: EntrySite, problems: Problems): void {
  for (const key of Object.keys(map)) {
    if ((MAP_KEYS as readonly string[]).includes(key) || /^(vars|meta)\.(?!__proto__$)[^.]/.test(key))
      continue;
    const near = didYouMean(key, MAP_KEYS);
    problems.add(
      new LastgoodError({
        code: 'SUITE_UNKNOWN_KEY',
        message: `cannot map ${quote(key)}, expected ${listOf([...MAP_KEYS, 'vars.<name>', 'meta.<name>'])}`,
        where: whereIn(site.document, [...site.path, 'map', key], 'key'),
        hint: near === undefined ? undefined : `did you mean ${quote(near)}?`,
      }),
    );
  }
  if (map['id'] === undefined) {
    problems.add(
      new LastgoodError({
        code: 'SUITE_MISSING_KEY',
        message: '`map` does not say where the rows have their id',
        where: whereIn(site.document, [...site.path, 'map']),
        hint: 'add `id: <path>`, e.g. map: { id: case_id }',
      }),
    );
  }
}

function mappedCase(row: JsonValue, map: Readonly<Record<string, string>>): JsonObject {
  const fields: Record<string, JsonValue> = {};
  const vars: Record<string, JsonValue> = {};
  const meta: Record<string, JsonValue> = {};
  for (const [key, path] of Object.entries(map)) {
    const value = rowAt(row, path);
    if (value === undefined) continue;
    if (key.startsWith('vars.')) vars[key.slice(5)] = value;
    else if (key.startsWith('meta.')) meta[key.slice(5)] = value;
    else fields[key] = fieldOf(key, value);
  }
  const merged = (key: string, own: Record<string, JsonValue>): JsonObject => {
    if (Object.keys(own).length === 0) return {};
    const base = fields[key];
    return { [key]: { ...(isJsonObject(base) ? base : {}), ...own } };
  };
  return { ...fields, ...merged('vars', vars), ...merged('meta', meta) };
}

/** Data files number their rows, give one tag as a text and one question as a text; cases want text ids, a list and a conversation. */
function fieldOf(key: string, value: JsonValue): JsonValue {
  if (key === 'id' || key === 'group') return typeof value === 'number' ? String(value) : value;
  if (key === 'tags') {
    const list = Array.isArray(value)
      ? value
      : typeof value === 'string'
        ? tagsOf(value)
        : value === null
          ? []
          : [value];
    return list.filter((t) => t !== '').map((t) => (typeof t === 'string' ? t : String(t)));
  }
  if (key === 'messages' && typeof value === 'string') return [{ role: 'user', content: value }];
  if (key === 'critical' && (value === 0 || value === 1)) return value === 1;
  if (key === 'critical' && typeof value === 'string' && /^(true|false)$/i.test(value)) {
    return value.toLowerCase() === 'true';
  }
  return value;
}

/** A column's full name wins over a dotted path of the same spelling. */
function rowAt(row: JsonValue, path: string): JsonValue | undefined {
  if (isJsonObject(row) && Object.hasOwn(row, path)) return row[path];
  return jsonAt(row, path);
}

type Wanted = NonNullable<FileEntry['where']>[string];

function fits(value: JsonValue | undefined, wanted: Wanted): boolean {
  if (value === undefined) return false;
  if (Array.isArray(value)) return value.some((v) => fits(v as JsonValue, wanted));
  if (Array.isArray(wanted)) return wanted.some((w) => fits(value, w));
  // CSV cells are text, so numbers and booleans are compared as they are written.
  return typeof value !== 'object' || value === null ? String(value) === String(wanted) : false;
}

function wordsOf(wanted: Wanted): string {
  return Array.isArray(wanted)
    ? `any of ${wanted.map((w) => JSON.stringify(w)).join(', ')}`
    : describeValue(wanted);
}

function noSuchPath(path: string, first: Row, site: EntrySite, at: readonly string[]): LastgoodError {
  const known = [...pathsOf(first.value)];
  const near = didYouMean(path, known);
  return new LastgoodError({
    code: 'SUITE_MAP_NOTHING',
    message: `no row of the file has anything at ${quote(path)}; the first row has ${known.slice(0, 12).join(', ') || 'no keys'}`,
    where: whereIn(site.document, [...site.path, ...at]),
    hint: near === undefined ? undefined : `did you mean ${quote(near)}?`,
  });
}

function* pathsOf(value: JsonValue | undefined, prefix = '', depth = 0): Generator<string> {
  if (!isJsonObject(value) || depth > 3) return;
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    yield path;
    yield* pathsOf(inner, path, depth + 1);
  }
}
