// The http provider: the user's own application behind one endpoint, asked as a client would ask it.

import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { DEEPEST_VALUE, isDeeperThan, isJsonObject, jsonAt } from '../base/json.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { BodyTemplate } from '../core/body-template.ts';
import { bodyTemplate } from '../core/body-template.ts';
import type { Output } from '../core/conversation.ts';
import { withoutMediaBytes } from '../core/media.ts';
import type { Provider, ProviderReply, ProviderRequest, StopReason, Usage } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { Problem } from './failure.ts';
import {
  Aborted,
  abortedProblem,
  connectionProblem,
  failed,
  infraProblem,
  msSince,
  untilAborted,
} from './failure.ts';
import { excerpt, mediaType, parseReply } from './not-json.ts';
import { followRedirects } from './redirects.ts';
import { errorText, isError } from './reply-error.ts';
import { retryAfterMs, SIMULATOR_HEADER } from './reply-headers.ts';
import type { ProviderContext, RouteReader } from './route.ts';
import { nowOf, routeReader } from './route.ts';
import { readTrajectory, withTrajectory } from './trajectory.ts';
import type { HttpReply, Transport } from './transport.ts';
import { openTransport } from './transport.ts';
import { contextOf, disclosedText, jsonText, readToolCalls, stopReasonOf, usageOf } from './wire-words.ts';

interface Endpoint {
  readonly method: string;
  readonly url: string;
  /** What reports show for the URL: a variable's name instead of its value. */
  readonly shownUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers from the environment, as messages name them. */
  readonly variables: readonly string[];
  readonly body: BodyTemplate | undefined;
  /** Dotted paths into the reply. */
  readonly paths: {
    readonly output: string | undefined;
    readonly toolCalls: string | undefined;
    readonly trajectory: string | undefined;
    readonly error: string | undefined;
    readonly context: string | undefined;
    readonly servedModel: string | undefined;
    readonly stopReason: string | undefined;
    readonly usage: JsonObject;
  };
}

/** Throws `LastgoodError` when a variable is missing or a template does not parse. */
export async function httpProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const endpoint = readEndpoint(reader);
  reader.done();
  const transport = await openTransport(context.env);
  return {
    name: 'http',
    ready: async () => transport.open(),
    call: (request, signal) => ask(endpoint, transport, context, request, signal),
    close: () => transport.close(),
  };
}

function readEndpoint(reader: RouteReader): Endpoint {
  const { route } = reader;
  const { values: headers, variables } = reader.headers();
  const given = route['url'];
  const url = reader.address(reader.envText(given, 'url'), 'url') ?? '';
  if (given === undefined) reader.requiredText('url');
  const body = route['body'];
  return {
    method: (reader.text('method') ?? (body === undefined ? 'GET' : 'POST')).toUpperCase(),
    url,
    shownUrl: isJsonObject(given) ? `$${String(given['env'])}` : url,
    headers,
    variables,
    body:
      body === undefined
        ? undefined
        : bodyTemplate(body, { file: reader.where('body').file ?? null, key: 'route.body' }),
    paths: {
      output: reader.text('output'),
      toolCalls: reader.text('tool-calls'),
      trajectory: reader.text('trajectory'),
      error: reader.text('error'),
      context: reader.text('context'),
      servedModel: reader.text('served-model'),
      stopReason: reader.text('stop-reason'),
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
    if (!(error instanceof LastgoodError)) throw error;
    // Nothing was sent, so it is not the application that failed.
    return failed(infraProblem(error.code.toLowerCase(), error.message), mask, 0);
  }
  const sent: JsonObject = {
    method: endpoint.method,
    url: endpoint.shownUrl,
    ...(body === undefined ? {} : { body: withoutMediaBytes(body, request.messages) }),
  };
  const started = performance.now();
  try {
    const reply = await untilAborted(signal, send(endpoint, transport, body, signal));
    const latencyMs = msSince(started);
    const answer =
      reply.status >= 200 && reply.status < 300
        ? readAnswer(endpoint, reply)
        : refused(endpoint, reply, context);
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
      stopReason: mask.text(answer.stopReason) as StopReason,
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

export function send(
  endpoint: Pick<Endpoint, 'method' | 'url' | 'headers'>,
  transport: Transport,
  body: JsonValue | undefined,
  signal: AbortSignal,
): Promise<HttpReply> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  const call = {
    method: endpoint.method,
    headers: { ...(text === undefined ? {} : { 'content-type': type }), ...endpoint.headers },
    body: text,
    signal,
  };
  return followRedirects(transport.request, endpoint.url, call, { asGet: true });
}

interface Answer {
  readonly output: Output;
  readonly model: string | null;
  readonly stopReason: StopReason;
  readonly usage: Usage | null;
  readonly costUsd: number | undefined;
}

function readAnswer(endpoint: Endpoint, reply: HttpReply): Answer | Problem {
  const { paths } = endpoint;
  let data: JsonValue | undefined;
  try {
    data = parseReply(reply.text, reply.headers.get('content-type')) as JsonValue;
  } catch (error) {
    if (paths.output !== undefined || paths.toolCalls !== undefined)
      return appProblem('bad_reply', `the application did not answer with JSON: ${(error as Error).message}`);
  }
  if (isDeeperThan(data, DEEPEST_VALUE))
    return appProblem('bad_reply', "the application's answer is nested too deeply");
  const error = reportedError(endpoint, data);
  if (error !== undefined) return appProblem('app_error', `the application reports: ${errorText(error)}`);
  const toolCalls = paths.toolCalls === undefined ? [] : readToolCalls(jsonAt(data, paths.toolCalls));
  if (toolCalls === undefined)
    return appProblem(
      'bad_reply',
      `the application's answer has no list of tool calls at "${paths.toolCalls}"`,
    );
  const { trajectory, problem } = trajectoryAt(endpoint, data);
  if (problem !== undefined) return problem;
  const found = paths.output === undefined ? reply.text : jsonAt(data, paths.output);
  const missing = found === undefined || found === null;
  // An answer of nothing but tool calls has no text.
  if (missing && toolCalls.length === 0 && !trajectory?.length) {
    const nor = paths.toolCalls === undefined ? '' : ` and no tool calls at "${paths.toolCalls}"`;
    const holds = excerpt(reply.text);
    return appProblem(
      'bad_reply',
      `the application's answer has nothing at "${paths.output}"${nor}: ${holds}`,
    );
  }
  const count = (key: string): JsonValue | undefined => {
    const path = paths.usage[key];
    return typeof path === 'string' ? jsonAt(data, path) : undefined;
  };
  const cost = count('cost-usd');
  return {
    output: withTrajectory(
      {
        text: missing ? '' : jsonText(found),
        toolCalls,
        ...contextOf(paths.context === undefined ? undefined : jsonAt(data, paths.context)),
      },
      trajectory,
    ),
    stopReason: paths.stopReason === undefined ? 'unknown' : endedBy(jsonAt(data, paths.stopReason)),
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

/** Some services write their words in capitals. */
function endedBy(word: JsonValue | undefined): StopReason {
  const lower = typeof word === 'string' ? stopReasonOf(word.toLowerCase()) : 'unknown';
  return lower.startsWith('other:') ? stopReasonOf(word) : lower;
}

/** What the application tells of its way to the answer. */
function trajectoryAt(
  { paths }: Endpoint,
  data: JsonValue | undefined,
): { readonly trajectory?: Output['trajectory']; readonly problem?: Problem } {
  if (paths.trajectory === undefined) return {};
  const trajectory = readTrajectory(jsonAt(data, paths.trajectory), 'reply');
  if (trajectory !== undefined) return { trajectory };
  const what = `the application's answer has no list of messages at "${paths.trajectory}"`;
  return { problem: appProblem('bad_reply', what) };
}

/**
 * What the application reports as its error, at `error` or at the path the route names. Where the whole text is the answer, an
 * answer of JSON may well have a field of that name: there only an error with a message, or with nothing beside it, is one.
 */
function reportedError({ paths }: Endpoint, data: JsonValue | undefined): JsonValue | undefined {
  const error = jsonAt(data, paths.error ?? 'error');
  if (!isError(error)) return undefined;
  if (paths.error !== undefined || paths.output !== undefined) return error;
  const alone = isJsonObject(data) && Object.keys(data).length === 1;
  return alone || (isJsonObject(error) && typeof error['message'] === 'string') ? error : undefined;
}

/** A status that is no answer. It is the user's application, so that is what failed. */
function refused(endpoint: Endpoint, reply: HttpReply, context: ProviderContext): Problem {
  const { status } = reply;
  const location = reply.headers.get('location');
  if (status >= 300 && status < 400 && location !== null)
    return appProblem(
      'redirect',
      `${status} the application redirects to another place, which is not followed`,
    );
  const type = mediaType(reply.headers.get('content-type'));
  const page = type === undefined || type.endsWith('json') || type === 'text/plain' ? '' : `(${type}) `;
  const said = reply.text.trim() === '' ? 'without a body' : `${page}${excerpt(reply.text)}`;
  const code =
    { 401: 'auth', 403: 'forbidden', 404: 'not_found', 429: 'rate_limited' }[status] ??
    (status >= 500 ? 'server_error' : 'bad_request');
  return {
    ...appProblem(code, `${status} ${status === 401 ? credentialsOf(endpoint) : ''}${said}`),
    retryable: [429, 502, 503, 504].includes(status),
    retryAfterMs: retryAfterMs(reply.headers, nowOf(context)),
  };
}

/** What was refused, in front of the application's own words. */
function credentialsOf({ shownUrl, variables }: Endpoint): string {
  const from =
    variables.length === 0 ? 'a call without credentials' : `the header ${variables.join(' and ')}`;
  return `${shownUrl} refused ${from}: `;
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
