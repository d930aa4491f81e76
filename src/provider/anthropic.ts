// The Anthropic provider: Messages and the catalogue, through the official SDK over our own connections.

import type { APIError as ApiError } from '@anthropic-ai/sdk';
import { isJsonObject } from '../base/json.ts';
import type { Failure, ModelFacts, Provider } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import { anthropicBatch } from './anthropic-batch.ts';
import { messagesBody, readMessage } from './anthropic-messages.ts';
import { anthropicService } from './anthropic-service.ts';
import type { Dialect, RefusalReader } from './api-call.ts';
import { apiCaller, thrownProblem } from './api-call.ts';
import { Aborted, abortedProblem, failed, msSince, untilAborted } from './failure.ts';
import { factsOf } from './output-form.ts';
import { errorOf } from './reply-error.ts';
import type { ProviderContext } from './route.ts';
import { routeReader } from './route.ts';
import {
  atFirstNeed,
  customHeaders,
  headersEffect,
  LONGEST_WAIT_MS,
  SILENT_LOGGER,
  settingOf,
  settingsInForce,
} from './sdk-settings.ts';
import { assembleMessage, readReply } from './streamed.ts';
import { openTransport } from './transport.ts';
import { disclosedText, listedIds } from './wire-words.ts';

/** Throws `LastgoodError` when the key, a variable or a usable address is missing. The SDK is loaded for the first call. */
export async function anthropicProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const { env, mask } = context;
  const model = reader.requiredText('model');
  const service = anthropicService(reader, env);
  const { apiVersion, place } = service;
  const { values: headers } = reader.headers();
  reader.done();
  const added = customHeaders(env('ANTHROPIC_CUSTOM_HEADERS'), mask);
  const environment = settingsInForce(settingOf(env, 'ANTHROPIC_CUSTOM_HEADERS', headersEffect(added)));

  const transport = await openTransport(env);
  let SdkError: typeof ApiError | undefined;
  const client = atFirstNeed(async () => {
    transport.open();
    const opened = service.open({
      webhookKey: null,
      maxRetries: 0,
      timeout: LONGEST_WAIT_MS,
      fetch: transport.fetch,
      logger: SILENT_LOGGER,
      logLevel: 'off',
      openTelemetry: false,
      defaultHeaders: { ...added, ...headers, 'anthropic-version': apiVersion },
    });
    SdkError = opened.SdkError;
    return opened.client;
  });

  const refusalOf: RefusalReader = (error) =>
    SdkError !== undefined && error instanceof SdkError
      ? {
          status: error.status,
          words: [error.errorCode, error.type],
          code: error.errorCode,
          param: undefined,
          message: error.apiMessage === null ? error.message : `${error.status} ${error.apiMessage}`,
          headers: error.headers,
          requestId: error.requestID,
        }
      : undefined;
  const route = {
    model,
    // Clouds write a name in front of the date.
    apiVersion: apiVersion.replace(/^[a-z]+-/, ''),
    region: service.name === 'anthropic' ? reader.text('region') : undefined,
  };
  const dialect: Dialect = {
    place,
    build: (request, refused) => messagesBody(route, request, refused),
    async send(body, signal) {
      // Not messages.create: it prints deprecations to the console and refuses long answers that are not streamed.
      const response = await (await client()).post<unknown>('/v1/messages', { body, signal }).asResponse();
      return readReply(response, assembleMessage);
    },
    read: readMessage,
    forms: ['json_schema', 'tool', 'text'],
  };
  const facts = factsOf(context.servers, [service.name, service.address, apiVersion, model]);
  if (!service.streams) facts.refused.add('stream');

  return {
    name: service.name,
    environment,
    ready: async () => void (await client()),
    call: apiCaller(dialect, refusalOf, context, facts),
    ...(service.name === 'anthropic'
      ? { batch: anthropicBatch({ dialect, facts, context, client, attempt }) }
      : {}),
    ...(service.hasCatalogue ? { modelFacts, listModels } : {}),
    close: () => transport.close(),
  };

  /** Runs an SDK call that is not a trial; a failure becomes a reply. */
  async function attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Failure> {
    const started = performance.now();
    try {
      return await untilAborted(signal, work());
    } catch (error) {
      if (error instanceof Aborted || signal.aborted)
        return failed(abortedProblem(signal), mask, msSince(started));
      return failed(thrownProblem(error, refusalOf(error), context, place), mask, msSince(started));
    }
  }

  /** Asks the catalogue. */
  function lookUp(path: string, signal: AbortSignal): Promise<{ found: unknown } | Failure> {
    return attempt(signal, async () => ({ found: await (await client()).get<unknown>(path, { signal }) }));
  }

  async function modelFacts(signal: AbortSignal): Promise<ModelFacts | Failure> {
    const reply = await lookUp(`/v1/models/${encodeURIComponent(model)}`, signal);
    if ('found' in reply) return catalogueFacts(model, reply.found);
    // A catalogue without the model is no proof that it is gone: many gateways have no catalogue.
    return reply.httpStatus === 404 ? { id: model, state: 'unknown' } : reply;
  }

  async function listModels(signal: AbortSignal): Promise<readonly string[] | Failure> {
    const reply = await lookUp('/v1/models?limit=1000', signal);
    return 'found' in reply ? listedIds(reply.found) : reply;
  }
}

function catalogueFacts(model: string, facts: unknown): ModelFacts {
  if (!isJsonObject(facts) || errorOf(facts) !== undefined) return { id: model, state: 'unknown' };
  const lifecycle = facts['lifecycle'];
  const retiresAt = disclosedText(facts['retires_at']);
  return {
    id: disclosedText(facts['id']) ?? model,
    state: lifecycle === 'deprecated' || lifecycle === 'retired' ? lifecycle : 'available',
    ...(retiresAt === null ? {} : { retiresAt }),
  };
}
