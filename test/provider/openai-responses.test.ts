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

function response(more: JsonObject = {}, headers: Record<string, string> = {}): ScriptedReply {
  return {
    headers: { 'x-request-id': 'req_1', ...headers },
    body: {
      id: 'resp_1',
      object: 'response',
      status: 'completed',
      model: 'gpt-4o-2024-11-20',
      service_tier: 'default',
      error: null,
      incomplete_details: null,
      output: [
        { type: 'reasoning', id: 'rs_1', summary: [] },
        {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'It is on its way.', annotations: [] }],
        },
      ],
      usage: {
        input_tokens: 30,
        input_tokens_details: { cached_tokens: 10, cache_write_tokens: 4 },
        output_tokens: 12,
        output_tokens_details: { reasoning_tokens: 5 },
        total_tokens: 42,
      },
      ...more,
    },
  };
}

async function ask(reply: ScriptedReply, request = ticket()) {
  await using server = await WireServer.start({ 'POST /v1/responses': () => reply });
  const provider = await createProvider(
    refundBot({ provider: 'openai', api: 'responses', model: 'gpt-4o', 'base-url': `${server.url}/v1` }),
    context(),
  );
  const answer = await provider.call(request, patience());
  await provider.close?.();
  return { answer, sent: server.requests[0]?.body, headers: server.requests[0]?.headers };
}

test('a plain answer carries text, stop reason, served identity, usage and what was sent', async () => {
  const { answer, sent, headers } = await ask(response());
  expect(answer).toMatchObject({
    kind: 'answered',
    output: { text: 'It is on its way.', toolCalls: [] },
    stopReason: 'stop',
    served: {
      model: 'gpt-4o-2024-11-20',
      systemFingerprint: null,
      serviceTier: 'default',
      region: null,
      requestId: 'req_1',
    },
    usage: {
      inputTokens: 30,
      outputTokens: 12,
      cachedInputTokens: 10,
      cacheWriteTokens: 4,
      reasoningTokens: 5,
    },
  });
  expect(sent).toEqual({
    model: 'gpt-4o',
    instructions: 'You answer refund tickets.',
    input: [{ role: 'user', content: 'Where is my money?' }],
    store: false,
  });
  expect(answer.sent).toEqual(sent);
  expect(answer).not.toHaveProperty('droppedParams');
  expect(answer.kind === 'answered' && answer.served.simulated).toBeUndefined();
  expect(headers?.['x-stainless-retry-count']).toBe('0');
});

test('params go to their places, and those Responses has no place for are reported, not lost', async () => {
  const { answer, sent } = await ask(
    response(),
    ticket({
      params: {
        temperature: 0,
        'top-p': 0.9,
        'max-output-tokens': 400,
        'reasoning-effort': 'low',
        verbosity: 'low',
        seed: 7,
        stop: ['END'],
        'frequency-penalty': 0.5,
        parallel_tool_calls: false,
        'service-tier': null,
      },
      outputSchema: { name: 'triage', schema: TRIAGE_SCHEMA },
    }),
  );
  expect(sent).toMatchObject({
    temperature: 0,
    top_p: 0.9,
    max_output_tokens: 400,
    reasoning: { effort: 'low' },
    text: {
      verbosity: 'low',
      format: { type: 'json_schema', name: 'triage', schema: TRIAGE_SCHEMA, strict: true },
    },
    parallel_tool_calls: false,
  });
  expect(sent).not.toHaveProperty('seed');
  expect(sent).not.toHaveProperty('service_tier');
  expect(answer).toMatchObject({ droppedParams: ['seed', 'stop', 'frequency-penalty'] });
});

test('an empty stop list asks for nothing, so nothing is dropped', async () => {
  const { answer } = await ask(response(), ticket({ params: { stop: [] } }));
  expect(answer).not.toHaveProperty('droppedParams');
});

test('a schema with optional members is sent without strict, which the API would refuse', async () => {
  const { sent } = await ask(
    response(),
    ticket({
      outputSchema: { name: 'triage', schema: { type: 'object', properties: { label: { type: 'string' } } } },
    }),
  );
  expect(sent).toMatchObject({ text: { format: { strict: false } } });
});

test('tools, a tool choice and tool results travel as input items', async () => {
  const { answer, sent } = await ask(
    response({
      output: [
        {
          type: 'function_call',
          id: 'fc_1',
          call_id: 'call_b',
          name: 'find_order',
          arguments: '{"order":8812}',
        },
        { type: 'function_call', id: 'fc_2', call_id: 'call_c', name: 'find_order', arguments: '{"order":' },
      ],
    }),
    ticket({ messages: TOOL_CONVERSATION, tools: [FIND_ORDER], toolChoice: 'find_order' }),
  );
  expect(sent?.['input']).toEqual([
    { role: 'user', content: 'Where is my money?' },
    { type: 'function_call', call_id: 'call_a', name: 'find_order', arguments: '{"order":8812}' },
    { type: 'function_call_output', call_id: 'call_a', output: '{"state":"refunded"}' },
    { role: 'user', content: 'Thanks.' },
  ]);
  expect(sent?.['tools']).toEqual([
    {
      type: 'function',
      name: 'find_order',
      description: 'Looks up an order.',
      parameters: FIND_ORDER.parameters,
      strict: false,
    },
  ]);
  expect(sent?.['tool_choice']).toEqual({ type: 'function', name: 'find_order' });
  expect(answer).toMatchObject({
    stopReason: 'tool_calls',
    output: {
      text: '',
      toolCalls: [
        { id: 'call_b', name: 'find_order', args: { order: 8812 } },
        { id: 'call_c', name: 'find_order', args: '{"order":' },
      ],
    },
  });
});

test.each([
  ['max_output_tokens', 'length'],
  ['content_filter', 'content_filter'],
])('an answer that is incomplete by %s stops with %s', async (reason, stopReason) => {
  const { answer } = await ask(response({ status: 'incomplete', incomplete_details: { reason } }));
  expect(answer).toMatchObject({ kind: 'answered', stopReason });
});

test('a refusal part is a refusal and not text', async () => {
  const { answer } = await ask(
    response({
      output: [
        { type: 'message', role: 'assistant', content: [{ type: 'refusal', refusal: 'I cannot do that.' }] },
      ],
    }),
  );
  expect(answer).toMatchObject({ stopReason: 'refusal', output: { text: '', refusal: 'I cannot do that.' } });
});

test.each([
  ['server_error', { code: 'server_error', retryable: true }],
  ['rate_limit_exceeded', { code: 'rate_limited', retryable: true }],
  ['bio_policy', { code: 'content_filter', retryable: false }],
  ['invalid_image', { code: 'bad_request', retryable: false }],
])('a response that failed with %s is a failure', async (code, expected) => {
  const { answer } = await ask(
    response({ status: 'failed', output: [], error: { code, message: 'no luck' } }),
  );
  expect(answer).toMatchObject({ kind: 'failed', cause: 'infra_error', requestId: 'req_1', ...expected });
});

test('what is not disclosed is null, and usage that is absent is null', async () => {
  const { answer } = await ask({
    body: { object: 'response', status: 'completed', output: [] },
  });
  expect(answer).toMatchObject({
    kind: 'answered',
    output: { text: '' },
    served: { model: null, serviceTier: null, requestId: null },
    usage: null,
  });
});

test('limits come from the headers, and the simulator is recognised', async () => {
  const { answer } = await ask(
    response(
      {},
      {
        'x-ratelimit-limit-requests': '5000',
        'x-ratelimit-remaining-requests': '4999',
        'x-ratelimit-reset-requests': '12ms',
        'x-ratelimit-limit-tokens': '200000',
        'x-ratelimit-remaining-tokens': '150000',
        'x-ratelimit-reset-tokens': '6m0s',
        'x-lastgood-simulator': '1',
        'x-ms-region': 'swedencentral',
      },
    ),
  );
  expect(answer).toMatchObject({
    rateLimit: {
      requests: { limit: 5000, remaining: 4999, fullInMs: 12 },
      tokens: { limit: 200000, remaining: 150000, fullInMs: 360000 },
    },
    served: { simulated: true, region: 'swedencentral' },
  });
});

test('OPENAI_BASE_URL is refused where the route has no base-url: no snapshot would record it', async () => {
  const elsewhere = context({ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' });
  await expect(
    createProvider(refundBot({ provider: 'openai', model: 'gpt-9' }), elsewhere),
  ).rejects.toMatchObject({ code: 'ROUTE_REDIRECTED', hint: expect.stringContaining('base-url') });
  const said = refundBot({ provider: 'openai', model: 'gpt-9', 'base-url': { env: 'OPENAI_BASE_URL' } });
  await (await createProvider(said, elsewhere)).close?.();
});

test('the base URL and the key may stand in variables the release names', async () => {
  await using server = await WireServer.start({ 'POST /v1/responses': () => response() });
  const provider = await createProvider(
    refundBot(
      { provider: 'openai', api: 'responses', model: 'gpt-4o', 'base-url': { env: 'GATEWAY' } },
      { paths: { 'api-key-env': 'TEAM_KEY' } },
    ),
    context({ GATEWAY: `${server.url}/v1`, TEAM_KEY: 'sk-team-key-000' }),
  );
  expect(await provider.call(ticket(), patience())).toMatchObject({ kind: 'answered' });
  await provider.close?.();
  expect(server.requests[0]?.headers.authorization).toBe('Bearer sk-team-key-000');
});

test('a missing key, a missing variable and an unknown region are told together, before any call', async () => {
  const release = refundBot(
    { provider: 'openai', model: 'gpt-4o', 'base-url': { env: 'GATEWAY' }, region: 'mars' },
    { paths: { 'api-key-env': 'TEAM_KEY' } },
  );
  await expect(createProvider(release, context())).rejects.toMatchObject({
    code: 'PROVIDER_NO_KEY',
    exitCode: 2,
    errors: [
      { code: 'PROVIDER_NO_KEY', where: { file: 'releases/refund-bot.yaml' } },
      { code: 'ENV_MISSING', where: { key: 'route.base-url' } },
      { code: 'ROUTE_REGION' },
    ],
  });
  await expect(
    createProvider(refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': 'gateway/v1' }), context()),
  ).rejects.toMatchObject({ code: 'ROUTE_ADDRESS', exitCode: 2 });
});
