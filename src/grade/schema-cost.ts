// How long can checking a JSON Schema take at worst? An upper bound from the schema alone decides where it may run.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';

const known = new WeakMap<JsonObject, { readonly size: number; readonly comparesItems: boolean }>();

/**
 * An upper bound on the steps of checking an answer of `length` characters: every part of the schema, references followed,
 * at every place of the answer. Infinity for references that lead back to themselves or out of the schema.
 */
export function schemaSteps(schema: JsonObject, length: number): number {
  let cost = known.get(schema);
  if (cost === undefined) {
    cost = { size: sizeOf(schema), comparesItems: JSON.stringify(schema).includes('"uniqueItems":true') };
    known.set(schema, cost);
  }
  // `uniqueItems` compares every item with every other one; an item has at least two characters with its comma.
  const pairs = cost.comparesItems ? (length / 2) ** 2 : 0;
  return cost.size * (length + 1) + pairs;
}

/** Parts of the schema with every reference written out; each part is measured once. */
function sizeOf(root: JsonObject): number {
  const sizes = new Map<object, number>();
  const measure = (node: JsonValue | undefined): number => {
    if (typeof node !== 'object' || node === null) return 0;
    const before = sizes.get(node);
    if (before !== undefined) return before;
    // While it is measured it counts as endless when it is reached again.
    sizes.set(node, Number.POSITIVE_INFINITY);
    let size = 1;
    if (Array.isArray(node)) for (const item of node as readonly JsonValue[]) size += measure(item);
    else if (isJsonObject(node))
      for (const [key, value] of Object.entries(node)) {
        if (/^\$(ref|dynamicRef|recursiveRef)$/.test(key))
          size +=
            typeof value === 'string' && key === '$ref' ? measureTarget(value) : Number.POSITIVE_INFINITY;
        // Definitions cost where they are used.
        else if (key !== 'definitions' && key !== '$defs') size += measure(value);
      }
    sizes.set(node, size);
    return size;
  };
  const measureTarget = (pointer: string): number => {
    const target = at(root, pointer);
    return target === undefined ? Number.POSITIVE_INFINITY : measure(target);
  };
  return measure(root);
}

/** What a local JSON pointer (`#/$defs/ticket`) leads to. */
function at(root: JsonObject, pointer: string): JsonValue | undefined {
  if (!pointer.startsWith('#/')) return pointer === '#' ? root : undefined;
  let node: JsonValue | undefined = root;
  for (const part of pointer.slice(2).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(node)) node = node[Number(key)] as JsonValue | undefined;
    else if (isJsonObject(node) && Object.hasOwn(node, key)) node = node[key];
    else return undefined;
  }
  return node;
}
