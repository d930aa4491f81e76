// The real OpenAI SDK must parse whatever the simulator says, and see the errors the real service gives.

import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { BOT, KETTLE, ORDER, refundBot } from './refund-bot.ts';

const triage = z.strictObject({ category: z.enum(['refund', 'other']), reply: z.string() });
const strictSchema = {
  type: 'object',
  properties: { category: { type: 'string', enum: ['refund', 'other'] }, reply: { type: 'string' } },
  required: ['category', 'reply'],
  additionalProperties: false,
};
const lookup = {
  type: 'object',
  properties: { order: { type: 'string' } },
  required: ['order'],
  additionalProperties: false,
};

describe('Responses', () => {
  it('answers with text, the served id, usage and a request id', async () => {
    const { openai } = await refundBot();
    const { data, response, request_id } = await openai.responses
      .create({ model: BOT, input: ORDER, tools: [] })
      .withResponse();
    expect(data).toMatchObject({ object: 'response', status: 'completed', model: BOT, error: null });
    expect(data.output_text.length).toBeGreaterThan(5);
    expect(data.usage?.total_tokens).toBe((data.usage?.input_tokens ?? 0) + (data.usage?.output_tokens ?? 0));
    expect(request_id).toMatch(/^req_[0-9a-f]+$/);
    expect(response.headers.get('x-lastgood-simulator')).toBe('refund-bot');
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('10000');
    expect(data.created_at).toBe(Date.parse('2026-03-01') / 1000);
  });

  it('fits a strict schema, so that the SDK helper can parse it', async () => {
    const { openai } = await refundBot();
    const parsed = await openai.responses.parse({
      model: BOT,
      input: KETTLE,
      text: { format: zodTextFormat(triage, 'triage') },
    });
    expect(['refund', 'other']).toContain(parsed.output_parsed?.category);
    expect(parsed.output_parsed?.reply).toMatch(/kettle|photo/i);
  });

  it('calls a tool when it is offered one it has a script for, and answers in words after the result', async () => {
    const { openai } = await refundBot();
    const tools = [{ type: 'function' as const, name: 'lookup_order', parameters: lookup, strict: true }];
    const first = await openai.responses.create({ model: BOT, input: ORDER, tools });
    const call = first.output.find((item) => item.type === 'function_call');
    expect(call).toMatchObject({ name: 'lookup_order', arguments: '{"order":"K-17"}' });
    const second = await openai.responses.create({
      model: BOT,
      tools,
      input: [
        { role: 'user', content: ORDER },
        { type: 'function_call', name: 'lookup_order', arguments: '{}', call_id: 'c1' },
        { type: 'function_call_output', call_id: 'c1', output: 'left Monday' },
      ],
    });
    expect(second.output_text).toContain('Monday');
  });

  it('marks refusals and cut-off answers', async () => {
    const { openai } = await refundBot();
    const refused = await openai.responses.create({ model: 'gpt-shy-2026-01-01', input: KETTLE });
    expect(refused.output[0]).toMatchObject({ type: 'message', content: [{ type: 'refusal' }] });
    const cut = await openai.responses.create({ model: BOT, input: KETTLE, max_output_tokens: 16 });
    expect(cut).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    expect(cut.usage?.output_tokens).toBe(16);
  });

  it('turns down what the real service turns down', async () => {
    const { openai } = await refundBot();
    const create = (body: object) => openai.responses.create({ model: BOT, input: 'x', ...body });
    await expect(create({ max_tokens: 5 })).rejects.toMatchObject({
      status: 400,
      code: 'unknown_parameter',
      param: 'max_tokens',
    });
    await expect(create({ temperature: 3 })).rejects.toMatchObject({ status: 400, param: 'temperature' });
    await expect(create({ stream: true })).rejects.toMatchObject({ status: 400 });
    await expect(create({ model: 'gpt-strict-2026-01-01', temperature: 0 })).rejects.toMatchObject({
      code: 'unsupported_parameter',
    });
    await expect(create({ model: 'embed-2026-01-01' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    const open = { ...strictSchema, additionalProperties: undefined };
    await expect(
      create({ text: { format: { type: 'json_schema', name: 'triage', strict: true, schema: open } } }),
    ).rejects.toMatchObject({ code: 'invalid_json_schema' });
  });
});

describe('Chat Completions', () => {
  it('answers with a fingerprint, choices and usage', async () => {
    const { openai } = await refundBot();
    const reply = await openai.chat.completions.create({
      model: BOT,
      n: 2,
      messages: [{ role: 'user', content: [{ type: 'text', text: ORDER }] }],
    });
    expect(reply).toMatchObject({ object: 'chat.completion', model: BOT, system_fingerprint: 'fp_one' });
    expect(reply.choices.map((c) => c.finish_reason)).toEqual(['stop', 'stop']);
    expect(reply.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('fits response_format, calls forced tools and stops at stop sequences', async () => {
    const { openai } = await refundBot();
    const messages = [{ role: 'user' as const, content: KETTLE }];
    const structured = await openai.chat.completions.create({
      model: BOT,
      messages,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'triage', strict: true, schema: strictSchema },
      },
    });
    expect(triage.safeParse(JSON.parse(structured.choices[0]?.message.content ?? '')).success).toBe(true);
    const forced = await openai.chat.completions.create({
      model: BOT,
      messages,
      tools: [{ type: 'function', function: { name: 'sort', parameters: strictSchema } }],
      tool_choice: { type: 'function', function: { name: 'sort' } },
    });
    const [call] = forced.choices[0]?.message.tool_calls ?? [];
    expect(forced.choices[0]?.finish_reason).toBe('tool_calls');
    expect(call?.type === 'function' && triage.safeParse(JSON.parse(call.function.arguments)).success).toBe(
      true,
    );
    const stopped = await openai.chat.completions.create({
      model: BOT,
      messages,
      stop: ['kettle', 'Kettle'],
    });
    expect(stopped.choices[0]?.message.content?.toLowerCase()).not.toContain('kettle');
    const cut = await openai.chat.completions.create({ model: BOT, messages, max_completion_tokens: 4 });
    expect(cut.choices[0]?.finish_reason).toBe('length');
    const shy = await openai.chat.completions.create({ model: 'gpt-shy-2026-01-01', messages });
    expect(shy.choices[0]?.message).toMatchObject({
      content: null,
      refusal: expect.stringContaining('sorry'),
    });
  });
});

describe('Embeddings', () => {
  it('are unit vectors that point the same way for texts with the same words', async () => {
    const { openai } = await refundBot();
    const { data, usage } = await openai.embeddings.create({
      model: 'embed-2026-01-01',
      input: ['the kettle leaks at the lid', 'at the lid the kettle leaks', 'invoices are printed on Friday'],
    });
    const [a, b, c] = data.map((d) => d.embedding) as [number[], number[], number[]];
    const dot = (x: number[], y: number[]) => x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
    expect(a).toHaveLength(64);
    expect(dot(a, a)).toBeCloseTo(1, 5);
    expect(dot(a, b)).toBeGreaterThan(dot(a, c) + 0.3);
    expect(usage.prompt_tokens).toBeGreaterThan(0);
    const floats = await openai.embeddings.create({
      model: 'embed-2026-01-01',
      input: 'the kettle leaks at the lid',
      encoding_format: 'float',
    });
    expect(dot(floats.data[0]?.embedding ?? [], a)).toBeCloseTo(1, 5);
    await expect(openai.embeddings.create({ model: 'embed-2026-01-01', input: '' })).rejects.toMatchObject({
      status: 400,
    });
    await expect(openai.embeddings.create({ model: BOT, input: 'x' })).rejects.toMatchObject({ status: 403 });
  });
});

describe('models', () => {
  it('lists what is served, with the shutdown date once it is public, and forgets retired models', async () => {
    const { openai, simulator } = await refundBot();
    const ids = async () => (await openai.models.list()).data.map((m) => m.id);
    expect(await ids()).toContain('gpt-old-2025-01-01');
    expect(await openai.models.retrieve('gpt-old-2025-01-01')).toMatchObject({
      object: 'model',
      shutdown_date: '2026-06-01',
    });
    expect(await openai.models.retrieve(BOT)).toMatchObject({ shutdown_date: null });
    simulator.setDate('2026-06-01');
    expect(await ids()).not.toContain('gpt-old-2025-01-01');
    await expect(openai.models.retrieve('gpt-old-2025-01-01')).rejects.toMatchObject({
      code: 'model_not_found',
    });
  });

  it('answers 404 for unknown, not yet published and retired ids', async () => {
    const { openai, simulator, ask } = await refundBot({}, { date: '2026-01-15' });
    await expect(ask('x', { model: 'gpt-nobody' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      type: 'invalid_request_error',
    });
    await expect(ask('x')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(ask('x', { model: 'claude-bot-4-6' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    simulator.setDate('2026-07-01');
    await expect(ask('x', { model: 'gpt-old-2025-01-01' })).rejects.toThrow(/has been deprecated/);
    expect(simulator.stats().rejected['404']).toBe(4);
    await expect(openai.files.list()).rejects.toMatchObject({ status: 404 });
  });
});

it('asks for the API key when it is told to', async () => {
  const { simulator, ask } = await refundBot({}, { requireKey: 'sesame' });
  await expect(ask('x')).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
  const openai = new OpenAI({ apiKey: 'sesame', baseURL: simulator.openaiBaseUrl, maxRetries: 0 });
  expect((await openai.responses.create({ model: BOT, input: ORDER })).status).toBe('completed');
});
