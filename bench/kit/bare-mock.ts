// A chat API that costs as little as it can, so that what is measured beside it gets the processor: HTTP/1.1 straight on a socket, one
// answer a request, no faults (those are in mock-server.ts). It notes when the first request came in and the last answer went out.

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { answerTo } from './mock-server.ts';

export interface BareMock {
  readonly url: string;
  /** Since the last `reset`: requests answered, and the time from the first request to the last answer. */
  readonly answered: number;
  readonly windowMs: number;
  /** Starts counting anew; `latencyMs` is how long an answer takes, `answer` what it says. */
  reset(settings?: { latencyMs?: number; answer?: (prompt: string) => string }): void;
  close(): Promise<void>;
}

export async function startBareMock(): Promise<BareMock> {
  let latencyMs = 0;
  let answer = answerTo;
  let answered = 0;
  let firstAt = 0;
  let lastAt = 0;
  const sockets = new Set<Socket>();

  const send = (socket: Socket, status: string, value: unknown): void => {
    const body = JSON.stringify(value);
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nx-request-id: req_${answered}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  };

  const reply = (socket: Socket, body: string): void => {
    if (socket.destroyed) return;
    const asked = JSON.parse(body) as { model: string; messages: { content: string }[] };
    answered++;
    send(socket, '200 OK', {
      id: `chatcmpl-${answered}`,
      object: 'chat.completion',
      created: 1_770_000_000,
      model: asked.model,
      system_fingerprint: 'fp_mock',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: answer(asked.messages.at(-1)?.content ?? '') },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 160, completion_tokens: 70, total_tokens: 230 },
    });
    lastAt = performance.now();
  };

  const take = (socket: Socket, head: string, body: string): void => {
    if (!/^POST \S*\/chat\/completions /.test(head) || /\r\ntransfer-encoding:/i.test(head)) {
      send(socket, '404 Not Found', { error: { message: 'no such path', type: 'not_found', code: null } });
      return;
    }
    if (firstAt === 0) firstAt = performance.now();
    if (latencyMs === 0) reply(socket, body);
    else setTimeout(reply, latencyMs, socket, body);
  };

  const server = createServer({ noDelay: true }, (socket) => {
    let held: Buffer = Buffer.alloc(0);
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      for (;;) {
        const end = held.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = held.toString('latin1', 0, end);
        const whole = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        if (held.length < whole) return;
        const body = held.toString('utf8', end + 4, whole);
        held = held.subarray(whole);
        take(socket, head, body);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get answered() {
      return answered;
    },
    get windowMs() {
      return lastAt - firstAt;
    },
    reset(settings = {}) {
      latencyMs = settings.latencyMs ?? 0;
      answer = settings.answer ?? answerTo;
      answered = 0;
      firstAt = 0;
      lastAt = 0;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
