// One JSON POST to the address a person gave for alerts: retried with backoff, and never an exception. The URL is a secret.

import { setTimeout as pause } from 'node:timers/promises';
import { type Env, type JsonObject, LastgoodError } from '../base/index.ts';
import { openTransport, type Transport } from './transport.ts';

export interface WebhookPost {
  /** Attempts in all (default 4). */
  readonly attempts?: number | undefined;
  /** Before the second attempt; doubles from there (default 1000 ms, at most 30 s or what `retry-after` asks). */
  readonly backoffMs?: number | undefined;
  /** For one attempt (default 10 s). */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where the proxies are named; default: none is used. */
  readonly env?: Env | undefined;
  /** Waiting; default real time. */
  readonly sleep?: ((ms: number, signal: AbortSignal | undefined) => Promise<void>) | undefined;
}

export type WebhookResult =
  | { readonly kind: 'delivered'; readonly status: number; readonly attempts: number }
  | { readonly kind: 'failed'; readonly message: string; readonly attempts: number };

const LONGEST_WAIT_MS = 30_000;
/** Answers after which the same POST may succeed later. */
const RETRYABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The address, checked; the complaint never shows it. */
export function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new LastgoodError({
      code: 'WEBHOOK_URL',
      message: 'the webhook is not an http or https address',
      hint: 'put the whole address into an environment variable and name it: --webhook env:ALERT_WEBHOOK_URL',
    });
  return url;
}

/**
 * Posts `body`, through the environment's proxy where it names one. Redirects are refused: an alert must not travel to an address nobody
 * gave.
 */
export async function postWebhook(
  url: URL,
  body: JsonObject,
  options: WebhookPost = {},
): Promise<WebhookResult> {
  let transport: Transport;
  try {
    transport = await openTransport(options.env ?? (() => undefined));
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return { kind: 'failed', message: error.message, attempts: 0 };
  }
  try {
    return await post(transport, url, body, options);
  } finally {
    await transport.close();
  }
}

async function post(
  transport: Transport,
  url: URL,
  body: JsonObject,
  options: WebhookPost,
): Promise<WebhookResult> {
  const most = options.attempts ?? 4;
  const sleep = options.sleep ?? wait;
  let message = '';
  for (let attempt = 1; ; attempt++) {
    const tried = await once(transport, url, body, options);
    if (tried.ok) return { kind: 'delivered', status: tried.status, attempts: attempt };
    message = tried.message;
    if (!tried.retryable || attempt >= most || options.signal?.aborted === true)
      return { kind: 'failed', message, attempts: attempt };
    const backoff = (options.backoffMs ?? 1000) * 2 ** (attempt - 1);
    await sleep(Math.min(LONGEST_WAIT_MS, Math.max(backoff, tried.retryAfterMs ?? 0)), options.signal);
  }
}

type Tried =
  | { readonly ok: true; readonly status: number }
  | {
      readonly ok: false;
      readonly message: string;
      readonly retryable: boolean;
      readonly retryAfterMs: number | undefined;
    };

async function once(transport: Transport, url: URL, body: JsonObject, options: WebhookPost): Promise<Tried> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000);
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal]);
  try {
    const reply = await transport.request(url.href, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'lastgood' },
      body: JSON.stringify(body),
      signal,
    });
    if (reply.status >= 200 && reply.status < 300) return { ok: true, status: reply.status };
    const redirected = reply.status >= 300 && reply.status < 400;
    return {
      ok: false,
      message: redirected ? `it answered with a redirect (${reply.status})` : `it answered ${reply.status}`,
      retryable: RETRYABLE.has(reply.status),
      retryAfterMs: retryAfter(reply.headers.get('retry-after')),
    };
  } catch (error) {
    return {
      ok: false,
      message: failureText(error, timeout.aborted),
      retryable: true,
      retryAfterMs: undefined,
    };
  }
}

/** Only the error's code: its text may repeat the address. */
function failureText(error: unknown, timedOut: boolean): string {
  if (timedOut) return 'no answer in time';
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  const word = [code, cause?.code].find((one) => typeof one === 'string');
  return word === undefined ? 'it could not be reached' : `it could not be reached (${word})`;
}

function retryAfter(header: string | null): number | undefined {
  const seconds = Number(header);
  return header === null || !(seconds > 0) ? undefined : seconds * 1000;
}

async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await pause(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}
