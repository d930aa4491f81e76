// Reading what APIs, applications and recordings write in many spellings: tool calls, token counts, stop words, tool choices, schemas.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { DEEPEST_VALUE, isDeeperThan, isJsonObject } from '../base/json.ts';
import type { Message, ToolCall } from '../core/conversation.ts';
import type { StopReason, Usage } from '../core/provider.ts';

/** Arguments as JSON; the raw text where they are none. */
export function parsedArgs(text: string): JsonValue {
  if (text.trim() === '') return {};
  try {
    const args = JSON.parse(text) as JsonValue;
    return isDeeperThan(args, DEEPEST_VALUE) ? text : args;
  } catch {
    return text;
  }
}

/** Tool calls in our own shape, OpenAI's (custom tools included) or Anthropic's; undefined when the value is no list of calls. */
export function readToolCalls(value: JsonValue | undefined): ToolCall[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const calls: ToolCall[] = [];
  for (const item of value as readonly JsonValue[]) {
    if (!isJsonObject(item)) return undefined;
    const source = [item['function'], item['custom']].find(isJsonObject) ?? item;
    const name = source['name'];
    if (typeof name !== 'string') return undefined;
    const args = source['args'] ?? source['arguments'] ?? source['input'] ?? {};
    calls.push(toolCall(item['id'] ?? item['call_id'], name, args));
  }
  return calls;
}

/** One call; arguments that are a text are parsed where they are JSON. */
export function toolCall(id: JsonValue | undefined, name: string, args: JsonValue | undefined): ToolCall {
  return {
    ...(typeof id === 'string' ? { id } : {}),
    name,
    args: typeof args === 'string' ? parsedArgs(args) : (args ?? {}),
  };
}

/** The result of a failed tool, for APIs that have no mark for it. */
export function toolErrorText(message: string): string {
  return JSON.stringify({ error: message });
}

/** The part of an output that holds its sources; empty where the answer names none. */
export function contextOf(value: JsonValue | undefined): { context?: JsonValue } {
  return value === undefined || value === null ? {} : { context: value };
}

/** The part of an output that holds what the API cites; empty where it cites nothing. */
export function citationsOf(value: JsonValue | undefined): { citations?: readonly JsonValue[] } {
  return Array.isArray(value) && value.length > 0 ? { citations: value as readonly JsonValue[] } : {};
}

/** The part of an output that holds log probabilities; empty where none came. */
export function logprobsOf(value: JsonValue | undefined): { logprobs?: JsonValue } {
  const empty = value === undefined || value === null || (Array.isArray(value) && value.length === 0);
  return empty ? {} : { logprobs: value };
}

const USAGE_SPELLINGS = {
  inputTokens: ['input_tokens', 'prompt_tokens', 'inputTokens', 'promptTokens', 'input-tokens'],
  outputTokens: ['output_tokens', 'completion_tokens', 'outputTokens', 'completionTokens', 'output-tokens'],
  cachedInputTokens: [
    'cached_input_tokens',
    'cached_tokens',
    'cachedInputTokens',
    'cached-input-tokens',
    'prompt_cache_hit_tokens',
  ],
  cacheWriteTokens: ['cache_write_tokens', 'cacheWriteTokens', 'cache-write-tokens'],
  reasoningTokens: ['reasoning_tokens', 'reasoningTokens', 'reasoning-tokens'],
} as const satisfies Record<Exclude<keyof Usage, 'cacheWriteHourTokens'>, readonly string[]>;

/** Token counts under any usual name, as they stand there; null when none is given. */
export function readUsage(value: JsonValue | undefined): Usage | null {
  if (!isJsonObject(value)) return null;
  return usageOf(
    Object.fromEntries(
      Object.entries(USAGE_SPELLINGS).map(([field, names]) => [
        field,
        names.map((name) => value[name]).find((count) => typeof count === 'number'),
      ]),
    ),
  );
}

/** Keeps the counts that are counts; null when none is left. */
export function usageOf(counts: { readonly [F in keyof Usage]?: unknown }): Usage | null {
  const known: Record<string, number> = {};
  let any = false;
  for (const [field, n] of Object.entries(counts)) {
    if (typeof n !== 'number' || !Number.isFinite(n) || n < 0) continue;
    known[field] = n;
    any = true;
  }
  return any ? (known as Usage) : null;
}

/**
 * The price in USD that a gateway states in its usage (OpenRouter: `cost`, and with the caller's own key the price of the service
 * behind it; Perplexity: `cost.total_cost`); undefined when it states none.
 */
export function statedCostUsd(usage: JsonValue | undefined): number | undefined {
  if (!isJsonObject(usage)) return undefined;
  const { cost, cost_details: details } = usage;
  const stated = isJsonObject(cost) ? cost['total_cost'] : cost;
  const behind = usage['is_byok'] === true && isJsonObject(details) ? details['upstream_inference_cost'] : 0;
  const usable = (n: JsonValue | undefined): n is number =>
    typeof n === 'number' && Number.isFinite(n) && n >= 0;
  return usable(stated) ? stated + (usable(behind) ? behind : 0) : undefined;
}

const STOP_WORDS: Readonly<Record<string, StopReason>> = {
  stop: 'stop',
  end_turn: 'stop',
  stop_sequence: 'stop',
  completed: 'stop',
  length: 'length',
  max_tokens: 'length',
  max_output_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  refusal: 'refusal',
  content_filter: 'content_filter',
  unknown: 'unknown',
};

/** A provider's word for why it stopped; a word nobody knows is kept as `other:<word>`, none is `unknown`. */
export function stopReasonOf(word: JsonValue | undefined): StopReason {
  if (typeof word !== 'string' || word === '') return 'unknown';
  if (word.startsWith('other:')) return word as StopReason;
  return Object.hasOwn(STOP_WORDS, word) ? (STOP_WORDS[word] as StopReason) : `other:${word}`;
}

/** A tool choice in no dialect: `auto`, `none`, `required`, one tool by name, or the API's own object. */
export type ToolChoice =
  | { readonly kind: 'auto' | 'none' | 'required' }
  | { readonly kind: 'tool'; readonly name: string }
  | { readonly kind: 'native'; readonly value: JsonValue };

/** Reads a release's tool choice; undefined when it makes none. */
export function readToolChoice(value: JsonValue | undefined): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') {
    if (value === 'any' || value === 'required') return { kind: 'required' };
    return value === 'auto' || value === 'none' ? { kind: value } : { kind: 'tool', name: value };
  }
  if (isJsonObject(value)) {
    const source = isJsonObject(value['function']) ? value['function'] : value;
    const name = source['name'] ?? source['tool'];
    if (
      typeof name === 'string' &&
      Object.keys(value).every((key) => ['type', 'name', 'tool', 'function'].includes(key))
    )
      return { kind: 'tool', name };
  }
  return { kind: 'native', value };
}

/** The conversation with an id on every tool call and on every tool turn: missing ones are given by position. */
export function withCallIds(messages: readonly Message[]): Message[] {
  let open: string[] = [];
  let made = 0;
  return messages.map((message) => {
    if (message.toolCalls !== undefined && message.toolCalls.length > 0) {
      const toolCalls = message.toolCalls.map((call) => ({ ...call, id: call.id ?? `call_${++made}` }));
      open = toolCalls.map((call) => call.id);
      return { ...message, toolCalls };
    }
    if (message.role !== 'tool') return message;
    const toolCallId = message.toolCallId ?? open[0] ?? `call_${++made}`;
    open = open.filter((id) => id !== toolCallId);
    return { ...message, toolCallId };
  });
}

/** The system turns that open the conversation, as one text, and the turns after them. A turn with parts is no plain text. */
export function splitSystem(messages: readonly Message[]): { system: string | undefined; rest: Message[] } {
  const first = messages.findIndex(({ role, parts }) => role !== 'system' || parts !== undefined);
  const lead = first === -1 ? messages : messages.slice(0, first);
  return {
    system: lead.length === 0 ? undefined : lead.map((message) => message.content).join('\n\n'),
    rest: first === -1 ? [] : messages.slice(first),
  };
}

/**
 * Whether a JSON Schema keeps to the subset that constrained decoding wants: every object closed and all of its properties required.
 * Other schemas are sent without `strict`, since the API refuses them with it.
 */
export function isStrictSchema(schema: JsonValue | undefined): boolean {
  if (Array.isArray(schema)) return (schema as readonly JsonValue[]).every(isStrictSchema);
  if (!isJsonObject(schema)) return true;
  const properties = schema['properties'];
  if (schema['type'] === 'object' || isJsonObject(properties)) {
    const names = isJsonObject(properties) ? Object.keys(properties) : [];
    const required = Array.isArray(schema['required']) ? (schema['required'] as readonly JsonValue[]) : [];
    if (schema['additionalProperties'] !== false || !names.every((name) => required.includes(name)))
      return false;
  }
  const below: (JsonValue | undefined)[] = [
    schema['items'],
    schema['anyOf'],
    schema['oneOf'],
    schema['allOf'],
  ];
  for (const key of ['properties', '$defs', 'definitions']) {
    const named = schema[key];
    if (isJsonObject(named)) below.push(...Object.values(named as JsonObject));
  }
  return below.every(isStrictSchema);
}

/** Fields that ask for a stream, and which of them may be left out when the API refuses them; nothing where none is asked for. */
export function streamFields(
  asked: boolean | undefined,
  refused: ReadonlySet<string>,
  options?: JsonObject,
): { readonly fields: JsonObject; readonly refusable: readonly (readonly [string, string])[] } {
  if (asked !== true) return { fields: {}, refusable: [] };
  if (refused.has('stream')) return { fields: {}, refusable: [] };
  const known = options !== undefined && !refused.has('stream_options');
  return {
    fields: { stream: true, ...(known ? { stream_options: options } : {}) },
    // The more special one first: a refusal of it names both.
    refusable: [...(known ? [['stream_options', 'stream_options'] as const] : []), ['stream', 'stream']],
  };
}

/** Of a stream, what was asked for and refused. */
export function streamDropped(asked: boolean | undefined, refused: ReadonlySet<string>): string[] {
  return asked === true ? ['stream', 'stream_options'].filter((name) => refused.has(name)) : [];
}

/** The ids of a catalogue of models, as both APIs list them. */
export function listedIds(reply: unknown): string[] {
  const data = isJsonObject(reply) ? (reply['data'] ?? reply['models']) : undefined;
  if (!Array.isArray(data)) return [];
  return (data as readonly JsonValue[]).flatMap((one) =>
    isJsonObject(one) && typeof one['id'] === 'string' ? [one['id']] : [],
  );
}

/** An object without its undefined members, for a body that is hashed, stored and sent. */
export function compact(body: JsonObject): JsonObject {
  const kept: Record<string, JsonValue> = {};
  for (const name of Object.keys(body)) {
    const value = body[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

/** A value as the text of an answer: text as it is, anything else as compact JSON. */
export function jsonText(value: JsonValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Text that is there; null when it is not disclosed. */
export function disclosedText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
