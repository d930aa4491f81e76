import { expect, test, vi } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { type ScriptedReply, WireServer } from './wire-server.ts';
import {
  ANTHROPIC_KEY,
  context,
  FIND_ORDER,
  patience,
  refundBot,
  TOOL_CONVERSATION,
  TRIAGE_SCHEMA,
  ticket,
} from './worlds.ts';

function message(more: JsonObject = {}, headers: Record<string, string> = {}): ScriptedReply {
  return {
    headers: { 'request-id': 'req_3', ...headers },
    body: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'claude-sonnet-4-6',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 's' },
        { type: 'text', text: 'On its way.' },
      ],
      stop_reason: 'end_turn',
      stop_details: null,
      stop_sequence: null,
      usage: {
        input_tokens: 10,
        cache_read_input_tokens: 100,
        cache_creation_input_tokens: 20,
        output_tokens: 7,
        output_tokens_details: { thinking_tokens: 3 },
        service_tier: 'standard',
        inference_geo: 'us',
      },
      ...more,
    },
  };
}

async function ask(reply: ScriptedReply, request = ticket(), route: JsonObject = {}) {
  await using server = await WireServer.start({ 'POST /v1/messages': () => reply });
  const provider = await createProvider(
    refundBot({ provider: 'anthropic', model: 'claude-sonnet-4-6', 'base-url': server.url, ...route }),
    context(),
  );
  const answer = await provider.call(request, patience());
  await provider.close?.();
  return { answer, sent: server.requests[0]?.body, headers: server.requests[0]?.headers };
}

test('a message carries all input tokens, the part read from the cache and the part written to it', async () => {
  const { answer, sent, headers } = await ask(message());
  expect(answer).toMatchObject({
    kind: 'answered',
    output: { text: 'On its way.', toolCalls: [] },
    stopReason: 'stop',
    served: {
      model: 'claude-sonnet-4-6',
      systemFingerprint: null,
      serviceTier: 'standard',
      region: 'us',
      requestId: 'req_3',
    },
    usage: {
      inputTokens: 130,
      cachedInputTokens: 100,
      cacheWriteTokens: 20,
      outputTokens: 7,
      reasoningTokens: 3,
    },
  });
  expect(sent).toEqual({
    model: 'claude-sonnet-4-6',
    max_tokens: 4096,
    system: 'You answer refund tickets.',
    messages: [{ role: 'user', content: 'Where is my money?' }],
  });
  expect(answer.sent).toEqual(sent);
  expect(headers).toMatchObject({
    'anthropic-version': '2026-10-21',
    authorization: `Bearer ${ANTHROPIC_KEY}`,
  });
});

test('the current version never gets sampling parameters, and says which were left out', async () => {
  const params = { temperature: 0, 'top-p': 1, seed: 7, stop: 'END', effort: 'low', 'max-output-tokens': 50 };
  const { answer, sent } = await ask(message(), ticket({ params }), { region: 'us' });
  expect(sent).toMatchObject({
    max_tokens: 50,
    stop_sequences: ['END'],
    output_config: { effort: 'low' },
    inference_geo: 'us',
  });
  expect(sent).not.toHaveProperty('temperature');
  expect(answer).toMatchObject({ droppedParams: ['temperature', 'top-p', 'seed'] });
});

test('the older version gets them, with its header', async () => {
  const { answer, sent, headers } = await ask(message(), ticket({ params: { temperature: 0, 'top-k': 5 } }), {
    'api-version': '2023-06-01',
  });
  expect(sent).toMatchObject({ temperature: 0, top_k: 5 });
  expect(headers?.['anthropic-version']).toBe('2023-06-01');
  expect(answer).not.toHaveProperty('droppedParams');
});

test('turns of one role become one, tools and their results are blocks', async () => {
  const { answer, sent } = await ask(
    message({
      content: [{ type: 'tool_use', id: 'toolu_1', name: 'find_order', input: { order: 1 } }],
      stop_reason: 'tool_use',
    }),
    ticket({
      messages: TOOL_CONVERSATION,
      tools: [FIND_ORDER],
      toolChoice: 'required',
      params: { 'parallel-tool-calls': false },
      outputSchema: { name: 'triage', schema: TRIAGE_SCHEMA },
    }),
  );
  expect(sent).toMatchObject({
    messages: [
      { role: 'user', content: 'Where is my money?' },
      {
        role: 'assistant',
        content: [{ type: 'tool_use', id: 'call_a', name: 'find_order', input: { order: 8812 } }],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_a', content: '{"state":"refunded"}' },
          { type: 'text', text: 'Thanks.' },
        ],
      },
    ],
    tools: [{ name: 'find_order', description: 'Looks up an order.', input_schema: FIND_ORDER.parameters }],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
    output_config: { format: { type: 'json_schema', schema: TRIAGE_SCHEMA } },
  });
  expect(answer).toMatchObject({
    stopReason: 'tool_calls',
    output: { text: '', toolCalls: [{ id: 'toolu_1', name: 'find_order', args: { order: 1 } }] },
  });
});

test('a later system turn stays in its place where the version allows it, else joins the system text', async () => {
  const messages = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hello' },
    { role: 'assistant', content: 'Hello!' },
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: 'Bye' },
  ] as const;
  const now = await ask(message(), ticket({ messages }));
  expect(now.sent).toMatchObject({ system: 'Be kind.' });
  expect((now.sent?.['messages'] as JsonObject[] | undefined)?.[2]).toEqual({
    role: 'system',
    content: 'Be brief.',
  });
  const before = await ask(message(), ticket({ messages }), { 'api-version': '2023-06-01' });
  expect(before.sent).toMatchObject({ system: 'Be kind.\n\nBe brief.' });
  expect(before.sent?.['messages']).toHaveLength(3);
});

test.each([
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'other:pause_turn'],
  [null, 'unknown'],
])('stop_reason %s is stop reason %s', async (stop_reason, stopReason) => {
  expect((await ask(message({ stop_reason }))).answer).toMatchObject({ stopReason });
});

test('a refusal keeps its explanation apart from text', async () => {
  const { answer } = await ask(
    message({
      content: [],
      stop_reason: 'refusal',
      stop_details: { type: 'refusal', category: 'cyber', explanation: 'This asks for an exploit.' },
    }),
  );
  expect(answer).toMatchObject({
    stopReason: 'refusal',
    output: { text: '', refusal: 'This asks for an exploit.' },
  });
});

test('a deprecated model id prints nothing on our console', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { answer } = await ask(message(), ticket(), { model: 'claude-sonnet-4-20250514' });
  expect(answer).toMatchObject({ kind: 'answered' });
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});

test('an answer may be as long as the release allows without being streamed', async () => {
  const { answer } = await ask(message(), ticket({ params: { 'max-output-tokens': 128000 } }));
  expect(answer).toMatchObject({ kind: 'answered' });
});

test('limits and the simulator are read from the headers', async () => {
  const { answer } = await ask(
    message(
      {},
      {
        'anthropic-ratelimit-requests-limit': '50',
        'anthropic-ratelimit-requests-remaining': '0',
        'anthropic-ratelimit-requests-reset': '2026-11-20T12:00:30Z',
        'anthropic-ratelimit-input-tokens-remaining': '900',
        'anthropic-ratelimit-output-tokens-remaining': '100',
        date: 'Fri, 20 Nov 2026 12:00:00 GMT',
        'x-lastgood-simulator': 'drill',
      },
    ),
  );
  expect(answer).toMatchObject({
    rateLimit: {
      requests: { remaining: 0, limit: 50, fullInMs: 30000, rounded: true },
      tokens: { remaining: 100 },
    },
    served: { simulated: true },
  });
});

test('ANTHROPIC_BASE_URL is refused where the route has no base-url, and a missing key is told before any call', async () => {
  const release = refundBot({ provider: 'anthropic', model: 'claude-sonnet-4-6' });
  await expect(
    createProvider(release, context({ ANTHROPIC_BASE_URL: 'http://127.0.0.1:1' })),
  ).rejects.toMatchObject({ code: 'ROUTE_REDIRECTED' });
  await expect(createProvider(release, { ...context(), env: () => undefined })).rejects.toMatchObject({
    code: 'PROVIDER_NO_KEY',
    exitCode: 2,
    message: expect.stringContaining('ANTHROPIC_API_KEY'),
  });
});

test.each([
  [
    200,
    { id: 'claude-sonnet-4-6', type: 'model', lifecycle: 'active', retires_at: null },
    { state: 'available' },
  ],
  [
    200,
    { id: 'claude-sonnet-4-6', lifecycle: 'deprecated', retires_at: '2027-02-01T00:00:00Z' },
    { state: 'deprecated', retiresAt: '2027-02-01T00:00:00Z' },
  ],
  [200, { id: 'claude-sonnet-4-6', lifecycle: 'retired' }, { state: 'retired' }],
  [404, { type: 'error', error: { type: 'not_found_error', message: 'model' } }, { state: 'unknown' }],
])('the catalogue answering %i %j says %j', async (status, body, facts) => {
  await using server = await WireServer.start({
    'GET /v1/models/claude-sonnet-4-6': () => ({ status, body }),
  });
  const provider = await createProvider(
    refundBot({ provider: 'anthropic', model: 'claude-sonnet-4-6', 'base-url': server.url }),
    context(),
  );
  expect(await provider.modelFacts?.(patience())).toEqual({ id: 'claude-sonnet-4-6', ...facts });
  await provider.close?.();
});
