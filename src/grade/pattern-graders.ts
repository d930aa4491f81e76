// Graders that run the suite's regular expressions: matches and extract. A pattern that could run away runs in a worker with a deadline.

import type { JsonValue } from '../base/json.ts';
import { sameJson } from '../base/json-compare.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { type GraderResult, mark, type Subject, unmeasured } from './grader-result.ts';
import { readJson } from './json-text.ts';
import { patternCost } from './pattern-cost.ts';
import { type PatternJob, type PatternMatch, runPattern } from './pattern-run.ts';
import { quote, quoteJson, shown } from './quote.ts';
import { foldCase, nothingWanted } from './text-graders.ts';
import type { WorkerPool } from './worker-pool.ts';

/** Milliseconds a pattern may take on one output. */
const PATTERN_DEADLINE_MS = 1000;

/** Steps that are harmless wherever they run: some tens of milliseconds at worst. */
export const HARMLESS_STEPS = 2e6;

type Options<T extends GraderSpec['type']> = Extract<GraderSpec, { type: T }>['options'];
type Found = { readonly match: PatternMatch | null } | { readonly failed: GraderResult };

export async function gradeMatches(
  options: Options<'matches'>,
  subject: Subject,
  workers: WorkerPool,
  signal: AbortSignal,
): Promise<GraderResult> {
  const found = await search(options, 'first', subject.text, workers, signal);
  if ('failed' in found) return found.failed;
  const pattern = `/${options.pattern}/`;
  return found.match === null
    ? mark(false, `${quote(pattern)} does not match ${shown(subject.text)}`)
    : mark(true, `${quote(pattern)} matches ${quote(found.match.whole)}`);
}

export async function gradeExtract(
  options: Options<'extract'>,
  subject: Subject,
  workers: WorkerPool,
  signal: AbortSignal,
): Promise<GraderResult> {
  const wanted = options.value === undefined ? subject.c.expected : options.value;
  if (wanted === undefined) return nothingWanted('extract');
  const found = await search(options, options.pick ?? 'first', subject.text, workers, signal);
  if ('failed' in found) return found.failed;
  if (found.match === null) {
    return mark(
      false,
      `nothing to extract: ${quote(`/${options.pattern}/`)} does not match ${shown(subject.text)}`,
      {
        extracted: null,
      },
    );
  }
  const taken = found.match.taken.trim();
  return mark(
    sameAnswer(taken, wanted, options['ignore-case'] === true),
    `wanted ${quoteJson(wanted)}, extracted ${quote(taken)}`,
    {
      extracted: taken.slice(0, 500),
    },
  );
}

function sameAnswer(taken: string, wanted: JsonValue, ignoreCase: boolean): boolean {
  if (typeof wanted === 'string') {
    const want = wanted.trim();
    return ignoreCase ? foldCase(taken) === foldCase(want) : taken === want;
  }
  const read = readJson(taken, { allowFence: false });
  return read.kind === 'ok' && sameJson(read.value, wanted);
}

/** The longest text that a pattern was found harmless on: a shorter one costs less. The same pattern stands in many cases. */
const harmless = new Map<string, { readonly flags: string; readonly length: number }>();
const MOST_PATTERNS = 200;

function isHarmless(pattern: string, flags: string, length: number): boolean {
  const known = harmless.get(pattern);
  if (known !== undefined && known.flags === flags && length <= known.length) return true;
  if (patternCost(pattern, flags, length) > HARMLESS_STEPS) return false;
  if (harmless.size >= MOST_PATTERNS) harmless.clear();
  harmless.set(pattern, { flags, length });
  return true;
}

async function search(
  options: {
    readonly pattern: string;
    readonly flags?: string | undefined;
    readonly 'ignore-case'?: boolean | undefined;
  },
  pick: 'first' | 'last',
  text: string,
  workers: WorkerPool,
  signal: AbortSignal,
): Promise<Found> {
  let flags = options.flags ?? '';
  if (options['ignore-case'] === true && !flags.includes('i')) flags += 'i';
  const job: PatternJob = { kind: 'pattern', pattern: options.pattern, flags, text, pick };
  if (isHarmless(options.pattern, flags, text.length)) {
    try {
      return { match: runPattern(job) };
    } catch (error) {
      return { failed: unmeasured('grader_error', `not a regular expression: ${(error as Error).message}`) };
    }
  }
  const answer = await workers.run({ ...job }, PATTERN_DEADLINE_MS, signal);
  switch (answer.kind) {
    case 'value':
      return { match: answer.value as unknown as PatternMatch | null };
    case 'deadline':
      return {
        failed: unmeasured(
          'grader_error',
          `${quote(`/${options.pattern}/`)} took longer than ${PATTERN_DEADLINE_MS} ms on ${text.length} characters and was cut off`,
        ),
      };
    case 'error':
    case 'died':
      return { failed: unmeasured('grader_error', `the regular expression failed: ${answer.message}`) };
    case 'cancelled':
      return { failed: unmeasured('grader_error', 'cancelled before the regular expression was done') };
  }
}
