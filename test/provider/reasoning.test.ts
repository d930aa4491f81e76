// Reasoning settings and the usage of reasoning and prompt caches, on all three APIs.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { ProviderRequest } from '../../src/core/provider.ts';
import type { Reading } from '../../src/provider/api-call.ts';
import { createProvider } from '../../src/provider/index.ts';
import { chatBody, readChat } from '../../src/provider/openai-chat.ts';
import { assembleChat } from '../../src/provider/streamed.ts';
import { WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const PARAMS = {
  reasoning: { effort: 'high', summary: 'auto' },
  thinking: { type: 'enabled', budget_tokens: 2048 },
} as const satisfies JsonObject;

async function ask(
  path: string,
  route: JsonObject & { provider: 'openai' | 'anthropic' },
  body: JsonObject,
  params: JsonObject = PARAMS,
) {
  await using server = await WireServer.start({ [`POST ${path}`]: () => ({ body }) });
  const base = route.provider === 'openai' ? `${server.url}/v1` : server.url;
  const provider = await createProvider(refundBot({ ...route, 'base-url': base }), context());
  const reply = await provider.call(ticket({ params }), patience());
  await provider.close?.();
  if (reply.kind !== 'answered') throw new Error(reply.message);
  return { reply, sent: server.requests[0]?.body ?? {} };
}

test('responses: effort and summary; what it has not is reported', async () => {
  const { reply, sent } = await ask(
    '/v1/responses',
    { provider: 'openai', api: 'responses', model: 'gpt-5' },
    {
      object: 'response',
      status: 'completed',
      output: [{ type: 'message', content: [{ type: 'output_text', text: 'Yes.' }] }],
      usage: {
        input_tokens: 900,
        input_tokens_details: { cached_tokens: 700, cache_write_tokens: 100 },
        output_tokens: 50,
        output_tokens_details: { reasoning_tokens: 30 },
      },
    },
  );
  expect(sent['reasoning']).toEqual({ effort: 'high', summary: 'auto' });
  expect(sent['thinking']).toBeUndefined();
  expect(reply.droppedParams).toEqual(['thinking']);
  expect(reply.usage).toEqual({
    inputTokens: 900,
    outputTokens: 50,
    cachedInputTokens: 700,
    cacheWriteTokens: 100,
    reasoningTokens: 30,
  });
});

test('chat: reasoning_effort; the thinking of other servers passes, as does a map of theirs', async () => {
  const body = { choices: [{ finish_reason: 'stop', message: { content: 'Yes.' } }] };
  const route = { provider: 'openai', api: 'chat', model: 'gpt-5' } as const;
  const { reply, sent } = await ask('/v1/chat/completions', route, body);
  expect(sent).toMatchObject({ reasoning_effort: 'high', thinking: { type: 'enabled' } });
  expect(sent['reasoning']).toBeUndefined();
  expect(reply.droppedParams).toEqual(['reasoning.summary']);
  const own = { reasoning: { max_tokens: 1000 } };
  expect((await ask('/v1/chat/completions', route, body, own)).sent['reasoning']).toEqual({
    max_tokens: 1000,
  });
});

test('messages: thinking as it is, effort in its place, writes for an hour apart', async () => {
  const { reply, sent } = await ask(
    '/v1/messages',
    { provider: 'anthropic', model: 'claude-opus-4-6' },
    {
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
        { type: 'text', text: 'Yes.' },
      ],
      stop_reason: 'end_turn',
      usage: {
        input_tokens: 100,
        cache_read_input_tokens: 700,
        cache_creation_input_tokens: 100,
        cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 80 },
        output_tokens: 50,
        output_tokens_details: { thinking_tokens: 30 },
      },
    },
  );
  expect(sent).toMatchObject({
    thinking: { type: 'enabled', budget_tokens: 2048 },
    output_config: { effort: 'high' },
  });
  expect(reply.output.text).toBe('Yes.');
  expect(reply.usage).toEqual({
    inputTokens: 900,
    outputTokens: 50,
    cachedInputTokens: 700,
    cacheWriteTokens: 100,
    cacheWriteHourTokens: 80,
    reasoningTokens: 30,
  });
});

test('chat: what was reasoned goes back in conversations with tools, and only there', () => {
  const message = { content: 'Sent.', reasoning_content: 'It was sent.' };
  const reading = readChat({ choices: [{ finish_reason: 'stop', message }] }, new Headers()) as Reading;
  const said = { role: 'assistant' as const, content: 'Sent.', native: reading.native };
  const body = (messages: ProviderRequest['messages']) =>
    chatBody('m', ticket({ messages }), new Set()).body['messages'];
  const plain = [
    { role: 'user' as const, content: 'Where?' },
    said,
    { role: 'user' as const, content: 'And?' },
  ];
  expect(body(plain)).toEqual([
    { role: 'user', content: 'Where?' },
    { role: 'assistant', content: 'Sent.' },
    { role: 'user', content: 'And?' },
  ]);
  const withTool = [{ role: 'tool' as const, content: 'sent', toolCallId: 'c1' }, ...plain];
  expect(body(withTool)).toContainEqual({
    role: 'assistant',
    content: 'Sent.',
    reasoning_content: 'It was sent.',
  });
});

test('chat: reasoning details, annotations and log probabilities are put together from a stream', () => {
  const chunk = (delta: JsonObject, more: JsonObject = {}) =>
    ({ name: '', data: { choices: [{ index: 0, delta, ...more }] }, at: undefined }) as never;
  const whole = assembleChat(
    [
      chunk({ reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'Look ' }] }),
      chunk({ reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'up.', signature: 'sig' }] }),
      chunk({ content: '14' }, { logprobs: { content: [{ token: '14', logprob: -0.1 }] } }),
      chunk({ content: ' days', annotations: [{ type: 'url_citation' }] }, { finish_reason: 'stop' }),
    ],
    true,
  );
  const reading = readChat(whole?.data ?? {}, new Headers()) as Reading;
  expect(reading.output).toMatchObject({
    text: '14 days',
    citations: [{ type: 'url_citation' }],
    logprobs: { content: [{ token: '14', logprob: -0.1 }] },
  });
  expect(reading.native).toMatchObject({
    reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'Look up.', signature: 'sig' }],
  });
});

test('a secret in an answer takes the log probabilities with it, which would spell it out', async () => {
  const secret = 'canary-12345678';
  await using server = await WireServer.start({
    'POST /v1/chat/completions': () => ({
      body: {
        choices: [
          {
            finish_reason: 'stop',
            message: { content: `It is ${secret}.` },
            logprobs: { content: [{ token: 'canary' }, { token: '-12345678' }] },
          },
        ],
      },
    }),
  });
  const { mask, ...rest } = context();
  mask.add(secret);
  const provider = await createProvider(
    refundBot({ provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` }),
    { ...rest, mask },
  );
  const reply = await provider.call(ticket(), patience());
  await provider.close?.();
  expect(reply).toMatchObject({ output: { text: 'It is [secret].' } });
  expect(JSON.stringify(reply)).not.toContain('12345678');
});
