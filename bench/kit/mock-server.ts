// A loopback stand-in for a chat API: answers follow from the prompt alone, faults from a seed, and it counts what it would bill.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Chances of each fault per request, from 0 to 1; what is left is answered. */
export interface Faults {
  readonly limited?: number;
  readonly limitedWithDelay?: number;
  readonly serverError?: number;
  readonly overloaded?: number;
  readonly reset?: number;
  readonly hang?: number;
  readonly truncated?: number;
  readonly badJson?: number;
  readonly drip?: number;
}

export interface MockSettings {
  readonly port?: number;
  readonly seed?: number;
  readonly latencyMs?: number;
  readonly faults?: Faults;
  /** After this many answers every call is refused for quota, until `refill`. */
  readonly quotaAfter?: number;
}

export interface MockServer {
  readonly url: string;
  /** Whole answers sent, by prompt: what a provider would bill. */
  readonly billed: ReadonlyMap<string, number>;
  readonly requests: number;
  /** Called with the number of requests so far, as each comes in. */
  onRequest: ((requests: number) => void) | null;
  refill(): void;
  close(): Promise<void>;
}

const WORDS =
  'amber basin cedar delta ember fjord grove haven inlet jetty knoll ledge marsh north ocean pines'.split(
    ' ',
  );

/** The answer to a prompt: about 290 bytes that name its case. */
export function answerTo(prompt: string): string {
  const digest = createHash('sha256').update(prompt).digest();
  const id = /case (\d+)/.exec(prompt)?.[1] ?? '?';
  let text = `ANSWER-${digest.toString('hex').slice(0, 8)} case ${id}:`;
  for (let i = 0; text.length < 280; i++) text += ` ${WORDS[(digest[i % 32] as number) % WORDS.length]}`;
  return text;
}

/** Mulberry32 (Tommy Ettinger, public domain): small, seeded, good enough to pick faults. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export async function startMock(settings: MockSettings = {}): Promise<MockServer> {
  const random = seeded(settings.seed ?? 1);
  const billed = new Map<string, number>();
  let requests = 0;
  let left = settings.quotaAfter ?? Number.POSITIVE_INFINITY;
  const server: MockServer & { url: string } = {
    url: '',
    billed,
    onRequest: null,
    get requests() {
      return requests;
    },
    refill() {
      left = Number.POSITIVE_INFINITY;
    },
    async close() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  const kinds = Object.entries(settings.faults ?? {}) as [keyof Faults, number][];

  const pick = (): keyof Faults | null => {
    let at = random();
    for (const [kind, chance] of kinds) {
      if (at < chance) return kind;
      at -= chance;
    }
    return null;
  };

  const handle = (request: IncomingMessage, body: string, response: ServerResponse): void => {
    requests++;
    server.onRequest?.(requests);
    const json = (status: number, value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(status, {
        'content-type': 'application/json',
        'x-request-id': `req_${requests}`,
        ...headers,
      });
      response.end(JSON.stringify(value));
    };
    const refuse = (status: number, type: string, headers?: Record<string, string>): void =>
      json(status, { error: { message: `${type} (scripted)`, type, code: type } }, headers);
    if (request.method !== 'POST') {
      json(404, { error: { message: 'no such path', type: 'not_found', code: null } });
      return;
    }
    const asked = JSON.parse(body) as { model: string; messages: { content: string }[] };
    const prompt = asked.messages.at(-1)?.content ?? '';
    if (left <= 0) {
      refuse(429, 'insufficient_quota');
      return;
    }
    const text = answerTo(prompt);
    const reply = JSON.stringify({
      id: `chatcmpl-${requests}`,
      object: 'chat.completion',
      created: 1_770_000_000,
      model: asked.model,
      system_fingerprint: 'fp_mock',
      choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 160, completion_tokens: 70, total_tokens: 230 },
    });
    const whole = {
      'content-type': 'application/json',
      'x-request-id': `req_${requests}`,
      'content-length': String(Buffer.byteLength(reply)),
    };
    switch (pick()) {
      case 'limited':
        refuse(429, 'rate_limit_exceeded');
        return;
      case 'limitedWithDelay':
        refuse(429, 'rate_limit_exceeded', { 'retry-after-ms': '20' });
        return;
      case 'serverError':
        refuse(500, 'server_error');
        return;
      case 'overloaded':
        refuse(529, 'overloaded_error');
        return;
      case 'reset':
        request.socket.destroy();
        return;
      case 'hang':
        return;
      case 'truncated':
        response.writeHead(200, whole);
        response.write(reply.slice(0, reply.length / 2));
        setTimeout(() => request.socket.destroy(), 5);
        return;
      case 'badJson':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"choices": [');
        return;
      case 'drip': {
        response.writeHead(200, whole);
        let at = 0;
        const drop = (): void => {
          if (response.destroyed) return;
          response.write(reply.slice(at, at + 100));
          at += 100;
          if (at < reply.length) setTimeout(drop, 10);
          else bill(prompt, () => response.end());
        };
        drop();
        return;
      }
      default:
        left--;
        bill(prompt, () => {
          response.writeHead(200, whole);
          response.end(reply);
        });
    }
  };
  const bill = (prompt: string, send: () => void): void => {
    billed.set(prompt, (billed.get(prompt) ?? 0) + 1);
    send();
  };

  const listener = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const { latencyMs = 0 } = settings;
      if (latencyMs === 0) handle(request, body, response);
      else setTimeout(() => handle(request, body, response), latencyMs);
    });
  });
  await new Promise<void>((resolve) => listener.listen(settings.port ?? 0, '127.0.0.1', resolve));
  server.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/v1`;
  return server;
}

// As a program: node bench/kit/mock-server.ts PORT [LATENCY_MS]
if (process.argv[1] === import.meta.filename) {
  const mock = await startMock({
    port: Number(process.argv[2] ?? 0),
    latencyMs: Number(process.argv[3] ?? 0),
  });
  console.log(mock.url);
}
