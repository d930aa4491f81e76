// Two texts side by side, the words that differ marked in both.

import { diffWordsWithSpace } from 'diff';
import { differingBlocks, SHOWN_CHARACTERS } from '../parts/excerpt.ts';
import { type Html, html } from './html.ts';

/** Beyond this many edits the search for the shortest edit is given up. */
const MAX_EDITS = 1500;
/** With less than this share of words in common, marks would only be confetti. */
const LEAST_COMMON = 0.3;

export interface SideBySide {
  readonly before: Html;
  readonly after: Html;
  /** Why nothing is marked; null when the marks mean something. */
  readonly note: string | null;
}

/** Marks what is only in `before` with `<del>` and what is only in `after` with `<ins>`. */
export function markDifferences(before: string, after: string): SideBySide {
  const [a, b] = differingBlocks(before, after, SHOWN_CHARACTERS);
  const plain = (note: string): SideBySide => ({ before: html`${a}`, after: html`${b}`, note });
  if (a === b) return plain('The same text on both sides.');
  if (a === '' || b === '') return plain('One side is empty.');
  const parts = diffWordsWithSpace(a, b, { maxEditLength: MAX_EDITS });
  if (parts === undefined) return plain('The texts differ too much to mark single words.');
  const common = parts.reduce((sum, p) => sum + (p.added || p.removed ? 0 : p.value.trim().length), 0);
  if (common < LEAST_COMMON * Math.max(a.trim().length, b.trim().length))
    return plain('The texts have too little in common for marking single words.');
  const side = (own: 'added' | 'removed', tag: 'ins' | 'del'): Html =>
    html`${parts
      .filter((p) => p[own] || !(p.added || p.removed))
      .map((p) => (p[own] ? html`<${tag}>${p.value}</${tag}>` : p.value))}`;
  return { before: side('removed', 'del'), after: side('added', 'ins'), note: null };
}

/** Both sides as two labelled columns. */
export function sideBySide(
  before: { readonly title: string; readonly text: string },
  after: { readonly title: string; readonly text: string },
): Html {
  const marked = markDifferences(before.text, after.text);
  const column = (title: string, text: Html): Html =>
    html`<div><strong>${title}</strong><pre tabindex="0">${String(text) === '' ? html`<span class="dim">(no text)</span>` : text}</pre></div>`;
  return html`<div class="pair">${column(before.title, marked.before)}${column(after.title, marked.after)}</div>${
    marked.note === null ? '' : html`<p class="dim small">${marked.note}</p>`
  }`;
}
