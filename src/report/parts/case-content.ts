// What a case asks and expects, as a reader sees it: one line for a terminal, whole for a page.

import type { JsonValue } from '../../base/index.ts';
import { turnText } from '../../core/case-conversation.ts';
import type { CaseContent } from '../../core/index.ts';
import { terminalLine } from './escape.ts';
import { shortened } from './excerpt.ts';

interface Part {
  /** The variable or the role; empty where the text needs no name. */
  readonly name: string;
  readonly text: string;
}

/** The input, one variable or message after the other. Where it is longer than `max`, room is shared out between them. */
export function inputText(content: CaseContent, max = Number.POSITIVE_INFINITY): string {
  const parts = partsOf(content);
  const shares = sharesOf(
    parts.map(({ text }) => text.length),
    max,
  );
  return parts
    .map(({ name, text }, i) => {
      const shown = shortened(text, shares[i]);
      return name === '' ? shown : `${name}: ${shown}`;
    })
    .join('\n');
}

/** The expected value; null where the case names none. */
export function expectedText({ expected }: Pick<CaseContent, 'expected'>): string | null {
  return expected === undefined || expected === null ? null : asText(expected);
}

/** The input in one line. Room is shared out so that a long variable does not hide a short one. */
export function inputLine(content: CaseContent, max: number): string {
  const parts = partsOf(content).map(({ name, text }) => ({
    name: name === '' ? '' : `${terminalLine(name, 40)}: `,
    text: terminalLine(text, Number.POSITIVE_INFINITY),
  }));
  const shares = sharesOf(
    parts.map(({ text }) => text.length),
    max - parts.reduce((sum, { name }) => sum + name.length + 2, 0),
  );
  return terminalLine(
    parts.map(({ name, text }, i) => `${name}${terminalLine(text, shares[i])}`).join('; '),
    max,
  );
}

/** How much of each text is shown: the short ones whole, the long ones an equal part of what is left. */
function sharesOf(lengths: readonly number[], max: number): number[] {
  const shares = new Array<number>(lengths.length).fill(0);
  const shortestFirst = [...lengths.entries()].sort(([, a], [, b]) => a - b);
  let room = max;
  for (const [n, [index, length]] of shortestFirst.entries()) {
    const share = Math.min(length, Math.max(8, Math.floor(room / (lengths.length - n))));
    shares[index] = share;
    room -= share;
  }
  return shares;
}

/** Input and expected value as labelled lines; a label is left out where there is nothing to show. */
export function contentLines(content: CaseContent, indent: string, max = 160): string[] {
  const input = inputLine(content, max);
  const expected = expectedText(content);
  return [
    ...(input === '' ? [] : [`${indent}input:  ${input}`]),
    ...(expected === null ? [] : [`${indent}expected: ${terminalLine(expected, max)}`]),
  ];
}

/** What the case says, and the params that it sets. */
function partsOf(content: CaseContent): Part[] {
  const { params } = content;
  return [
    ...saidParts(content),
    ...(params === undefined ? [] : [{ name: 'params', text: JSON.stringify(params) }]),
  ];
}

function saidParts({ vars, messages, turns }: CaseContent): Part[] {
  if (turns !== undefined) {
    const [only] = turns;
    if (turns.length === 1 && only !== undefined) return [{ name: '', text: turnText(only) }];
    return turns.map((turn, i) => ({ name: `turn ${i + 1}`, text: turnText(turn) }));
  }
  if (messages !== null) {
    const parts = messages.map(({ role, content, toolCalls = [] }) => ({
      name: role,
      text: [content, ...toolCalls.map((c) => `[tool call] ${c.name}(${JSON.stringify(c.args)})`)]
        .filter((text) => text !== '')
        .join('\n'),
    }));
    const [only] = parts;
    return parts.length === 1 && only?.name === 'user' ? [{ name: '', text: only.text }] : parts;
  }
  const named = Object.entries(vars).map(([name, value]) => ({ name, text: asText(value ?? null) }));
  const [only] = named;
  return named.length === 1 && only !== undefined ? [{ name: '', text: only.text }] : named;
}

function asText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
