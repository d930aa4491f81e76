// HTTP for JSON calls: undici's keep-alive pools, whole bodies, no redirects. Handed to the SDKs as their `fetch`.

import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Env } from '../core/ports.ts';

/** No answer of a model or an application is longer than this, in bytes. */
export const LARGEST_REPLY = 50 * 1024 * 1024;

/** One reply with its whole body. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface HttpCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Rejects with the socket's error when the reply does not arrive whole. */
export interface Transport {
  request(url: string, call: HttpCall): Promise<HttpReply>;
  /** What an SDK takes for `fetch`: enough of it for JSON calls. */
  readonly fetch: typeof globalThis.fetch;
  close(): Promise<void>;
}

/** Said when a reply was cut off at `LARGEST_REPLY`. */
export class ReplyTooLarge extends Error {}

/** Keep-alive connections, through HTTP(S)_PROXY where the environment has one (and NO_PROXY's hosts past it). */
export async function openTransport(env: Env): Promise<Transport> {
  const { Agent, EnvHttpProxyAgent } = await import('undici');
  const either = (name: string): string | undefined => env(name.toLowerCase()) || env(name) || undefined;
  const httpProxy = either('HTTP_PROXY');
  const httpsProxy = either('HTTPS_PROXY');
  // The caller's signal is the only deadline of a reply; undici's own five minutes would cut long reasoning short.
  const options = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 } };
  const dispatcher =
    httpProxy === undefined && httpsProxy === undefined
      ? new Agent(options)
      : new EnvHttpProxyAgent({
          ...options,
          ...(httpProxy === undefined ? {} : { httpProxy }),
          ...(httpsProxy === undefined ? {} : { httpsProxy }),
          noProxy: either('NO_PROXY') ?? '',
        });

  const request = async (url: string, call: HttpCall): Promise<HttpReply> => {
    const address = new URL(url);
    const reply = await dispatcher.request({
      origin: address.origin,
      path: `${address.pathname}${address.search}`,
      method: call.method.toUpperCase() as 'GET',
      headers: call.headers,
      body: call.body ?? null,
      signal: call.signal ?? null,
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(reply.headers)) {
      for (const one of Array.isArray(value) ? value : [value])
        if (one !== undefined) headers.append(name, one);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of reply.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > LARGEST_REPLY) {
        reply.body.destroy();
        throw new ReplyTooLarge(`the reply is larger than ${LARGEST_REPLY / 1024 / 1024} MB`);
      }
      chunks.push(chunk);
    }
    const body = decompressed(Buffer.concat(chunks), headers.get('content-encoding'));
    return { status: reply.statusCode, headers, text: body.toString('utf8') };
  };

  const fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const { status, headers, text } = await request(String(url), {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(new Headers(init.headers)),
      body: typeof init.body === 'string' ? init.body : undefined,
      signal: init.signal ?? undefined,
    });
    // Building a real Response costs more than the rest of the call; the SDKs use these members of it.
    return {
      ok: status >= 200 && status < 300,
      status,
      statusText: '',
      url: String(url),
      headers,
      body: null,
      text: async () => text,
      json: async () => JSON.parse(text),
    } as unknown as Response;
  };

  return { request, fetch, close: () => dispatcher.destroy() };
}

/** We never ask for compression, but some gateways compress unasked. */
function decompressed(body: Buffer, encoding: string | null): Buffer {
  const limit = { maxOutputLength: LARGEST_REPLY };
  switch (encoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(body, limit);
    case 'deflate':
      return inflateSync(body, limit);
    case 'br':
      return brotliDecompressSync(body, limit);
    default:
      return body;
  }
}
