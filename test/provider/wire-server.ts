// A loopback HTTP server for one test: scripted routes, every request kept, and a route nobody scripted is held against the test.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';

export interface SeenRequest {
  readonly route: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The body as JSON; {} when it is none. */
  readonly body: JsonObject;
}

export interface ScriptedReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON, or the raw text when it is a string. */
  readonly body?: JsonValue;
  /** The raw text in pieces: each is sent once the one before has left, a moment later. */
  readonly pieces?: readonly string[];
}

/** `hang` = never answer; `reset` = break the connection; `truncate` = promise more than is sent. */
export type Script = (seen: SeenRequest) => ScriptedReply | 'hang' | 'reset' | 'truncate';

export class WireServer implements AsyncDisposable {
  readonly url: string;
  readonly requests: SeenRequest[] = [];
  readonly strays: string[] = [];
  private readonly close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.close = close;
  }

  /** Routes are written `POST /v1/responses`; the query is not part of them. */
  static async start(routes: Readonly<Record<string, Script>>): Promise<WireServer> {
    const sockets = new Set<Socket>();
    let self: WireServer | undefined;
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const path = request.url ?? '/';
        const route = `${request.method} ${path.split('?')[0]}`;
        const text = Buffer.concat(chunks).toString('utf8');
        const seen = { route, path, headers: request.headers, text, body: jsonObject(text) };
        self?.requests.push(seen);
        const script = routes[route];
        if (script === undefined) self?.strays.push(route);
        answer(response, script === undefined ? { status: 599, body: { error: 'stray' } } : script(seen));
      });
    });
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    self = new WireServer(`http://127.0.0.1:${port}`, async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    });
    return self;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.strays.length > 0)
      throw new Error(`requests to routes nobody scripted: ${this.strays.join(', ')}`);
  }
}

function answer(response: ServerResponse, reply: ReturnType<Script>): void {
  if (reply === 'hang') return;
  if (reply === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (reply === 'truncate') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '4096' });
    response.write('{"id":');
    setImmediate(() => response.socket?.destroy());
    return;
  }
  if (reply.pieces !== undefined) {
    response.writeHead(reply.status ?? 200, { 'content-type': 'text/event-stream', ...reply.headers });
    void sendPieces(response, reply.pieces);
    return;
  }
  const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
  response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers });
  response.end(text);
}

async function sendPieces(response: ServerResponse, pieces: readonly string[]): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    // So that the pieces are chunks of their own at the other end.
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, 15));
    await new Promise((resolve) => response.write(piece, resolve));
  }
  response.end();
}

function jsonObject(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {};
  }
}
