// A chat service on the loopback that counts: which questions it was asked, how often and when, by the release and by its judge. It may
// keep a limit on the rate of calls, as a token bucket for each model.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CountingService {
  readonly url: string;
  /** Times of the accepted calls of the release, in ms. */
  readonly calls: number[];
  /** By the text of the last message. */
  readonly asked: Map<string, number>;
  readonly judge: { readonly calls: number[] };
  /** The most calls at once, by model. */
  readonly atOnce: Map<string, number>;
  /** Calls that were refused for their rate, by model. */
  readonly refused: Map<string, number>;
  /** Answers to the calls in flight, now and from now on. */
  release(): void;
  close(): Promise<void>;
}

export interface ServiceLimit {
  readonly perSecond: number;
  /** Calls that fit into the full bucket, and are in it at first. */
  readonly bucket: number;
  /** Whether the headers of OpenAI state it. A refusal says `retry-after: 1` either way. */
  readonly stated: boolean;
}

export interface ServiceOptions {
  readonly latencyMs?: number;
  /** Calls to keep waiting after so many; `release` answers them. */
  readonly holdAfter?: number;
  /** The HTTP status for a question; 200 by default. */
  readonly status?: (question: string) => number;
  readonly limit?: ServiceLimit;
}

/** Of the judge's release. */
export const JUDGE_MODEL = 'judge-2026-01-01';

interface Asked {
  readonly model: string;
  readonly messages?: readonly { readonly content: unknown }[];
}

export async function countingService(options: ServiceOptions = {}): Promise<CountingService> {
  const { latencyMs = 5, holdAfter = Number.POSITIVE_INFINITY, status = () => 200, limit } = options;
  const calls: number[] = [];
  const judge: { readonly calls: number[] } = { calls: [] };
  const asked = new Map<string, number>();
  const atOnce = new Map<string, number>();
  const open = new Map<string, number>();
  const refused = new Map<string, number>();
  const buckets = new Map<string, Bucket>();
  let held: (() => void)[] = [];
  let released = false;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { model, messages = [] } = JSON.parse(body || '{}') as Asked;
    const question = textOf(messages.at(-1)?.content);
    const send = (code: number, value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(code, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(value));
    };
    let stated: Record<string, string> = {};
    if (limit !== undefined) {
      const bucket = buckets.get(model) ?? new Bucket(limit);
      buckets.set(model, bucket);
      const fits = bucket.take();
      stated = limit.stated ? bucket.headers : {};
      if (!fits) {
        add(refused, model, 1);
        send(429, refusal('too many requests', 'rate_limit_exceeded'), { ...stated, 'retry-after': '1' });
        return;
      }
    }
    add(open, model, 1);
    atOnce.set(model, Math.max(atOnce.get(model) ?? 0, open.get(model) ?? 0));
    (model === JUDGE_MODEL ? judge.calls : calls).push(Date.now());
    if (model !== JUDGE_MODEL) add(asked, question, 1);
    const reply = (): void => {
      add(open, model, -1);
      const code = status(question);
      if (code !== 200) send(code, refusal('refused for this test', 'invalid_request_error'));
      else
        send(200, completion(model, model === JUDGE_MODEL ? verdict(question) : `yes, ${question}`), stated);
    };
    if (!released && calls.length > holdAfter) held.push(reply);
    else setTimeout(reply, latencyMs);
  };

  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    ...{ calls, asked, judge, atOnce, refused },
    release() {
      released = true;
      for (const reply of held) reply();
      held = [];
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

class Bucket {
  readonly #limit: ServiceLimit;
  #calls: number;
  #filledMs = performance.now();

  constructor(limit: ServiceLimit) {
    this.#limit = limit;
    this.#calls = limit.bucket;
  }

  take(): boolean {
    const { perSecond, bucket } = this.#limit;
    const now = performance.now();
    this.#calls = Math.min(bucket, this.#calls + ((now - this.#filledMs) / 1000) * perSecond);
    this.#filledMs = now;
    if (this.#calls < 1) return false;
    this.#calls--;
    return true;
  }

  get headers(): Record<string, string> {
    const { perSecond, bucket } = this.#limit;
    const fullInMs = (1000 * (bucket - this.#calls)) / perSecond;
    return {
      'x-ratelimit-limit-requests': String(bucket),
      'x-ratelimit-remaining-requests': String(Math.floor(this.#calls)),
      'x-ratelimit-reset-requests':
        fullInMs < 1000 ? `${Math.ceil(fullInMs)}ms` : `${(fullInMs / 1000).toFixed(3)}s`,
    };
  }
}

function add(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

function textOf(content: unknown): string {
  if (!Array.isArray(content)) return String(content);
  return (content as { text?: string }[]).map((part) => part.text ?? '').join('');
}

function completion(model: string, content: string): unknown {
  return {
    ...{ id: 'c1', object: 'chat.completion', model },
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
    usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
  };
}

/** Yes to every criterion of a judge's prompt. */
function verdict(prompt: string): string {
  const found = JSON.parse(/^CRITERIA\n(\[.*\])$/m.exec(prompt)?.[1] ?? '[]') as { readonly id: string }[];
  return JSON.stringify({
    criteria: found.map(({ id }) => ({ id, reason: 'it says yes', verdict: 'yes' })),
  });
}

function refusal(message: string, type: string): unknown {
  return { error: { message, type, code: type } };
}
