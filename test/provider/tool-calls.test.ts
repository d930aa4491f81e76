// Tool calls of every kind are kept: custom ones, those the service runs itself, and answers that are nothing but calls.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

async function ask(path: string, route: JsonObject & { provider: 'openai' | 'anthropic' }, body: JsonObject) {
  await using server = await WireServer.start({ [`POST ${path}`]: () => ({ body }) });
  const base = route.provider === 'openai' ? `${server.url}/v1` : server.url;
  const provider = await createProvider(refundBot({ ...route, 'base-url': base }), context());
  const reply = await provider.call(ticket(), patience());
  await provider.close?.();
  expect(server.requests).toHaveLength(1);
  return reply;
}

test('chat: a custom tool call is a call with its input, beside a function', async () => {
  const reply = await ask(
    '/v1/chat/completions',
    { provider: 'openai', api: 'chat', model: 'gpt-5' },
    {
      choices: [
        {
          finish_reason: 'tool_calls',
          message: {
            content: null,
            tool_calls: [
              { id: 'call_1', type: 'custom', custom: { name: 'run_sql', input: 'select 1' } },
              { id: 'call_2', type: 'function', function: { name: 'log', arguments: '{"n":1}' } },
            ],
          },
        },
      ],
    },
  );
  expect(reply).toMatchObject({
    kind: 'answered',
    stopReason: 'tool_calls',
    output: {
      text: '',
      toolCalls: [
        { id: 'call_1', name: 'run_sql', args: 'select 1' },
        { id: 'call_2', name: 'log', args: { n: 1 } },
      ],
    },
  });
});

test('responses: custom calls wait for us; hosted ones are kept by what they asked for, without what came back', async () => {
  const response = (...output: JsonObject[]): JsonObject => ({
    object: 'response',
    status: 'completed',
    model: 'gpt-5',
    output,
  });
  const route = { provider: 'openai', api: 'responses', model: 'gpt-5' } as const;
  expect(
    await ask(
      '/v1/responses',
      route,
      response(
        { type: 'custom_tool_call', id: 'ctc_1', call_id: 'call_1', name: 'run_sql', input: 'select 1' },
        {
          type: 'shell_call',
          id: 'sh_1',
          call_id: 'call_2',
          status: 'completed',
          action: { commands: ['ls'] },
        },
      ),
    ),
  ).toMatchObject({
    stopReason: 'tool_calls',
    output: {
      toolCalls: [
        { id: 'call_1', name: 'run_sql', args: 'select 1' },
        { id: 'call_2', name: 'shell', args: { action: { commands: ['ls'] } } },
      ],
    },
  });
  const hosted = await ask(
    '/v1/responses',
    route,
    response(
      {
        type: 'web_search_call',
        id: 'ws_1',
        status: 'completed',
        action: { type: 'search', query: 'refund law' },
      },
      {
        type: 'mcp_call',
        id: 'mcp_1',
        server_label: 'shop',
        name: 'find_order',
        arguments: '{"order":8812}',
        output: 'paid',
        error: null,
      },
      {
        type: 'code_interpreter_call',
        id: 'ci_1',
        code: '1+1',
        container_id: 'cntr_1',
        outputs: [{ logs: '2' }],
      },
      { type: 'message', content: [{ type: 'output_text', text: 'You have 14 days.' }] },
    ),
  );
  expect(hosted).toMatchObject({ stopReason: 'stop', output: { text: 'You have 14 days.' } });
  expect(hosted.kind === 'answered' && hosted.output.toolCalls).toEqual([
    { name: 'web_search', args: { action: { type: 'search', query: 'refund law' } } },
    { name: 'find_order', args: { order: 8812 } },
    { name: 'code_interpreter', args: { code: '1+1' } },
  ]);
});

test('messages: tools that the service runs are calls, their results are not text', async () => {
  expect(
    await ask(
      '/v1/messages',
      { provider: 'anthropic', model: 'claude-sonnet-4-6' },
      {
        type: 'message',
        stop_reason: 'end_turn',
        content: [
          { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: { query: 'refund law' } },
          { type: 'web_search_tool_result', tool_use_id: 'srv_1', content: [] },
          { type: 'mcp_tool_use', id: 'mcp_1', name: 'find_order', server_name: 'shop', input: { order: 1 } },
          { type: 'text', text: 'You have 14 days.' },
        ],
      },
    ),
  ).toMatchObject({
    stopReason: 'stop',
    output: {
      text: 'You have 14 days.',
      toolCalls: [
        { id: 'srv_1', name: 'web_search', args: { query: 'refund law' } },
        { id: 'mcp_1', name: 'find_order', args: { order: 1 } },
      ],
    },
  });
});

test.each([
  [{ cost: 0.0021 }, 0.0021],
  [{ cost: 0 }, 0],
  [{ cost: { total_cost: 0.006, currency: 'USD' } }, 0.006],
  [{ cost: 0.001, is_byok: true, cost_details: { upstream_inference_cost: 0.02 } }, 0.021],
  [{ cost: 0.001, is_byok: false, cost_details: { upstream_inference_cost: 0.0009 } }, 0.001],
  [{ cost: -1 }, undefined],
  [{ cost: 'free' }, undefined],
  [{}, undefined],
])('usage %j states the price %s', async (usage, costUsd) => {
  const reply = await ask(
    '/v1/chat/completions',
    { provider: 'openai', api: 'chat', model: 'gpt-5' },
    {
      choices: [{ finish_reason: 'stop', message: { content: 'Paid.' } }],
      usage: { prompt_tokens: 10, completion_tokens: 2, ...usage },
    },
  );
  expect(reply.kind === 'answered' && reply.costUsd).toBe(costUsd);
});

test("DeepSeek's cache counts are cached input", async () => {
  expect(
    await ask(
      '/v1/chat/completions',
      { provider: 'openai', api: 'chat', model: 'deepseek-chat' },
      {
        choices: [{ finish_reason: 'stop', message: { content: 'Paid.' } }],
        usage: {
          prompt_tokens: 100,
          completion_tokens: 2,
          prompt_cache_hit_tokens: 64,
          prompt_cache_miss_tokens: 36,
        },
      },
    ),
  ).toMatchObject({ usage: { inputTokens: 100, cachedInputTokens: 64, outputTokens: 2 } });
});
