// HTTP for JSON calls: undici's keep-alive pools, whole bodies. Handed to the SDKs as their `fetch`.

import { createRequire } from 'node:module';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Agent, Dispatcher } from 'undici';
import { LastgoodError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import type { Env } from '../base/ports.ts';
import { mediaType, parseReply } from './not-json.ts';
import { followRedirects } from './redirects.ts';
import type { Arrival } from './sse.ts';

/** No answer of a model or an application is longer than this, in bytes. */
export const LARGEST_REPLY = 50 * 1024 * 1024;

/** No file of a batch's results is longer than this, in bytes. */
const LARGEST_DOWNLOAD = 2000 * 1024 * 1024;

const MOST_ADDRESSES = 100;

/** One reply with its whole body. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Of a stream of events: how far it had come when. */
  readonly arrivals?: readonly Arrival[] | undefined;
  /** Of a download: what came, in place of the text. */
  readonly bytes?: Buffer | undefined;
}

export interface HttpCall {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A file may be larger than a reply, and than a text of JavaScript. */
  readonly download?: boolean | undefined;
}

/** Among the options of an SDK's call, handed through to our `fetch`. */
export const AS_DOWNLOAD = { download: true };

/** Rejects with the socket's error when the reply does not arrive whole. */
export interface Transport {
  request(url: string, call: HttpCall): Promise<HttpReply>;
  /** What an SDK takes for `fetch`: enough of it for JSON calls. */
  readonly fetch: typeof globalThis.fetch;
  /** Loads the connections' code, so that no call is charged for it. */
  open(): void;
  close(): Promise<void>;
}

/**
 * undici's pool of connections without its fetch, websockets, caches and mocks, which take longer to load as all that is needed
 * here. Not a documented path: the version is pinned, and a test holds that both ways lead to one class.
 */
const plainAgent = (): typeof Agent =>
  createRequire(import.meta.url)('undici/lib/dispatcher/agent.js') as typeof Agent;

/** Said when a reply was cut off at `LARGEST_REPLY`. */
export class ReplyTooLarge extends Error {}

/** Keep-alive connections, through HTTP(S)_PROXY where the environment has one (and NO_PROXY's hosts past it). */
export async function openTransport(env: Env): Promise<Transport> {
  const either = (name: string): string | undefined => env(name.toLowerCase()) || env(name) || undefined;
  const httpProxy = proxyAddress('HTTP_PROXY', either('HTTP_PROXY'));
  const httpsProxy = proxyAddress('HTTPS_PROXY', either('HTTPS_PROXY'));
  // The caller's signal is the only deadline of a reply; undici's own five minutes would cut long reasoning short.
  const options = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 } };
  const proxied = {
    ...options,
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    noProxy: either('NO_PROXY') ?? '',
  };
  const direct = httpProxy === undefined && httpsProxy === undefined;
  // A wrong proxy address is reported at once; a plain pool is made for the first call.
  let dispatcher: Dispatcher | null = direct ? null : new (await import('undici')).EnvHttpProxyAgent(proxied);
  const pool = (): Dispatcher => {
    dispatcher ??= new (plainAgent())(options);
    return dispatcher;
  };

  // A provider calls one or two addresses, over and over.
  const addresses = new Map<string, { readonly origin: string; readonly path: string }>();
  const addressOf = (url: string): { readonly origin: string; readonly path: string } => {
    let known = addresses.get(url);
    if (known === undefined) {
      const { origin, pathname, search } = new URL(url);
      known = { origin, path: `${pathname}${search}` };
      if (addresses.size >= MOST_ADDRESSES) addresses.clear();
      addresses.set(url, known);
    }
    return known;
  };

  const request = (url: string, call: HttpCall): Promise<HttpReply> =>
    new Promise((resolve, reject) => {
      const { signal } = call;
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const { origin, path } = addressOf(url);
      const whole = new WholeReply(call, resolve, reject);
      pool().dispatch(
        {
          origin,
          path,
          method: call.method.toUpperCase() as 'GET',
          headers: call.headers,
          body: call.body ?? null,
        },
        whole,
      );
    });

  // An SDK that reuses its headers object need not have it read again: reading one sorts it.
  const plain = new WeakMap<Headers, Record<string, string>>();
  const plainHeaders = (headers: RequestInit['headers']): Record<string, string> => {
    if (!(headers instanceof Headers)) return Object.fromEntries(new Headers(headers));
    let known = plain.get(headers);
    if (known === undefined) {
      known = Object.fromEntries(headers);
      plain.set(headers, known);
    }
    return known;
  };

  const fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const form = init.body instanceof FormData ? await formBody(init.body) : undefined;
    const call = {
      method: init.method ?? 'GET',
      headers: { ...plainHeaders(init.headers), ...form?.headers },
      body: typeof init.body === 'string' ? init.body : form?.body,
      signal: init.signal ?? undefined,
      download: (init as Partial<typeof AS_DOWNLOAD>).download,
    };
    const {
      status,
      headers,
      text: sent,
      arrivals,
      bytes,
    } = await followRedirects(request, String(url), call, {
      asGet: false,
    });
    const text = status < 400 ? sent : underError(sent);
    // Building a real Response costs more than the rest of the call; the SDKs use these members of it.
    return {
      ok: status >= 200 && status < 300,
      status,
      statusText: '',
      // The SDKs take the address apart twice for each call, for a log that is off.
      url: '',
      headers,
      body: null,
      arrivals,
      bytes,
      text: async () => text,
      json: async () => parseReply(text, headers.get('content-type')),
    } as unknown as Response;
  };

  return { request, fetch, open: () => void pool(), close: async () => dispatcher?.destroy() };
}

/** A form as the bytes that are sent. */
async function formBody(form: FormData): Promise<Pick<HttpCall, 'headers'> & { readonly body: Buffer }> {
  const whole = new Response(form);
  return {
    headers: { 'content-type': whole.headers.get('content-type') ?? 'multipart/form-data' },
    body: Buffer.from(await whole.arrayBuffer()),
  };
}

/** The SDKs read a refusal under "error" only; some servers say theirs under "message" or "detail", which would be lost. */
function underError(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return text;
  }
  // Gemini wraps its error in a list.
  if (Array.isArray(body) && isJsonObject(body[0])) return JSON.stringify(body[0]);
  if (!isJsonObject(body) || Object.hasOwn(body, 'error')) return text;
  const { message, detail, type, code, param } = body;
  const said =
    [message, detail].find((one) => typeof one === 'string') ?? JSON.stringify(detail ?? message ?? body);
  return JSON.stringify({ error: { message: said, type, code, param } });
}

/** A proxy's address, checked; it may hold a password, so the complaint does not show it. */
function proxyAddress(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '') return text;
  throw new LastgoodError({
    code: 'PROXY_ADDRESS',
    message: `${name} is not the address of a proxy: expected http://HOST:PORT or https://HOST:PORT`,
    hint: text.includes('://')
      ? 'only http and https proxies are supported'
      : `write the scheme too: ${name}=http://HOST:PORT`,
  });
}

/** Gathers one reply through undici's handler interface: its streams cost more than all the rest of a small JSON call. */
class WholeReply {
  private readonly signal: AbortSignal | undefined;
  private readonly download: boolean;
  private readonly resolve: (reply: HttpReply) => void;
  private readonly reject: (error: unknown) => void;
  private readonly onAbort: () => void;
  private controller: Dispatcher.DispatchController | null = null;
  private status = 0;
  private headers: ReplyHeaders = new ReplyHeaders({});
  private readonly chunks: Buffer[] = [];
  private size = 0;
  /** When each chunk of a stream of events came; null for other replies. */
  private times: number[] | null = null;

  constructor(
    { signal, download }: Pick<HttpCall, 'signal' | 'download'>,
    resolve: (reply: HttpReply) => void,
    reject: (error: unknown) => void,
  ) {
    this.signal = signal;
    this.download = download === true;
    this.resolve = resolve;
    this.reject = reject;
    this.onAbort = () => this.stop(signal?.reason);
    signal?.addEventListener('abort', this.onAbort, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.signal?.aborted) controller.abort(this.signal.reason);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 1xx replies are announcements; the answer follows.
    if (status < 200) return;
    this.status = status;
    this.headers = new ReplyHeaders(headers);
    const events = mediaType(this.headers.get('content-type')) === 'text/event-stream';
    this.times = events && !this.headers.has('content-encoding') ? [] : null;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.size += chunk.length;
    const largest = this.download && this.status < 400 ? LARGEST_DOWNLOAD : LARGEST_REPLY;
    if (this.size > largest)
      this.stop(new ReplyTooLarge(`the reply is larger than ${largest / 1024 / 1024} MB`));
    else {
      this.chunks.push(chunk);
      this.times?.push(performance.now());
    }
  }

  onResponseEnd(): void {
    this.signal?.removeEventListener('abort', this.onAbort);
    try {
      const { status, headers, chunks } = this;
      const whole = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const asFile = this.download && status < 400;
      const body = decompressed(whole, headers.get('content-encoding'), asFile);
      if (asFile) {
        this.resolve({ status, headers: headers as unknown as Headers, text: '', bytes: body });
        return;
      }
      const text = body.toString('utf8');
      const arrivals = this.times === null ? undefined : arrivalsOf(chunks, this.times);
      this.resolve({ status, headers: headers as unknown as Headers, text, arrivals });
    } catch (error) {
      this.reject(error);
    }
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.signal?.removeEventListener('abort', this.onAbort);
    this.reject(error);
  }

  private stop(reason: unknown): void {
    this.signal?.removeEventListener('abort', this.onAbort);
    this.reject(reason);
    this.controller?.abort(reason instanceof Error ? reason : new Error('aborted'));
  }
}

/** How many characters there were after each chunk, which may end within one. */
function arrivalsOf(chunks: readonly Buffer[], times: readonly number[]): Arrival[] {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let chars = 0;
  return chunks.map((chunk, i) => {
    chars += decoder.decode(chunk, { stream: true }).length;
    return { chars, at: times[i] ?? 0 };
  });
}

/** The members of `Headers` that readers of a reply use; undici's names are in lower case already. The SDKs' log finds no fields in it. */
class ReplyHeaders {
  readonly #values: Readonly<Record<string, string | string[] | undefined>>;

  constructor(values: Readonly<Record<string, string | string[] | undefined>>) {
    this.#values = values;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    const value = Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
    return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  *entries(): IterableIterator<[string, string]> {
    for (const name of Object.keys(this.#values)) {
      const value = this.get(name);
      if (value !== null) yield [name, value];
    }
  }

  keys(): IterableIterator<string> {
    return Object.keys(this.#values)
      .filter((name) => this.#values[name] !== undefined)
      .values();
  }

  forEach(each: (value: string, name: string) => void): void {
    for (const [name, value] of this.entries()) each(value, name);
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }
}

/** We never ask for compression, but some gateways compress unasked. */
function decompressed(body: Buffer, encoding: string | null, asFile: boolean): Buffer {
  const limit = { maxOutputLength: asFile ? LARGEST_DOWNLOAD : LARGEST_REPLY };
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
