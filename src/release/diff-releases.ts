// What differs between two releases, layer by layer, readable on a terminal.

import { structuredPatch } from 'diff';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { withoutDataUrls } from '../core/media.ts';
import { LAYER_NAMES, type LayerName, type Release } from '../core/release.ts';

export interface LayerDiff {
  readonly layer: LayerName;
  readonly state: 'same' | 'changed' | 'added' | 'removed';
  /** `key: before -> after`, `+ key: value`, `- key: value`; texts of several lines as a unified diff. No control characters. */
  readonly lines: readonly string[];
}

/** One entry per layer that either release has, in reading order. */
export function diffReleases(
  a: Pick<Release, 'layers' | 'layerHashes'>,
  b: Pick<Release, 'layers' | 'layerHashes'>,
): LayerDiff[] {
  return LAYER_NAMES.flatMap((layer): LayerDiff[] => {
    const before = shownLayer(a.layers[layer]);
    const after = shownLayer(b.layers[layer]);
    if (before === undefined && after === undefined) return [];
    if (before === undefined) return [{ layer, state: 'added', lines: wholeLines('+', after) }];
    if (after === undefined) return [{ layer, state: 'removed', lines: wholeLines('-', before) }];
    if (a.layerHashes[layer] === b.layerHashes[layer]) return [{ layer, state: 'same', lines: [] }];
    return [{ layer, state: 'changed', lines: valueLines('', before, after) }];
  });
}

/** Files as their labels, which hold the hash of the bytes. */
function shownLayer(layer: JsonObject | undefined): JsonObject | undefined {
  return layer === undefined ? undefined : withoutDataUrls(layer);
}

function wholeLines(sign: '+' | '-', layer: JsonObject | undefined): string[] {
  return Object.entries(layer ?? {}).flatMap(([key, value]) => oneSided(sign, key, value));
}

function valueLines(key: string, before: JsonValue | undefined, after: JsonValue | undefined): string[] {
  if (before === undefined && after === undefined) return [];
  if (before === undefined) return oneSided('+', key, after);
  if (after === undefined) return oneSided('-', key, before);
  if (isJsonObject(before) && isJsonObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return keys.flatMap((k) => valueLines(joined(key, k), ownValue(before, k), ownValue(after, k)));
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    const length = Math.max(before.length, after.length);
    return Array.from({ length }, (_, i) =>
      valueLines(`${key}[${i}]`, before[i] as JsonValue | undefined, after[i] as JsonValue | undefined),
    ).flat();
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (
    typeof before === 'string' &&
    typeof after === 'string' &&
    (before.includes('\n') || after.includes('\n'))
  ) {
    return [`${visible(key)}:`, ...unified(before, after)];
  }
  if (typeof before === 'string' && typeof after === 'string') {
    const [from, to] = aroundDifference(before, after);
    return [`${visible(key)}: ${from} -> ${to}`];
  }
  return [`${visible(key)}: ${shown(before)} -> ${shown(after)}`];
}

function oneSided(sign: '+' | '-', key: string, value: JsonValue | undefined): string[] {
  if (value === undefined) return [];
  if (typeof value === 'string' && value.includes('\n')) {
    return [`${sign} ${visible(key)}:`, ...value.split('\n').map((line) => `${sign}   ${visible(line)}`)];
  }
  if (isJsonObject(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([k, v]) => oneSided(sign, joined(key, k), v));
  }
  if (Array.isArray(value) && value.length > 0) {
    return value.flatMap((v, i) => oneSided(sign, `${key}[${i}]`, v as JsonValue));
  }
  return [`${sign} ${visible(key)}: ${shown(value)}`];
}

function unified(before: string, after: string): string[] {
  const patch = structuredPatch('', '', before, after, undefined, undefined, { context: 2 });
  return patch.hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines.map(visible),
  ]);
}

const LONGEST = 160;

/** Both texts in quotes; long ones cut to the stretch where they part. */
function aroundDifference(before: string, after: string): [string, string] {
  if (before.length <= LONGEST && after.length <= LONGEST) return [shown(before), shown(after)];
  const a = [...before];
  const b = [...after];
  let same = 0;
  while (same < a.length && same < b.length && a[same] === b[same]) same++;
  const from = Math.max(0, same - 30);
  const cut = (text: string[]): string => {
    const part = text.slice(from, from + LONGEST - 10).join('');
    return `${from > 0 ? '...' : ''}${shown(part)}${from + LONGEST - 10 < text.length ? '...' : ''}`;
  };
  return [cut(a), cut(b)];
}

/** Keys such as `valueOf` are found in every object, but stand in few files. */
function ownValue(map: JsonObject, key: string): JsonValue | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}

function joined(key: string, step: string): string {
  return key === '' ? step : `${key}.${step}`;
}

function shown(value: JsonValue): string {
  return visible(JSON.stringify(value));
}

/** Control, format and line-separator characters as `\u{…}`: what cannot be seen must not act on the terminal, nor hide. */
function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu,
    (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`,
  );
}
