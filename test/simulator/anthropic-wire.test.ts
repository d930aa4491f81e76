// The real Anthropic SDK must parse whatever the simulator says, and see the errors the real service gives.

import Anthropic from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { CLAUDE, KETTLE, ORDER, refundBot } from './refund-bot.ts';

const user = (content: string) => [{ role: 'user' as const, content }];
const triage = z.strictObject({ category: z.enum(['refund', 'other']), reply: z.string() });

it('answers with text, usage and a request id', async () => {
  const { anthropic } = await refundBot();
  const { data, response, request_id } = await anthropic.messages
    .create({ model: CLAUDE, max_tokens: 500, system: 'Be kind.', messages: user(ORDER) })
    .withResponse();
  expect(data).toMatchObject({
    type: 'message',
    role: 'assistant',
    model: CLAUDE,
    stop_reason: 'end_turn',
    stop_details: null,
  });
  expect(data.content[0]).toMatchObject({ type: 'text', citations: null });
  expect(data.usage.output_tokens).toBeGreaterThan(0);
  expect(request_id).toMatch(/^req_/);
  expect(response.headers.get('x-lastgood-simulator')).toBe('refund-bot');
  expect(response.headers.get('anthropic-ratelimit-requests-reset')).toBe('2026-03-01T00:01:00Z');
});

it('fits a schema in output_config and in a forced tool', async () => {
  const { anthropic } = await refundBot();
  const parsed = await anthropic.messages.parse({
    model: CLAUDE,
    max_tokens: 500,
    messages: user(KETTLE),
    output_config: { format: zodOutputFormat(triage) },
  });
  expect(['refund', 'other']).toContain(parsed.parsed_output?.category);
  const forced = await anthropic.messages.create({
    model: CLAUDE,
    max_tokens: 500,
    messages: user(KETTLE),
    tools: [{ name: 'sort', input_schema: { type: 'object', properties: { category: { type: 'string' } } } }],
    tool_choice: { type: 'tool', name: 'sort' },
  });
  expect(forced.stop_reason).toBe('tool_use');
  expect(forced.content[0]).toMatchObject({
    type: 'tool_use',
    name: 'sort',
    input: { category: expect.any(String) },
  });
});

it('calls an offered tool of its own accord', async () => {
  const { anthropic } = await refundBot();
  const reply = await anthropic.messages.create({
    model: CLAUDE,
    max_tokens: 500,
    messages: user(ORDER),
    tools: [{ name: 'lookup_order', input_schema: { type: 'object' } }],
  });
  expect(reply.content).toMatchObject([{ type: 'tool_use', name: 'lookup_order', input: { order: 'K-17' } }]);
});

it('marks refusals, cut-off answers and stop sequences', async () => {
  const { anthropic } = await refundBot();
  const base = { max_tokens: 500, messages: user(KETTLE) };
  const refused = await anthropic.messages.create({ ...base, model: 'claude-shy-4-6' });
  expect(refused).toMatchObject({ stop_reason: 'refusal', content: [], stop_details: { type: 'refusal' } });
  const cut = await anthropic.messages.create({ ...base, model: CLAUDE, max_tokens: 5 });
  expect(cut.stop_reason).toBe('max_tokens');
  const stopped = await anthropic.messages.create({ ...base, model: CLAUDE, stop_sequences: ['the'] });
  expect(stopped).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'the' });
});

it('refuses sampling parameters and prefilled replies under the API version the SDK sends', async () => {
  const { anthropic } = await refundBot();
  const base = { model: CLAUDE, max_tokens: 50, messages: user(ORDER) };
  for (const param of ['temperature', 'top_p', 'top_k']) {
    const body = { ...base, [param]: 1 } as typeof base;
    await expect(anthropic.messages.create(body)).rejects.toMatchObject({
      status: 400,
      type: 'invalid_request_error',
    });
    const older = { headers: { 'anthropic-version': '2023-06-01' } };
    expect((await anthropic.messages.create(body, older)).model).toBe(CLAUDE);
  }
  const prefilled = [...user(ORDER), { role: 'assistant' as const, content: 'Your' }];
  await expect(anthropic.messages.create({ ...base, messages: prefilled })).rejects.toBeInstanceOf(
    Anthropic.BadRequestError,
  );
  await expect(
    anthropic.messages.create({
      ...base,
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
    }),
  ).rejects.toThrow(/additionalProperties/);
  await expect(anthropic.messages.create({ ...base, model: 'gpt-bot' })).rejects.toMatchObject({
    status: 404,
    type: 'not_found_error',
    requestID: expect.stringMatching(/^req_/),
  });
});

it('tells the life of each model in the catalogue, resolves aliases, and serves no retired model', async () => {
  const { anthropic, simulator } = await refundBot();
  const list = await anthropic.models.list();
  expect(list.data.map((m) => m.id)).toEqual([CLAUDE, 'claude-shy-4-6', 'claude-old-4-5-20250901']);
  expect(await anthropic.models.retrieve('claude-old-4-5')).toMatchObject({
    id: 'claude-old-4-5-20250901',
    lifecycle: 'deprecated',
    deprecated_at: '2026-02-01T00:00:00.000Z',
    retires_at: '2026-06-01T00:00:00.000Z',
    capabilities: { structured_outputs: { supported: true } },
  });
  const seen: string[] = [];
  for await (const model of anthropic.models.list({ limit: 1 })) seen.push(model.id);
  expect(seen).toHaveLength(3);
  simulator.setDate('2026-06-02');
  expect((await anthropic.models.retrieve('claude-old-4-5-20250901')).lifecycle).toBe('retired');
  await expect(
    anthropic.messages.create({ model: 'claude-old-4-5', max_tokens: 9, messages: user('x') }),
  ).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  const active = await anthropic.models.list({ lifecycle: ['active'] });
  expect(active.data.map((m) => m.id)).not.toContain('claude-old-4-5-20250901');
});

it('asks for the API key when it is told to', async () => {
  const { anthropic, simulator } = await refundBot({}, { requireKey: 'sesame' });
  const body = { model: CLAUDE, max_tokens: 50, messages: user(ORDER) };
  await expect(anthropic.messages.create(body)).rejects.toMatchObject({
    status: 401,
    type: 'authentication_error',
  });
  const keyed = new Anthropic({ apiKey: 'sesame', baseURL: simulator.anthropicBaseUrl, maxRetries: 0 });
  expect((await keyed.messages.create(body)).model).toBe(CLAUDE);
});
