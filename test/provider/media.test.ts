// Images, files and cache marks through the real SDKs: what each API is sent, and that a stored request holds no bytes.

import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { Message } from '../../src/core/conversation.ts';
import { mediaAt } from '../../src/core/media.ts';
import { createProvider } from '../../src/provider/index.ts';
import { PDF, PNG } from '../fixtures/media.ts';
import { WireServer } from './wire-server.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const png = PNG.toString('base64');
const pdf = PDF.toString('base64');
const TEXT = 'Order 8812, paid in March.';
const txt = Buffer.from(TEXT).toString('base64');

const MESSAGES: readonly Message[] = [
  { role: 'system', content: 'Long rules.', parts: [{ text: 'Long rules.', cache: '1h' }] },
  {
    role: 'user',
    content: 'Which order?',
    parts: [
      { media: mediaAt('image', `data:image/png;base64,${png}`, 'lamp.png'), detail: 'low' },
      { media: mediaAt('image', 'https://img.example/a.png', undefined) },
      { media: mediaAt('file', `data:application/pdf;base64,${pdf}`, 'bill.pdf') },
      { media: mediaAt('file', `data:text/plain;base64,${txt}`, undefined) },
      { text: 'Which order?', cache: true },
    ],
  },
];

const REPLIES = {
  '/v1/responses': {
    object: 'response',
    status: 'completed',
    model: 'gpt-5',
    output: [{ type: 'message', content: [{ type: 'output_text', text: '8812' }] }],
  },
  '/v1/chat/completions': { choices: [{ finish_reason: 'stop', message: { content: '8812' } }] },
  '/v1/messages': { content: [{ type: 'text', text: '8812' }], stop_reason: 'end_turn', model: 'claude-x' },
} as const;

async function sentTo(path: keyof typeof REPLIES, route: JsonObject & { provider: 'openai' | 'anthropic' }) {
  await using server = await WireServer.start({ [`POST ${path}`]: () => ({ body: REPLIES[path] }) });
  const base = route.provider === 'openai' ? `${server.url}/v1` : server.url;
  const provider = await createProvider(refundBot({ ...route, 'base-url': base }), context());
  const reply = await provider.call(ticket({ messages: MESSAGES }), patience());
  await provider.close?.();
  if (reply.kind !== 'answered') throw new Error(reply.message);
  expect(reply.output.text).toBe('8812');
  const kept = JSON.stringify(reply.sent);
  for (const bytes of [png, pdf, txt, TEXT]) expect(kept).not.toContain(bytes);
  expect(kept).toContain('[image lamp.png: image/png, 70 bytes, sha256 6b7fa434f92a]');
  return server.requests[0]?.body ?? {};
}

test('responses: input_image, input_file and breakpoints; a marked system text is a message of its own', async () => {
  const body = await sentTo('/v1/responses', { provider: 'openai', api: 'responses', model: 'gpt-5' });
  expect(body['instructions']).toBeUndefined();
  expect(body['input']).toEqual([
    {
      role: 'system',
      content: [
        {
          type: 'input_text',
          text: 'Long rules.',
          prompt_cache_breakpoint: { mode: 'explicit', ttl: '1h' },
        },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'input_image', image_url: `data:image/png;base64,${png}`, detail: 'low' },
        { type: 'input_image', image_url: 'https://img.example/a.png', detail: 'auto' },
        { type: 'input_file', filename: 'bill.pdf', file_data: `data:application/pdf;base64,${pdf}` },
        { type: 'input_file', filename: 'file.txt', file_data: `data:text/plain;base64,${txt}` },
        { type: 'input_text', text: 'Which order?', prompt_cache_breakpoint: { mode: 'explicit' } },
      ],
    },
  ]);
});

test('chat: image_url and file parts', async () => {
  const body = await sentTo('/v1/chat/completions', { provider: 'openai', api: 'chat', model: 'gpt-5' });
  expect(body['messages']).toEqual([
    {
      role: 'system',
      content: [
        { type: 'text', text: 'Long rules.', prompt_cache_breakpoint: { mode: 'explicit', ttl: '1h' } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: `data:image/png;base64,${png}`, detail: 'low' } },
        { type: 'image_url', image_url: { url: 'https://img.example/a.png' } },
        { type: 'file', file: { filename: 'bill.pdf', file_data: `data:application/pdf;base64,${pdf}` } },
        { type: 'file', file: { filename: 'file.txt', file_data: `data:text/plain;base64,${txt}` } },
        { type: 'text', text: 'Which order?', prompt_cache_breakpoint: { mode: 'explicit' } },
      ],
    },
  ]);
});

test('chat: sound is input_audio', async () => {
  const wav = Buffer.from('RIFF\x10\0\0\0WAVEfmt ', 'latin1').toString('base64');
  await using server = await WireServer.start({
    'POST /v1/chat/completions': () => ({ body: REPLIES['/v1/chat/completions'] }),
  });
  const provider = await createProvider(
    refundBot({ provider: 'openai', api: 'chat', model: 'gpt-audio', 'base-url': `${server.url}/v1` }),
    context(),
  );
  const media = mediaAt('file', `data:audio/wav;base64,${wav}`, undefined);
  await provider.call(ticket({ messages: [{ role: 'user', content: '', parts: [{ media }] }] }), patience());
  await provider.close?.();
  expect(server.requests[0]?.body['messages']).toEqual([
    { role: 'user', content: [{ type: 'input_audio', input_audio: { data: wav, format: 'wav' } }] },
  ]);
});

test('messages: image and document blocks, and cache_control on them and on the system text', async () => {
  const body = await sentTo('/v1/messages', { provider: 'anthropic', model: 'claude-opus-4-6' });
  expect(body['system']).toEqual([
    { type: 'text', text: 'Long rules.', cache_control: { type: 'ephemeral', ttl: '1h' } },
  ]);
  expect(body['messages']).toEqual([
    {
      role: 'user',
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } },
        { type: 'image', source: { type: 'url', url: 'https://img.example/a.png' } },
        {
          type: 'document',
          source: { type: 'base64', media_type: 'application/pdf', data: pdf },
          title: 'bill.pdf',
        },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: TEXT } },
        { type: 'text', text: 'Which order?', cache_control: { type: 'ephemeral' } },
      ],
    },
  ]);
});

test('http and command: the application gets the bytes, the stored request does not', async () => {
  await using server = await WireServer.start({ 'POST /bot': () => ({ body: 'lamp' }) });
  const provider = await createProvider(
    refundBot({
      provider: 'http',
      method: 'POST',
      url: `${server.url}/bot`,
      body: { asked: '{{ messages }}', text: 'All: {{ messages }}' },
    }),
    context(),
  );
  const reply = await provider.call(ticket({ messages: MESSAGES }), patience());
  await provider.close?.();
  expect(server.requests[0]?.body['asked']).toMatchObject([
    { role: 'system' },
    { role: 'user', parts: expect.arrayContaining([{ text: 'Which order?', cache: true }]) },
  ]);
  expect(server.requests[0]?.text).toContain(png);
  expect(JSON.stringify(reply)).not.toContain(png);
});
