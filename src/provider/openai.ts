// The OpenAI provider: Responses or Chat Completions, embeddings and the catalogue, through the official SDK over our own connections.

import type { APIError as ApiError, OpenAI } from 'openai';
import { LastgoodError } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { wireApiOf } from '../core/model-apis.ts';
import type { EmbeddingReply, Failure, ModelFacts, Provider, Usage } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { Dialect, Reading, RefusalReader } from './api-call.ts';
import { apiCaller, thrownProblem } from './api-call.ts';
import { Aborted, abortedProblem, badReply, failed, msSince, type Problem, untilAborted } from './failure.ts';
import { openaiBatch } from './openai-batch.ts';
import { chatBody, readChat } from './openai-chat.ts';
import { readResponse, responsesBody } from './openai-responses.ts';
import { openaiService } from './openai-service.ts';
import { factsOf } from './output-form.ts';
import { errorOf, reportedProblem } from './reply-error.ts';
import type { ProviderContext } from './route.ts';
import { nowOf, routeReader } from './route.ts';
import {
  atFirstNeed,
  customHeaders,
  headersEffect,
  LONGEST_WAIT_MS,
  SILENT_LOGGER,
  settingOf,
  settingsInForce,
} from './sdk-settings.ts';
import { assembleChat, assembleResponse, readReply } from './streamed.ts';
import { openTransport, type Transport } from './transport.ts';
import { disclosedText, listedIds, usageOf } from './wire-words.ts';

/** OpenAI's own regional endpoints; elsewhere the region is in the base URL. */
const RESIDENCIES = ['global', 'us', 'eu', 'ae', 'au', 'in', 'jp'] as const;
type Residency = (typeof RESIDENCIES)[number];

/** The most texts one embeddings request takes. */
const EMBEDDING_BATCH = 2048;

/** Throws `LastgoodError` when the key, a variable or a usable address is missing. The SDK is loaded for the first call. */
export async function openaiProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const { env, mask } = context;
  const model = reader.requiredText('model');
  const service = openaiService(reader);
  const isOpenAi = service.name === 'openai';
  const region = isOpenAi ? reader.text('region') : undefined;
  const residency = RESIDENCIES.find((known): known is Residency => known === region);
  const elsewhere = service.isElsewhere;
  if (region !== undefined && !elsewhere && residency === undefined) {
    reader.problem(
      new LastgoodError({
        code: 'ROUTE_REGION',
        message: `"${region}" is not a region of OpenAI's own service; expected one of ${RESIDENCIES.join(', ')}`,
        hint: 'leave region out, or name the regional endpoint in base-url',
        where: reader.where('region'),
      }),
    );
  }
  const { values: headers } = reader.headers();
  reader.done();
  const added = customHeaders(env('OPENAI_CUSTOM_HEADERS'), mask);
  const environment = settingsInForce(
    isOpenAi &&
      reader.text('organization') === undefined &&
      settingOf(env, 'OPENAI_ORG_ID', 'names the organization that calls'),
    isOpenAi && settingOf(env, 'OPENAI_PROJECT_ID', 'names the project that calls'),
    settingOf(env, 'OPENAI_CUSTOM_HEADERS', headersEffect(added)),
  );

  const transport = await openTransport(env);
  let SdkError: typeof ApiError | undefined;
  const client = atFirstNeed(async () => {
    transport.open();
    const { OpenAI: Client, APIError } = await import('openai');
    SdkError = APIError;
    const made = new Client({
      apiKey: service.apiKey,
      adminAPIKey: null,
      webhookSecret: null,
      organization: isOpenAi ? (reader.text('organization') ?? env('OPENAI_ORG_ID') ?? null) : null,
      project: isOpenAi ? (env('OPENAI_PROJECT_ID') ?? null) : null,
      defaultHeaders: { ...added, ...service.headers, ...headers },
      defaultQuery: service.query,
      maxRetries: 0,
      timeout: LONGEST_WAIT_MS,
      fetch: transport.fetch,
      logger: SILENT_LOGGER,
      logLevel: 'off',
      ...(!elsewhere && residency !== undefined
        ? { dataResidency: residency }
        : { baseURL: service.baseURL }),
    });
    leanCalls(made, transport);
    return made;
  });

  const refusalOf: RefusalReader = (error) =>
    SdkError !== undefined && error instanceof SdkError
      ? {
          status: error.status,
          words: [error.code, error.type, ...reasonsOf(error.error)],
          code: error.code,
          param: error.param,
          message: error.message,
          headers: error.headers,
          requestId: error.requestID,
        }
      : undefined;
  const chat = wireApiOf(reader.route) === 'chat';
  const post = async (path: string, body: JsonObject, signal: AbortSignal) => {
    const response = await (await client()).post<unknown>(path, { body, signal }).asResponse();
    return readReply(response, chat ? assembleChat : assembleResponse);
  };
  const { place } = service;
  const dialect: Dialect = {
    place,
    build: (request, refused) => (chat ? chatBody : responsesBody)(model, request, refused),
    send: (body, signal) => post(chat ? '/chat/completions' : '/responses', body, signal),
    read: (data, headers) => withStatedCost((chat ? readChat : readResponse)(data, headers), headers),
    forms: ['json_schema', 'json_object', 'tool', 'text'],
    jsonObjectPath: chat ? 'response_format' : 'text.format',
    ...(chat ? { capNames: ['max_completion_tokens', 'max_tokens'] } : {}),
  };
  const facts = factsOf(context.servers, [
    service.name,
    elsewhere || !isOpenAi ? service.baseURL : (region ?? null),
    chat,
    model,
  ]);
  /** Runs an SDK call that is not a trial; a failure becomes a reply. */
  const attempt = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Failure> => {
    const started = performance.now();
    try {
      return await untilAborted(signal, work());
    } catch (error) {
      const problem =
        error instanceof Aborted || signal.aborted
          ? abortedProblem(signal)
          : thrownProblem(error, refusalOf(error), context, { ...place, ifMissing: undefined });
      return failed(problem, mask, msSince(started));
    }
  };

  return {
    name: service.name,
    environment,
    ready: async () => void (await client()),
    call: apiCaller(dialect, refusalOf, context, facts),
    ...(isOpenAi
      ? {
          batch: openaiBatch({
            ...{ dialect, facts, context, client, attempt },
            endpoint: chat ? '/v1/chat/completions' : '/v1/responses',
          }),
        }
      : {}),
    async embed(texts, signal): Promise<EmbeddingReply> {
      const vectors: (readonly number[])[] = [];
      const usages: (Usage | null)[] = [];
      let served: string | null = null;
      const dimensions = release.layers.params?.['dimensions'];
      for (let from = 0; from < texts.length; from += EMBEDDING_BATCH) {
        const input = texts.slice(from, from + EMBEDDING_BATCH);
        const reply = await attempt(signal, async () =>
          (await client()).embeddings.create(
            {
              model,
              input,
              encoding_format: 'float',
              ...(typeof dimensions === 'number' ? { dimensions } : {}),
            },
            { signal },
          ),
        );
        if (isFailure(reply)) return reply;
        const error = isJsonObject(reply) ? errorOf(reply) : undefined;
        if (error !== undefined) return failed(reportedProblem(error, 'the reply reports an error'), mask, 0);
        const batch = vectorsOf(reply, input.length);
        if (batch === undefined)
          return failed(badReply('the reply has not one vector for each text', 200), mask, 0);
        vectors.push(...batch);
        served = disclosedText(reply.model) ?? served;
        usages.push(usageOf({ inputTokens: reply.usage?.prompt_tokens }));
      }
      const counts = usages.map((usage) => usage?.inputTokens);
      const total = counts.every((n) => n !== undefined) ? counts.reduce((a, b) => a + b, 0) : undefined;
      return { kind: 'embedded', vectors, model: served, usage: usageOf({ inputTokens: total }) };
    },
    ...(service.hasCatalogue ? { modelFacts, listModels } : {}),
    close: () => transport.close(),
  };

  async function listModels(signal: AbortSignal): Promise<readonly string[] | Failure> {
    const reply = await attempt(signal, async () => (await client()).get<unknown>('/models', { signal }));
    return isFailure(reply) ? reply : listedIds(reply);
  }

  async function modelFacts(signal: AbortSignal): Promise<ModelFacts | Failure> {
    const reply = await attempt(signal, async () => (await client()).models.retrieve(model, { signal }));
    // A catalogue without the model is no proof that it is gone: many servers have no catalogue.
    if (isFailure(reply)) return reply.httpStatus === 404 ? { id: model, state: 'unknown' } : reply;
    const facts: unknown = reply;
    if (!isJsonObject(facts) || errorOf(facts) !== undefined) return { id: model, state: 'unknown' };
    const date = facts['shutdown_date'];
    const id = disclosedText(facts['id']) ?? model;
    if (typeof date !== 'string' || Number.isNaN(Date.parse(date))) return { id, state: 'available' };
    const over = Date.parse(date) < nowOf(context).getTime();
    return { id, state: over ? 'retired' : 'deprecated', retiresAt: date };
  }
}

/** Reasons in the details of an error, as Google states them. */
function reasonsOf(error: unknown): string[] {
  const details = isJsonObject(error) ? error['details'] : undefined;
  if (!Array.isArray(details)) return [];
  return (details as readonly JsonValue[]).flatMap((one) =>
    isJsonObject(one) && typeof one['reason'] === 'string' ? [one['reason']] : [],
  );
}

/** A LiteLLM proxy states the price of a call in a header. */
function withStatedCost(reading: Reading | Problem, headers: Headers): Reading | Problem {
  const stated = headers.get('x-litellm-response-cost');
  const usd = stated === null || stated.trim() === '' ? Number.NaN : Number(stated);
  if ('code' in reading || reading.costUsd !== undefined || !(usd > 0)) return reading;
  return { ...reading, costUsd: usd };
}

function isFailure(reply: unknown): reply is Failure {
  return isJsonObject(reply) && reply['kind'] === 'failed';
}

/** The vectors in the texts' order; undefined when one is missing or is not numbers. */
function vectorsOf(reply: unknown, count: number): number[][] | undefined {
  const data = isJsonObject(reply) ? reply['data'] : undefined;
  if (!Array.isArray(data) || data.length !== count) return undefined;
  const vectors = new Array<number[] | undefined>(count).fill(undefined);
  for (const [position, item] of (data as readonly JsonValue[]).entries()) {
    if (!isJsonObject(item) || !Array.isArray(item['embedding'])) return undefined;
    const at = typeof item['index'] === 'number' ? item['index'] : position;
    const vector = item['embedding'] as readonly JsonValue[];
    if (vector.length === 0 || !vector.every((n) => typeof n === 'number')) return undefined;
    vectors[at] = vector as number[];
  }
  const whole = vectors.filter((vector) => vector !== undefined);
  return whole.length === count ? whole : undefined;
}

/**
 * What the SDK does anew for every call although nothing changes: the address, the headers, a timer and signals of its own. With a
 * fixed key and no options per call these are the same each time; deadlines are the caller's signal, which our connections follow.
 */
function leanCalls(client: OpenAI, transport: Transport): void {
  client.fetchWithTimeout = (url, init) => transport.fetch(url, init);
  const buildRequest = client.buildRequest.bind(client);
  const first = new Map<string, Awaited<ReturnType<typeof buildRequest>>>();
  client.buildRequest = async (options, context) => {
    const { method, path, body, signal } = options;
    const plain = method === 'post' && options.headers === undefined && options.query === undefined;
    const known = plain ? first.get(path) : undefined;
    if (known === undefined) {
      const built = await buildRequest(options, context);
      if (plain && typeof built.req.body === 'string') first.set(path, built);
      return built;
    }
    const req = { method, headers: known.req.headers, body: JSON.stringify(body), signal: signal ?? null };
    return { req, url: known.url, timeout: known.timeout };
  };
}
