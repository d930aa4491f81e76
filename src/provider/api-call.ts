// One call to a model API through its SDK: build the body, send it, read the reply; resend at once without a parameter the API refuses.

import type { Output } from '../core/conversation.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { ProviderReply, ProviderRequest, Served, StopReason, Usage } from '../core/provider.ts';
import type { Problem } from './failure.ts';
import {
  Aborted,
  abortedProblem,
  apiProblem,
  badReply,
  connectionProblem,
  failed,
  msSince,
  untilAborted,
} from './failure.ts';
import { rateLimitHint, retryAfterMs, SIMULATOR_HEADER } from './reply-headers.ts';
import type { ProviderContext } from './route.ts';
import { nowOf } from './route.ts';
import { refusedPath } from './wire-params.ts';

/** A request body and what became of the params. */
export interface BuiltBody {
  readonly body: JsonObject;
  /** Body path to param name, for those that may be left out when the API refuses them. */
  readonly refusable: ReadonlyMap<string, string>;
  readonly dropped: readonly string[];
}

/** A reply as one API's reader understands it. */
export interface Reading {
  readonly output: Output;
  readonly stopReason: StopReason;
  readonly served: Omit<Served, 'requestId' | 'simulated'>;
  readonly usage: Usage | null;
}

/** One wire API. `refused` holds body paths that are to be left out. */
export interface Dialect {
  build(request: ProviderRequest, refused: ReadonlySet<string>): BuiltBody;
  send(body: JsonObject, signal: AbortSignal): Promise<{ data: unknown; headers: Headers }>;
  read(data: JsonObject, headers: Headers): Reading | Problem;
}

/** How an SDK's errors are told apart; the same fields for both. */
export interface ApiRefusal {
  readonly status: number | undefined;
  readonly words: readonly (string | null | undefined)[];
  readonly code: string | null | undefined;
  readonly param: string | null | undefined;
  readonly message: string;
  readonly headers: Headers | undefined;
  readonly requestId: string | null | undefined;
}

/** Recognises an SDK's API error; undefined for anything else that was thrown. */
export type RefusalReader = (error: unknown) => ApiRefusal | undefined;

/** A `call` for the dialect. What the API refuses once is left out for the rest of the provider's life. */
export function apiCaller(
  dialect: Dialect,
  refusalOf: RefusalReader,
  context: ProviderContext,
): (request: ProviderRequest, signal: AbortSignal) => Promise<ProviderReply> {
  const refused = new Set<string>();
  const { mask } = context;

  return async (request, signal) => {
    for (;;) {
      const { body, refusable, dropped } = dialect.build(request, refused);
      const started = performance.now();
      let reply: { data: unknown; headers: Headers };
      try {
        reply = await untilAborted(signal, dialect.send(body, signal));
      } catch (error) {
        const latencyMs = msSince(started);
        if (error instanceof Aborted || signal.aborted)
          return failed(abortedProblem(signal), mask, latencyMs, body);
        const refusal = refusalOf(error);
        const path = refusal && refusedPath(refusal, refusable);
        if (path !== undefined) {
          // Each round leaves out one more parameter, so this ends.
          refused.add(path);
          continue;
        }
        return failed(thrownProblem(error, refusal, context), mask, latencyMs, body);
      }
      const latencyMs = msSince(started);
      const requestId = requestIdOf(reply.headers);
      const rateLimit = rateLimitHint(reply.headers, nowOf(context));
      const reading = isJsonObject(reply.data)
        ? dialect.read(reply.data, reply.headers)
        : badReply('the reply is not a JSON object', 200);
      if ('code' in reading) return failed({ ...reading, requestId, rateLimit }, mask, latencyMs, body);
      return {
        kind: 'answered',
        output: mask.json(reading.output as unknown as JsonValue) as unknown as Output,
        stopReason: mask.text(reading.stopReason) as StopReason,
        served: {
          ...(mask.json(reading.served as unknown as JsonValue) as unknown as Reading['served']),
          requestId: requestId === null ? null : mask.text(requestId),
          ...(reply.headers.has(SIMULATOR_HEADER) ? { simulated: true } : {}),
        },
        usage: reading.usage,
        latencyMs,
        sent: mask.json(body),
        ...(dropped.length === 0 ? {} : { droppedParams: dropped }),
        ...(rateLimit === undefined ? {} : { rateLimit }),
      };
    }
  };
}

/** What an exception of an SDK call means. */
export function thrownProblem(
  error: unknown,
  refusal: ApiRefusal | undefined,
  context: ProviderContext,
): Problem {
  // JSON.parse and the SDK's own reading of an unexpected shape throw these.
  if (error instanceof SyntaxError || error instanceof TypeError)
    return badReply(`the reply could not be read: ${error.message}`);
  if (refusal?.status === undefined) return connectionProblem(error);
  const problem = apiProblem({
    status: refusal.status,
    words: refusal.words,
    // APIs quote a part of a refused key; that part stays with them.
    message: refusal.status === 401 ? '401 the API key was refused' : refusal.message,
    shouldRetry: refusal.headers?.get('x-should-retry'),
  });
  const now = nowOf(context);
  const { headers } = refusal;
  return {
    ...problem,
    requestId: refusal.requestId ?? null,
    ...(headers === undefined
      ? {}
      : { retryAfterMs: retryAfterMs(headers, now), rateLimit: rateLimitHint(headers, now) }),
  };
}

function requestIdOf(headers: Headers): string | null {
  return headers.get('x-request-id') ?? headers.get('request-id') ?? headers.get('apim-request-id');
}
