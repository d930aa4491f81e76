// One call to a model API through its SDK: build the body, send it, read the reply; resend at once without a parameter the API refuses.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Env } from '../base/ports.ts';
import type { Output, ToolCall } from '../core/conversation.ts';
import { withoutMediaBytes } from '../core/media.ts';
import type {
  Answered,
  HostedResult,
  ProviderReply,
  ProviderRequest,
  Served,
  StopReason,
  Usage,
} from '../core/provider.ts';
import type { Problem } from './failure.ts';
import {
  Aborted,
  abortedProblem,
  apiProblem,
  badReply,
  connectionProblem,
  failed,
  infraProblem,
  msSince,
  untilAborted,
} from './failure.ts';
import { withHostedSecrets } from './hosted-tools.ts';
import { mediaType, NotJson } from './not-json.ts';
import { inForm, namingSchema, type OutputForm, type ServerFacts, withCapNames } from './output-form.ts';
import { errorOf, reportedProblem } from './reply-error.ts';
import { rateLimitHint, retryAfterMs, SIMULATOR_HEADER } from './reply-headers.ts';
import type { ProviderContext } from './route.ts';
import { nowOf } from './route.ts';
import type { ReadReply } from './streamed.ts';
import { StreamCut } from './streamed.ts';
import { refusedPath, withFields } from './wire-params.ts';

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
  /** Where the API itself states the price of the call. */
  readonly costUsd?: number | undefined;
  /** The reply as the next request of the conversation repeats it. */
  readonly native?: JsonValue | undefined;
  /** What tools gave back that the service ran itself. */
  readonly hostedResults?: readonly HostedResult[] | undefined;
  /** Calls that the caller has to run, where they are not all. */
  readonly pendingCalls?: readonly ToolCall[] | undefined;
}

/** Where a release's calls go and with which key, for messages. */
export interface ApiPlace {
  readonly url: string;
  readonly keyVariable: string;
  /** What to try when the server has nothing at this API's path. */
  readonly ifMissing?: string | undefined;
}

/** One wire API. `refused` holds body paths that are to be left out. */
export interface Dialect {
  readonly place: ApiPlace;
  build(request: ProviderRequest, refused: ReadonlySet<string>): BuiltBody;
  send(body: JsonObject, signal: AbortSignal): Promise<ReadReply>;
  read(data: JsonObject, headers: Headers): Reading | Problem;
  /** Forms of structured output, the strictest first, and the body path of `json_object`. */
  readonly forms: readonly OutputForm[];
  readonly jsonObjectPath?: string;
  /** Names of the cap on output tokens of which servers know the one or the other. */
  readonly capNames?: readonly [string, string];
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

/** A `call` for the dialect. What the API refuses once is left out, or asked for in another way, as long as `facts` are kept. */
export function apiCaller(
  dialect: Dialect,
  refusalOf: RefusalReader,
  context: ProviderContext,
  facts: ServerFacts,
): (request: ProviderRequest, signal: AbortSignal) => Promise<ProviderReply> {
  const { mask } = context;

  return async (asked, signal) => {
    const flexible = asked.outputSchema?.flexible === true;
    for (;;) {
      const number = flexible ? facts.form : 0;
      const { body, sent, refusable, dropped } = preparedCall(dialect, asked, {
        number,
        env: context.env,
        facts,
      });
      const started = performance.now();
      let reply: ReadReply;
      try {
        reply = await untilAborted(signal, dialect.send(body, signal));
      } catch (error) {
        const latencyMs = msSince(started);
        if (error instanceof Aborted || signal.aborted)
          return failed(abortedProblem(signal), mask, latencyMs, sent);
        const refusal = refusalOf(error);
        const path = refusal && refusedPath(refusal, refusable);
        if (path !== undefined) {
          // Each round leaves out one more parameter, so this ends.
          facts.refused.add(path);
          continue;
        }
        if (refusal !== undefined && otherCap(dialect, facts, refusal, body)) continue;
        const problem = thrownProblem(error, refusal, context, dialect.place);
        if (flexible && problem.code === 'bad_request' && nextForm(dialect, facts, number)) continue;
        return failed(namingSchema(problem, asked), mask, latencyMs, sent);
      }
      const latencyMs = msSince(started);
      const requestId = requestIdOf(reply.headers);
      const rateLimit = rateLimitHint(reply.headers, nowOf(context));
      const reading = readingOf(dialect, reply);
      if ('code' in reading) return failed({ ...reading, requestId, rateLimit }, mask, latencyMs, sent);
      if (flexible && number === facts.form) facts.formTaken = true;
      const simulated = reply.headers.has(SIMULATOR_HEADER);
      const { firstTokenAt } = reply;
      return {
        ...answeredCall(asked, reading, { mask, sent, dropped, requestId, simulated }),
        latencyMs,
        ...(firstTokenAt === undefined ? {} : { firstTokenMs: Math.max(0, firstTokenAt - started) }),
        ...(rateLimit === undefined ? {} : { rateLimit }),
      };
    }
  };
}

/** A request as it is sent, and as it is kept. `number`: of the form of structured output. */
export function preparedCall(
  dialect: Dialect,
  asked: ProviderRequest,
  how: {
    readonly number: number;
    readonly env: Env;
    readonly facts: Pick<ServerFacts, 'refused' | 'renamed'>;
  },
): BuiltBody & { readonly sent: JsonObject } {
  const form = dialect.forms[how.number] ?? 'json_schema';
  const { request, jsonObject } = inForm(withHostedSecrets(asked, how.env), form);
  const built = dialect.build(request, how.facts.refused);
  const body = withCapNames(
    jsonObject && dialect.jsonObjectPath !== undefined
      ? withFields(built.body, [[dialect.jsonObjectPath, { type: 'json_object' }]])
      : built.body,
    how.facts.renamed,
  );
  return { ...built, body, sent: withoutMediaBytes(body, asked.messages) };
}

/** The answer that a reading is, without secrets; its times are unknown. */
export function answeredCall(
  asked: ProviderRequest,
  reading: Reading,
  call: {
    readonly mask: ProviderContext['mask'];
    readonly sent: JsonObject;
    readonly dropped: readonly string[];
    readonly requestId: string | null;
    readonly simulated: boolean;
  },
): Answered {
  const { mask, requestId, dropped } = call;
  return {
    kind: 'answered',
    output: maskedOutput(reading.output, mask),
    stopReason: mask.text(reading.stopReason) as StopReason,
    served: {
      ...(mask.json(reading.served as unknown as JsonValue) as unknown as Reading['served']),
      requestId: requestId === null ? null : mask.text(requestId),
      ...(call.simulated ? { simulated: true } : {}),
    },
    usage: reading.usage,
    latencyMs: null,
    ...(reading.costUsd === undefined ? {} : { costUsd: reading.costUsd }),
    sent: mask.json(call.sent),
    ...(dropped.length === 0 ? {} : { droppedParams: dropped }),
    ...(reading.hostedResults === undefined
      ? {}
      : { hostedResults: maskedResults(reading.hostedResults, mask) }),
    ...(asked.conversation === true ? continued(reading) : {}),
  };
}

/** Without secrets. Log probabilities would spell out, token by token, what is masked in the text. */
function maskedOutput(output: Output, mask: ProviderContext['mask']): Output {
  const masked = mask.json(output as unknown as JsonValue) as unknown as Output;
  if (masked.text === output.text || masked.logprobs === undefined) return masked;
  const { logprobs: _logprobs, ...rest } = masked;
  return rest;
}

/** The calls stay the objects that they are: where they have no id, identity distinguishes them. */
function maskedResults(
  results: readonly HostedResult[],
  mask: ProviderContext['mask'],
): readonly HostedResult[] {
  return results.map((result) => ({ ...result, content: mask.text(result.content) }));
}

/** What the next request of a conversation needs. */
function continued({ native, pendingCalls }: Reading): Pick<Answered, 'native' | 'pendingCalls'> {
  return {
    ...(native === undefined ? {} : { native }),
    ...(pendingCalls === undefined ? {} : { pendingCalls }),
  };
}

/** What a reply of status 200 says; one that reports an error is a failed call, whatever else is in it. */
export function readingOf(
  dialect: Dialect,
  { data, headers }: { data: unknown; headers: Headers },
): Reading | Problem {
  if (!isJsonObject(data)) return badReply('the reply is not a JSON object', 200);
  const error = errorOf(data);
  return error === undefined
    ? dialect.read(data, headers)
    : reportedProblem(error, 'the reply reports an error');
}

/** Moves on to the next form of structured output after a refusal in form `number`; gives whether to call again. */
function nextForm({ forms }: Dialect, facts: ServerFacts, number: number): boolean {
  // Another call has moved on meanwhile.
  if (facts.form > number) return true;
  if (facts.formTaken) return false;
  facts.form = number + 1;
  if (facts.form < forms.length) return true;
  // Plain text is refused too, so the form is not the reason.
  facts.form = 0;
  return false;
}

/** Puts the cap on output tokens under its other name where the refusal names it; gives whether to call again. */
export function otherCap(
  { capNames }: Dialect,
  facts: ServerFacts,
  refusal: ApiRefusal,
  body: JsonObject,
): boolean {
  for (const [name, other] of capNames === undefined ? [] : [capNames, [...capNames].reverse()]) {
    if (name === undefined || other === undefined || body[name] === undefined || body[other] !== undefined)
      continue;
    if (refusedPath(refusal, new Map([[name, name]])) !== name) continue;
    // Refused under both names: the value is the reason.
    if ([...facts.renamed.keys()].includes(other)) return false;
    facts.renamed.set(name, other);
    return true;
  }
  return false;
}

/** What an exception of an SDK call means. */
export function thrownProblem(
  error: unknown,
  refusal: ApiRefusal | undefined,
  context: ProviderContext,
  place: ApiPlace,
): Problem {
  if (error instanceof NotJson) return badReply(error.message, 200);
  if (error instanceof StreamCut)
    return infraProblem('connection', `no complete reply: ${error.message}`, {
      retryable: true,
      httpStatus: 200,
    });
  // JSON.parse and the SDK's own reading of an unexpected shape throw these.
  if (error instanceof SyntaxError || error instanceof TypeError)
    return badReply(`the reply could not be read: ${error.message}`);
  if (refusal?.status === undefined) return connectionProblem(error);
  const problem = apiProblem({
    status: refusal.status,
    words: refusal.words,
    message: messageOf(refusal, place),
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

/** The API's own words. A page that is none of an API is named by its type. */
function messageOf({ status = 0, message, headers }: ApiRefusal, place: ApiPlace): string {
  // APIs quote a part of a refused key; that part stays with them.
  if (status === 401) return `401 ${place.url} refused the API key from ${place.keyVariable}`;
  const location = headers?.get('location');
  if (status >= 300 && status < 400 && location)
    return `${status} the server redirects to ${placeOf(location)}, which is not followed; name the address that answers in base-url`;
  const type = mediaType(headers?.get('content-type'));
  const isApi = type === undefined || type.endsWith('json') || !message.startsWith(`${status} `);
  const said = isApi ? message : `${status} (${type}) ${message.slice(String(status).length + 1)}`;
  // In front of what the server says, which may be a page that is cut off.
  return [404, 405, 501].includes(status) && place.ifMissing !== undefined
    ? `${place.ifMissing}: ${said}`
    : said;
}

/** Where a redirect leads, without a query, which may hold anything. */
function placeOf(location: string): string {
  if (!URL.canParse(location)) return location.split('?')[0] ?? '';
  const { origin, pathname } = new URL(location);
  return `${origin}${pathname}`;
}

function requestIdOf(headers: Headers): string | null {
  return headers.get('x-request-id') ?? headers.get('request-id') ?? headers.get('apim-request-id');
}
