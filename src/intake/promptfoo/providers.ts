// promptfoo's providers as the route and the parameters of a release.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { quoted } from '../parts/losses.ts';
import { httpRoute } from './http-provider.ts';
import { anthropic, common, openai, type RouteFound } from './provider-config.ts';
import { contentName, documentOf, filePathOf, readNamed, Site } from './site.ts';

/** A provider as a release has it. */
export interface MappedProvider {
  readonly id: string;
  readonly label: string;
  readonly route: JsonObject;
  readonly params: JsonObject;
  readonly tools: JsonObject | undefined;
  readonly output: JsonObject | undefined;
  /** Labels or ids of the prompts it is asked with; absent = all. */
  readonly prompts: readonly string[] | undefined;
  readonly site: Site;
}

const KEYS = new Set(['id', 'label', 'config', 'prompts', 'transform', 'delay', 'env', 'inputs']);

/** All providers of a configuration. */
export function readProviders(site: Site): MappedProvider[] {
  const value = site.value;
  if (typeof value === 'string') return readProvider(value, {}, site);
  if (!Array.isArray(value)) {
    if (isJsonObject(value)) return readEntry(value, site);
    site.dropped('providers', 'they are neither text nor a list');
    return [];
  }
  return (value as readonly JsonValue[]).flatMap((entry, i) =>
    typeof entry === 'string' ? readProvider(entry, {}, site.at(i)) : readEntry(entry, site.at(i)),
  );
}

function readEntry(entry: JsonValue, site: Site): MappedProvider[] {
  if (!isJsonObject(entry)) {
    site.dropped('provider', 'it is neither text nor a map');
    return [];
  }
  if (typeof entry['id'] === 'string') {
    site.keys(entry, KEYS, 'provider ');
    return readProvider(entry['id'], entry, site);
  }
  const names = Object.keys(entry);
  const only = names[0];
  const options = only === undefined ? undefined : entry[only];
  if (names.length === 1 && only !== undefined && isJsonObject(options)) {
    const at = site.at(only);
    at.keys(options, KEYS, 'provider ');
    return readProvider(typeof options['id'] === 'string' ? options['id'] : only, options, at);
  }
  site.dropped('provider', 'it has no id');
  return [];
}

function readProvider(id: string, options: JsonObject, site: Site): MappedProvider[] {
  const what = `provider ${quoted(id)}`;
  const path = filePathOf(id);
  if (path !== null && /\.(ya?ml|json)$/i.test(path)) return readProviderFile(path, site, what);
  if (options['transform'] !== undefined)
    site
      .at('transform')
      .dropped('provider key "transform"', 'it is code; use `output` of an http route, or `command`');
  for (const key of ['delay', 'env', 'inputs'] as const)
    if (options[key] !== undefined)
      site.at(key).dropped(`provider key ${quoted(key)}`, 'a setting of the run, not of a release');
  const config = isJsonObject(options['config']) ? options['config'] : {};
  const at = site.at('config');
  const found = routeOf(id, config, at, what);
  if (typeof found === 'string') {
    site.dropped(what, found);
    return [];
  }
  const prompts = options['prompts'];
  const label =
    typeof options['label'] === 'string' && options['label'] !== '' ? options['label'] : shortName(id);
  site.mapped();
  return [
    {
      id,
      label,
      params: {},
      tools: undefined,
      output: undefined,
      ...found,
      prompts: Array.isArray(prompts) ? (prompts as readonly JsonValue[]).map(String) : undefined,
      site,
    },
  ];
}

function readProviderFile(path: string, site: Site, what: string): MappedProvider[] {
  const file = readNamed(path, site, what);
  const document = file === null ? null : documentOf(file.text, file.file, site, what);
  if (document === null) return [];
  return readProviders(new Site(site.reading, document));
}

function shortName(id: string): string {
  if (/^https?:/i.test(id)) return 'http';
  return id.split(':').at(-1) ?? id;
}

/** Services that speak OpenAI's chat API, with their address and the variable that promptfoo takes the key from. */
const COMPATIBLE: Readonly<Record<string, readonly [url: string, key: string]>> = {
  groq: ['https://api.groq.com/openai/v1', 'GROQ_API_KEY'],
  deepseek: ['https://api.deepseek.com/v1', 'DEEPSEEK_API_KEY'],
  mistral: ['https://api.mistral.ai/v1', 'MISTRAL_API_KEY'],
  togetherai: ['https://api.together.xyz/v1', 'TOGETHER_API_KEY'],
  fireworks: ['https://api.fireworks.ai/inference/v1', 'FIREWORKS_API_KEY'],
  xai: ['https://api.x.ai/v1', 'XAI_API_KEY'],
};

function routeOf(id: string, config: JsonObject, site: Site, what: string): RouteFound | string {
  const [kind = '', second = '', ...rest] = id.split(':');
  const model = rest.join(':');
  if (/^https?$/i.test(kind)) return httpRoute(id, config, site);
  switch (kind) {
    case 'openai':
      if (second === 'chat' && model !== '') return openai('chat', model, config, site);
      if (second === 'responses' && model !== '') return openai('responses', model, config, site);
      if (model === '' && second !== '' && !OTHER_OPENAI.has(second))
        return openai('chat', second, config, site);
      return `\`openai:${second}\` is none of chat and responses`;
    case 'anthropic':
      if (second === 'messages' && model !== '') return anthropic(model, config, site);
      if (model === '' && second !== '') return anthropic(second, config, site);
      return `\`anthropic:${second}\` is not the Messages API`;
    case 'ollama':
      if (second === 'embeddings') return 'it makes embeddings';
      site.approximated(what, "Ollama's OpenAI-compatible address");
      return openai(
        'chat',
        second === 'chat' || second === 'completion' ? model : [second, ...rest].join(':'),
        config,
        site,
        { provider: 'ollama' },
      );
    case 'openrouter':
      return openai('chat', [second, ...rest].join(':'), config, site, { provider: 'openrouter' });
    case 'litellm':
      return openai('chat', second === 'chat' ? model : [second, ...rest].join(':'), config, site, {
        provider: 'litellm',
        'base-url': 'http://0.0.0.0:4000',
      });
    case 'azure':
    case 'azureopenai':
      if ((second !== 'chat' && second !== 'responses') || model === '')
        return `\`${kind}:${second}\` is none of chat and responses`;
      return azureRoute(second, model, config, site, what);
    case 'exec':
      return execRoute(id.slice('exec:'.length).trim(), site, what);
    case 'file':
    case 'python':
    case 'javascript':
    case 'golang':
    case 'ruby':
      return 'it is code; serve it with a `command` or `http` route';
    case 'echo':
      return 'it answers with the prompt itself';
    default: {
      const known = Object.hasOwn(COMPATIBLE, kind) ? COMPATIBLE[kind] : undefined;
      if (known === undefined) return 'no provider here speaks to it';
      site.approximated(what, 'called through its OpenAI-compatible address');
      const name = [second, ...rest].join(':');
      return openai('chat', second === 'chat' && model !== '' ? model : name, config, site, {
        'base-url': known[0],
        'api-key-env': known[1],
      });
    }
  }
}

/** promptfoo takes the address and the key of Azure from variables of its own. */
function azureRoute(
  api: 'chat' | 'responses',
  model: string,
  config: JsonObject,
  site: Site,
  what: string,
): RouteFound {
  if (config['apiHost'] === undefined && config['apiBaseUrl'] === undefined)
    site.approximated(what, 'the address of the resource is taken from AZURE_API_BASE_URL');
  if (config['apiVersion'] === undefined)
    site.approximated(what, 'called without a dated API version: `api-version: v1`');
  return openai(api, model, config, site, {
    provider: 'azure',
    'base-url': { env: 'AZURE_API_BASE_URL' },
    'api-key-env': 'AZURE_API_KEY',
  });
}

/** `openai:embedding:MODEL` as the release that embeds; undefined for any other (reported). */
export function readEmbedder(site: Site): Pick<MappedProvider, 'route' | 'params' | 'site'> | undefined {
  const { value } = site;
  const id = typeof value === 'string' ? value : isJsonObject(value) ? value['id'] : undefined;
  const model = typeof id === 'string' ? /^openai:embeddings?:(.+)$/.exec(id)?.[1] : undefined;
  if (model === undefined)
    return site.dropped(
      `embedding provider ${quoted(String(id))}`,
      'only OpenAI and servers that speak its API embed',
    );
  const config = isJsonObject(value) && isJsonObject(value['config']) ? value['config'] : {};
  const { route, params = {} } = common({ provider: 'openai', model }, config, site.at('config'));
  site.mapped();
  return { route, params, site };
}

const OTHER_OPENAI = new Set([
  'completion',
  'embedding',
  'embeddings',
  'image',
  'assistant',
  'realtime',
  'moderation',
  'transcription',
  'video',
  'agents',
  'chatkit',
  'codex-sdk',
]);

/** Of the adapter that is written, not of this program. */
const CHILD_PROCESS = ['node', 'child_process'].join(':');

/** Calls the program as promptfoo does: the prompt as its last argument. */
function execRoute(command: string, site: Site, what: string): RouteFound | string {
  if (!site.reading.allowCode) return 'it starts a program; take it with --allow-code after you have read it';
  if (command === '') return 'it names no program';
  const words = command.match(/"[^"]*"|'[^']*'|\S+/g)?.map((w) => w.replace(/^(["'])(.*)\1$/, '$2')) ?? [];
  const file = site.reading.sink.add(
    `adapters/exec-${contentName(command)}.mjs`,
    `// Starts a program of a promptfoo \`exec:\` provider: the prompt is its first argument, what it prints is the answer.

import { spawnSync } from '${CHILD_PROCESS}';
import { writeSync } from 'node:fs';

let text = '';
for await (const chunk of process.stdin) text += chunk;
const { vars, messages } = JSON.parse(text);
const prompt = messages.length === 1 ? messages[0].content : JSON.stringify(messages);
const [program, ...args] = ${JSON.stringify(words)};
const ran = spawnSync(program, [...args, prompt, '{}', JSON.stringify({ vars })], { encoding: 'utf8', maxBuffer: 64e6 });
if (ran.status !== 0) throw new Error(ran.stderr || String(ran.error ?? 'it ended with ' + ran.status));
writeSync(1, JSON.stringify({ output: ran.stdout.trim() }));
`,
  );
  site.approximated(
    what,
    'the program gets the prompt and the variables as arguments, and an empty options object',
  );
  return { route: { provider: 'command', command: ['node', file.replace('adapters/', '../adapters/')] } };
}
