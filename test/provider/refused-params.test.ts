// A parameter that an API refuses is left out at once, reported, and not offered again.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { placeParams, refusedPath, withFields } from '../../src/provider/wire-params.ts';
import { type Script, WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const COMPLETED = { object: 'response', status: 'completed', model: 'o9', output: [] };
const MESSAGE = {
  type: 'message',
  model: 'claude',
  content: [{ type: 'text', text: 'Hi' }],
  stop_reason: 'end_turn',
};

test('OpenAI: each refused parameter costs one free round, and later calls do not repeat it', async () => {
  const refuse = (param: string, code: string): ReturnType<Script> => ({
    status: 400,
    body: { error: { message: `Unsupported: ${param}`, type: 'invalid_request_error', code, param } },
  });
  await using server = await WireServer.start({
    'POST /v1/responses': ({ body }) => {
      if ('temperature' in body) return refuse('temperature', 'unsupported_value');
      if ('text' in body) return refuse('text.verbosity', 'unsupported_parameter');
      return { body: COMPLETED };
    },
  });
  const provider = await createProvider(
    refundBot({ provider: 'openai', api: 'responses', model: 'o9', 'base-url': `${server.url}/v1` }),
    context(),
  );
  const request = ticket({ params: { temperature: 0, verbosity: 'low', 'top-p': 0.5 } });
  const first = await provider.call(request, patience());
  expect(first).toMatchObject({ kind: 'answered', droppedParams: ['temperature', 'verbosity'] });
  expect(first.sent).toMatchObject({ top_p: 0.5 });
  expect(server.requests).toHaveLength(3);
  const second = await provider.call(request, patience());
  expect(second).toMatchObject({ kind: 'answered', droppedParams: ['temperature', 'verbosity'] });
  expect(server.requests).toHaveLength(4);
  await provider.close?.();
});

test('calls that are refused at the same time each recover', async () => {
  await using server = await WireServer.start({
    'POST /v1/responses': ({ body }) =>
      'temperature' in body
        ? {
            status: 400,
            body: {
              error: { message: 'no', code: 'unsupported_parameter', param: 'temperature', type: 'x' },
            },
          }
        : { body: COMPLETED },
  });
  const provider = await createProvider(
    refundBot({ provider: 'openai', model: 'o9', 'base-url': `${server.url}/v1` }),
    context(),
  );
  const replies = await Promise.all(
    [0, 1, 2, 3].map((trial) => provider.call(ticket({ trial, params: { temperature: 1 } }), patience())),
  );
  expect(replies.map((reply) => reply.kind)).toEqual(['answered', 'answered', 'answered', 'answered']);
  await provider.close?.();
});

test.each([
  'temperature: Extra inputs are not permitted',
  '`temperature` is deprecated for this model.',
  "'temperature' is not supported with this model",
])('Anthropic: "%s" names the parameter', async (message) => {
  await using server = await WireServer.start({
    'POST /v1/messages': ({ body }) =>
      'temperature' in body
        ? { status: 400, body: { type: 'error', error: { type: 'invalid_request_error', message } } }
        : { body: MESSAGE },
  });
  const provider = await createProvider(
    refundBot({
      provider: 'anthropic',
      model: 'claude',
      'base-url': server.url,
      'api-version': '2023-06-01',
    }),
    context(),
  );
  expect(await provider.call(ticket({ params: { temperature: 0 } }), patience())).toMatchObject({
    kind: 'answered',
    droppedParams: ['temperature'],
  });
  expect(server.requests).toHaveLength(2);
  await provider.close?.();
});

test.each([
  ['a value out of range', 'temperature: must be less than or equal to 1', null, null],
  ['a parameter that was not sent', 'top_k: Extra inputs are not permitted', null, null],
  ['the cap on length', 'max_tokens is not supported with this model', 'unsupported_parameter', 'max_tokens'],
  ['the schema', 'Invalid schema for response_format', 'invalid_json_schema', 'text.format.schema'],
  ['an effort level this model lacks', 'Unsupported value', 'unsupported_value', 'reasoning.effort'],
])("%s is the user's to fix: nothing is dropped", (_what, message, code, param) => {
  const { refusable } = placeParams(
    { temperature: 2, 'max-tokens': 9, 'reasoning.effort': 'xhigh' },
    { 'max-tokens': 'max_tokens' },
    new Set(),
  );
  expect(refusedPath({ status: 400, message, code, param }, refusable)).toBeUndefined();
});

test('only a 400 and a 422 can refuse a parameter', () => {
  const refusable = new Map([['temperature', 'temperature']]);
  const refusal = { code: 'unsupported_parameter', param: 'temperature', message: '' };
  expect(refusedPath({ ...refusal, status: 400 }, refusable)).toBe('temperature');
  expect(refusedPath({ ...refusal, status: 422 }, refusable)).toBe('temperature');
  for (const status of [401, 404, 429, 500, undefined])
    expect(refusedPath({ ...refusal, status }, refusable)).toBeUndefined();
});

test('law: every param with a value is either in the body or reported as dropped, never both and never lost', () => {
  const name = fc.constantFrom('temperature', 'top-p', 'seed', 'stop', 'new-thing', 'max-tokens', 'model');
  const value = fc.oneof(
    fc.double({ noNaN: true }),
    fc.string(),
    fc.boolean(),
    fc.array(fc.string(), { minLength: 1 }),
  );
  const refused = fc.subarray(['temperature', 'top_p', 'new_thing']);
  fc.assert(
    fc.property(fc.dictionary(name, value), refused, (params, paths) => {
      const placed = placeParams(params as JsonObject, { seed: null }, new Set(paths));
      const body = withFields({ model: 'm' }, placed.fields);
      for (const key of Object.keys(params)) {
        const inBody = key !== 'model' && Object.hasOwn(body, key.replaceAll('-', '_'));
        expect(inBody).toBe(!placed.dropped.includes(key));
      }
      expect(body['model']).toBe('m');
      expect(paths.filter((path) => Object.hasOwn(body, path))).toEqual([]);
    }),
  );
});
