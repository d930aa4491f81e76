// The similar grader: cosine of embeddings, with an embedder that works, one that fails and none at all.

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { Grade } from '../../src/core/grade.ts';
import type { Provider } from '../../src/core/provider.ts';
import type { VerdictCache } from '../../src/grade/index.ts';
import {
  answer,
  failing,
  grader,
  judgeRelease,
  memoryCache,
  NEVER,
  outcome,
  ticket,
  withGrader,
} from './support-desk.ts';

describe('similar', () => {
  // A tiny real embedding: how often each letter stands in the text.
  const vector = (text: string): number[] => {
    const counts = new Array<number>(26).fill(0);
    for (const c of text.toLowerCase()) {
      const at = c.charCodeAt(0) - 97;
      if (at >= 0 && at < 26) counts[at] = (counts[at] ?? 0) + 1;
    }
    return counts;
  };
  const embedder = (more: Partial<Provider> = {}): Provider & { calls: number } => {
    const provider = {
      name: 'letters',
      calls: 0,
      call: () => Promise.reject(new Error('makes no text')),
      embed: async (texts: readonly string[]) => {
        provider.calls++;
        return {
          kind: 'embedded' as const,
          vectors: texts.map(vector),
          model: 'letters-1',
          usage: { inputTokens: 9 },
        };
      },
      ...more,
    };
    return provider;
  };
  const graded = async (
    text: string,
    provider: Provider | null,
    options: JsonObject = {},
    verdictsKept: VerdictCache | null = null,
  ): Promise<Grade> =>
    withGrader(
      { embedder: provider === null ? null : { release: judgeRelease(), provider }, verdicts: verdictsKept },
      async (g) =>
        (
          await g.gradeTrial(
            ticket([grader('similar', options)], { expected: 'refund sent' }),
            answer(text),
            NEVER,
          )
        ).grades[0] as Grade,
    );

  it('scores the cosine and passes from the threshold on', async () => {
    expect(await graded('refund sent', embedder())).toMatchObject({ pass: true, score: 1 });
    expect(await graded('zzz', embedder())).toMatchObject({ pass: false, score: 0 });
    expect(outcome(await graded('refunds', embedder(), { threshold: 0.99 }))).toBe('fail');
    expect(outcome(await graded('refunds', embedder(), { threshold: 0.5 }))).toBe('pass');
  });

  it('fails an empty answer without a call, and pays once for an unchanged one', async () => {
    const provider = embedder();
    expect(outcome(await graded(' ', provider))).toBe('fail');
    const kept = memoryCache();
    await graded('refund', provider, {}, kept);
    const again = await graded('refund', provider, {}, kept);
    expect(provider.calls).toBe(1);
    expect(again.details).toMatchObject({ cached: true });
  });

  it('is ungraded without an embedder, on a failure and on vectors that cannot be compared', async () => {
    expect(outcome(await graded('x', null))).toBe('grader_error');
    const { embed: _none, ...textOnly } = embedder();
    expect(outcome(await graded('x', textOnly))).toBe('grader_error');
    expect(outcome(await graded('x', embedder({ embed: async () => failing({ retryable: false }) })))).toBe(
      'judge_error',
    );
    const odd = (vectors: number[][]): Provider =>
      embedder({ embed: async () => ({ kind: 'embedded', vectors, model: null, usage: null }) });
    for (const vectors of [
      [],
      [[1, 2], [1]],
      [
        [0, 0],
        [1, 1],
      ],
      [[Number.NaN], [1]],
    ]) {
      expect(outcome(await graded('x', odd(vectors)))).toBe('judge_error');
    }
  });
});
