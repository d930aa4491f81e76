// OFREP: flags for every OpenFeature SDK. POST /ofrep/v1/evaluate/flags/KEY, POST /ofrep/v1/evaluate/flags, and the stream of changes.

import { LastgoodError } from '../base/errors.ts';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue, sha256 } from '../base/json.ts';
import type { FlagAnswer, FlagContext, FlagErrorCode } from '../core/index.ts';
import type { ShippingState } from '../jobs/flag/flag-state.ts';
import { flagAnswer, flagAnswers } from '../jobs/flag/read-flag.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { jsonBody } from './json-body.ts';

export const OFREP_EVENTS = '/ofrep/v1/events';

const MOST_PROPERTIES = 200;
const LONGEST_KEY = 1000;
/** Of one property: each value is compared with each value of each condition. */
const MOST_VALUES = 200;
/** Seconds without a listener after which a client may close its stream. */
const INACTIVE_SECONDS = 120;

/** One flag. */
export function evaluateOne(c: AppContext, parts: AppParts): Promise<Response> {
  const key = (c.req.param('key') ?? '').slice(0, 200);
  return answering(c, key, async () => {
    const context = contextOf(await jsonBody(c));
    const { environment } = parts;
    const answer = flagAnswer(await parts.changes.state(), key, { environment, context, now: new Date() });
    if (answer.ok) return c.json(success(answer));
    return c.json(failure(answer), answer.errorCode === 'FLAG_NOT_FOUND' ? 404 : 400);
  });
}

/** All flags that a request can get; 304 where the client has them already. */
export function evaluateAll(c: AppContext, parts: AppParts): Promise<Response> {
  return answering(c, null, async () => {
    const context = contextOf(await jsonBody(c));
    const { environment } = parts;
    const state = await parts.changes.state();
    const answers = flagAnswers(state, { environment, context, now: new Date() });
    const flags = answers.map((a) => (a.ok ? success(a) : failure(a)));
    // Over the answers: they follow the context and the clock as well as the flags.
    const etag = `"g${state.generation}-${sha256(canonicalJson(flags as unknown as JsonValue)).slice(0, 16)}"`;
    c.header('ETag', etag);
    if (matches(c.req.header('if-none-match'), etag)) return c.body(null, 304);
    return c.json({
      flags,
      metadata: { environment, generation: state.generation },
      eventStreams: [
        { type: 'sse', endpoint: { requestUri: OFREP_EVENTS }, inactivityDelaySec: INACTIVE_SECONDS },
      ],
    });
  });
}

/** Says that flags have changed; the client then evaluates again. */
export async function flagEvents(c: AppContext, { changes }: AppParts): Promise<Response> {
  return changes.open(lastSeen(c), (state) => ({
    id: state.generation,
    event: 'message',
    data: {
      type: 'refetchEvaluation',
      etag: `"g${state.generation}"`,
      lastModified: Math.floor(changedAt(state) / 1000),
    },
  }));
}

/** The place that a listener says it has seen; null = none. Throws `HttpError` 405 for HEAD, whose stream nobody would ever read or end. */
export function lastSeen(c: AppContext): number | null {
  if (c.req.raw.method !== 'GET') throw new HttpError(405, 'a stream of events takes GET');
  const id = c.req.header('last-event-id') ?? '';
  return /^\d{1,15}$/.test(id) ? Number(id) : null;
}

function changedAt({ changedAt: at }: ShippingState): number {
  return at === null ? 0 : Date.parse(at);
}

function success(answer: FlagAnswer & { readonly ok: true }): JsonObject {
  const { key, value, reason, variant, metadata } = answer;
  return { key, value, reason, ...(variant === null ? {} : { variant }), metadata };
}

function failure({ key, errorCode, errorDetails }: FlagAnswer & { readonly ok: false }): JsonObject {
  return { key, errorCode, errorDetails };
}

/** What is wrong with a request, in the words of OFREP. */
async function answering(
  c: AppContext,
  key: string | null,
  work: () => Promise<Response>,
): Promise<Response> {
  const named = key === null ? {} : { key };
  const errorOf = (errorCode: FlagErrorCode, errorDetails: string): JsonObject => ({
    ...named,
    errorCode,
    errorDetails,
  });
  try {
    return await work();
  } catch (error) {
    if (error instanceof BadContext) return c.json(errorOf('INVALID_CONTEXT', error.message), 400);
    if (error instanceof HttpError) return c.json(errorOf(codeOf(error), error.message), error.status);
    if (!(error instanceof LastgoodError)) throw error;
    c.set('failure', error.code);
    return c.json(errorOf('GENERAL', 'the ledger cannot be read now'), 500);
  }
}

/** A body that is too large is a context that is too large; what else is wrong with one cannot be read. */
function codeOf({ status }: HttpError): FlagErrorCode {
  if (status === 413) return 'INVALID_CONTEXT';
  return 'PARSE_ERROR';
}

class BadContext extends Error {}

/** The context of a request. A missing one is empty: SDKs send none where the application gave none. */
function contextOf(body: JsonObject): FlagContext {
  const context = Object.hasOwn(body, 'context') ? body['context'] : {};
  if (context === null || context === undefined) return { targetingKey: null, properties: {} };
  if (!isJsonObject(context)) throw new BadContext('context must be an object');
  if (Object.keys(context).length > MOST_PROPERTIES)
    throw new BadContext(`context has more than ${MOST_PROPERTIES} properties`);
  const { targetingKey, ...properties } = context;
  if (Object.values(properties).some((value) => Array.isArray(value) && value.length > MOST_VALUES))
    throw new BadContext(`a property has more than ${MOST_VALUES} values`);
  if (targetingKey === undefined || targetingKey === null || targetingKey === '')
    return { targetingKey: null, properties };
  if (typeof targetingKey !== 'string') throw new BadContext('targetingKey must be a text');
  if (targetingKey.length > LONGEST_KEY)
    throw new BadContext(`targetingKey has more than ${LONGEST_KEY} characters`);
  return { targetingKey, properties };
}

function matches(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((part) => part.trim().replace(/^W\//, '') === etag);
}
