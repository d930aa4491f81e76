// Judges on servers that take no JSON schema, or another name for the cap on output tokens: asked in the next way, once, and then so always.

import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import type { ServerFacts } from '../../src/provider/output-form.ts';
import { type Script, WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const SCHEMA = { type: 'object', properties: { verdict: { type: 'string' } } };
const asked = (more: JsonObject = {}) =>
  ticket({
    params: { 'max-output-tokens': 100, ...more },
    outputSchema: { name: 'rubric_verdicts', schema: SCHEMA, flexible: true },
  });
const said = (message: JsonObject = { content: '{"verdict":"yes"}' }): { body: JsonValue } => ({
  body: { model: 'm', choices: [{ message: { role: 'assistant', ...message }, finish_reason: 'stop' }] },
});
const refuse = (status: number, body: JsonValue) => ({ status, body });

type Refusal = ReturnType<typeof refuse> | null;
const servers: [string, (body: JsonObject) => Refusal, string, number][] = [
  [
    'DeepSeek: no json_schema',
    ({ response_format: form }) =>
      (form as JsonObject | undefined)?.['type'] === 'json_schema'
        ? refuse(400, {
            error: { message: 'This response_format type is unavailable now', type: 'invalid_request_error' },
          })
        : null,
    'json_object',
    2,
  ],
  [
    'Groq: neither json_schema nor json_object, but tools',
    ({ response_format: form }) =>
      form === undefined
        ? null
        : refuse(400, {
            error: {
              message: 'This model does not support response format `json_schema`.',
              type: 'invalid_request_error',
              param: 'response_format',
            },
          }),
    'tool',
    3,
  ],
  [
    'vLLM without guided decoding: text only',
    ({ response_format: form, tools }) =>
      form === undefined && tools === undefined
        ? null
        : refuse(400, {
            object: 'error',
            message: '"auto" tool choice requires --enable-auto-tool-choice to be set',
            type: 'BadRequestError',
            param: null,
            code: 400,
          }),
    'text',
    4,
  ],
  [
    'Mistral: 422 for max_completion_tokens, in its own form',
    (body) =>
      'max_completion_tokens' in body
        ? refuse(422, {
            detail: [
              {
                type: 'extra_forbidden',
                loc: ['body', 'max_completion_tokens'],
                msg: 'Extra inputs are not permitted',
              },
            ],
          })
        : null,
    'json_schema',
    2,
  ],
  [
    'both at once',
    (body) =>
      'max_completion_tokens' in body
        ? refuse(400, {
            error: { message: "Unrecognized request argument supplied: 'max_completion_tokens'" },
          })
        : 'response_format' in body
          ? refuse(422, { message: 'response_format: Input should be text' })
          : null,
    'tool',
    4,
  ],
];

const formOf = (body: JsonObject): string => {
  const { response_format: form, tools, tool_choice: choice } = body;
  if (tools !== undefined) {
    expect(choice).toEqual({ type: 'function', function: { name: 'rubric_verdicts' } });
    return 'tool';
  }
  return form === undefined ? 'text' : String((form as JsonObject)['type']);
};

test.each(servers)('%s', async (_, refusal, form, requests) => {
  const script: Script = ({ body }) => refusal(body) ?? said();
  await using server = await WireServer.start({ 'POST /v1/chat/completions': script });
  const release = refundBot({ provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` });
  const known = new Map<string, ServerFacts>();
  const provider = await createProvider(release, { ...context(), servers: known });
  expect(await provider.call(asked(), patience())).toMatchObject({ kind: 'answered' });
  expect(server.requests).toHaveLength(requests);
  const { body } = server.requests.at(-1) as { body: JsonObject };
  expect(formOf(body)).toBe(form);
  // The cap is never given up, only called by its other name.
  expect(body['max_completion_tokens'] ?? body['max_tokens']).toBe(100);
  // Once per server, also for a provider that is opened later.
  await provider.call(asked(), patience());
  expect(server.requests).toHaveLength(requests + 1);
  await provider.close?.();
  const later = await createProvider(release, { ...context(), servers: known });
  await later.call(asked(), patience());
  expect(server.requests).toHaveLength(requests + 2);
  await later.close?.();
});

test('calls at the same time all arrive in the form that the server takes', async () => {
  await using server = await WireServer.start({
    'POST /v1/chat/completions': ({ body }) =>
      'response_format' in body ? refuse(400, { error: { message: 'no response_format' } }) : said(),
  });
  const release = refundBot({ provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` });
  const provider = await createProvider(release, context());
  const replies = await Promise.all(Array.from({ length: 8 }, () => provider.call(asked(), patience())));
  expect(replies.every((reply) => reply.kind === 'answered')).toBe(true);
  await provider.close?.();
});

test('the cap is sent under the name that the release uses', async () => {
  await using server = await WireServer.start({ 'POST /v1/chat/completions': () => said() });
  const release = refundBot({ provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` });
  const provider = await createProvider(release, context());
  await provider.call(ticket({ params: { 'max-tokens': 64 } }), patience());
  expect(server.requests[0]?.body).toMatchObject({ max_tokens: 64 });
  expect(server.requests[0]?.body).not.toHaveProperty('max_completion_tokens');
  await provider.close?.();
});

test('a refusal for another reason is told as it was, and the schema is asked for again', async () => {
  let broken = true;
  await using server = await WireServer.start({
    'POST /v1/chat/completions': () =>
      broken ? refuse(400, { error: { message: 'the prompt is too long', type: 'x' } }) : said(),
  });
  const release = refundBot({ provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` });
  const provider = await createProvider(release, context());
  expect(await provider.call(asked(), patience())).toMatchObject({
    code: 'bad_request',
    message: expect.stringContaining('the prompt is too long'),
  });
  broken = false;
  await provider.call(asked(), patience());
  expect(formOf(server.requests.at(-1)?.body as JsonObject)).toBe('json_schema');
  broken = true;
  const before = server.requests.length;
  await provider.call(asked(), patience());
  expect(server.requests).toHaveLength(before + 1);
  await provider.close?.();
});

test("a subject's own schema is what its release says: it is not asked for in another way", async () => {
  await using server = await WireServer.start({
    'POST /v1/chat/completions': () => refuse(400, { error: { message: 'no response_format here' } }),
  });
  const release = refundBot({ provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` });
  const provider = await createProvider(release, context());
  const reply = await provider.call(ticket({ outputSchema: { name: 'answer', schema: SCHEMA } }), patience());
  expect(reply).toMatchObject({ kind: 'failed', code: 'bad_request' });
  expect(server.requests).toHaveLength(1);
  await provider.close?.();
});

test('Responses and Messages fall back too', async () => {
  await using server = await WireServer.start({
    'POST /v1/responses': ({ body }) =>
      (body['text'] as JsonObject | undefined)?.['format'] !== undefined
        ? refuse(400, { error: { message: 'text.format is not supported' } })
        : {
            body: {
              object: 'response',
              status: 'completed',
              model: 'm',
              output: [
                {
                  type: 'function_call',
                  call_id: 'c',
                  name: 'rubric_verdicts',
                  arguments: '{"verdict":"yes"}',
                },
              ],
            },
          },
    'POST /v1/messages': ({ body }) =>
      'output_config' in body
        ? refuse(400, { type: 'error', error: { type: 'invalid_request_error', message: 'output_config?' } })
        : {
            body: {
              type: 'message',
              model: 'm',
              content: [{ type: 'tool_use', id: 't', name: 'rubric_verdicts', input: { verdict: 'yes' } }],
              stop_reason: 'tool_use',
            },
          },
  });
  for (const route of [
    { provider: 'openai', api: 'responses', model: 'm', 'base-url': `${server.url}/v1` },
    { provider: 'anthropic', model: 'm', 'base-url': server.url },
  ] as const) {
    const provider = await createProvider(refundBot(route), context());
    const reply = await provider.call(asked(), patience());
    expect(reply).toMatchObject({ kind: 'answered', output: { toolCalls: [{ name: 'rubric_verdicts' }] } });
    await provider.close?.();
  }
});
