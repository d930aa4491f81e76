// Settings of a promptfoo provider as route, parameters and tools of a release; unknown ones are reported.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import { documentOf, filePathOf, readNamed, type Site } from './site.ts';

/** What a release takes from a provider. */
export interface RouteFound {
  readonly route: JsonObject;
  readonly params?: JsonObject;
  readonly tools?: JsonObject;
  readonly output?: JsonObject;
}

/** Parameters by their names in promptfoo's config and here. */
const PARAMS: Readonly<Record<string, string>> = {
  temperature: 'temperature',
  top_p: 'top-p',
  top_k: 'top-k',
  max_tokens: 'max-output-tokens',
  max_completion_tokens: 'max-output-tokens',
  max_output_tokens: 'max-output-tokens',
  stop: 'stop',
  seed: 'seed',
  reasoning_effort: 'reasoning-effort',
  verbosity: 'verbosity',
  frequency_penalty: 'frequency-penalty',
  presence_penalty: 'presence-penalty',
  parallel_tool_calls: 'parallel-tool-calls',
  service_tier: 'service-tier',
};

const CONNECTION = new Set([
  'apiBaseUrl',
  'baseUrl',
  'apiHost',
  'apiVersion',
  'apiKeyEnvar',
  'apiKey',
  'organization',
  'headers',
  'tools',
  'tool_choice',
  'response_format',
  'passthrough',
  'extra_body',
  'omitDefaults',
  'reasoning',
]);

/** A model behind OpenAI's API, or behind a server that speaks it. */
export function openai(
  api: 'chat' | 'responses',
  model: string,
  config: JsonObject,
  site: Site,
  server: JsonObject = {},
): RouteFound {
  const found = common({ provider: 'openai', api, model, ...server }, config, site);
  const params: Record<string, JsonValue | undefined> = { ...found.params };
  // What promptfoo sends where the configuration says nothing. Reasoning models take no temperature.
  if (config['omitDefaults'] !== true && !/^(o\d|gpt-5)/.test(model)) {
    params['temperature'] ??= 0;
    params['max-output-tokens'] ??= 1024;
  }
  const output = schemaOf(config['response_format'], site);
  return { ...found, params, ...(output === undefined ? {} : { output }) };
}

/** A model behind Anthropic's Messages API. */
export function anthropic(model: string, config: JsonObject, site: Site): RouteFound {
  const found = common({ provider: 'anthropic', model }, config, site);
  const params: Record<string, JsonValue | undefined> = { ...found.params };
  params['max-output-tokens'] ??= 1024;
  if (config['thinking'] === undefined) params['temperature'] ??= 0;
  return { ...found, params };
}

/** What OpenAI's and Anthropic's settings share; unknown ones are reported. */
export function common(route: Record<string, JsonValue>, config: JsonObject, site: Site): RouteFound {
  const params: Record<string, JsonValue> = {};
  const more: Record<string, JsonValue> = {};
  const tools: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined || value === null) continue;
    const at = site.at(key);
    const param = Object.hasOwn(PARAMS, key) ? PARAMS[key] : undefined;
    if (param !== undefined) {
      params[param] = value;
      at.mapped();
    } else if (!CONNECTION.has(key)) {
      at.dropped(
        `provider config key ${quoted(key)}`,
        'unknown key; a field of the API goes into `params.provider-options`',
      );
    } else connection({ key, value, at, route, more, tools });
  }
  const reasoning = config['reasoning'];
  if (isJsonObject(reasoning) && typeof reasoning['effort'] === 'string')
    params['reasoning-effort'] ??= reasoning['effort'];
  if (Object.keys(more).length > 0) params['provider-options'] = more;
  return { route, params, ...(Object.keys(tools).length > 0 ? { tools } : {}) };
}

interface Connection {
  readonly key: string;
  readonly value: JsonValue;
  readonly at: Site;
  readonly route: Record<string, JsonValue>;
  readonly more: Record<string, JsonValue>;
  readonly tools: Record<string, JsonValue>;
}

function connection({ key, value, at, route, more, tools }: Connection): void {
  switch (key) {
    case 'apiBaseUrl':
    case 'baseUrl':
    case 'apiHost': {
      // Azure's address is that of the resource.
      const path = route['provider'] === 'azure' ? '' : '/v1';
      const text = String(value);
      const url = envText(key === 'apiHost' ? `https://${text}${path}` : text, at, 'address');
      if (url !== null) route['base-url'] = url;
      at.mapped();
      return;
    }
    case 'apiVersion':
      if (route['provider'] === 'azure') {
        route['api-version'] = String(value);
        at.mapped();
      } else at.dropped('provider config key "apiVersion"', 'only Azure has versions of its API');
      return;
    case 'apiKeyEnvar':
      route['api-key-env'] = String(value);
      at.mapped();
      return;
    case 'apiKey': {
      const name = /^\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}$/.exec(String(value))?.[1];
      if (name === undefined)
        at.dropped(
          'provider config key "apiKey"',
          'keys are not written to files; name a variable with `api-key-env`',
        );
      else {
        route['api-key-env'] = name;
        at.mapped();
      }
      return;
    }
    case 'organization':
      route['organization'] = String(value);
      at.mapped();
      return;
    case 'headers': {
      const headers = headersOf(value, at);
      if (headers !== null) route['headers'] = headers;
      return;
    }
    case 'tools': {
      const list = inlineOrFile(value, at, 'tools');
      if (Array.isArray(list)) {
        tools['definitions'] = list;
        at.mapped();
      } else if (list !== undefined) at.dropped('provider config key "tools"', 'it is not a list of tools');
      return;
    }
    case 'tool_choice': {
      const name =
        isJsonObject(value) && isJsonObject(value['function']) ? value['function']['name'] : undefined;
      tools['choice'] = typeof name === 'string' ? { name } : value;
      at.mapped();
      return;
    }
    case 'passthrough':
    case 'extra_body':
      if (isJsonObject(value)) Object.assign(more, value);
      at.mapped();
      return;
    default:
      at.mapped();
  }
}

function schemaOf(format: JsonValue | undefined, site: Site): JsonObject | undefined {
  if (format === undefined) return undefined;
  const at = site.at('response_format');
  const read = inlineOrFile(format, at, 'response_format');
  if (!isJsonObject(read)) return undefined;
  if (read['type'] === 'text') return undefined;
  const held = isJsonObject(read['json_schema']) ? read['json_schema'] : read;
  const schema = held['schema'];
  if (read['type'] === 'json_schema' && isJsonObject(schema)) {
    const name = held['name'];
    return {
      schema: typeof name === 'string' && schema['title'] === undefined ? { title: name, ...schema } : schema,
    };
  }
  at.dropped('provider config key "response_format"', 'only `json_schema` has an equal: `output.schema`');
  return undefined;
}

function inlineOrFile(value: JsonValue, at: Site, what: string): JsonValue | undefined {
  if (typeof value !== 'string') return value;
  const path = filePathOf(value);
  if (path === null || !/\.(json|ya?ml)$/i.test(path)) {
    at.dropped(`provider config key ${quoted(what)}`, 'it is neither a value nor a JSON or YAML file');
    return undefined;
  }
  const file = readNamed(path, at, what);
  return file === null ? undefined : documentOf(file.text, file.file, at, what)?.value;
}

/** A text that may name one variable of the environment; null = reported. */
export function envText(text: string, at: Site, what: string): JsonValue | null {
  const match = /^([^{}]*)\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}$/.exec(text);
  if (match !== null)
    return match[1] === ''
      ? { env: match[2] as string }
      : { env: match[2] as string, prefix: match[1] as string };
  if (/\{[{%]/.test(text)) {
    at.dropped(what, 'its template is more than one variable of the environment at the end');
    return null;
  }
  return text;
}

const CREDENTIAL = /^(authorization|x-api-key|api-key|cookie|proxy-authorization)$/i;

/** Headers without credentials, which are reported. */
export function headersOf(value: JsonValue, at: Site): JsonObject | null {
  if (!isJsonObject(value)) return null;
  const headers: Record<string, JsonValue> = {};
  for (const [name, raw] of Object.entries(value)) {
    const text = envText(String(raw), at.at(name), `header ${quoted(name)}`);
    if (text === null) continue;
    if (typeof text === 'string' && CREDENTIAL.test(name)) {
      at.at(name).dropped(
        `header ${quoted(name)}`,
        'credentials are not written to files; use { env: NAME }',
      );
      continue;
    }
    if (/^(content-type|content-length|host|connection)$/i.test(name)) continue;
    headers[name] = text;
    at.at(name).mapped();
  }
  return Object.keys(headers).length === 0 ? null : headers;
}
