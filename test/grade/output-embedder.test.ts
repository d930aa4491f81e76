// Vectors of answers: gathered into few requests, paid once, and a failing embedder costs a vector and nothing else.

import { describe, expect, it } from 'vitest';
import type { EmbeddingReply, Provider } from '../../src/core/provider.ts';
import { createOutputEmbedder, embeddedText, type GraderContext } from '../../src/grade/index.ts';
import { context, failing, judgeRelease, NEVER } from './support-desk.ts';

const told = (text: string) => ({ text, toolCalls: [] });

/** An embedder that answers with the length of each text, unless `reply` says otherwise. */
function world(
  reply: (texts: readonly string[]) => EmbeddingReply | null = () => null,
  more: Partial<GraderContext> = {},
) {
  const requests: (readonly string[])[] = [];
  const provider: Provider = {
    name: 'lengths',
    call: () => Promise.reject(new Error('makes no text')),
    embed: async (texts) => {
      requests.push(texts);
      return (
        reply(texts) ?? {
          kind: 'embedded',
          vectors: texts.map((t) => [t.length, 0.5]),
          model: 'lengths-1',
          usage: { inputTokens: 10 * texts.length },
        }
      );
    },
  };
  const embedder = createOutputEmbedder(
    { release: judgeRelease(), provider },
    context({
      costOf: (_, usage) => (usage?.inputTokens ?? Number.NaN) / 100,
      sleep: async () => {},
      ...more,
    }),
  );
  return { embedder, requests, ask: (text: string) => embedder.embed(told(text), NEVER) };
}

describe('the output embedder', () => {
  it('asks about answers that come together in one request, and shares its cost', async () => {
    const { ask, requests, embedder } = world();
    const found = await Promise.all(['a', 'bb', 'ccc'].map(ask));
    expect(requests).toEqual([['a', 'bb', 'ccc']]);
    expect(found.map((f) => f.kind === 'embedded' && [...f.vector])).toEqual([
      [1, 0.5],
      [2, 0.5],
      [3, 0.5],
    ]);
    expect(found.map((f) => f.costUsd)).toEqual([0.1, 0.1, 0.1].map((x) => expect.closeTo(x)));
    expect(embedder.embedder).toBe(judgeRelease().fingerprint);
    await Promise.all(Array.from({ length: 130 }, (_, i) => ask(`answer ${i}`)));
    expect(requests.slice(1).map((r) => r.length)).toEqual([64, 64, 2]);
  });

  it('embeds what was refused and called for too; an answer that says nothing needs no call', async () => {
    const { embedder, requests, ask } = world();
    expect(
      embeddedText({
        text: 'One moment.',
        refusal: 'policy',
        toolCalls: [{ id: 'c1', name: 'refund', args: { order: 7, all: true } }],
      }),
    ).toBe('One moment.\npolicy\nrefund {"all":true,"order":7}');
    expect(await ask(' \n')).toEqual({ kind: 'embedded', vector: new Float32Array(0), costUsd: 0 });
    expect(requests).toEqual([]);
    await embedder.embed({ text: '', toolCalls: [{ name: 'refund', args: 'half of it {' }] }, NEVER);
    expect(requests).toEqual([['refund "half of it {"']]);
  });

  it('does not lose the others with a text that is refused', async () => {
    const long = 'x'.repeat(50);
    const { ask, requests } = world((texts) =>
      texts.includes(long)
        ? failing({ code: 'bad_request', message: 'too long', retryable: false, httpStatus: 400 })
        : null,
    );
    const found = await Promise.all(['a', long, 'bb'].map(ask));
    expect(found.map((f) => f.kind)).toEqual(['embedded', 'missing', 'embedded']);
    expect(found[1]).toMatchObject({ reason: 'too long [bad_request]', costUsd: 0 });
    expect(requests).toHaveLength(4);
  });

  it('takes no lost call for a free one', async () => {
    const lost = world(() => failing({ code: 'connection', retryable: false }));
    expect(await lost.ask('a')).toMatchObject({ kind: 'missing', costUsd: null });
    const refused = world(() => failing({ code: 'rate_limited', retryable: false, httpStatus: 429 }));
    expect(await refused.ask('a')).toMatchObject({ kind: 'missing', costUsd: 0 });
  });

  it('gives up on a dead embedder after five requests, and at once where no other can succeed', async () => {
    const down = world(() => failing({ code: 'server_error', retryable: true }));
    for (let i = 0; i < 8; i++) expect((await down.ask(`answer ${i}`)).kind).toBe('missing');
    // Each with its four attempts.
    expect(down.requests).toHaveLength(5 * 4);
    const broke = world(() => failing({ code: 'quota', retryable: false, fatal: true }));
    for (let i = 0; i < 8; i++) expect((await broke.ask(`answer ${i}`)).kind).toBe('missing');
    expect(broke.requests).toHaveLength(1);
    // A success in between starts the count anew.
    let n = 0;
    const flaky = world(() => (++n % 5 === 0 ? null : failing({ code: 'server_error', retryable: false })));
    const found = [];
    for (let i = 0; i < 15; i++) found.push((await flaky.ask(`answer ${i}`)).kind);
    expect(found.filter((kind) => kind === 'embedded')).toHaveLength(3);
  });

  it('keeps no vector that is none, and no cost it does not know', async () => {
    const replies: (readonly (readonly number[])[])[] = [[[0, 0]], [[]], [[Number.NaN, 1]], [[1e300, 1]], []];
    for (const vectors of replies) {
      const { ask } = world(() => ({ kind: 'embedded', vectors, model: null, usage: null }), {
        costOf: (_, usage) => (usage === null ? null : 1),
      });
      expect(await ask('a')).toEqual({
        kind: 'missing',
        reason: 'the embedder returned no usable vector',
        costUsd: null,
      });
    }
    const mute = createOutputEmbedder(
      { release: judgeRelease(), provider: { name: 'mute', call: () => Promise.reject(new Error('no')) } },
      context(),
    );
    expect(await mute.embed(told('a'), NEVER)).toMatchObject({
      reason: 'the provider mute makes no embeddings',
    });
  });
});
