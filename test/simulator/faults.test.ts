// Faults on the wire, as the real SDKs meet them.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { expect, it } from 'vitest';
import type { FaultRuleInput } from '../../src/simulator/index.ts';
import { CLAUDE, KETTLE, refundBot } from './refund-bot.ts';

const both = async (faults: FaultRuleInput) => {
  const world = await refundBot({ faults });
  const claude = () =>
    world.anthropic.messages.create({
      model: CLAUDE,
      max_tokens: 50,
      messages: [{ role: 'user', content: KETTLE }],
    });
  return { ...world, claude };
};

it('rate limits with retry-after', async () => {
  const { ask, claude, simulator } = await both({ rateLimit: 1, retryAfterSeconds: 7 });
  const error = await ask(KETTLE).catch((e: unknown) => e as InstanceType<typeof OpenAI.RateLimitError>);
  expect(error).toBeInstanceOf(OpenAI.RateLimitError);
  expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  expect((error as { headers: Headers }).headers.get('retry-after')).toBe('7');
  await expect(claude()).rejects.toMatchObject({ status: 429, type: 'rate_limit_error' });
  expect(simulator.stats()).toMatchObject({ faults: { rateLimit: 2 }, answered: 0 });
});

it('fails, overloads and runs out of money in each provider’s own words', async () => {
  const failing = await both({ serverError: 1 });
  await expect(failing.ask(KETTLE)).rejects.toMatchObject({ status: 500 });
  await expect(failing.claude()).rejects.toMatchObject({ status: 500, type: 'api_error' });
  const full = await both({ overloaded: 1 });
  await expect(full.ask(KETTLE)).rejects.toMatchObject({ status: 503 });
  await expect(full.claude()).rejects.toMatchObject({ status: 529, type: 'overloaded_error' });
  const broke = await both({ quota: 1 });
  await expect(broke.ask(KETTLE)).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
  await expect(broke.claude()).rejects.toMatchObject({ status: 402, type: 'billing_error' });
});

it('resets connections and truncates bodies', async () => {
  const { ask, claude, simulator } = await both({ reset: 1 });
  await expect(ask(KETTLE)).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
  await expect(claude()).rejects.toBeInstanceOf(Anthropic.APIConnectionError);
  simulator.setFaults({ truncated: 1 });
  await expect(ask(KETTLE)).rejects.toThrow();
  await expect(claude()).rejects.toThrow();
  expect(simulator.stats().faults).toEqual({ reset: 2, truncated: 2 });
});

it('sends JSON that ends in the middle', async () => {
  const { ask, claude } = await both({ badJson: 1 });
  await expect(ask(KETTLE)).rejects.toThrow(/JSON/);
  await expect(claude()).rejects.toThrow(/JSON/);
});

it('hangs until the client gives up, and closes all the same', async () => {
  const { openai, simulator } = await both({ hang: 1 });
  const call = openai.responses.create({ model: 'gpt-bot-2026-02-01', input: KETTLE }, { timeout: 50 });
  await expect(call).rejects.toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
  const open = openai.responses
    .create({ model: 'gpt-bot-2026-02-01', input: KETTLE })
    .catch((e: unknown) => e);
  while (simulator.stats().requests < 2) await new Promise((done) => setTimeout(done, 5));
  await simulator.close();
  expect(await open).toBeInstanceOf(OpenAI.APIConnectionError);
});

it('drips slowly but delivers the whole answer', async () => {
  const calm = await refundBot();
  const { ask, simulator } = await both({ slowDrip: 1, dripMs: 40 });
  expect(await ask(KETTLE)).toBe(await calm.ask(KETTLE));
  expect(simulator.stats()).toMatchObject({ faults: { slowDrip: 1 }, answered: 1 });
});

it('fails each distinct request k times, so that retries can be counted', async () => {
  const { simulator, anthropic } = await both({ failFirst: 2 });
  const retrying = new OpenAI({ apiKey: 'k', baseURL: simulator.openaiBaseUrl, maxRetries: 0 });
  const outcome = async (input: string) =>
    retrying.responses.create({ model: 'gpt-bot-2026-02-01', input }).then(
      () => 'answered',
      (e: { status: number }) => e.status,
    );
  expect([await outcome('a'), await outcome('a'), await outcome('a'), await outcome('b')]).toEqual([
    500,
    500,
    'answered',
    500,
  ]);
  expect((await anthropic.models.list()).data.length).toBeGreaterThan(0);
});

it('strikes at its rate, the same calls each time, only where and when the rule says', async () => {
  const struck = async (faults: FaultRuleInput[], model = 'gpt-bot-2026-02-01') => {
    const world = await refundBot({ faults });
    const results: boolean[] = [];
    for (let i = 0; i < 60; i++)
      results.push(
        await world.ask(`message ${i}`, { model }).then(
          () => false,
          () => true,
        ),
      );
    return results;
  };
  const once = await struck([{ serverError: 0.3 }]);
  expect(await struck([{ serverError: 0.3 }])).toEqual(once);
  expect(once.filter(Boolean).length).toBeGreaterThan(6);
  expect(once.filter(Boolean).length).toBeLessThan(32);
  expect((await struck([{ serverError: 1, models: ['gpt-old-2025-01-01'] }])).some(Boolean)).toBe(false);
  expect((await struck([{ serverError: 1, until: '2026-02-01' }])).some(Boolean)).toBe(false);
  expect((await struck([{ serverError: 1, from: '2026-02-01', until: '2026-04-01' }])).every(Boolean)).toBe(
    true,
  );
});

it('turns garbage away without falling over', async () => {
  const { simulator } = await refundBot();
  const post = (path: string, body: string, headers = {}) =>
    fetch(simulator.url + path, { method: 'POST', body, headers });
  expect((await post('/v1/responses', '{"model":')).status).toBe(400);
  expect((await post('/v1/responses', '[]')).status).toBe(400);
  expect((await post('/v1/chat/completions', '{"model":"gpt-bot"}')).status).toBe(400);
  expect((await post('/v1/messages', '{"model":"claude-bot-4-6"}')).status).toBe(400);
  expect((await post('/v1/nothing', '{}')).status).toBe(404);
  expect(simulator.stats().rejected).toEqual({ 400: 4, 404: 1 });
});
