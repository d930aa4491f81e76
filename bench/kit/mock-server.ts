// A loopback stand-in for the chat APIs: answers follow from the prompt alone, faults from a seed, and every call is on record.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Asked, answerTo, readAsked, refusalBody, replyBody, verdictOn } from './mock-wire.ts';

export { answerTo } from './mock-wire.ts';

/** Chances of each fault per request, from 0 to 1; what is left is answered. */
export interface Faults {
  readonly limited?: number;
  /** 429 with a `retry-after` in one of its forms (see `retryAfter`). */
  readonly limitedWithDelay?: number;
  readonly serverError?: number;
  readonly overloaded?: number;
  readonly reset?: number;
  readonly hang?: number;
  /** The body breaks off in the middle. */
  readonly truncated?: number;
  readonly badJson?: number;
  /** Comes in slow pieces, but comes. */
  readonly drip?: number;
  /** A byte now and then, for ever. */
  readonly endless?: number;
  /** Of a judge: a whole reply that holds no verdict. Never twice in a row about one text. */
  readonly badVerdict?: number;
  /** Of a judge: cut off by its token limit. Never twice in a row about one text. */
  readonly shortVerdict?: number;
}

export interface MockSettings {
  readonly port?: number;
  readonly seed?: number;
  readonly latencyMs?: number;
  readonly faults?: Faults;
  /** Faults of calls to a judge instead of `faults`. */
  readonly judgeFaults?: Faults;
  /** The forms of `retry-after` that come up. Default: 20 ms. */
  readonly retryAfter?: readonly ('ms' | 'seconds' | 'date' | 'absurd')[];
  /** Chance that an answer carries limit headers that say "none left". */
  readonly noneLeft?: number;
  /** After this many answers every call of that kind is refused for quota, until `refill`. */
  readonly quotaAfter?: number;
  readonly judgeQuotaAfter?: number;
  /** Stands at the end of every answer of a subject. */
  readonly again?: string;
}

/** A request, answered or not. */
export interface Ask {
  readonly about: string;
  readonly judge: boolean;
  readonly atMs: number;
}

/** A whole answer that went out: what a provider would bill. */
export interface Billed {
  readonly requestId: string;
  readonly about: string;
  readonly judge: boolean;
  /** Of a judge: whether a verdict was in it. */
  readonly verdict: boolean;
  /** When it was asked for, and when its last byte went out. */
  readonly askedMs: number;
  readonly sentMs: number;
}

export interface MockServer {
  readonly url: string;
  /** In the order they went out; a client that had hung up before is not in it. */
  readonly billed: readonly Billed[];
  readonly asks: readonly Ask[];
  /** How often each fault was dealt. */
  readonly dealt: Readonly<Record<string, number>>;
  readonly requests: number;
  /** Called with the number of requests so far, as each comes in. */
  onRequest: ((requests: number) => void) | null;
  refill(): void;
  /** Resolves when every client is known to be gone and every request that got here is on record. */
  quiet(): Promise<void>;
  close(): Promise<void>;
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

type Kind = keyof Faults;

export async function startMock(settings: MockSettings = {}): Promise<MockServer> {
  const random = seeded(settings.seed ?? 1);
  const billed: Billed[] = [];
  const asks: Ask[] = [];
  const dealt: Record<string, number> = {};
  /** What a judge was last told to botch, by text judged. */
  const botched = new Map<string, Kind | null>();
  let requests = 0;
  /** Requests that are here whole and wait out their latency. */
  let arriving = 0;
  const left = {
    subject: settings.quotaAfter ?? Number.POSITIVE_INFINITY,
    judge: settings.judgeQuotaAfter ?? Number.POSITIVE_INFINITY,
  };
  const server: MockServer & { url: string } = {
    url: '',
    billed,
    asks,
    dealt,
    onRequest: null,
    get requests() {
      return requests;
    },
    refill() {
      left.subject = Number.POSITIVE_INFINITY;
      left.judge = Number.POSITIVE_INFINITY;
    },
    async quiet() {
      const open = (): Promise<number> =>
        new Promise((resolve) => listener.getConnections((_, count) => resolve(count)));
      while (arriving > 0 || (await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 2));
    },
    async close() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  const kindsOf = (faults: Faults | undefined): [Kind, number][] =>
    Object.entries(faults ?? {}) as [Kind, number][];
  const subjectKinds = kindsOf(settings.faults);
  const judgeKinds = kindsOf(settings.judgeFaults ?? settings.faults);

  const pick = (judge: boolean): Kind | null => {
    let at = random();
    for (const [kind, chance] of judge ? judgeKinds : subjectKinds) {
      if (at < chance) return kind;
      at -= chance;
    }
    return null;
  };

  const kindFor = (asked: Asked): Kind | null => {
    const judge = asked.criteria !== null;
    const kind = pick(judge);
    if (kind !== 'badVerdict' && kind !== 'shortVerdict') return kind;
    if (!judge || (botched.get(asked.about) ?? null) !== null) return null;
    botched.set(asked.about, kind);
    return kind;
  };

  const handle = (request: IncomingMessage, body: string, response: ServerResponse): void => {
    requests++;
    const requestId = `req_${requests}`;
    server.onRequest?.(requests);
    const asked = request.method === 'POST' ? readAsked(request.url ?? '', body) : null;
    const headers = (more: Record<string, string> = {}): Record<string, string> => ({
      'content-type': 'application/json',
      [asked?.wire === 'messages' ? 'request-id' : 'x-request-id']: requestId,
      ...more,
    });
    const refuse = (status: number, type: string, more?: Record<string, string>): void => {
      response.writeHead(status, headers(more));
      response.end(refusalBody(asked?.wire ?? 'chat', type));
    };
    if (asked === null) {
      refuse(404, 'not_found');
      return;
    }
    const role = asked.criteria === null ? 'subject' : 'judge';
    const { about } = asked;
    const judge = role === 'judge';
    const askedMs = Date.now();
    asks.push({ about, judge, atMs: askedMs });
    if (left[role] <= 0) {
      dealt['quota'] = (dealt['quota'] ?? 0) + 1;
      refuse(429, asked.wire === 'messages' ? 'billing_error' : 'insufficient_quota');
      return;
    }
    const kind = kindFor(asked);
    if (kind !== null) dealt[kind] = (dealt[kind] ?? 0) + 1;
    const good =
      asked.criteria === null ? `${answerTo(asked.prompt)}${settings.again ?? ''}` : verdictOn(asked);
    const text =
      kind === 'badVerdict' ? 'I would rather not say.' : kind === 'shortVerdict' ? good.slice(0, 25) : good;
    const reply = replyBody(asked, {
      text,
      stop: kind === 'shortVerdict' ? 'length' : 'stop',
      number: requests,
    });
    const whole = (): Record<string, string> =>
      headers({ 'content-length': String(Buffer.byteLength(reply)) });
    /** The last byte goes out. Who has hung up before then gets nothing, and no bill. */
    const finish = (send: () => void): void => {
      if (response.destroyed) return;
      left[role]--;
      const verdict = role === 'judge' && text === good;
      if (verdict) botched.set(asked.about, null);
      billed.push({ requestId, about, judge, verdict, askedMs, sentMs: Date.now() });
      send();
    };
    switch (kind) {
      case 'limited':
        refuse(429, asked.wire === 'messages' ? 'rate_limit_error' : 'rate_limit_exceeded');
        return;
      case 'limitedWithDelay':
        refuse(429, asked.wire === 'messages' ? 'rate_limit_error' : 'rate_limit_exceeded', delayHeader());
        return;
      case 'serverError':
        refuse(500, asked.wire === 'messages' ? 'api_error' : 'server_error');
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
        response.writeHead(200, whole());
        response.write(reply.slice(0, reply.length / 2));
        setTimeout(() => request.socket.destroy(), 5);
        return;
      case 'badJson':
        response.writeHead(200, headers());
        response.end('{"choices": [');
        return;
      case 'drip':
      case 'endless': {
        response.writeHead(200, kind === 'drip' ? whole() : headers());
        let at = 0;
        const drop = (): void => {
          if (response.destroyed) return;
          if (kind === 'endless') response.write(' ');
          else response.write(reply.slice(at, at + 100));
          at += 100;
          if (kind === 'endless') setTimeout(drop, 100);
          else if (at < reply.length) setTimeout(drop, 10);
          else finish(() => response.end());
        };
        drop();
        return;
      }
      default:
        finish(() => {
          const limits = limitHeaders(asked);
          response.writeHead(200, limits === null ? whole() : { ...whole(), ...limits });
          response.end(reply);
        });
    }
  };

  const delayHeader = (): Record<string, string> => {
    const { retryAfter = ['ms'] } = settings;
    switch (retryAfter[Math.floor(random() * retryAfter.length)]) {
      case 'seconds':
        return { 'retry-after': '1' };
      case 'date':
        return { 'retry-after': new Date(Date.now() + 1500).toUTCString() };
      case 'absurd':
        return { 'retry-after': '864000' };
      default:
        return { 'retry-after-ms': '20' };
    }
  };

  /** The service's own word that the window is used up, in its dialect; now and then Azure's way of saying nothing. */
  const limitHeaders = (asked: Asked): Record<string, string> | null => {
    if (settings.noneLeft === undefined || random() >= settings.noneLeft) return null;
    if (asked.wire === 'messages')
      return {
        'anthropic-ratelimit-requests-limit': '50',
        'anthropic-ratelimit-requests-remaining': '0',
        'anthropic-ratelimit-requests-reset': new Date(Date.now() + 200).toISOString(),
      };
    return random() < 0.5
      ? {
          'x-ratelimit-limit-requests': '500',
          'x-ratelimit-remaining-requests': '0',
          'x-ratelimit-reset-requests': '150ms',
        }
      : {
          'x-ratelimit-limit-requests': '-1',
          'x-ratelimit-remaining-requests': '0',
          'x-ratelimit-reset-requests': '6m0s',
        };
  };

  const listener = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      const { latencyMs = 0 } = settings;
      if (latencyMs === 0) return handle(request, body, response);
      arriving++;
      setTimeout(() => {
        arriving--;
        handle(request, body, response);
      }, latencyMs);
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
