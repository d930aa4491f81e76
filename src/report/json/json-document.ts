// JSON for a terminal, a log or a file: the same data, with every character escaped that could act on the place it is shown.

/** Lists longer than this are written item by item. */
const LONG_LIST = 200;

/**
 * Pretty-printed JSON and a newline. Control characters beyond ASCII, bidi overrides and what a CI runner takes for a command
 * are written as `\uXXXX`, which every parser reads back as they were.
 */
export function jsonDocument(value: unknown): string {
  return `${harmless(JSON.stringify(value, null, 2))}\n`;
}

/** The same text in pieces, each a small part of it: of 100,000 cases the whole is longer than a string should be. */
export function* jsonPieces(value: unknown): Iterable<string> {
  for (const piece of pieces(value, '')) yield harmless(piece);
  yield '\n';
}

function* pieces(value: unknown, indent: string): Iterable<string> {
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.length > LONG_LIST) {
    yield '[';
    for (const [i, item] of value.entries())
      yield `${i === 0 ? '' : ','}\n${inner}${JSON.stringify(item, null, 2)?.replaceAll('\n', `\n${inner}`) ?? 'null'}`;
    yield `\n${indent}]`;
  } else if (hasLongList(value)) {
    yield '{';
    let before = '';
    for (const [key, child] of Object.entries(value)) {
      if (JSON.stringify(skeleton(child)) === undefined) continue;
      yield `${before}\n${inner}${JSON.stringify(key)}: `;
      yield* pieces(child, inner);
      before = ',';
    }
    yield `\n${indent}}`;
  } else yield JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);
}

function hasLongList(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).some((v) => (Array.isArray(v) ? v.length > LONG_LIST : hasLongList(v)));
}

/** Enough of a value to know whether JSON can hold it. */
function skeleton(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? 0 : value;
}

function harmless(text: string): string {
  return text
    .replace(
      /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e0fff}]/gu,
      (c) =>
        c
          .split('')
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          .join(''),
    )
    .replace(/##(?=\[|vso\[|teamcity\[)/gi, '#\\u0023');
}
