// Model output inside a sentence: short, on one line, and unable to disguise itself.

import type { JsonValue } from '../base/json.ts';
import { codePointLength } from '../base/text.ts';

// Written as escapes: controls, soft hyphen, zero-width and bidirectional marks, line separators, tag characters.
const UNSEEN =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|[\u{e0000}-\u{e007f}]/gu;

/** Nothing but what can be seen as it is: nearly every text, and recognised in a fraction of the time. */
const SEEN = /^[ -~]*$/;

function showUnseen(text: string): string {
  return SEEN.test(text) ? text : text.replace(UNSEEN, escaped);
}

/** The first `max` code points in double quotes, with everything invisible written as an escape. */
export function quote(text: string, max = 60): string {
  const head = firstCodePoints(text, max);
  const quoted = showUnseen(JSON.stringify(head));
  return head.length < text.length ? `${quoted.slice(0, -1)}…"` : quoted;
}

/** A JSON value on one line, cut after `max` characters, with everything invisible written as an escape. */
export function quoteJson(value: JsonValue, max = 60): string {
  return clip(showUnseen(JSON.stringify(value).slice(0, max * 2)), max);
}

/** The text's first `max` code points. */
export function firstCodePoints(text: string, max: number): string {
  if (text.length <= max) return text;
  const head = text.slice(0, max);
  if (SEEN.test(head)) return head;
  return Array.from(text.slice(0, max * 2 + 1))
    .slice(0, max)
    .join('');
}

/** At most `max` characters, the last one an ellipsis where something was left out. */
export function clip(sentence: string, max: number): string {
  if (sentence.length <= max) return sentence;
  const cut = sentence.slice(0, max - 1);
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

/** `"the first words…" (1204 characters)`, or `nothing` for an empty text. */
export function shown(text: string, max = 60): string {
  if (text === '') return 'nothing';
  const length = codePointLength(text);
  return length > max ? `${quote(text, max)} (${length} characters)` : quote(text, max);
}

function escaped(c: string): string {
  return `\\u{${c.codePointAt(0)?.toString(16)}}`;
}
