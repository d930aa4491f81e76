// The one POST that leaves on behalf of an alert: delivered, retried, given up; never a secret in its words.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { postWebhook, webhookUrl } from '../../src/provider/webhook.ts';

/** A server that answers the n-th POST (from 1) as told, and keeps what it was sent. */
async function hook(
  answer: (post: number, reply: ServerResponse, request: IncomingMessage) => void,
): Promise<{ url: URL; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, reply) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => answer(bodies.push(text), reply, request));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(
    () =>
      new Promise<void>((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  );
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/T0/s3cret-path`),
    bodies,
  };
}

function waits(): { list: number[]; sleep: (ms: number) => Promise<void> } {
  const list: number[] = [];
  return {
    list,
    sleep: async (ms) => {
      list.push(ms);
    },
  };
}

test('a post that is taken at once is sent once, as JSON', async () => {
  const { url, bodies } = await hook((_, reply, request) => {
    expect(request.headers['content-type']).toContain('application/json');
    reply.writeHead(204).end();
  });
  expect(await postWebhook(url, { text: 'grüße' })).toEqual({ kind: 'delivered', status: 204, attempts: 1 });
  expect(bodies.map((b) => JSON.parse(b))).toEqual([{ text: 'grüße' }]);
});

test('busy and broken services are tried again, waiting longer each time and as long as they ask', async () => {
  const { url } = await hook((post, reply) => {
    if (post === 1) reply.writeHead(503).end();
    else if (post === 2) reply.writeHead(429, { 'retry-after': '7' }).end();
    else if (post === 3) reply.destroy();
    else reply.writeHead(200).end('ok');
  });
  const { list, sleep } = waits();
  expect(await postWebhook(url, {}, { sleep, backoffMs: 100 })).toMatchObject({
    kind: 'delivered',
    attempts: 4,
  });
  expect(list).toEqual([100, 7000, 400]);
});

test('what will not change is not tried again', async () => {
  const { url, bodies } = await hook((_, reply) => reply.writeHead(404).end());
  expect(await postWebhook(url, {}, waits())).toEqual({
    kind: 'failed',
    message: 'it answered 404',
    attempts: 1,
  });
  expect(bodies).toHaveLength(1);
});

test('a redirect is refused: the alert goes where it was sent or nowhere', async () => {
  const elsewhere = await hook((_, reply) => reply.writeHead(200).end());
  const { url } = await hook((_, reply) => reply.writeHead(307, { location: elsewhere.url.href }).end());
  expect(await postWebhook(url, {}, waits())).toMatchObject({ kind: 'failed', attempts: 1 });
  expect(elsewhere.bodies).toEqual([]);
});

test('silence is given up after the attempts allowed, and the words never hold the address', async () => {
  const { url } = await hook(() => {});
  const silent = await postWebhook(url, {}, { ...waits(), attempts: 2, timeoutMs: 40 });
  expect(silent).toEqual({ kind: 'failed', message: 'no answer in time', attempts: 2 });
  const nobody = await postWebhook(
    new URL('http://127.0.0.1:1/T0/s3cret-path'),
    {},
    { ...waits(), attempts: 2 },
  );
  expect(nobody).toMatchObject({ kind: 'failed', attempts: 2 });
  expect(JSON.stringify([silent, nobody])).not.toContain('s3cret');
});

test('an interrupted job does not go on trying', async () => {
  const stop = new AbortController();
  const { url, bodies } = await hook((_, reply) => {
    stop.abort();
    reply.writeHead(503).end();
  });
  expect((await postWebhook(url, {}, { ...waits(), signal: stop.signal })).kind).toBe('failed');
  expect(bodies).toHaveLength(1);
});

test('only http and https addresses are taken, and a refusal does not repeat the text', () => {
  expect(webhookUrl('https://hooks.example/T0').host).toBe('hooks.example');
  for (const text of ['hooks.example/s3cret', 'file:///etc/s3cret', 'javascript:s3cret'])
    expect(() => webhookUrl(text)).toThrow(
      expect.objectContaining({ code: 'WEBHOOK_URL', message: expect.not.stringContaining('s3cret') }),
    );
});
