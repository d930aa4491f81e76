// The Anthropic provider: Messages and the catalogue, through the official SDK over our own connections.

import { createRequire } from 'node:module';
import type { APIError as ApiError } from '@anthropic-ai/sdk';
import { isJsonObject } from '../core/json.ts';
import type { Failure, ModelFacts, Provider } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import { CURRENT_API_VERSION, messagesBody, readMessage } from './anthropic-messages.ts';
import type { Dialect, RefusalReader } from './api-call.ts';
import { apiCaller, thrownProblem } from './api-call.ts';
import { Aborted, abortedProblem, failed, msSince, untilAborted } from './failure.ts';
import type { ProviderContext } from './route.ts';
import { routeReader } from './route.ts';
import { atFirstNeed, LONGEST_WAIT_MS, maskCustomHeaders, SILENT_LOGGER } from './sdk-settings.ts';
import { openTransport } from './transport.ts';
import { disclosedText } from './wire-words.ts';

/** As CommonJS: its hundreds of small files take a quarter less time than as ES modules. */
const sdk = (): typeof import('@anthropic-ai/sdk') => createRequire(import.meta.url)('@anthropic-ai/sdk');

/** Throws `LastgoodError` when the key, a variable or a usable address is missing. The SDK is loaded for the first call. */
export async function anthropicProvider(release: Release, context: ProviderContext): Promise<Provider> {
  const reader = routeReader(release, context);
  const { env, mask } = context;
  const model = reader.requiredText('model');
  const apiKey = reader.apiKey('ANTHROPIC_API_KEY');
  const baseURL = reader.address(
    reader.envText(reader.route['base-url'], 'base-url') ?? (env('ANTHROPIC_BASE_URL')?.trim() || undefined),
    'base-url',
  );
  const apiVersion = reader.text('api-version') ?? CURRENT_API_VERSION;
  reader.done();
  maskCustomHeaders(env('ANTHROPIC_CUSTOM_HEADERS'), mask);

  const transport = await openTransport(env);
  let SdkError: typeof ApiError | undefined;
  const client = atFirstNeed(async () => {
    transport.open();
    const { Anthropic: Client, APIError } = sdk();
    SdkError = APIError;
    return new Client({
      apiKey,
      baseURL: baseURL ?? 'https://api.anthropic.com',
      webhookKey: null,
      maxRetries: 0,
      timeout: LONGEST_WAIT_MS,
      fetch: transport.fetch,
      logger: SILENT_LOGGER,
      logLevel: 'off',
      openTelemetry: false,
      defaultHeaders: { 'anthropic-version': apiVersion },
    });
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
  const route = { model, apiVersion, region: reader.text('region') };
  const dialect: Dialect = {
    build: (request, refused) => messagesBody(route, request, refused),
    async send(body, signal) {
      // Not messages.create: it prints deprecations to the console and refuses long answers that are not streamed.
      const { data, response } = await (await client())
        .post<unknown>('/v1/messages', { body, signal })
        .withResponse();
      return { data, headers: response.headers };
    },
    read: readMessage,
  };

  return {
    name: 'anthropic',
    ready: async () => void (await client()),
    call: apiCaller(dialect, refusalOf, context),
    async modelFacts(signal): Promise<ModelFacts | Failure> {
      const started = performance.now();
      try {
        const facts: unknown = await untilAborted(
          signal,
          client().then((opened) => opened.models.retrieve(model, undefined, { signal })),
        );
        return catalogueFacts(model, facts);
      } catch (error) {
        if (error instanceof Aborted || signal.aborted)
          return failed(abortedProblem(signal), mask, msSince(started));
        const refusal = refusalOf(error);
        // A catalogue without the model is no proof that it is gone: many gateways have no catalogue.
        if (refusal?.status === 404) return { id: model, state: 'unknown' };
        return failed(thrownProblem(error, refusal, context), mask, msSince(started));
      }
    },
    close: () => transport.close(),
  };
}

function catalogueFacts(model: string, facts: unknown): ModelFacts {
  if (!isJsonObject(facts)) return { id: model, state: 'unknown' };
  const lifecycle = facts['lifecycle'];
  const retiresAt = disclosedText(facts['retires_at']);
  return {
    id: disclosedText(facts['id']) ?? model,
    state: lifecycle === 'deprecated' || lifecycle === 'retired' ? lifecycle : 'available',
    ...(retiresAt === null ? {} : { retiresAt }),
  };
}
