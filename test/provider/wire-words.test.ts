import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { isStrictSchema, readToolCalls, readUsage, withCallIds } from '../../src/provider/wire-words.ts';
import { WireServer } from './wire-server.ts';
import { context, FIND_ORDER, patience, refundBot, TRIAGE_SCHEMA, ticket } from './worlds.ts';

/** What each API is sent for a release's tool choice. */
async function sentChoice(choice: JsonValue): Promise<(JsonValue | undefined)[]> {
  await using server = await WireServer.start({
    'POST /v1/responses': () => ({}),
    'POST /v1/chat/completions': () => ({}),
    'POST /v1/messages': () => ({}),
  });
  for (const route of [
    { provider: 'openai', api: 'responses', model: 'm', 'base-url': `${server.url}/v1` },
    { provider: 'openai', api: 'chat', model: 'm', 'base-url': `${server.url}/v1` },
    { provider: 'anthropic', model: 'm', 'base-url': server.url },
  ] as const) {
    const provider = await createProvider(refundBot(route), context());
    await provider.call(ticket({ tools: [FIND_ORDER], toolChoice: choice }), patience());
    await provider.close?.();
  }
  return server.requests.map(({ body }) => body['tool_choice']);
}

test.each<[JsonValue, JsonValue[]]>([
  ['auto', ['auto', 'auto', { type: 'auto' }]],
  ['none', ['none', 'none', { type: 'none' }]],
  ['required', ['required', 'required', { type: 'any' }]],
  ['any', ['required', 'required', { type: 'any' }]],
])('the tool choice %j in three dialects', async (choice, dialects) => {
  expect(await sentChoice(choice)).toEqual(dialects);
});

test.each<[JsonValue]>([
  ['find_order'],
  [{ name: 'find_order' }],
  [{ type: 'tool', name: 'find_order' }],
  [{ type: 'function', function: { name: 'find_order' } }],
])('%j asks for one tool, in whichever dialect it is written', async (choice) => {
  expect(await sentChoice(choice)).toEqual([
    { type: 'function', name: 'find_order' },
    { type: 'function', function: { name: 'find_order' } },
    { type: 'tool', name: 'find_order' },
  ]);
});

test("an API's own object goes through as it is", async () => {
  const choice = { type: 'allowed_tools', mode: 'auto', tools: [] };
  expect(await sentChoice(choice)).toEqual([choice, choice, choice]);
});

test('calls and results without ids are matched by position', () => {
  const call = (name: string) => ({ name, args: {} });
  const messages = withCallIds([
    { role: 'assistant', content: '', toolCalls: [call('a'), call('b')] },
    { role: 'tool', content: 'of a' },
    { role: 'tool', content: 'of b' },
    { role: 'assistant', content: '', toolCalls: [call('c')] },
    { role: 'tool', content: 'of c' },
  ]);
  const ids = messages.flatMap((m) => m.toolCalls?.map((c) => c.id) ?? [m.toolCallId]);
  expect(ids).toEqual(['call_1', 'call_2', 'call_1', 'call_2', 'call_3', 'call_3']);
});

test.each<[JsonObject, boolean]>([
  [TRIAGE_SCHEMA, true],
  [{ type: 'object', properties: {}, additionalProperties: false }, true],
  [{ type: 'array', items: TRIAGE_SCHEMA }, true],
  [{ ...TRIAGE_SCHEMA, required: [] }, false],
  [{ ...TRIAGE_SCHEMA, additionalProperties: true }, false],
  [{ type: 'array', items: { type: 'object' } }, false],
  [{ anyOf: [TRIAGE_SCHEMA, { type: 'object' }] }, false],
  [{ ...TRIAGE_SCHEMA, $defs: { line: { type: 'object', properties: { sku: {} } } } }, false],
])('constrained decoding takes %j: %s', (schema, strict) => {
  expect(isStrictSchema(schema)).toBe(strict);
});

test('token counts are read under the usual names, and none of them is made up', () => {
  expect(readUsage({ promptTokens: 3, completion_tokens: 2 })).toEqual({ inputTokens: 3, outputTokens: 2 });
  expect(readUsage({ 'input-tokens': 3, reasoning_tokens: 0 })).toEqual({
    inputTokens: 3,
    reasoningTokens: 0,
  });
  expect(readUsage({ input_tokens: -1, output_tokens: 'many' })).toBeNull();
  expect(readUsage(null)).toBeNull();
});

test('what is no list of calls is not read as one', () => {
  for (const value of ['refund', { name: 'refund' }, ['refund'], [{ args: {} }]] satisfies JsonValue[])
    expect(readToolCalls(value)).toBeUndefined();
  expect(readToolCalls(null)).toEqual([]);
});
