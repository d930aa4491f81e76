// Replies of HTTP status 200 that are no answer: each is a failed call with its message, and never an output.

import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { WireServer } from './wire-server.ts';
import { context, OPENAI_KEY, patience, refundBot, ticket } from './worlds.ts';

const ROUTES = {
  chat: ['/v1/chat/completions', { provider: 'openai', api: 'chat', model: 'gpt-4o' }, '/v1'],
  responses: ['/v1/responses', { provider: 'openai', api: 'responses', model: 'gpt-4o' }, '/v1'],
  messages: ['/v1/messages', { provider: 'anthropic', model: 'claude-sonnet-4-6' }, ''],
} as const;
type Api = keyof typeof ROUTES;

async function ask(api: Api, body: JsonValue, headers: Record<string, string> = {}) {
  const [path, route, base] = ROUTES[api];
  await using server = await WireServer.start({ [`POST ${path}`]: () => ({ body, headers }) });
  const provider = await createProvider(
    refundBot({ ...route, 'base-url': `${server.url}${base}` }),
    context(),
  );
  const reply = await provider.call(ticket(), patience());
  await provider.close?.();
  return reply;
}

const chat = (choice: JsonObject, more: JsonObject = {}): JsonObject => ({
  id: 'gen-1',
  object: 'chat.completion',
  model: 'gpt-4o',
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Paid.' }, ...choice }],
  ...more,
});
const said = (content: string | null): JsonObject => ({ message: { role: 'assistant', content } });
const response = (more: JsonObject): JsonObject => ({
  object: 'response',
  status: 'completed',
  model: 'gpt-4o',
  output: [{ type: 'message', content: [{ type: 'output_text', text: 'Paid.' }] }],
  ...more,
});
const message = (more: JsonObject): JsonObject => ({
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-6',
  content: [{ type: 'text', text: 'Paid.' }],
  stop_reason: 'end_turn',
  ...more,
});

const again = { retryable: true, fatal: false };
const never = { retryable: false, fatal: false };

test.each<[string, Api, JsonObject, JsonObject, RegExp]>([
  [
    'OpenRouter: an error in the choice',
    'chat',
    chat({ finish_reason: 'error', error: { code: 502, message: 'upstream is down' }, ...said('') }),
    { code: 'server_error', ...again },
    /502 upstream is down/,
  ],
  [
    'an error in the choice, beside text that came before it',
    'chat',
    chat({ error: { code: 429, message: 'slow down' } }),
    { code: 'rate_limited', ...again },
    /slow down/,
  ],
  [
    'an error beside whole choices',
    'chat',
    chat({}, { error: { message: 'the worker died', type: 'server_error' } }),
    { code: 'server_error', ...again },
    /server_error the worker died/,
  ],
  [
    'nothing but an error',
    'chat',
    { error: { message: 'No endpoints found', code: 'no_endpoints' } },
    { code: 'server_error', ...again },
    /no_endpoints No endpoints found/,
  ],
  [
    'an error that is a text',
    'chat',
    { error: 'model is loading' },
    { code: 'server_error', ...again },
    /model is loading/,
  ],
  [
    'a quota, by its word',
    'chat',
    { error: { message: 'pay first', code: 'insufficient_quota' } },
    { code: 'quota', retryable: false, fatal: true },
    /pay first/,
  ],
  [
    'a refused upstream key, which says nothing about other calls',
    'chat',
    { error: { message: 'no auth', code: 401 } },
    { code: 'auth', ...never },
    /no auth/,
  ],
  [
    'a moderation',
    'chat',
    { error: { message: 'flagged', code: 'content_policy_violation' } },
    { code: 'content_filter', ...never },
    /flagged/,
  ],
  ...['error', 'abort', 'aborted', 'cancelled', 'network_error'].flatMap(
    (finish_reason): [string, Api, JsonObject, JsonObject, RegExp][] => [
      [
        `finish_reason ${finish_reason} without content`,
        'chat',
        chat({ finish_reason, ...said('') }),
        { code: 'server_error', ...again },
        new RegExp(`"${finish_reason}"`),
      ],
      [
        `finish_reason ${finish_reason} after some text`,
        'chat',
        chat({ finish_reason }),
        { code: 'server_error', ...again },
        new RegExp(`"${finish_reason}"`),
      ],
    ],
  ),
  [
    'DeepSeek out of machines',
    'chat',
    chat({ finish_reason: 'insufficient_system_resource', ...said('') }),
    { code: 'overloaded', ...again },
    /insufficient_system_resource/,
  ],
  ...([null, 'eos'] as const).flatMap((finish_reason) =>
    ['', ' \n', null].map((text): [string, Api, JsonObject, JsonObject, RegExp] => [
      `finish_reason ${finish_reason} with content ${JSON.stringify(text)}`,
      'chat',
      chat({ finish_reason, ...said(text) }),
      { code: 'bad_reply', ...again },
      /no content/,
    ]),
  ),
  [
    'finish_reason tool_calls without a call',
    'chat',
    chat({ finish_reason: 'tool_calls', ...said(null) }),
    { code: 'bad_reply', ...again },
    /tool_calls/,
  ],
  [
    'no choices',
    'chat',
    { base_resp: { status_code: 1004, status_msg: 'login fail' } },
    { code: 'bad_reply', ...again },
    /no message in "choices".*login fail/,
  ],
  [
    'failed',
    'responses',
    response({ status: 'failed', error: { code: 'server_error', message: 'no luck' } }),
    { code: 'server_error', ...again },
    /server_error no luck/,
  ],
  [
    'failed without an error',
    'responses',
    response({ status: 'failed', error: null }),
    { code: 'bad_reply', ...again },
    /"failed"/,
  ],
  [
    'completed with an error',
    'responses',
    response({ error: { code: 'rate_limit_exceeded', message: 'too many' } }),
    { code: 'rate_limited', ...again },
    /too many/,
  ],
  ...(['cancelled', 'queued', 'in_progress', 'expired'] as const).map(
    (status): [string, Api, JsonObject, JsonObject, RegExp] => [
      status,
      'responses',
      response({ status }),
      { code: 'bad_reply', ...again },
      new RegExp(`"${status}"`),
    ],
  ),
  [
    'without a status',
    'responses',
    { object: 'response', model: 'gpt-4o', output: response({})['output'] as JsonValue },
    { code: 'bad_reply', ...again },
    /no status/,
  ],
  [
    'incomplete for no reason',
    'responses',
    response({ status: 'incomplete', incomplete_details: null }),
    { code: 'bad_reply', ...again },
    /"incomplete"/,
  ],
  [
    'incomplete for a reason of its own',
    'responses',
    response({ status: 'incomplete', incomplete_details: { reason: 'worker_lost' } }),
    { code: 'bad_reply', ...again },
    /"incomplete" \(worker_lost\)/,
  ],
  [
    'empty content and no stop reason',
    'messages',
    message({ content: [], stop_reason: null }),
    { code: 'bad_reply', ...again },
    /no content and no reason/,
  ],
  [
    'nothing but thinking and no stop reason',
    'messages',
    message({ content: [{ type: 'thinking', thinking: 'hm', signature: 's' }], stop_reason: null }),
    { code: 'bad_reply', ...again },
    /no content/,
  ],
  [
    'an error of the API',
    'messages',
    { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
    { code: 'overloaded', ...again },
    /Overloaded/,
  ],
  [
    'an error beside content',
    'messages',
    message({ error: { type: 'api_error', message: 'stream broke' } }),
    { code: 'server_error', ...again },
    /stream broke/,
  ],
])('%s (%s) is a failed call', async (_, api, body, expected, text) => {
  expect(await ask(api, body, { 'x-request-id': 'req_5', 'request-id': 'req_5' })).toMatchObject({
    kind: 'failed',
    cause: 'infra_error',
    httpStatus: 200,
    requestId: 'req_5',
    message: expect.stringMatching(text),
    ...expected,
  });
});

test.each<[string, Api, JsonObject, string]>([
  ['an empty answer that ended by itself', 'chat', chat(said('')), 'stop'],
  [
    'an empty answer of a model that ran out of tokens',
    'chat',
    chat({ ...said(''), finish_reason: 'length' }),
    'length',
  ],
  ['an answer without a reason', 'chat', chat({ finish_reason: null }), 'unknown'],
  ['error: null', 'chat', chat({ error: null }, { error: null }), 'stop'],
  ['empty errors', 'chat', chat({ error: '' }, { error: { code: null, message: '' } }), 'stop'],
  ['an empty message that ended its turn', 'messages', message({ content: [] }), 'stop'],
  ['a message without a reason', 'messages', message({ stop_reason: null }), 'unknown'],
])('%s (%s) is an answer', async (_, api, body, stopReason) => {
  expect(await ask(api, body)).toMatchObject({ kind: 'answered', stopReason });
});

test.each(Object.keys(ROUTES) as Api[])('%s: a page names its type and its beginning', async (api) => {
  const page = '<html>\n  <title>Sign in</title>';
  expect(await ask(api, page, { 'content-type': 'text/html; charset=utf-8' })).toMatchObject({
    kind: 'failed',
    code: 'bad_reply',
    httpStatus: 200,
    message: 'the reply is not JSON (text/html): <html> <title>Sign in</title>',
  });
  expect(await ask(api, '{"id": "gen', {})).toMatchObject({
    message: 'the reply is not JSON (application/json): {"id": "gen',
  });
  expect(await ask(api, '', { 'content-type': 'text/plain' })).toMatchObject({
    message: 'the reply is empty (text/plain), expected JSON',
  });
});

test('no secret leaves through an excerpt, wherever it is cut', async () => {
  for (const before of [0, 150, 440, 460, 480, 600]) {
    const body = `${'x'.repeat(before)} ${OPENAI_KEY}`;
    for (const reply of [
      await ask('chat', body, { 'content-type': 'text/plain' }),
      await ask('chat', { note: body }),
      await ask('chat', { error: { message: body } }),
    ])
      expect(JSON.stringify(reply)).not.toContain(OPENAI_KEY.slice(0, 12));
  }
});

test('embeddings and the catalogue: an error with status 200 is neither vectors nor a model', async () => {
  const body = { error: { message: 'the encoder is out', code: 503 } };
  await using server = await WireServer.start({
    'POST /v1/embeddings': () => ({ body }),
    'GET /v1/models/gpt-4o': () => ({ body }),
    'GET /v1/models/claude-sonnet-4-6': () => ({ body }),
  });
  const provider = await createProvider(
    refundBot({ provider: 'openai', model: 'gpt-4o', 'base-url': `${server.url}/v1` }),
    context(),
  );
  expect(await provider.embed?.(['refund'], patience())).toMatchObject({
    kind: 'failed',
    code: 'server_error',
    retryable: true,
    message: expect.stringContaining('503 the encoder is out'),
  });
  expect(await provider.modelFacts?.(patience())).toEqual({ id: 'gpt-4o', state: 'unknown' });
  await provider.close?.();
  const claude = await createProvider(
    refundBot({ provider: 'anthropic', model: 'claude-sonnet-4-6', 'base-url': server.url }),
    context(),
  );
  expect(await claude.modelFacts?.(patience())).toEqual({ id: 'claude-sonnet-4-6', state: 'unknown' });
  await claude.close?.();
});
