// Equality and inclusion of JSON values.

import { isJsonObject, type JsonValue } from './json.ts';

/** Same value: numbers by value, objects whatever their key order, arrays in order. Recurses no deeper than `wanted`. */
export function sameJson(found: JsonValue | undefined, wanted: JsonValue | undefined): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(found) && found.length === wanted.length && wanted.every((v, i) => sameJson(found[i], v))
    );
  }
  if (isJsonObject(wanted)) {
    if (!isJsonObject(found)) return false;
    const keys = Object.keys(wanted).filter((k) => wanted[k] !== undefined);
    return (
      Object.keys(found).filter((k) => found[k] !== undefined).length === keys.length &&
      keys.every((k) => Object.hasOwn(found, k) && sameJson(found[k], wanted[k]))
    );
  }
  return found === wanted;
}

/** Every key of `part` is in `whole` with a value that includes the part's; arrays must be as long and include item by item. */
export function includesJson(whole: JsonValue | undefined, part: JsonValue | undefined): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) && whole.length === part.length && part.every((v, i) => includesJson(whole[i], v))
    );
  }
  if (isJsonObject(part)) {
    return (
      isJsonObject(whole) &&
      Object.keys(part).every((k) => Object.hasOwn(whole, k) && includesJson(whole[k], part[k]))
    );
  }
  return whole === part;
}
