// The OpenAI provider: Responses or Chat Completions, embeddings and the catalogue, through the official SDK over our own connections.

import type { APIError as ApiError, OpenAI } from 'openai';
import { LastgoodError } from '../core/errors.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { EmbeddingReply, Failure, ModelFacts, Provider, Usage } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { Dialect, RefusalReader } from './api-call.ts';
import { apiCaller, thrownProblem } from './api-call.ts';
import { Aborted, abortedProblem, badReply, failed, msSince, untilAborted } from './failure.ts';
import { chatBody, readChat } from './openai-chat.ts';
import { readResponse, responsesBody } from './openai-responses.ts';
import type { ProviderContext } from './route.ts';
import { nowOf, routeReader } from './route.ts';
import { atFirstNeed, LONGEST_WAIT_MS, maskCustomHeaders, SILENT_LOGGER } from './sdk-settings.ts';
import { openTransport, type Transport } from './transport.ts';
import { disclosedText, usageOf } from './wire-words.ts';

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
  const apiKey = reader.apiKey('OPENAI_API_KEY');
  const baseURL = reader.address(
    reader.envText(reader.route['base-url'], 'base-url') ?? (env('OPENAI_BASE_URL')?.trim() || undefined),
    'base-url',
  );
  const region = reader.text('region');
  const residency = RESIDENCIES.find((known): known is Residency => known === region);
  if (region !== undefined && baseURL === undefined && residency === undefined) {
    reader.problem(
      new LastgoodError({
        code: 'ROUTE_REGION',
        message: `"${region}" is no region of OpenAI's own service; expected one of ${RESIDENCIES.join(', ')}`,
        hint: 'leave region out, or name the regional endpoint in base-url',
        where: reader.where('region'),
      }),
    );
  }
  reader.done();
  maskCustomHeaders(env('OPENAI_CUSTOM_HEADERS'), mask);

  const transport = await openTransport(env);
  let SdkError: typeof ApiError | undefined;
  const client = atFirstNeed(async () => {
    transport.open();
    const { OpenAI: Client, APIError } = await import('openai');
    SdkError = APIError;
    const made = new Client({
      apiKey,
      adminAPIKey: null,
      webhookSecret: null,
      organization: reader.text('organization') ?? env('OPENAI_ORG_ID') ?? null,
      project: env('OPENAI_PROJECT_ID') ?? null,
      maxRetries: 0,
      timeout: LONGEST_WAIT_MS,
      fetch: transport.fetch,
      logger: SILENT_LOGGER,
      logLevel: 'off',
      ...(baseURL === undefined && residency !== undefined
        ? { dataResidency: residency }
        : { baseURL: baseURL ?? 'https://api.openai.com/v1' }),
    });
    leanCalls(made, transport);
    return made;
  });

  const refusalOf: RefusalReader = (error) =>
    SdkError !== undefined && error instanceof SdkError
      ? {
          status: error.status,
          words: [error.code, error.type],
          code: error.code,
          param: error.param,
          message: error.message,
          headers: error.headers,
          requestId: error.requestID,
        }
      : undefined;
  const post = async (path: string, body: JsonObject, signal: AbortSignal) => {
    const { data, response } = await (await client()).post<unknown>(path, { body, signal }).withResponse();
    return { data, headers: response.headers };
  };
  const chat = reader.text('api') === 'chat';
  const dialect: Dialect = {
    build: (request, refused) => (chat ? chatBody : responsesBody)(model, request, refused),
    send: (body, signal) => post(chat ? '/chat/completions' : '/responses', body, signal),
    read: chat ? readChat : readResponse,
  };
  /** Runs an SDK call that is not a trial; a failure becomes a reply. */
  const attempt = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Failure> => {
    const started = performance.now();
    try {
      return await untilAborted(signal, work());
    } catch (error) {
      const problem =
        error instanceof Aborted || signal.aborted
          ? abortedProblem(signal)
          : thrownProblem(error, refusalOf(error), context);
      return failed(problem, mask, msSince(started));
    }
  };

  return {
    name: 'openai',
    ready: async () => void (await client()),
    call: apiCaller(dialect, refusalOf, context),
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
    async modelFacts(signal): Promise<ModelFacts | Failure> {
      const reply = await attempt(signal, async () => (await client()).models.retrieve(model, { signal }));
      // A catalogue without the model is no proof that it is gone: many servers have no catalogue.
      if (isFailure(reply)) return reply.httpStatus === 404 ? { id: model, state: 'unknown' } : reply;
      const facts: unknown = reply;
      if (!isJsonObject(facts)) return { id: model, state: 'unknown' };
      const date = facts['shutdown_date'];
      const id = disclosedText(facts['id']) ?? model;
      if (typeof date !== 'string' || Number.isNaN(Date.parse(date))) return { id, state: 'available' };
      const over = Date.parse(date) < nowOf(context).getTime();
      return { id, state: over ? 'retired' : 'deprecated', retiresAt: date };
    },
    close: () => transport.close(),
  };
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
 * fixed key and no options per call these are the same each time; deadlines are the caller's signal, which our connections heed.
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
