// The release's schema on all three APIs: where it is sent, beside which settings, and what a refusal of it says.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { type ScriptedReply, WireServer } from './wire-server.ts';
import { context, patience, refundBot, TRIAGE_SCHEMA, ticket } from './worlds.ts';

const APIS = {
  responses: { path: '/v1/responses', route: { provider: 'openai', api: 'responses', model: 'gpt-5' } },
  chat: { path: '/v1/chat/completions', route: { provider: 'openai', api: 'chat', model: 'gpt-5' } },
  messages: { path: '/v1/messages', route: { provider: 'anthropic', model: 'claude-opus-4-6' } },
} as const;

async function ask(
  api: keyof typeof APIS,
  schema: JsonObject,
  answer: ScriptedReply,
  params: JsonObject = {},
) {
  const { path, route } = APIS[api];
  await using server = await WireServer.start({ [`POST ${path}`]: () => answer });
  const base = route.provider === 'openai' ? `${server.url}/v1` : server.url;
  const provider = await createProvider(refundBot({ ...route, 'base-url': base }), context());
  const outputSchema = { name: 'triage', schema };
  const reply = await provider.call(ticket({ outputSchema, params }), patience());
  await provider.close?.();
  return { reply, body: server.requests[0]?.body ?? {}, calls: server.requests.length };
}

test('the schema stands beside what params say of the same field', async () => {
  const response = {
    object: 'response',
    status: 'completed',
    output: [{ type: 'message', content: [{ type: 'output_text', text: '{"label":"refund"}' }] }],
  };
  const responses = await ask('responses', TRIAGE_SCHEMA, { body: response }, { verbosity: 'low' });
  expect(responses.body['text']).toEqual({
    verbosity: 'low',
    format: { type: 'json_schema', name: 'triage', schema: TRIAGE_SCHEMA, strict: true },
  });
  const completion = {
    choices: [{ finish_reason: 'stop', message: { content: '{"label":"refund"}' } }],
  };
  const chat = await ask('chat', { type: 'object' }, { body: completion });
  expect(chat.body['response_format']).toEqual({
    type: 'json_schema',
    json_schema: { name: 'triage', schema: { type: 'object' }, strict: false },
  });
  const message = { content: [{ type: 'text', text: '{"label":"refund"}' }], stop_reason: 'end_turn' };
  const messages = await ask(
    'messages',
    TRIAGE_SCHEMA,
    { body: message },
    { 'reasoning-effort': 'low', thinking: { type: 'adaptive' } },
  );
  expect(messages.body).toMatchObject({
    output_config: { effort: 'low', format: { type: 'json_schema', schema: TRIAGE_SCHEMA } },
    thinking: { type: 'adaptive' },
  });
});

const LOOSE = {
  type: 'object',
  additionalProperties: false,
  properties: { order: { type: 'object' } },
} as const satisfies JsonObject;

test.each([
  [
    'responses',
    {
      error: {
        message: "Invalid schema for response_format 'triage'",
        type: 'invalid_request_error',
        param: 'text.format.schema',
        code: 'invalid_json_schema',
      },
    },
  ],
  [
    'chat',
    { error: { message: "Invalid schema for response_format 'triage'", type: 'invalid_request_error' } },
  ],
  [
    'messages',
    {
      type: 'error',
      error: { type: 'invalid_request_error', message: 'output_config.format.schema: not supported' },
    },
  ],
] as const)('%s: a refused schema is named with what is commonly refused in it', async (api, error) => {
  const { reply, calls } = await ask(api, LOOSE, { status: 400, body: error });
  expect(calls).toBe(1);
  expect(reply).toMatchObject({
    kind: 'failed',
    code: 'bad_request',
    message: expect.stringMatching(
      /^the API refuses the release's output\.schema \(properties\.order is an object without additionalProperties: false\): 400 /,
    ),
  });
});

test('another refusal does not blame the schema', async () => {
  const { reply } = await ask('chat', LOOSE, {
    status: 400,
    body: { error: { message: 'The prompt is too long', type: 'invalid_request_error' } },
  });
  expect(reply).toMatchObject({ message: '400 The prompt is too long' });
});
