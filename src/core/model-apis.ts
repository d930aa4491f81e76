// Model APIs by name: the wire API each speaks, where it is, and which variable holds its key. Data only.

import type { JsonObject } from '../base/json.ts';

/** OpenAI's Responses, OpenAI's Chat Completions, Anthropic's Messages. */
export type WireApi = 'responses' | 'chat' | 'messages';

interface ModelApi {
  /** The service as people write it. */
  readonly title: string;
  /** What it speaks; the first where the route names none. */
  readonly wires: readonly [WireApi, ...WireApi[]];
  /** Its address where the route names none; null = the route has to name one. */
  readonly url: string | null;
  /** Its address for the Messages API, where that is another. */
  readonly messagesUrl?: string;
  /** Empty where there are no keys, only tokens. */
  readonly keyVariable: string;
  /** Answers without a key, unless the server was started with one. */
  readonly keyOptional?: true;
  /** The model in the route is a name that its owner chose: it does not tell which model answers. */
  readonly hidesModel?: true;
  /** Package that has to be installed beside lastgood. */
  readonly package?: string;
}

export const MODEL_APIS = {
  openai: {
    title: 'OpenAI',
    wires: ['responses', 'chat'],
    url: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
  },
  anthropic: {
    title: 'Anthropic',
    wires: ['messages'],
    url: 'https://api.anthropic.com',
    keyVariable: 'ANTHROPIC_API_KEY',
  },
  azure: {
    title: 'Azure OpenAI',
    wires: ['chat', 'responses'],
    url: null,
    keyVariable: 'AZURE_OPENAI_API_KEY',
    hidesModel: true,
  },
  openrouter: {
    title: 'OpenRouter',
    wires: ['chat', 'responses', 'messages'],
    url: 'https://openrouter.ai/api/v1',
    messagesUrl: 'https://openrouter.ai/api',
    keyVariable: 'OPENROUTER_API_KEY',
  },
  gemini: {
    title: 'Gemini',
    wires: ['chat'],
    url: 'https://generativelanguage.googleapis.com/v1beta/openai',
    keyVariable: 'GEMINI_API_KEY',
  },
  ollama: {
    title: 'Ollama',
    wires: ['chat', 'responses', 'messages'],
    url: 'http://127.0.0.1:11434/v1',
    messagesUrl: 'http://127.0.0.1:11434',
    keyVariable: 'OLLAMA_API_KEY',
    keyOptional: true,
  },
  vllm: {
    title: 'vLLM',
    wires: ['chat', 'responses', 'messages'],
    url: 'http://127.0.0.1:8000/v1',
    messagesUrl: 'http://127.0.0.1:8000',
    keyVariable: 'VLLM_API_KEY',
    keyOptional: true,
  },
  litellm: {
    title: 'LiteLLM',
    wires: ['chat', 'responses', 'messages'],
    url: null,
    keyVariable: 'LITELLM_API_KEY',
    hidesModel: true,
  },
  bedrock: {
    title: 'Amazon Bedrock',
    wires: ['messages'],
    url: null,
    keyVariable: 'AWS_BEARER_TOKEN_BEDROCK',
    keyOptional: true,
    package: '@anthropic-ai/bedrock-sdk',
  },
  vertex: {
    title: 'Vertex AI',
    wires: ['messages'],
    url: null,
    keyVariable: '',
    keyOptional: true,
    package: '@anthropic-ai/vertex-sdk',
  },
} as const satisfies Readonly<Record<string, ModelApi>>;

export type ModelApiName = keyof typeof MODEL_APIS;

/** What is known of a model API by its name. */
export function modelApi(name: ModelApiName): ModelApi {
  return MODEL_APIS[name];
}

export function isModelApi(provider: unknown): provider is ModelApiName {
  return typeof provider === 'string' && Object.hasOwn(MODEL_APIS, provider);
}

/** The wire API of a route; null for one that is none of a model API (http, command, replay). */
export function wireApiOf(route: JsonObject): WireApi | null {
  const { provider, api } = route;
  if (!isModelApi(provider)) return null;
  const { wires } = modelApi(provider);
  return wires.find((wire) => wire === api) ?? wires[0];
}
