// The server: what it takes, whom it answers, and what it does with hostile bodies, slow clients and its own end.

import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ndjson, post, running } from './running.ts';

const at = (): string => new Date(Date.now() - 60_000).toISOString();
const row = (id: string, more: object = {}): object => ({
  id,
  at: at(),
  feature: 'triage',
  output: 'Yes.',
  ...more,
});

interface Signals {
  readonly kind: string;
  readonly groups?: readonly { readonly observations: number }[];
}

async function signals(url: string): Promise<Signals> {
  return (await (await fetch(url)).json()) as Signals;
}

/** Sends bytes as they are, and gives back all that came until the connection ended. */
async function raw(port: number, ...pieces: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => {});
  for (const piece of pieces) socket.write(piece);
  await once(socket, 'close');
  return answer;
}

describe('intake', () => {
  it('takes observations and outcomes once, and says what it took', async () => {
    const server = await running();
    const body = ndjson(row('a'), row('b', { error: 'timeout', output: undefined }), { id: 'c' });
    const first = await post(`${server.url}/v1/observations`, body);
    expect(first.status).toBe(200);
    expect(await first.json()).toMatchObject({
      observations: { added: 2, known: 0 },
      rejected: 1,
      errors: [{ line: 3, code: 'LINE_SHAPE' }],
    });
    const packed = await post(`${server.url}/v1/observations`, gzipSync(body), {
      'content-encoding': 'gzip',
    });
    expect(await packed.json()).toMatchObject({ observations: { added: 0, known: 2 } });
    const news = await post(
      `${server.url}/v1/outcomes`,
      ndjson({ id: 'a', edited: 0.5 }, { id: 'late', retried: true }),
    );
    expect(await news.json()).toMatchObject({ outcomes: { added: 2, known: 0 } });
    expect(await server.stored('triage')).toMatchObject([{ id: 'a', outcome: { edited: 0.5 } }, { id: 'b' }]);
    const named = await post(`${server.url}/v1/observations?feature=other`, ndjson({ id: 'd', at: at() }));
    expect(await named.json()).toMatchObject({ observations: { added: 1 } });
    await expect
      .poll(
        async () => (await signals(`${server.url}/v1/signals/triage?since=24h`)).groups?.[0]?.observations,
      )
      .toBe(2);
    expect(await (await fetch(`${server.url}/v1/signals/nothing`)).json()).toMatchObject({
      error: { code: 'NO_FEATURE' },
    });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain('lastgood_intake_rows_total{kind="observation",state="added"} 3');
    expect(metrics).toMatch(
      /lastgood_http_requests_total\{route="\/v1\/observations",method="POST",status="200"\} 3/,
    );
    expect(JSON.stringify(server.log)).not.toContain('triage');
  });

  it.each([
    [
      'deep JSON',
      `{"id":"x","at":"${at()}","feature":"f","input":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      400,
    ],
    ['a body that is no JSON', 'hello', 400],
    ['bytes that are no UTF-8', Buffer.from([0x7b, 0xc3, 0x28, 0x7d]), 400],
    ['nothing', '', 200],
    ['a list', '[1,2,3]', 400],
    ['a line beyond a megabyte', JSON.stringify(row('x', { output: 'a'.repeat(2 ** 20) })), 400],
  ])('answers %s with %3$s and goes on', async (_, body, status) => {
    const server = await running();
    const answer = await post(`${server.url}/v1/observations`, body);
    expect(answer.status).toBe(status);
    expect((await post(`${server.url}/v1/observations`, ndjson(row('after')))).status).toBe(200);
  });

  it('is not fooled by keys that prototypes have', async () => {
    const server = await running();
    const line = `{"id":"p","at":"${at()}","feature":"triage","__proto__":{"failed":true},"constructor":{"prototype":1},"tags":["__proto__"],"template":"__proto__"}`;
    const kpi = '{"id":"p","kpi":{"__proto__":1,"toString":2}}';
    expect(await (await post(`${server.url}/v1/observations`, line)).json()).toMatchObject({
      observations: { added: 1 },
    });
    expect((await post(`${server.url}/v1/outcomes`, kpi)).status).toBe(200);
    expect(({} as Record<string, unknown>)['failed']).toBeUndefined();
    expect((await signals(`${server.url}/v1/signals/triage?by=template`)).kind).toBe('signals');
  });

  it('refuses bodies that are too large, announced or not, packed or not, and keeps what it took before', async () => {
    const server = await running({ limits: { linesBytes: 200_000, tracesBytes: 100_000 } });
    const url = `${server.url}/v1/observations`;
    const announced = await raw(
      server.port,
      `POST /v1/observations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 104857600\r\nConnection: close\r\n\r\n`,
    );
    expect(announced).toMatch(/^HTTP\/1.1 413 /);
    const asking = await raw(
      server.port,
      `POST /v1/observations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect(asking).toMatch(/^HTTP\/1.1 413 /);
    expect((await post(url, Buffer.alloc(20_000_000, 97))).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(50_000_000, 32));
    expect((await post(url, bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
    expect(
      (
        await post(`${server.url}/v1/traces`, bomb, {
          'content-encoding': 'gzip',
          'content-type': 'application/json',
        })
      ).status,
    ).toBe(413);
    expect((await post(url, Buffer.from('not gzip'), { 'content-encoding': 'gzip' })).status).toBe(400);
    expect((await post(url, 'x', { 'content-encoding': 'br' })).status).toBe(415);
    const many = Array.from({ length: 3000 }, (_, i) => row(`o${i}`));
    const chunked = new ReadableStream({
      async start(controller) {
        for (const one of many) controller.enqueue(Buffer.from(ndjson(one)));
        controller.close();
      },
    });
    const answer = await fetch(url, {
      method: 'POST',
      body: chunked,
      headers: { 'content-type': 'application/x-ndjson' },
      duplex: 'half',
    } as RequestInit);
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({
      observations: { known: 0 },
      error: { message: expect.any(String) },
    });
    const kept = (await server.stored('triage')).length;
    expect(kept).toBeGreaterThan(0);
    expect(kept % 500).toBe(0);
  });

  it('ends clients that are too slow, and those that leave hurt nobody', async () => {
    const server = await running({ limits: { requestMs: 400, idleMs: 400 } });
    const slow = await raw(server.port, 'POST /v1/observations HTTP/1.1\r\nHost: localhost\r\n');
    expect(slow === '' || slow.startsWith('HTTP/1.1 408')).toBe(true);
    const body = await raw(
      server.port,
      'POST /v1/observations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 500\r\n\r\n{"id":',
    );
    expect(body === '' || /^HTTP\/1.1 4\d\d/.test(body)).toBe(true);
    const socket = connect(server.port, '127.0.0.1');
    socket.write(
      'POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 500\r\n\r\nabc',
    );
    await sleep(50);
    socket.destroy();
    expect((await post(`${server.url}/v1/observations`, ndjson(row('after')))).status).toBe(200);
  });
});

describe('access', () => {
  it('answers only for names of this machine, and no page of another origin', async () => {
    const server = await running({ hosts: ['lastgood.internal'] });
    const asked = (host: string): Promise<string> =>
      raw(server.port, `GET /v1/signals HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect(await asked(`evil.example:${server.port}`)).toMatch(/^HTTP\/1.1 421/);
    expect(await asked(`localhost:${server.port}`)).toMatch(/^HTTP\/1.1 200/);
    expect(await asked('[::1]:80')).toMatch(/^HTTP\/1.1 200/);
    expect(await asked('lastgood.internal')).toMatch(/^HTTP\/1.1 200/);
    const url = `${server.url}/v1/observations`;
    const foreign = await post(url, ndjson(row('a')), { origin: 'https://evil.example' });
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    expect((await post(url, ndjson(row('a')), { origin: server.url })).status).toBe(200);
    // What a page may send without asking first.
    expect((await post(url, ndjson(row('a')), { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await fetch(url)).status).toBe(405);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  });

  it('wants a token with the right role as soon as there is one, and forgets removed ones at once', async () => {
    const server = await running();
    const url = `${server.url}/v1/observations`;
    expect((await post(url, ndjson(row('a')))).status).toBe(200);
    const observe = await server.token('app', 'observe');
    const operate = await server.token('ops', 'operate');
    const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
    expect((await post(url, ndjson(row('b')))).status).toBe(401);
    expect((await post(url, ndjson(row('b')), bearer(`${observe}x`))).status).toBe(401);
    expect((await post(url, ndjson(row('b')), bearer(observe))).status).toBe(200);
    expect((await fetch(`${server.url}/metrics`, { headers: bearer(observe) })).status).toBe(403);
    expect((await fetch(`${server.url}/metrics`, { headers: bearer(operate) })).status).toBe(200);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    await server.removeToken('app');
    expect((await post(url, ndjson(row('b')), bearer(observe))).status).toBe(401);
    expect(server.log.some((entry) => entry.token === 'app')).toBe(true);
    expect(JSON.stringify(server.log)).not.toContain(observe);
  });

  it('does not listen for other machines without a token', async () => {
    await expect(running({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'SERVE_NEEDS_TOKENS' });
  });
});

describe('the end', () => {
  it('finishes what is under way and is not ready meanwhile', async () => {
    const server = await running();
    let closes = (): void => {};
    const isClosing = new Promise<void>((done) => {
      closes = done;
    });
    const slow = new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from(ndjson(row('first'))));
        await isClosing;
        controller.enqueue(Buffer.from(ndjson(row('second'))));
        controller.close();
      },
    });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    const answer = fetch(`${server.url}/v1/observations`, {
      method: 'POST',
      body: slow,
      headers: { 'content-type': 'application/x-ndjson' },
      duplex: 'half',
    } as RequestInit);
    const open = async (): Promise<string> => (await fetch(`${server.url}/metrics`)).text();
    await expect.poll(open, { timeout: 20_000 }).toContain('lastgood_http_requests_open 2');
    const closing = server.close();
    closes();
    expect(await (await answer).json()).toMatchObject({ observations: { added: 2 } });
    await closing;
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    expect(await server.stored('triage')).toHaveLength(2);
  });
});
