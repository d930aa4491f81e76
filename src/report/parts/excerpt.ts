// Two texts cut to the part in which they differ.

import { grouped } from '../../base/numbers.ts';
import { terminalLine } from './escape.ts';

/** Longest text shown of one output; what is left out is said. */
export const SHOWN_CHARACTERS = 6000;
/** Share of an excerpt kept for the text in front of the difference. */
const LEAD = 0.25;
/** So far an excerpt's start is moved on to begin with a whole word. */
const WORD = 20;

interface Cut {
  readonly from: number;
  readonly to: number;
}

/** One line of each text, at most `max` characters, cut around what differs. Control characters are made visible. */
export function differingLines(before: string, after: string, max: number): readonly [string, string] {
  const a = terminalLine(before, Number.POSITIVE_INFINITY);
  const b = terminalLine(after, Number.POSITIVE_INFINITY);
  const cuts = cutsAround(a, b, max - 2);
  const line = (text: string, { from, to }: Cut): string =>
    `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
  return [line(a, cuts[0]), line(b, cuts[1])];
}

/** Each text as a block, at most `max` characters and a note for what is left out on either side of it. */
export function differingBlocks(before: string, after: string, max: number): readonly [string, string] {
  const cuts = cutsAround(before, after, max);
  const block = (text: string, { from, to }: Cut): string => {
    const left = text.length - to;
    return [
      from > 0 ? `… ${grouped(from)} characters before this, the same on both sides\n` : '',
      text.slice(from, to),
      left > 0 ? `\n… ${grouped(left)} more characters` : '',
    ].join('');
  };
  return [block(before, cuts[0]), block(after, cuts[1])];
}

/** Where to cut: both from the same place, a little before the first difference. No character is split. */
function cutsAround(a: string, b: string, max: number): readonly [Cut, Cut] {
  const whole = (text: string): Cut => ({ from: 0, to: text.length });
  if (a.length <= max && b.length <= max) return [whole(a), whole(b)];
  const longest = Math.max(a.length, b.length);
  const first = sharedStart(a, b);
  // Equal texts have no difference to look for; a difference near the end leaves room for more in front of it.
  const from =
    first === longest
      ? 0
      : wordStart(a, Math.max(0, Math.min(first - Math.floor(max * LEAD), longest - max)), first);
  const cut = (text: string): Cut => ({ from, to: end(text, Math.min(text.length, from + max)) });
  return [cut(a), cut(b)];
}

function sharedStart(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

/** The next word's start, if it is near and not behind the difference. */
function wordStart(text: string, from: number, difference: number): number {
  if (from === 0) return 0;
  for (let at = from; at < Math.min(from + WORD, difference); at++)
    if (/\s/.test(text[at - 1] ?? '')) return at;
  return isLow(text, from) ? from - 1 : from;
}

function end(text: string, to: number): number {
  return isLow(text, to) ? to - 1 : to;
}

/** Is this the second half of a surrogate pair? */
function isLow(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}

/** At most `max` code points, with the number of those left out. */
export function shortened(text: string, max = SHOWN_CHARACTERS): string {
  if (text.length <= max) return text;
  const points = Array.from(text);
  return points.length <= max
    ? text
    : `${points.slice(0, max).join('')}\n… ${grouped(points.length - max)} more characters`;
}
