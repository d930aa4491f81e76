// Two texts side by side, the words that differ marked in both.

import { diffWordsWithSpace } from 'diff';
import { htmlText as h } from './escape.ts';
import { grouped } from './format.ts';

/** Longest text shown of one output, in code points; what is left out is said. */
export const SHOWN_CHARACTERS = 6000;
/** Beyond this many edits the search for the shortest edit is given up. */
const MAX_EDITS = 1500;
/** With less than this share of words in common, marks would only be confetti. */
const LEAST_COMMON = 0.3;

export interface SideBySide {
  /** Markup already made safe. */
  readonly before: string;
  readonly after: string;
  /** Why nothing is marked; null when the marks mean something. */
  readonly note: string | null;
}

/** Marks what is only in `before` with `<del>` and what is only in `after` with `<ins>`. */
export function markDifferences(before: string, after: string): SideBySide {
  const a = shortened(before);
  const b = shortened(after);
  const plain = (note: string): SideBySide => ({ before: h(a), after: h(b), note });
  if (a === b) return plain('The same text on both sides.');
  if (a === '' || b === '') return plain('One side is empty.');
  const parts = diffWordsWithSpace(a, b, { maxEditLength: MAX_EDITS });
  if (parts === undefined) return plain('The texts differ too much to mark single words.');
  const common = parts.reduce((sum, p) => sum + (p.added || p.removed ? 0 : p.value.trim().length), 0);
  if (common < LEAST_COMMON * Math.max(a.trim().length, b.trim().length))
    return plain('The texts have too little in common for marking single words.');
  const side = (own: 'added' | 'removed', tag: 'ins' | 'del'): string =>
    parts
      .filter((p) => p[own] || !(p.added || p.removed))
      .map((p) => (p[own] ? `<${tag}>${h(p.value)}</${tag}>` : h(p.value)))
      .join('');
  return { before: side('removed', 'del'), after: side('added', 'ins'), note: null };
}

/** At most `max` code points, with the number of those left out. */
export function shortened(text: string, max = SHOWN_CHARACTERS): string {
  if (text.length <= max) return text;
  const points = Array.from(text);
  return points.length <= max
    ? text
    : `${points.slice(0, max).join('')}\n… ${grouped(points.length - max)} more characters`;
}

/** Both sides as two labelled columns. */
export function sideBySide(
  before: { readonly title: string; readonly text: string },
  after: { readonly title: string; readonly text: string },
): string {
  const marked = markDifferences(before.text, after.text);
  const column = (title: string, text: string): string =>
    `<div><strong>${h(title)}</strong><pre tabindex="0">${text === '' ? '<span class="dim">(no text)</span>' : text}</pre></div>`;
  return `<div class="pair">${column(before.title, marked.before)}${column(after.title, marked.after)}</div>${
    marked.note === null ? '' : `<p class="dim small">${h(marked.note)}</p>`
  }`;
}
