import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { type ScriptedReply, WireServer } from './wire-server.ts';
import {
  context,
  FIND_ORDER,
  patience,
  refundBot,
  TOOL_CONVERSATION,
  TRIAGE_SCHEMA,
  ticket,
} from './worlds.ts';

function completion(choice: JsonObject = {}, more: JsonObject = {}): ScriptedReply {
  return {
    headers: { 'x-request-id': 'req_2' },
    body: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'gpt-4o-mini-2024-07-18',
      system_fingerprint: 'fp_44709d6fcb',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'On its way.', refusal: null },
          ...choice,
        },
      ],
      usage: {
        prompt_tokens: 20,
        completion_tokens: 6,
        total_tokens: 26,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
      ...more,
    },
  };
}

async function ask(reply: ScriptedReply, request = ticket()) {
  await using server = await WireServer.start({ 'POST /v1/chat/completions': () => reply });
  const provider = await createProvider(
    refundBot({ provider: 'openai', api: 'chat', model: 'gpt-4o-mini', 'base-url': `${server.url}/v1` }),
    context(),
  );
  const answer = await provider.call(request, patience());
  await provider.close?.();
  return { answer, sent: server.requests[0]?.body };
}

test('a completion carries the fingerprint of the system that served it', async () => {
  const { answer, sent } = await ask(
    completion(),
    ticket({ params: { 'max-output-tokens': 200, stop: ['END'], seed: 7, effort: 'low', n: 3 } }),
  );
  expect(sent).toEqual({
    model: 'gpt-4o-mini',
    messages: [
      { role: 'system', content: 'You answer refund tickets.' },
      { role: 'user', content: 'Where is my money?' },
    ],
    max_completion_tokens: 200,
    stop: ['END'],
    seed: 7,
    reasoning_effort: 'low',
  });
  expect(answer).toMatchObject({
    kind: 'answered',
    output: { text: 'On its way.', toolCalls: [] },
    stopReason: 'stop',
    served: { model: 'gpt-4o-mini-2024-07-18', systemFingerprint: 'fp_44709d6fcb', requestId: 'req_2' },
    usage: { inputTokens: 20, outputTokens: 6, cachedInputTokens: 0, reasoningTokens: 2 },
    droppedParams: ['n'],
  });
});

test('tools, their results and a schema travel in the chat dialect', async () => {
  const { answer, sent } = await ask(
    completion({
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_b', type: 'function', function: { name: 'find_order', arguments: '{"order":1}' } },
        ],
      },
    }),
    ticket({
      messages: TOOL_CONVERSATION,
      tools: [FIND_ORDER],
      toolChoice: 'required',
      outputSchema: { name: 'triage', schema: TRIAGE_SCHEMA },
    }),
  );
  expect(sent).toMatchObject({
    messages: [
      { role: 'system' },
      { role: 'user' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'find_order', arguments: '{"order":8812}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_a', content: '{"state":"refunded"}' },
      { role: 'user' },
    ],
    tools: [{ type: 'function', function: { name: 'find_order' } }],
    tool_choice: 'required',
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'triage', strict: true, schema: TRIAGE_SCHEMA },
    },
  });
  expect(answer).toMatchObject({
    stopReason: 'tool_calls',
    output: { text: '', toolCalls: [{ id: 'call_b', name: 'find_order', args: { order: 1 } }] },
  });
});

test.each([
  ['length', 'length'],
  ['content_filter', 'content_filter'],
  ['function_call', 'tool_calls'],
  [null, 'unknown'],
  ['eos', 'other:eos'],
])('finish_reason %s is stop reason %s', async (finish_reason, stopReason) => {
  expect((await ask(completion({ finish_reason }))).answer).toMatchObject({ kind: 'answered', stopReason });
});

test('a refusal that ends with "stop" is a refusal all the same', async () => {
  const { answer } = await ask(
    completion({ message: { role: 'assistant', content: null, refusal: 'I cannot help with that.' } }),
  );
  expect(answer).toMatchObject({ stopReason: 'refusal', output: { refusal: 'I cannot help with that.' } });
});

test('a completion without choices is no answer', async () => {
  expect((await ask(completion({}, { choices: [] }))).answer).toMatchObject({
    kind: 'failed',
    code: 'bad_reply',
    retryable: true,
    fatal: false,
  });
});

test('embeddings come back in the order of the texts', async () => {
  await using server = await WireServer.start({
    'POST /v1/embeddings': () => ({
      body: {
        object: 'list',
        model: 'text-embedding-3-small',
        data: [
          { object: 'embedding', index: 1, embedding: [0, 1] },
          { object: 'embedding', index: 0, embedding: [1, 0] },
        ],
        usage: { prompt_tokens: 4, total_tokens: 4 },
      },
    }),
  });
  const provider = await createProvider(
    refundBot({ provider: 'openai', model: 'text-embedding-3-small', 'base-url': `${server.url}/v1` }),
    context(),
  );
  expect(await provider.embed?.(['money', 'refund'], patience())).toEqual({
    kind: 'embedded',
    vectors: [
      [1, 0],
      [0, 1],
    ],
    model: 'text-embedding-3-small',
    usage: { inputTokens: 4 },
  });
  expect(server.requests[0]?.body).toMatchObject({ encoding_format: 'float', input: ['money', 'refund'] });
  // One text too few: the reply of the script has two vectors.
  expect(await provider.embed?.(['money'], patience())).toMatchObject({ kind: 'failed', code: 'bad_reply' });
  await provider.close?.();
});

test.each([
  [
    { id: 'gpt-4o', object: 'model', created: 1, owned_by: 'openai' },
    { id: 'gpt-4o', state: 'available' },
  ],
  [
    { id: 'gpt-4o', object: 'model', shutdown_date: '2027-01-14' },
    { id: 'gpt-4o', state: 'deprecated', retiresAt: '2027-01-14' },
  ],
  [
    { id: 'gpt-4o', object: 'model', shutdown_date: '2026-10-01' },
    { id: 'gpt-4o', state: 'retired', retiresAt: '2026-10-01' },
  ],
])('the catalogue entry %j says %j', async (entry, facts) => {
  await using server = await WireServer.start({ 'GET /v1/models/gpt-4o': () => ({ body: entry }) });
  const provider = await createProvider(
    refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': `${server.url}/v1` }),
    context(),
  );
  expect(await provider.modelFacts?.(patience())).toEqual(facts);
  await provider.close?.();
});

test('a catalogue that does not know the model proves nothing; one that fails is a failure', async () => {
  let status = 404;
  await using server = await WireServer.start({ 'GET /v1/models/gpt-4o': () => ({ status, body: {} }) });
  const provider = await createProvider(
    refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': `${server.url}/v1` }),
    context(),
  );
  expect(await provider.modelFacts?.(patience())).toEqual({ id: 'gpt-4o', state: 'unknown' });
  status = 503;
  expect(await provider.modelFacts?.(patience())).toMatchObject({ kind: 'failed', code: 'server_error' });
  await provider.close?.();
});
