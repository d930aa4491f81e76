// What the embedder of a run will be asked and may cost, before a single call: for `similar` graders, and for the embedding channel.

import {
  type Case,
  costOf,
  type EmbeddingEstimate,
  type GraderSpec,
  pricedModel,
  type SnapshotPurpose,
} from '../../core/index.ts';
import { outputCap } from '../../core/params.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import { embedsAnswers } from './embed-outputs.ts';

/** The embedder may count the subject's tokens otherwise. */
const ANSWER_MARGIN = 2;

/** The embedder's part of a run; null where it is asked nothing. Makes no call. */
export function estimateEmbedding(
  work: Pick<Workplace, 'prices' | 'privacy'>,
  assignment: Assignment,
  purpose?: SnapshotPurpose,
): EmbeddingEstimate | null {
  const { suite, release, embedder } = assignment;
  if (embedder === null) return null;
  const channel = embedsAnswers(work, assignment, purpose);
  let answers = 0;
  let comparisons = 0;
  let referenceTokens = 0;
  let answerTokens: number | null = 0;
  for (const c of suite.cases) {
    const cap = outputCap(release, c);
    const add = (): void => {
      answerTokens =
        answerTokens === null || cap === null ? null : answerTokens + c.trials * ANSWER_MARGIN * cap;
    };
    if (channel) {
      answers += c.trials;
      add();
    }
    for (const reference of c.graders.flatMap((spec) => referencesOf(spec, c))) {
      comparisons += c.trials;
      add();
      // A token stands for at least one byte.
      referenceTokens += c.trials * Buffer.byteLength(reference);
    }
  }
  const calls = answers + comparisons;
  if (calls === 0) return null;
  const inputTokens = answerTokens === null ? null : answerTokens + referenceTokens;
  const model = pricedModel(embedder.layers.route, null);
  return {
    calls,
    answers,
    inputTokensUpper: inputTokens,
    costUpperUsd: inputTokens === null ? null : costOf(work.prices, model, { inputTokens, outputTokens: 0 }),
  };
}

/** Of two runs together. */
export function embeddingOfBoth(
  a: EmbeddingEstimate | null,
  b: EmbeddingEstimate | null,
): EmbeddingEstimate | null {
  if (a === null || b === null) return a ?? b;
  const sum = (x: number | null, y: number | null): number | null =>
    x === null || y === null ? null : x + y;
  return {
    calls: a.calls + b.calls,
    answers: a.answers + b.answers,
    inputTokensUpper: sum(a.inputTokensUpper, b.inputTokensUpper),
    costUpperUsd: sum(a.costUpperUsd, b.costUpperUsd),
  };
}

/** The texts that `similar` compares an answer of this case with. */
function referencesOf(spec: GraderSpec, c: Case): string[] {
  if (spec.type === 'rubric')
    return spec.options.criteria.flatMap((one) => (one.kind === 'check' ? referencesOf(one.check, c) : []));
  if (spec.type !== 'similar') return [];
  const wanted = spec.options.value ?? c.expected;
  return typeof wanted === 'string' || typeof wanted === 'number' || typeof wanted === 'boolean'
    ? [String(wanted)]
    : [];
}
