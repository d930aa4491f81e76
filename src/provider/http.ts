// The http provider: the user's own application behind one endpoint, asked as a client would ask it.

import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject, jsonAt } from '../core/json.ts';
import type { Provider, ProviderReply, ProviderRequest, Usage } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { SecretMask } from '../core/secrets.ts';
import type { Problem } from './failure.ts';
import { Aborted, abortedProblem, connectionProblem, failed, msSince, untilAborted } from './failure.ts';
import type { BodyTemplate } from './http-template.ts';
import { bodyTemplate } from './http-template.ts';
import { retryAfterMs, SIMULATOR_HEADER } from './reply-headers.ts';
import type { ProviderContext, RouteReader } from './route.ts';
import { nowOf, routeReader } from './route.ts';
import type { HttpReply, Transport } from './transport.ts';
import { openTransport } from './transport.ts';
import { disclosedText, jsonText, readToolCalls, stopReasonOf, usageOf } from './wire-words.ts';

/** Redirects within one origin that are followed before we give up. */
const MOST_REDIRECTS = 5;

interface Endpoint {
  readonly method: string;
  readonly url: string;
  /** What reports show for the URL: a variable's name instead of its value. */
  readonly shownUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BodyTemplate | undefined;
  /** Dotted paths into the reply. */
  readonly paths: {
    readonly output: string | undefined;
    readonly toolCalls: string | undefined;
    readonly servedModel: string | undefined;
    readonly usage: JsonObject;
  };
}

/** Throws `LastgoodError` when a variable is missing or a template does not parse. */
export async function httpProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const endpoint = readEndpoint(reader, context);
  reader.done();
  const transport = await openTransport(context.env);
  return {
    name: 'http',
    ready: async () => transport.open(),
    call: (request, signal) => ask(endpoint, transport, context, request, signal),
    close: () => transport.close(),
  };
}

function readEndpoint(reader: RouteReader, context: ProviderContext): Endpoint {
  const { route } = reader;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(isJsonObject(route['headers']) ? route['headers'] : {})) {
    const text = reader.envText(value, `headers.${name}`);
    if (text === undefined) continue;
    headers[name.toLowerCase()] = text;
    if (isJsonObject(value)) {
      const { prefix } = value as { prefix?: JsonValue };
      context.mask.add(text);
      if (typeof prefix === 'string') context.mask.add(text.slice(prefix.length));
    }
  }
  const given = route['url'];
  const url = reader.address(reader.envText(given, 'url'), 'url') ?? '';
  if (given === undefined) reader.requiredText('url');
  const body = route['body'];
  return {
    method: (reader.text('method') ?? (body === undefined ? 'GET' : 'POST')).toUpperCase(),
    url,
    shownUrl: isJsonObject(given) ? `$${String(given['env'])}` : url,
    headers,
    body: body === undefined ? undefined : bodyTemplate(body, reader.where('body')),
    paths: {
      output: reader.text('output'),
      toolCalls: reader.text('tool-calls'),
      servedModel: reader.text('served-model'),
      usage: isJsonObject(route['usage']) ? route['usage'] : {},
    },
  };
}

async function ask(
  endpoint: Endpoint,
  transport: Transport,
  context: ProviderContext,
  request: ProviderRequest,
  signal: AbortSignal,
): Promise<ProviderReply> {
  const { mask } = context;
  let body: JsonValue | undefined;
  try {
    body = endpoint.body?.(request);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return failed(appProblem('template', `the request body cannot be filled: ${said}`), mask, 0);
  }
  const sent: JsonObject = {
    method: endpoint.method,
    url: endpoint.shownUrl,
    ...(body === undefined ? {} : { body }),
  };
  const started = performance.now();
  try {
    const reply = await untilAborted(signal, send(endpoint, transport, body, signal));
    const latencyMs = msSince(started);
    const answer =
      reply.status >= 200 && reply.status < 300 ? readAnswer(endpoint, reply) : refused(reply, context);
    if ('code' in answer)
      return failed(
        { ...answer, httpStatus: reply.status, requestId: requestIdOf(reply) },
        mask,
        latencyMs,
        sent,
      );
    return {
      kind: 'answered',
      output: mask.json(answer.output as unknown as JsonValue) as unknown as Answer['output'],
      stopReason: stopReasonOf(undefined),
      served: {
        model: answer.model === null ? null : mask.text(answer.model),
        systemFingerprint: null,
        serviceTier: null,
        region: null,
        requestId: maskedId(reply, mask),
        ...(reply.headers.has(SIMULATOR_HEADER) ? { simulated: true } : {}),
      },
      usage: answer.usage,
      latencyMs,
      ...(answer.costUsd === undefined ? {} : { costUsd: answer.costUsd }),
      sent: mask.json(sent),
    };
  } catch (error) {
    const problem =
      error instanceof Aborted || signal.aborted ? abortedProblem(signal) : connectionProblem(error);
    return failed(problem, mask, msSince(started), sent);
  }
}

/** Sends and follows redirects while they stay on the origin: our headers are for it alone. */
async function send(
  endpoint: Endpoint,
  transport: Transport,
  body: JsonValue | undefined,
  signal: AbortSignal,
): Promise<HttpReply> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  let call = {
    method: endpoint.method,
    headers: { ...(text === undefined ? {} : { 'content-type': type }), ...endpoint.headers },
    body: text,
    signal,
  };
  let url = endpoint.url;
  for (let hop = 0; ; hop++) {
    const reply = await transport.request(url, call);
    const location = reply.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(reply.status) || location === null) return reply;
    if (hop >= MOST_REDIRECTS || !URL.canParse(location, url)) return reply;
    const next = new URL(location, url);
    if (next.origin !== new URL(url).origin) return reply;
    url = next.href;
    if (reply.status === 303 || (reply.status < 303 && call.method === 'POST'))
      call = { ...call, method: 'GET', body: undefined };
  }
}

interface Answer {
  readonly output: { readonly text: string; readonly toolCalls: ReturnType<typeof readToolCalls> & object };
  readonly model: string | null;
  readonly usage: Usage | null;
  readonly costUsd: number | undefined;
}

function readAnswer(endpoint: Endpoint, reply: HttpReply): Answer | Problem {
  const { paths } = endpoint;
  let data: JsonValue | undefined;
  try {
    data = JSON.parse(reply.text) as JsonValue;
  } catch {
    if (paths.output !== undefined)
      return appProblem('bad_reply', 'the application did not answer with JSON');
  }
  const found = paths.output === undefined ? reply.text : jsonAt(data, paths.output);
  if (found === undefined || found === null)
    return appProblem('bad_reply', `the application's answer has nothing at "${paths.output}"`);
  const toolCalls = paths.toolCalls === undefined ? [] : readToolCalls(jsonAt(data, paths.toolCalls));
  if (toolCalls === undefined)
    return appProblem(
      'bad_reply',
      `the application's answer has no list of tool calls at "${paths.toolCalls}"`,
    );
  const count = (key: string): JsonValue | undefined => {
    const path = paths.usage[key];
    return typeof path === 'string' ? jsonAt(data, path) : undefined;
  };
  const cost = count('cost-usd');
  return {
    output: { text: jsonText(found), toolCalls },
    model: paths.servedModel === undefined ? null : disclosedText(jsonAt(data, paths.servedModel)),
    usage: usageOf({
      inputTokens: count('input-tokens'),
      outputTokens: count('output-tokens'),
      cachedInputTokens: count('cached-input-tokens'),
      cacheWriteTokens: count('cache-write-tokens'),
      reasoningTokens: count('reasoning-tokens'),
    }),
    costUsd: typeof cost === 'number' && cost >= 0 ? cost : undefined,
  };
}

/** A status that is no answer. It is the user's application, so that is what failed. */
function refused(reply: HttpReply, context: ProviderContext): Problem {
  const { status } = reply;
  const location = reply.headers.get('location');
  if (status >= 300 && status < 400 && location !== null)
    return appProblem(
      'redirect',
      `${status} the application redirects to another place, which is not followed`,
    );
  const said = reply.text.trim() === '' ? 'without a body' : reply.text.trim();
  const code =
    status === 401 || status === 403
      ? 'auth'
      : status === 404
        ? 'not_found'
        : status === 429
          ? 'rate_limited'
          : status >= 500
            ? 'server_error'
            : 'bad_request';
  return {
    ...appProblem(code, `${status} ${said}`),
    retryable: [429, 502, 503, 504].includes(status),
    // The same credentials go with every call; a 403 may be about this one's content.
    fatal: status === 401,
    retryAfterMs: retryAfterMs(reply.headers, nowOf(context)),
  };
}

function appProblem(code: string, message: string): Problem {
  return { cause: 'app_error', code, message, retryable: false, fatal: false };
}

function maskedId(reply: HttpReply, mask: SecretMask): string | null {
  const id = requestIdOf(reply);
  return id === null ? null : mask.text(id);
}

function requestIdOf(reply: HttpReply): string | null {
  return reply.headers.get('x-request-id') ?? reply.headers.get('request-id');
}
