// Where a service that speaks OpenAI's API is, and how its calls are signed: OpenAI itself, and services by name.

import { LastgoodError } from '../base/errors.ts';
import { MODEL_APIS, type ModelApiName, modelApi, wireApiOf } from '../core/model-apis.ts';
import { AZURE_API_VERSION } from '../core/release.ts';
import type { ApiPlace } from './api-call.ts';
import type { RouteReader } from './route.ts';

export interface OpenAiService {
  readonly name: ModelApiName;
  readonly baseURL: string;
  /** Whether the route names the address. */
  readonly isElsewhere: boolean;
  /** Sent as a bearer token, unless the headers say otherwise. */
  readonly apiKey: string;
  /** Headers that sign the call; null takes one out that the SDK would send. */
  readonly headers: Readonly<Record<string, string | null>>;
  readonly query: Readonly<Record<string, string>>;
  readonly place: ApiPlace;
  /** Whether it lists models under the ids that routes name. */
  readonly hasCatalogue: boolean;
}

/** A server that asks for no key is sent this one, because the SDK insists on one. */
const NO_KEY = 'none';

/** Notes a missing key, variable or address with the reader; `reader.done()` throws them. */
export function openaiService(reader: RouteReader): OpenAiService {
  const name = (reader.text('provider') ?? 'openai') as ModelApiName;
  return name === 'azure' ? azureService(reader) : plainService(name, reader);
}

function plainService(name: ModelApiName, reader: RouteReader): OpenAiService {
  const { url, keyVariable, keyOptional, title } = modelApi(name);
  const apiKey =
    keyOptional === true ? (reader.optionalKey(keyVariable) ?? NO_KEY) : reader.apiKey(keyVariable);
  const given =
    name === 'openai' ? reader.baseUrl('OPENAI_BASE_URL') : reader.ownAddress(reader.route['base-url'], url);
  const baseURL = given ?? url ?? MODEL_APIS.openai.url;
  const wire = wireApiOf(reader.route);
  return {
    name,
    baseURL,
    isElsewhere: given !== undefined && given !== url,
    apiKey,
    headers: {},
    query: {},
    hasCatalogue: true,
    place: {
      url: reader.shownAddress(reader.route['base-url'], baseURL),
      keyVariable: reader.keyVariable(keyVariable),
      ...(wire === 'chat' || (name === 'openai' && given === undefined)
        ? {}
        : { ifMissing: 'if this server only has Chat Completions, write `api: chat` in the route' }),
      ...(wire === 'chat' && name !== 'openai'
        ? { ifMissing: `${title} did not find it; check \`model\` and \`base-url\`` }
        : {}),
    },
  };
}

function azureService(reader: RouteReader): OpenAiService {
  const token = reader.token();
  const key = token === undefined ? reader.apiKey(MODEL_APIS.azure.keyVariable) : undefined;
  const given = reader.ownAddress(reader.route['base-url'], null);
  const version = reader.text('api-version') ?? AZURE_API_VERSION;
  const dated = /^\d/.test(version);
  const resource = given === undefined ? '' : azureResource(given, reader);
  const deployment = encodeURIComponent(reader.text('model') ?? '');
  const path = !dated
    ? '/openai/v1'
    : wireApiOf(reader.route) === 'chat'
      ? `/openai/deployments/${deployment}`
      : '/openai';
  const baseURL = `${resource}${path}`;
  return {
    name: 'azure',
    baseURL,
    isElsewhere: true,
    apiKey: token ?? key ?? '',
    // A key goes into a header of its own; a token is a bearer token.
    headers: key === undefined ? {} : { 'api-key': key, authorization: null },
    query: version === AZURE_API_VERSION ? {} : { 'api-version': version },
    // It lists the models of the region, not the deployments.
    hasCatalogue: false,
    place: {
      url: given === undefined ? '' : reader.shownAddress(reader.route['base-url'], baseURL),
      keyVariable: reader.tokenVariable() ?? reader.keyVariable(MODEL_APIS.azure.keyVariable),
      ifMissing:
        'the resource has no such deployment or API version; check `model` (its name), `base-url` and `api-version`',
    },
  };
}

/** The address of the resource, from what people copy out of the portal. */
function azureResource(given: string, reader: RouteReader): string {
  const url = new URL(given);
  const path = url.pathname.replace(/\/+$/, '');
  const prefix = path.replace(/\/openai(\/v1)?$/, '');
  if (/\/(openai|deployments)(\/|$)/.test(prefix) || url.search !== '')
    reader.problem(
      new LastgoodError({
        code: 'ROUTE_ADDRESS',
        message: `"base-url" of an Azure route is the address of the resource, and this one is that of a call: ${url.origin}${path}`,
        hint: `write base-url: ${url.origin}, the deployment as \`model\`, and a dated API version as \`api-version\``,
        where: reader.where('base-url'),
      }),
    );
  return `${url.origin}${prefix}`;
}
