// Graders of the answer's outer shape: length, words, code fences, and what it took to get it.

import { codePointLength, wordCount } from '../base/text.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { type GraderResult, mark, type Subject, unmeasured } from './grader-result.ts';
import { quote } from './quote.ts';

type Options<T extends GraderSpec['type']> = Extract<GraderSpec, { type: T }>['options'];

export function gradeMaxLength(options: Options<'max-length'>, subject: Subject): GraderResult {
  const length = codePointLength(subject.text);
  return mark(length <= options.value, `${length} characters, at most ${options.value} wanted`, { length });
}

export function gradeMinLength(options: Options<'min-length'>, subject: Subject): GraderResult {
  const length = codePointLength(subject.text);
  return mark(length >= options.value, `${length} characters, at least ${options.value} wanted`, { length });
}

export function gradeMaxWords(options: Options<'max-words'>, subject: Subject): GraderResult {
  const words = wordCount(subject.text);
  return mark(words <= options.value, `${words} words, at most ${options.value} wanted`, { words });
}

export function gradeNoCodeFence(subject: Subject): GraderResult {
  const fence = /```|^[^\S\n]{0,3}~~~/m.exec(subject.text);
  if (fence === null) return mark(true, 'no Markdown code fence');
  const around = subject.text.slice(Math.max(0, fence.index - 10), fence.index + 30);
  return mark(false, `a Markdown code fence at character ${fence.index}: ${quote(around, 40)}`);
}

export function gradeLatency(options: Options<'latency'>, subject: Subject): GraderResult {
  const ms = subject.trial.latencyMs;
  if (ms === null) return unmeasured('grader_error', 'the latency of this answer is unknown');
  const limit = options['max-ms'];
  return mark(ms <= limit, `answered in ${Math.round(ms)} ms, at most ${limit} ms wanted`, { latencyMs: ms });
}

export function gradeCost(options: Options<'cost'>, subject: Subject): GraderResult {
  const usd = subject.trial.costUsd;
  if (usd === null) {
    return unmeasured(
      'grader_error',
      'the cost is unknown: no price for the model, or its usage was not disclosed',
    );
  }
  const limit = options['max-usd'];
  return mark(usd <= limit, `cost ${Number(usd.toPrecision(4))} USD, at most ${limit} USD wanted`, {
    costUsd: usd,
  });
}
