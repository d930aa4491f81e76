// Bounds on documents of strangers: keys that repeat, aliases that multiply, brackets without end.

import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { ErrorCode } from './error-catalogue.ts';
import { LastgoodError } from './errors.ts';

/** Levels of lists and maps; what reads, hashes or stores a value calls itself for each. */
export const MAX_DEPTH = 200;

/** Each alias is looked up by walking through the document: this many steps take about a second. */
const MAX_ALIAS_STEPS = 2e7;

/** Are there more aliases than can be looked up in a document of this size? */
export function hasTooManyAliases(contents: Node | null): boolean {
  let nodes = 0;
  let aliases = 0;
  const walk = (node: unknown): void => {
    nodes++;
    if (isAlias(node)) aliases++;
    else if (isSeq(node)) for (const item of node.items) walk(item);
    else if (isMap(node))
      for (const { key, value } of node.items) {
        walk(key);
        walk(value);
      }
  };
  walk(contents);
  return nodes * aliases > MAX_ALIAS_STEPS;
}

/** One complaint for each key that stands in its map already, as the package words and places it. */
export function repeatedKeys(
  contents: Node | null,
): { code: 'DUPLICATE_KEY'; message: string; pos: [number, number] }[] {
  const found: { code: 'DUPLICATE_KEY'; message: string; pos: [number, number] }[] = [];
  const walk = (node: unknown): void => {
    if (isSeq(node)) for (const item of node.items) walk(item);
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      if (isScalar(key)) {
        const name = String(key.value);
        const at = key.range?.[0] ?? 0;
        if (seen.has(name))
          found.push({ code: 'DUPLICATE_KEY', message: 'Map keys must be unique', pos: [at, at] });
        seen.add(name);
      }
      walk(value);
    }
  };
  walk(contents);
  return found;
}

/** How long the value is as text with every shared part written out; each part is measured once. */
export function expandedLength(value: unknown): number {
  const known = new Map<object, number>();
  const measure = (v: unknown): number => {
    if (typeof v === 'string') return v.length;
    if (typeof v !== 'object' || v === null) return 8;
    const before = known.get(v);
    if (before !== undefined) return before;
    // Counted as nothing while it is measured: what contains itself is refused elsewhere.
    known.set(v, 0);
    let length = 2;
    for (const [key, child] of Object.entries(v))
      length += (Array.isArray(v) ? 1 : key.length) + measure(child);
    known.set(v, length);
    return length;
  };
  return measure(value);
}

/** Brackets without end exhaust the stack of their reader. */
export function withinDepth<T>(file: string, code: ErrorCode, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    // A pattern that is compiled where little of the stack is left fails as one.
    if (cause instanceof RangeError || /Stack overflow/i.test((cause as Error).message))
      throw tooDeep(file, code, cause);
    throw cause;
  }
}

export function tooDeep(file: string, code: ErrorCode, cause: unknown): LastgoodError {
  return new LastgoodError({
    code,
    message: `the file is nested too deeply, expected at most ${MAX_DEPTH} levels`,
    where: { file },
    cause,
  });
}
