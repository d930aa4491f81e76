// The `number` grader: a number somewhere in the output, within a tolerance of the wanted one.

import type { GraderSpec } from '../core/grader-spec.ts';
import { type GraderResult, mark, type Subject } from './grader-result.ts';
import { shown } from './quote.ts';
import { nothingWanted } from './text-graders.ts';

type Options = Extract<GraderSpec, { type: 'number' }>['options'];

// Not the tail of a word (`gpt4`), of another number or of a version (`1.2.3`). A sign counts where no word, number
// or closing bracket stands before it, so `3-5` is 3 and 5. Commas only as thousands separators; what follows (a unit, a percent sign) is ignored.
const NUMBER =
  /(?<![\p{L}\p{N}_]|\p{N}[.])(?:(?<![)\]]|[\p{N})\]]\s)[-+\u2212])?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:(?<=\d)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?/gu;

/** All numbers in a text, in order. */
function numbersIn(text: string): number[] {
  const found: number[] = [];
  for (const match of text.matchAll(NUMBER)) found.push(toNumber(match[0]));
  return found;
}

function toNumber(text: string): number {
  return Number(text.replaceAll(',', '').replace('\u2212', '-'));
}

export function gradeNumber(options: Options, subject: Subject): GraderResult {
  const wanted = options.value ?? wholeNumber(subject.c.expected);
  if (wanted === null) return nothingWanted('number');
  const numbers = numbersIn(subject.text);
  if (numbers.length === 0) return mark(false, `wanted ${wanted}, found no number in ${shown(subject.text)}`);
  if (options.pick === 'only' && numbers.length > 1) {
    return mark(
      false,
      `wanted ${wanted} as the only number, found ${numbers.length}: ${numbers.slice(0, 6).join(', ')}`,
    );
  }
  const found = (options.pick === 'first' ? numbers[0] : numbers.at(-1)) as number;
  const allowed = Math.max(options.tolerance ?? 0, (options['relative-tolerance'] ?? 0) * Math.abs(wanted));
  // 1.1 is within 0.1 of 1 for everybody but binary floating point.
  const rounding = 4 * Number.EPSILON * Math.max(Math.abs(found), Math.abs(wanted));
  // A number too large to hold would make its own tolerance infinite.
  const met = Number.isFinite(found) && Math.abs(found - wanted) <= allowed + rounding;
  const within = allowed > 0 ? ` (± ${Number(allowed.toPrecision(6))})` : '';
  return mark(met, `wanted ${wanted}${within}, found ${found}`, {
    found: Number.isFinite(found) ? found : String(found),
  });
}

/** An expected answer that is a number, or a text that is nothing but one. */
function wholeNumber(expected: unknown): number | null {
  if (typeof expected === 'number') return expected;
  if (typeof expected !== 'string') return null;
  const text = expected.trim();
  if (!/^[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:(?<=\d)(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/.test(text))
    return null;
  return toNumber(text);
}
