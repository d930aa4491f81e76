// Reading what APIs, applications and recordings write in many spellings: tool calls, token counts, stop words, tool choices, schemas.

import type { Message, ToolCall } from '../core/conversation.ts';
import type { JsonObject, JsonValue } from '../core/json.ts';
import { isJsonObject } from '../core/json.ts';
import type { StopReason, Usage } from '../core/provider.ts';

/** Arguments as JSON; the raw text where they are none. */
export function parsedArgs(text: string): JsonValue {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

/** Tool calls in our own shape, OpenAI's or Anthropic's; undefined when the value is no list of calls. */
export function readToolCalls(value: JsonValue | undefined): ToolCall[] | undefined {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const calls: ToolCall[] = [];
  for (const item of value as readonly JsonValue[]) {
    if (!isJsonObject(item)) return undefined;
    const source = isJsonObject(item['function']) ? item['function'] : item;
    const name = source['name'];
    if (typeof name !== 'string') return undefined;
    const args = source['args'] ?? source['arguments'] ?? source['input'] ?? {};
    const id = item['id'] ?? item['call_id'];
    calls.push({
      ...(typeof id === 'string' ? { id } : {}),
      name,
      args: typeof args === 'string' ? parsedArgs(args) : args,
    });
  }
  return calls;
}

const USAGE_SPELLINGS = {
  inputTokens: ['input_tokens', 'prompt_tokens', 'inputTokens', 'promptTokens', 'input-tokens'],
  outputTokens: ['output_tokens', 'completion_tokens', 'outputTokens', 'completionTokens', 'output-tokens'],
  cachedInputTokens: ['cached_input_tokens', 'cached_tokens', 'cachedInputTokens', 'cached-input-tokens'],
  cacheWriteTokens: ['cache_write_tokens', 'cacheWriteTokens', 'cache-write-tokens'],
  reasoningTokens: ['reasoning_tokens', 'reasoningTokens', 'reasoning-tokens'],
} as const satisfies Record<keyof Usage, readonly string[]>;

/** Token counts under any usual name, as they stand there; null when none is told. */
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

/** The system turns that open the conversation, as one text, and the turns after them. */
export function splitSystem(messages: readonly Message[]): { system: string | undefined; rest: Message[] } {
  const first = messages.findIndex((message) => message.role !== 'system');
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
