// What a reply of a conversation carries for the next request, whole and streamed, and what is left out where nothing follows.

import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { ProviderRequest } from '../../src/core/provider.ts';
import { messagesBody, readMessage } from '../../src/provider/anthropic-messages.ts';
import type { Reading } from '../../src/provider/api-call.ts';
import { chatBody, readChat } from '../../src/provider/openai-chat.ts';
import { readResponse, responsesBody } from '../../src/provider/openai-responses.ts';
import { assembleChat, assembleMessage } from '../../src/provider/streamed.ts';

const NONE: ReadonlySet<string> = new Set();
const request = (more: Partial<ProviderRequest>): ProviderRequest => ({
  caseId: 'a',
  trial: 0,
  messages: [],
  vars: {},
  params: {},
  ...more,
});
const events = (...list: JsonObject[]) =>
  list.map((data) => ({ name: String(data['type'] ?? ''), data, at: undefined }) as never);

it('Messages: thinking comes back with its signature, also when it was streamed', () => {
  const whole = assembleMessage(
    events(
      { type: 'message_start', message: { model: 'm', usage: { input_tokens: 3 } } },
      {
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'thinking', thinking: '', signature: '' },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Look it ' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'up.' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'sig' } },
      { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
      {
        type: 'content_block_start',
        index: 2,
        content_block: { type: 'tool_use', id: 't1', name: 'look', input: {} },
      },
      {
        type: 'content_block_delta',
        index: 2,
        delta: { type: 'input_json_delta', partial_json: '{"id":3}' },
      },
      { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 4 } },
      { type: 'message_stop' },
    ),
    true,
  );
  const reading = readMessage(whole?.data ?? {}) as Reading;
  const native = [
    { type: 'thinking', thinking: 'Look it up.', signature: 'sig' },
    { type: 'tool_use', id: 't1', name: 'look', input: { id: 3 } },
  ];
  expect(reading.native).toEqual(native);
  const route = { model: 'm', apiVersion: '2023-06-01', region: undefined };
  const { body } = messagesBody(
    route,
    request({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: '', native: reading.native },
        { role: 'tool', content: 'no', toolCallId: 't1', error: true },
        { role: 'user', content: 'And?' },
      ],
    }),
    NONE,
  );
  expect(body['messages']).toEqual([
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: native },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 't1', content: 'no', is_error: true },
        { type: 'text', text: 'And?' },
      ],
    },
  ]);
});

it('Messages: tools that the service ran itself wait for nobody', () => {
  const reading = readMessage({
    content: [
      { type: 'server_tool_use', id: 's1', name: 'web_search', input: { query: 'x' } },
      { type: 'text', text: 'Found.' },
    ],
    stop_reason: 'end_turn',
  }) as Reading;
  expect(reading.output.toolCalls).toHaveLength(1);
  expect(reading.pendingCalls).toEqual([]);
});

it('Chat Completions: signatures in calls and what was reasoned go back, whole and streamed', () => {
  const extra = { extra_content: { google: { thought_signature: 'sig' } } };
  const chunk = (delta: JsonObject, finish: string | null = null): JsonObject => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const streamed = assembleChat(
    events(
      chunk({ reasoning_content: 'Look ' }),
      chunk({ reasoning_content: 'it up.' }),
      chunk({
        tool_calls: [{ index: 0, id: 'c1', function: { name: 'look', arguments: '{"id"' }, ...extra }],
      }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: ':3}' } }] }, 'tool_calls'),
    ),
    true,
  );
  const native = {
    role: 'assistant',
    content: '',
    reasoning_content: 'Look it up.',
    tool_calls: [{ id: 'c1', type: 'function', function: { name: 'look', arguments: '{"id":3}' }, ...extra }],
  };
  const reading = readChat(streamed?.data ?? {}, new Headers()) as Reading;
  expect(reading.native).toEqual(native);
  const { body } = chatBody(
    'm',
    request({
      messages: [
        { role: 'assistant', content: '', native: reading.native },
        { role: 'tool', content: 'no', toolCallId: 'c1', error: true },
      ],
    }),
    NONE,
  );
  expect(body['messages']).toEqual([native, { role: 'tool', tool_call_id: 'c1', content: '{"error":"no"}' }]);
});

it('Chat Completions: a reply whose calls have no ids is put together anew, with ids', () => {
  const reading = readChat(
    {
      choices: [
        {
          finish_reason: 'tool_calls',
          message: { content: null, tool_calls: [{ function: { name: 'look', arguments: '{}' } }] },
        },
      ],
    },
    new Headers(),
  ) as Reading;
  expect(reading.native).toBeUndefined();
});

it('Responses: reasoning goes back encrypted or not at all, and is asked for in conversations alone', () => {
  const call = { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' };
  const kept = { type: 'reasoning', id: 'r2', encrypted_content: 'x', summary: [] };
  const hosted = { type: 'web_search_call', id: 'w1', status: 'completed' };
  const reading = readResponse(
    { status: 'completed', output: [{ type: 'reasoning', id: 'r1', summary: [] }, kept, hosted, call] },
    new Headers(),
  ) as Reading;
  expect(reading.native).toEqual([kept, hosted, call]);
  expect(reading.pendingCalls?.map(({ name }) => name)).toEqual(['look']);
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  expect(responsesBody('m', request({ messages }), NONE).body).not.toHaveProperty('include');
  const asked = responsesBody('m', request({ messages, conversation: true }), NONE);
  expect(asked.body['include']).toEqual(['reasoning.encrypted_content']);
  // Where the model takes no such thing, the call is made again without it, and no parameter of the release was dropped.
  const again = responsesBody('m', request({ messages, conversation: true }), new Set(['include']));
  expect(again.body).not.toHaveProperty('include');
  expect(again.dropped).toEqual([]);
});
