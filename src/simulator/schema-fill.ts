// Any JSON Schema → some value that fits it: the answer of a model that is forced into a schema it has no script for.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { Draws } from './draws.ts';

const MAX_DEPTH = 12;

/** Draws a value that fits the schema: required and optional properties, enums, references, bounds. Unsupported keywords (pattern, not, if) are not looked at. */
export function fillSchema(schema: JsonObject, draws: Draws): JsonValue {
  return fill(schema, schema, draws, 0);
}

function fill(node: JsonValue | undefined, root: JsonObject, draws: Draws, depth: number): JsonValue {
  if (!isJsonObject(node) || depth > MAX_DEPTH) return null;
  if (typeof node['$ref'] === 'string') return fill(pointed(root, node['$ref']), root, draws, depth + 1);
  if (node['const'] !== undefined) return node['const'];
  if (Array.isArray(node['enum'])) return oneOf(node['enum'] as readonly JsonValue[], draws) ?? null;
  for (const key of ['anyOf', 'oneOf']) {
    const branches = node[key];
    if (Array.isArray(branches))
      return fill(oneOf(branches as readonly JsonValue[], draws), root, draws, depth + 1);
  }
  if (Array.isArray(node['allOf'])) {
    const parts = (node['allOf'] as readonly JsonValue[]).map((part) => fill(part, root, draws, depth + 1));
    return parts.every(isJsonObject) ? Object.assign({}, ...parts) : (parts[0] ?? null);
  }
  switch (typeOf(node, draws)) {
    case 'object':
      return fillObject(node, root, draws, depth);
    case 'array': {
      const least = bound(node['minItems'], 1);
      const count = Math.min(Math.max(least, 1), bound(node['maxItems'], Number.POSITIVE_INFINITY));
      return Array.from({ length: count }, () => fill(node['items'] ?? {}, root, draws, depth + 1));
    }
    case 'integer':
      return fillNumber(node, draws, true);
    case 'number':
      return fillNumber(node, draws, false);
    case 'boolean':
      return draws.uniform() < 0.5;
    case 'null':
      return null;
    default:
      return fillText(node, draws);
  }
}

function fillObject(node: JsonObject, root: JsonObject, draws: Draws, depth: number): JsonObject {
  const properties = isJsonObject(node['properties']) ? node['properties'] : {};
  const required = new Set(Array.isArray(node['required']) ? (node['required'] as readonly JsonValue[]) : []);
  const filled: Record<string, JsonValue> = {};
  for (const [name, property] of Object.entries(properties)) {
    // Past half the depth only what must be there: a recursive schema has to end.
    if (depth > MAX_DEPTH / 2 && !required.has(name)) continue;
    filled[name] = fill(property, root, draws, depth + 1);
  }
  return filled;
}

function fillNumber(node: JsonObject, draws: Draws, whole: boolean): number {
  const step = whole ? 1 : 1e-6;
  const low =
    typeof node['exclusiveMinimum'] === 'number'
      ? node['exclusiveMinimum'] + step
      : bound(node['minimum'], 0);
  const high =
    typeof node['exclusiveMaximum'] === 'number'
      ? node['exclusiveMaximum'] - step
      : bound(node['maximum'], Math.max(low, 0) + 10);
  const value = low + draws.uniform() * (high - low);
  return whole ? Math.min(Math.max(Math.round(value), Math.ceil(low)), Math.floor(high)) : value;
}

const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-15',
  'date-time': '2026-01-15T09:30:00Z',
  time: '09:30:00Z',
  email: 'customer@example.com',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function fillText(node: JsonObject, draws: Draws): string {
  const format = FORMATS[String(node['format'])];
  if (format !== undefined) return format;
  const least = bound(node['minLength'], 0);
  let text = `simulated ${draws.hex(6)}`;
  while (text.length < least) text += ` ${draws.hex(6)}`;
  return text.slice(0, Math.max(least, bound(node['maxLength'], text.length)));
}

function typeOf(node: JsonObject, draws: Draws): JsonValue | undefined {
  const type = node['type'];
  if (Array.isArray(type)) return oneOf(type as readonly JsonValue[], draws);
  return type ?? (node['properties'] === undefined ? 'string' : 'object');
}

function pointed(root: JsonObject, ref: string): JsonValue | undefined {
  let current: JsonValue | undefined = root;
  for (const step of ref.replace(/^#\/?/, '').split('/').filter(Boolean)) {
    const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
    current = isJsonObject(current) ? current[key] : undefined;
  }
  return current;
}

function oneOf<T>(values: readonly T[], draws: Draws): T | undefined {
  return values[Math.floor(draws.uniform() * values.length)];
}

function bound(value: JsonValue | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
