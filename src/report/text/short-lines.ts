// Lines of the short terminal reports: a label, a text folded at the edge of the screen, a limit for the whole.

import { terminalLine } from '../parts/escape.ts';
import { differingLines } from '../parts/excerpt.ts';

/** Columns of a short report. */
export const WIDTH = 100;
/** Lines of a short report with three affected cases. */
const MOST_LINES = 25;
/** Cases shown with an answer of each side. */
export const SHOWN_CASES = 3;

const LABEL = 9;
const INDENT = ' '.repeat(2 + LABEL + 2);

/** Text on lines of at most `width` columns; what does not fit on the last line is cut, marked `…`. */
export function fold(text: string, width: number, lines: number): string[] {
  const out: string[] = [];
  let rest = Array.from(terminalLine(text, Number.POSITIVE_INFINITY));
  while (rest.length > width && out.length < lines - 1) {
    const space = rest.lastIndexOf(' ', width);
    const at = space > width / 2 ? space : width;
    out.push(rest.slice(0, at).join(''));
    rest = rest.slice(space === at ? at + 1 : at);
  }
  out.push(terminalLine(rest.join(''), width));
  return out;
}

/** `  cause      text`, folded onto at most `lines` lines. */
export function labelled(label: string, text: string, lines = 1): string[] {
  return fold(text, WIDTH - INDENT.length, lines).map((line, i) =>
    i === 0 ? `  ${label.padEnd(LABEL)}  ${line}` : `${INDENT}${line}`,
  );
}

/** One answer of each side on one line, cut around the first difference. */
export function beforeAfterLine(before: string, after: string, indent = '    '): string {
  const room = Math.floor((WIDTH - indent.length - '"" → ""'.length) / 2);
  const [a, b] = differingLines(before, after, room).map((text) => terminalLine(text, room));
  const quoted = (text = ''): string => (text === '' ? '(no text)' : `"${text}"`);
  return `${indent}${quoted(a)} → ${quoted(b)}`;
}

/** As many ids as fit into `room` columns, at least one, with the number of those left out. */
export function idList(ids: readonly string[], room = 62): string {
  const shown: string[] = [];
  let length = 0;
  for (const id of ids.slice(0, 4).map((text) => terminalLine(text, 40))) {
    length += id.length + 2;
    if (shown.length > 0 && length > room - ' and 100 more'.length) break;
    shown.push(id);
  }
  const left = ids.length - shown.length;
  return `${shown.join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
}

/** A piece of a short report, and what it gives up where the whole report is too long. */
export interface Part {
  readonly lines: readonly string[];
  /** The first so many of `lines` always stay (default: all). */
  readonly least?: number;
  /** Below `lines`: entries of one or more lines each, most important first. */
  readonly entries?: readonly (readonly string[])[];
  /** Entries that are left out already. */
  readonly hidden?: number;
  /** Of the line that counts the entries left out. */
  readonly indent?: string;
  /** Parts with a higher number are shortened first (default 0). */
  readonly order?: number;
}

/** Entries of which at most `most` lines are shown, the one that counts the others included. */
export function list(
  entries: readonly string[],
  most: number,
  more: Pick<Part, 'indent' | 'order'> = {},
): Part {
  const shown = entries.length <= most ? entries : entries.slice(0, most - 1);
  return {
    ...more,
    lines: [],
    entries: shown.map((entry) => [entry]),
    hidden: entries.length - shown.length,
  };
}

/** The report in at most `max` lines, as far as its parts can be shortened. What is left out is counted. */
export function fitLines(parts: readonly Part[], max = MOST_LINES): string[] {
  const shown = parts.map((part) => ({
    part,
    lines: part.lines.length,
    entries: part.entries?.length ?? 0,
  }));
  const heights = shown.map((s) => partLines(s).length);
  let total = heights.reduce((sum, height) => sum + height, 0);
  while (total > max) {
    const next = shown
      .map((s, i) => ({ s, i, order: s.part.order ?? 0, height: heights[i] ?? 0 }))
      .filter(({ s }) => s.entries > 0 || s.lines > (s.part.least ?? s.part.lines.length))
      .sort((a, b) => b.order - a.order || b.height - a.height)[0];
    if (next === undefined) break;
    if (next.s.entries > 0) next.s.entries--;
    else next.s.lines--;
    const height = partLines(next.s).length;
    total += height - next.height;
    heights[next.i] = height;
  }
  return shown.flatMap(partLines);
}

function partLines({
  part,
  lines,
  entries,
}: {
  readonly part: Part;
  readonly lines: number;
  readonly entries: number;
}): string[] {
  const text = part.lines.slice(0, lines);
  const last = text.at(-1);
  if (last !== undefined && lines < part.lines.length)
    text[lines - 1] = `${last.length < WIDTH ? last : Array.from(last).slice(0, -1).join('')}…`;
  const left = (part.entries?.length ?? 0) - entries + (part.hidden ?? 0);
  return [
    ...text,
    ...(part.entries ?? []).slice(0, entries).flat(),
    ...(left > 0 ? [`${part.indent ?? '  '}… and ${left} more: --verbose`] : []),
  ];
}
