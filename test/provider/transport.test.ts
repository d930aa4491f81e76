import { createServer, request as httpRequest } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { LastgoodError } from '../../src/base/errors.ts';
import { LARGEST_REPLY, openTransport, ReplyTooLarge } from '../../src/provider/transport.ts';
import { postWebhook } from '../../src/provider/webhook.ts';
import { WireServer } from './wire-server.ts';

test('the pool that is loaded alone is the one of the package, whose version is pinned', () => {
  const require = createRequire(import.meta.url);
  const whole = require('undici') as typeof import('undici');
  expect(require('undici/lib/dispatcher/agent.js')).toBe(whole.Agent);
  const { dependencies } = require('../../package.json') as { dependencies: Record<string, string> };
  expect(dependencies['undici']).toMatch(/^\d+\.\d+\.\d+$/);
});

test('connections are kept alive between calls', async () => {
  let connections = 0;
  const server = createServer((_request, response) => response.end('{}'));
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const transport = await openTransport(() => undefined);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  for (let i = 0; i < 20; i++) await transport.request(url, { method: 'GET', headers: {} });
  // A second one may open while the first finishes its body.
  expect(connections).toBeLessThanOrEqual(2);
  await transport.close();
  await new Promise((resolve) => server.close(resolve));
});

test('a reply that is compressed unasked is read, and one without end is cut off', async () => {
  const server = createServer((request, response) => {
    if (request.url === '/gzip') {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync('{"output":"Grüße"}'));
      return;
    }
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    const pour = (): void => {
      while (!response.destroyed && response.write(megabyte));
      if (!response.destroyed) response.once('drain', pour);
    };
    pour();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = await openTransport(() => undefined);
  expect((await transport.request(`${url}/gzip`, { method: 'GET', headers: {} })).text).toBe(
    '{"output":"Grüße"}',
  );
  await expect(transport.request(`${url}/flood`, { method: 'GET', headers: {} })).rejects.toThrow(
    ReplyTooLarge,
  );
  expect(LARGEST_REPLY).toBe(50 * 1024 * 1024);
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test('a proxy of the environment is used, except for the hosts of NO_PROXY', async () => {
  await using target = await WireServer.start({
    'GET /hello': () => ({ body: { output: 'hi' } }),
    'POST /hook': () => ({ body: {} }),
  });
  const asked: string[] = [];
  // Speaks both ways a client may ask: the whole address in the request line, or a tunnel.
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '');
    request.pipe(
      httpRequest(request.url ?? '', { method: request.method, headers: request.headers }, (reply) => {
        response.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(response);
      }),
    );
  });
  proxy.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const [host = '', port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

  for (const [env, through] of [
    [{ HTTP_PROXY: address }, 1],
    [{ http_proxy: address, NO_PROXY: '127.0.0.1' }, 0],
    [{}, 0],
  ] as const) {
    asked.length = 0;
    const transport = await openTransport((name) => (env as Record<string, string>)[name]);
    const reply = await transport.request(`${target.url}/hello`, { method: 'GET', headers: {} });
    expect(reply.text).toBe('{"output":"hi"}');
    expect(asked).toHaveLength(through);
    await transport.close();
    // Alerts take the same way.
    asked.length = 0;
    const url = new URL(`${target.url}/hook`);
    const sent = await postWebhook(url, {}, { env: (name) => (env as Record<string, string>)[name] });
    expect(sent).toMatchObject({ kind: 'delivered' });
    expect(asked).toHaveLength(through);
  }
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});

test.each([
  ['proxy.corp:8080', 'HTTPS_PROXY=http://HOST:PORT'],
  ['user:s3cret@proxy.corp:8080', 'HTTPS_PROXY=http://HOST:PORT'],
  ['//proxy.corp:8080', 'HTTPS_PROXY=http://HOST:PORT'],
  ['socks5://proxy.corp:1080', 'only http and https'],
])('the proxy %s is refused with what to write, and is not shown', async (address, hint) => {
  const env = (name: string) => (name === 'HTTPS_PROXY' ? address : undefined);
  const refusal = await openTransport(env).then(
    () => null,
    (error: LastgoodError) => error,
  );
  expect(refusal).toMatchObject({ code: 'PROXY_ADDRESS', exitCode: 2, hint: expect.stringContaining(hint) });
  expect(refusal?.message).toContain('HTTPS_PROXY');
  expect(`${refusal?.message} ${refusal?.hint}`).not.toMatch(/corp|s3cret/);
  const alert = await postWebhook(new URL('http://127.0.0.1:1/x'), {}, { env });
  expect(alert).toMatchObject({ kind: 'failed', message: expect.stringContaining('HTTPS_PROXY') });
});
