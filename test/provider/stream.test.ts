// Streamed replies are read as the replies they add up to; what arrives first is timed, and what breaks off is no answer.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { readEvents } from '../../src/provider/sse.ts';
import { type ScriptedReply, WireServer } from './wire-server.ts';
import { context, FIND_ORDER, patience, refundBot, ticket } from './worlds.ts';

const ROUTES = {
  chat: ['/v1/chat/completions', { provider: 'openai', api: 'chat', model: 'm' }, '/v1'],
  responses: ['/v1/responses', { provider: 'openai', api: 'responses', model: 'm' }, '/v1'],
  messages: ['/v1/messages', { provider: 'anthropic', model: 'm' }, ''],
} as const;
type Api = keyof typeof ROUTES;

async function ask(api: Api, ...replies: readonly ScriptedReply[]) {
  const [path, route, base] = ROUTES[api];
  let n = 0;
  await using server = await WireServer.start({
    [`POST ${path}`]: () => replies[Math.min(n++, replies.length - 1)] ?? {},
  });
  const provider = await createProvider(
    refundBot({ ...route, 'base-url': `${server.url}${base}` }),
    context(),
  );
  const reply = await provider.call(ticket({ stream: true, tools: [FIND_ORDER] }), patience());
  await provider.close?.();
  return { reply, sent: server.requests.map((r) => r.body) };
}

const data = (...events: readonly JsonObject[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
/** Events named as their type, as OpenAI's Responses and Anthropic send them. */
const named = (...events: readonly JsonObject[]): string =>
  events.map((event) => `event: ${String(event['type'])}\ndata: ${JSON.stringify(event)}\n\n`).join('');
const delta = (
  delta: JsonObject,
  finish_reason: string | null = null,
  more: JsonObject = {},
): JsonObject => ({
  id: 'c1',
  model: 'm-2026',
  system_fingerprint: 'fp_1',
  choices: [{ index: 0, delta, finish_reason }],
  ...more,
});

const CHAT = [
  `: OPENROUTER PROCESSING\n\n${data(delta({ role: 'assistant', content: '' }))}`,
  data(delta({ content: 'Grü' }), delta({ content: 'ße, 👋' })),
  `${data(
    delta({
      tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'find_order', arguments: '' } }],
    }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '{"order"' } }] }),
    delta({ tool_calls: [{ index: 1, id: 'b', type: 'custom', custom: { name: 'sql', input: 'select' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
    delta({ tool_calls: [{ index: 1, custom: { input: ' 1' } }] }),
    delta({}, 'tool_calls'),
  )}${data({ id: 'c1', choices: [], usage: { prompt_tokens: 5, completion_tokens: 7, cost: 0.01 } })}data: [DONE]\n\n`,
];

const MESSAGES = [
  named(
    {
      type: 'message_start',
      message: {
        model: 'm-2026',
        content: [],
        stop_reason: null,
        usage: { input_tokens: 5, output_tokens: 1 },
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
  ),
  named(
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Grü' } },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'ße' } },
    { type: 'content_block_stop', index: 1 },
  ),
  named(
    {
      type: 'content_block_start',
      index: 2,
      content_block: { type: 'tool_use', id: 'a', name: 'find_order', input: {} },
    },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"order"' } },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: ':1}' } },
    {
      type: 'message_delta',
      delta: { stop_reason: 'tool_use' },
      usage: { input_tokens: null, output_tokens: 7 },
    },
    { type: 'message_stop' },
  ),
];

const ITEM = { type: 'message', content: [{ type: 'output_text', text: 'Grüße' }] };
const responseEnd = (more: JsonObject = {}, type = 'response.completed'): JsonObject => ({
  type,
  response: {
    object: 'response',
    status: 'completed',
    model: 'm-2026',
    output: [ITEM],
    usage: { input_tokens: 5, output_tokens: 7 },
    ...more,
  },
});
const RESPONSES = [
  named({ type: 'response.created', response: { status: 'in_progress', output: [] } }),
  named(
    { type: 'response.output_text.delta', delta: 'Grü' },
    { type: 'response.output_text.delta', delta: 'ße' },
  ),
  named({ type: 'response.output_item.done', output_index: 0, item: ITEM }, responseEnd()),
];

test.each<[Api, readonly string[], JsonObject]>([
  [
    'chat',
    CHAT,
    {
      output: {
        text: 'Grüße, 👋',
        toolCalls: [
          { id: 'a', name: 'find_order', args: { order: 1 } },
          { id: 'b', name: 'sql', args: 'select 1' },
        ],
      },
      stopReason: 'tool_calls',
      served: { model: 'm-2026', systemFingerprint: 'fp_1' },
      costUsd: 0.01,
    },
  ],
  ['responses', RESPONSES, { output: { text: 'Grüße', toolCalls: [] }, stopReason: 'stop' }],
  [
    'messages',
    MESSAGES,
    {
      output: { text: 'Grüße', toolCalls: [{ id: 'a', name: 'find_order', args: { order: 1 } }] },
      stopReason: 'tool_calls',
    },
  ],
])('%s: a stream adds up to its answer, with the time of its first token', async (api, pieces, expected) => {
  const { reply, sent } = await ask(api, { pieces });
  expect(reply).toMatchObject({
    kind: 'answered',
    served: { model: 'm-2026' },
    usage: { inputTokens: 5, outputTokens: 7 },
    ...expected,
  });
  if (reply.kind !== 'answered') throw new Error('no answer');
  expect(reply.firstTokenMs).toBeGreaterThan(0);
  expect(reply.firstTokenMs).toBeLessThan(reply.latencyMs ?? 0);
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({ stream: true });
  expect(sent[0]?.['stream_options']).toEqual(api === 'chat' ? { include_usage: true } : undefined);
});

test.each<[Api, readonly string[]]>([
  ['chat', CHAT.slice(0, 2)],
  ['responses', RESPONSES.slice(0, 2)],
  ['messages', MESSAGES.slice(0, 2)],
])('%s: a stream that ends before its answer does is worth another attempt', async (api, pieces) => {
  expect((await ask(api, { pieces })).reply).toMatchObject({
    kind: 'failed',
    cause: 'infra_error',
    code: 'connection',
    retryable: true,
    httpStatus: 200,
    message: 'no complete reply: the stream ended before the answer did',
  });
});

test.each<[Api, readonly string[], string, string]>([
  [
    'chat',
    [...CHAT.slice(0, 2), data({ error: { code: 502, message: 'upstream broke' }, choices: [] })],
    'server_error',
    'upstream broke',
  ],
  ['chat', [...CHAT.slice(0, 2), data(delta({}, 'error'))], 'server_error', '"error"'],
  [
    'responses',
    [...RESPONSES.slice(0, 2), named({ type: 'error', code: 'server_error', message: 'upstream broke' })],
    'server_error',
    'upstream broke',
  ],
  [
    'responses',
    [
      ...RESPONSES.slice(0, 2),
      named(
        responseEnd(
          { status: 'failed', error: { code: 'rate_limit_exceeded', message: 'too many' } },
          'response.failed',
        ),
      ),
    ],
    'rate_limited',
    'too many',
  ],
  [
    'messages',
    [
      ...MESSAGES.slice(0, 2),
      named({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
    ],
    'overloaded',
    'Overloaded',
  ],
  ['messages', ['data: {"type": "mess\n\n'], 'bad_reply', 'an event of the stream is not JSON'],
])('%s: an error in the stream (%j) is a failed call', async (api, pieces, code, message) => {
  expect((await ask(api, { pieces })).reply).toMatchObject({
    kind: 'failed',
    code,
    message: expect.stringContaining(message),
  });
});

test('a server that answers whole, and one that refuses to stream, are read all the same', async () => {
  const whole = { choices: [{ finish_reason: 'stop', message: { content: 'Paid.' } }] };
  const plain = await ask('chat', { body: whole });
  expect(plain.reply).toMatchObject({ kind: 'answered', output: { text: 'Paid.' } });
  expect(plain.reply).not.toHaveProperty('firstTokenMs');

  const refusal = (param: string, code: string): ScriptedReply => ({
    status: 400,
    body: { error: { message: `${param} is not supported`, param, code, type: 'invalid_request_error' } },
  });
  const refused = await ask('chat', refusal('stream', 'unsupported_value'), { body: whole });
  expect(refused.reply).toMatchObject({ kind: 'answered', droppedParams: ['stream'] });
  expect(refused.sent[1]).not.toHaveProperty('stream');
  expect(refused.sent[1]).not.toHaveProperty('stream_options');

  const older = await ask('chat', refusal('stream_options', 'unknown_parameter'), { pieces: CHAT });
  expect(older.reply).toMatchObject({ kind: 'answered', droppedParams: ['stream_options'] });
  expect(older.sent[1]).toMatchObject({ stream: true });
});

test('whole tool calls without places of their own stay apart, and arguments that are an object are read', async () => {
  const call = (id: string, order: number): JsonObject => ({
    index: 0,
    id,
    function: { name: 'find_order', arguments: { order } },
  });
  const { reply } = await ask('chat', {
    pieces: [data(delta({ tool_calls: [call('a', 1), call('b', 2)] }), delta({}, 'tool_calls'))],
  });
  expect(reply).toMatchObject({
    output: {
      toolCalls: [
        { id: 'a', args: { order: 1 } },
        { id: 'b', args: { order: 2 } },
      ],
    },
  });
});

test('events are timed by the chunk in which their end came', () => {
  const text =
    'data: {"n":1}\n\n: ping\n\ndata: {"n":\ndata: 2}\r\n\r\nevent: x\ndata: {"n":3}\n\ndata: [DONE]\n\n';
  const second = text.indexOf('2}') + 2;
  const arrivals = [
    { chars: 5, at: 10 },
    { chars: second, at: 20 },
    { chars: text.length, at: 30 },
  ];
  expect(readEvents(text, arrivals)).toEqual([
    { name: 'message', data: { n: 1 }, at: 20 },
    { name: 'message', data: { n: 2 }, at: 20 },
    { name: 'x', data: { n: 3 }, at: 30 },
  ]);
});
