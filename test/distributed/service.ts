// A chat service on the loopback that counts: which questions it was asked, how often, and in which second.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CountingService {
  readonly url: string;
  /** Times of the calls, in ms. */
  readonly calls: number[];
  /** By the text of the last message. */
  readonly asked: Map<string, number>;
  /** Answers to the calls in flight, now and from now on. */
  release(): void;
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly latencyMs?: number;
  /** Calls to keep waiting after so many; `release` answers them. */
  readonly holdAfter?: number;
  /** The HTTP status for a question; 200 by default. */
  readonly status?: (question: string) => number;
}

export async function countingService(options: ServiceOptions = {}): Promise<CountingService> {
  const { latencyMs = 5, holdAfter = Number.POSITIVE_INFINITY, status = () => 200 } = options;
  const calls: number[] = [];
  const asked = new Map<string, number>();
  let held: (() => void)[] = [];
  let released = false;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { messages = [] } = JSON.parse(body || '{}') as { messages?: { content: unknown }[] };
    const question = String(messages.at(-1)?.content);
    calls.push(Date.now());
    asked.set(question, (asked.get(question) ?? 0) + 1);
    const send = (): void => {
      const code = status(question);
      response.writeHead(code, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          code === 200
            ? {
                id: 'c1',
                object: 'chat.completion',
                model: 'gpt-4.1-2025-04-14',
                choices: [
                  {
                    index: 0,
                    finish_reason: 'stop',
                    message: { role: 'assistant', content: `yes, ${question}` },
                  },
                ],
                usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
              }
            : { error: { message: 'refused for this test', type: 'invalid_request_error' } },
        ),
      );
    };
    if (!released && calls.length > holdAfter) held.push(send);
    else setTimeout(send, latencyMs);
  };
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    calls,
    asked,
    release() {
      released = true;
      for (const send of held) send();
      held = [];
    },
    async close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
