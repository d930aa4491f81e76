// The simulator's batch endpoints through the official SDKs, as a client of the real services uses them.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI, { toFile } from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import { type ScenarioInput, startSimulator } from '../../src/simulator/index.ts';

async function simulator(batches: ScenarioInput['batches']) {
  const started = await startSimulator({
    scenario: {
      name: 'batches',
      versions: { v1: { skill: 1 } },
      models: [
        { id: 'gpt-1', provider: 'openai', version: 'v1' },
        { id: 'claude-1', provider: 'anthropic', version: 'v1' },
      ],
      fallbackReply: 'Fine.',
      batches,
    },
  });
  onTestFinished(() => started.close());
  return {
    started,
    openai: new OpenAI({ apiKey: 'k', baseURL: started.openaiBaseUrl, maxRetries: 0 }),
    anthropic: new Anthropic({ apiKey: 'k', baseURL: started.anthropicBaseUrl, maxRetries: 0 }),
  };
}

function file(n: number): Promise<File> {
  const lines = Array.from({ length: n }, (_, i) =>
    JSON.stringify({
      custom_id: `t-${i}`,
      method: 'POST',
      url: '/v1/chat/completions',
      body: { model: 'gpt-1', messages: [{ role: 'user', content: `Question ${i}?` }] },
    }),
  );
  return toFile(Buffer.from(lines.join('\n')), 'in.jsonl');
}

const parse = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

it('speaks OpenAI batches: states, both files, each line once', async () => {
  const { openai, started } = await simulator({ errored: 0.1, expired: 0.1, polls: 1 });
  const input = await openai.files.create({ file: await file(200), purpose: 'batch' });
  const made = await openai.batches.create({
    input_file_id: input.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
    metadata: { mine: 'yes' },
  });
  expect(made).toMatchObject({ status: 'validating', output_file_id: null, metadata: { mine: 'yes' } });
  expect(await openai.batches.retrieve(made.id)).toMatchObject({ status: 'in_progress' });
  const ended = await openai.batches.retrieve(made.id);
  expect(ended).toMatchObject({ status: 'expired', request_counts: { total: 200 } });
  const output = parse(await (await openai.files.content(ended.output_file_id ?? '')).text());
  const errors = parse(await (await openai.files.content(ended.error_file_id ?? '')).text());
  expect(new Set([...output, ...errors].map((line) => line.custom_id)).size).toBe(200);
  for (const { response, error } of output)
    expect([response.status_code, response.body.choices[0].message.content, error]).toEqual([
      200,
      'Fine.',
      null,
    ]);
  const kinds = errors.map(({ response, error }) => error?.code ?? response.status_code);
  expect(new Set(kinds)).toEqual(new Set([500, 'batch_expired']));
  expect(started.stats()).toMatchObject({ answered: output.length, rejected: {} });
  const listed = [];
  for await (const batch of openai.batches.list({ limit: 1 })) listed.push(batch.id);
  expect(listed).toEqual([made.id]);
});

it('a batch that is too large fails after it was taken, and one that is cancelled keeps what it did', async () => {
  const { openai } = await simulator({ polls: 3, mostRequests: 100 });
  const create = async (n: number) =>
    openai.batches.create({
      input_file_id: (await openai.files.create({ file: await file(n), purpose: 'batch' })).id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    });
  const large = await create(101);
  expect(await openai.batches.retrieve(large.id)).toMatchObject({
    status: 'failed',
    errors: { data: [{ code: 'token_limit_exceeded' }] },
  });
  const small = await create(100);
  await openai.batches.retrieve(small.id);
  expect(await openai.batches.cancel(small.id)).toMatchObject({ status: 'cancelling' });
  const over = await openai.batches.retrieve(small.id);
  expect(over).toMatchObject({ status: 'cancelled', request_counts: { completed: 25, failed: 75 } });
  await expect(openai.batches.cancel(small.id)).rejects.toThrow('already ended');
});

it('speaks Message Batches, and refuses ids that the service refuses', async () => {
  const { anthropic, started } = await simulator({ errored: 0.1, expired: 0.1, polls: 0 });
  const params = (i: number) => ({
    model: 'claude-1',
    max_tokens: 50,
    messages: [{ role: 'user' as const, content: `Question ${i}?` }],
  });
  const requests = Array.from({ length: 200 }, (_, i) => ({ custom_id: `t-${i}`, params: params(i) }));
  const made = await anthropic.messages.batches.create({ requests });
  expect(made).toMatchObject({ processing_status: 'in_progress', request_counts: { processing: 200 } });
  const ended = await anthropic.messages.batches.retrieve(made.id);
  const { request_counts: counts } = ended;
  expect(ended.processing_status).toBe('ended');
  expect(counts.succeeded + counts.errored + counts.expired).toBe(200);
  expect(Math.min(counts.errored, counts.expired)).toBeGreaterThan(0);
  const results = parse(await (await fetch(`${started.url}/v1/messages/batches/${made.id}/results`)).text());
  expect(new Set(results.map((line) => line.custom_id)).size).toBe(200);
  for (const { result } of results)
    if (result.type === 'succeeded') expect(result.message.usage.service_tier).toBe('batch');
  for (const id of ['a b', 'x'.repeat(65)])
    await expect(
      anthropic.messages.batches.create({ requests: [{ custom_id: id, params: params(0) }] }),
    ).rejects.toThrow('custom_id');
});
