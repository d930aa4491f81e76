// JSON for a terminal, a log or a file: the same data, with every character escaped that could act on the place it is shown.

/**
 * Pretty-printed JSON and a newline. Control characters beyond ASCII, bidi overrides and what a CI runner takes for a command
 * are written as `\uXXXX`, which every parser reads back as they were.
 */
export function jsonDocument(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return `${text
    .replace(
      /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/##(?=\[|vso\[)/g, '#\\u0023')}\n`;
}
