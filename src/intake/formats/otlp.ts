// OpenTelemetry traces: spans of calls to models, by the names of GenAI (old and new), OpenInference and others.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import { jsonOf, readMessages, replyOf, usageOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';
import { reportUnknown } from './otlp-names.ts';

const SPAN_KEYS = new Set([
  'traceId',
  'spanId',
  'parentSpanId',
  'name',
  'kind',
  'startTimeUnixNano',
  'endTimeUnixNano',
  'attributes',
  'events',
  'status',
  'links',
  'traceState',
  'flags',
  'droppedAttributesCount',
  'droppedEventsCount',
  'droppedLinksCount',
]);
const REQUEST_KEYS = new Set(['resourceSpans', 'resource_spans']);

export function otlpReader(losses: Losses): RecordReader {
  return {
    *take(record, place, path) {
      if (!isJsonObject(record)) return;
      // An element of `resourceSpans`, or a whole request.
      if (record['scopeSpans'] !== undefined || path[0] === 'resourceSpans') {
        yield* resourceSpans(record, place, losses);
        return;
      }
      if (record['traceId'] !== undefined && record['spanId'] !== undefined) {
        yield* spanCases(record, place, losses);
        return;
      }
      unknownKeys(record, REQUEST_KEYS, { losses, place, what: 'request' });
      const list = record['resourceSpans'] ?? record['resource_spans'];
      if (Array.isArray(list))
        for (const entry of list as readonly JsonValue[])
          if (isJsonObject(entry)) yield* resourceSpans(entry, place, losses);
    },
    *finish() {},
  };
}

function* resourceSpans(entry: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  unknownKeys(entry, new Set(['resource', 'scopeSpans', 'schemaUrl', 'instrumentationLibrarySpans']), {
    losses,
    place,
    what: 'resourceSpans',
  });
  const scopes = entry['scopeSpans'] ?? entry['instrumentationLibrarySpans'];
  if (!Array.isArray(scopes)) return;
  for (const scope of scopes as readonly JsonValue[]) {
    if (!isJsonObject(scope)) continue;
    unknownKeys(scope, new Set(['scope', 'spans', 'schemaUrl', 'instrumentationLibrary']), {
      losses,
      place,
      what: 'scopeSpans',
    });
    const spans = scope['spans'];
    if (!Array.isArray(spans)) continue;
    for (const span of spans as readonly JsonValue[])
      if (isJsonObject(span)) yield* spanCases(span, place, losses);
  }
}

/** Attributes by name, of which only some are read. */
export type Attributes = ReadonlyMap<string, JsonValue>;

export function attributesOf(list: JsonValue | undefined): Attributes {
  const found = new Map<string, JsonValue>();
  if (!Array.isArray(list)) return found;
  for (const entry of list as readonly JsonValue[]) {
    if (!isJsonObject(entry) || typeof entry['key'] !== 'string') continue;
    found.set(entry['key'], anyValue(entry['value']));
  }
  return found;
}

function anyValue(value: JsonValue | undefined): JsonValue {
  if (!isJsonObject(value)) return null;
  if (value['stringValue'] !== undefined) return value['stringValue'];
  if (value['intValue'] !== undefined) return Number(value['intValue']);
  if (value['doubleValue'] !== undefined) return Number(value['doubleValue']);
  if (value['boolValue'] !== undefined) return value['boolValue'];
  const array = value['arrayValue'];
  if (isJsonObject(array))
    return Array.isArray(array['values']) ? (array['values'] as readonly JsonValue[]).map(anyValue) : [];
  const list = value['kvlistValue'];
  if (isJsonObject(list)) return Object.fromEntries(attributesOf(list['values']));
  return null;
}

function* spanCases(span: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  unknownKeys(span, SPAN_KEYS, { losses, place, what: 'span' });
  const a = attributesOf(span['attributes']);
  if (!isModelCall(a, span)) {
    losses.dropped('span that is not a call to a model', 'only calls to models become cases', place);
    return;
  }
  const site = { losses, place };
  reportUnknown(a.keys(), span['events'], site);
  const asked = askedOf(a, span, site);
  if (asked === null) {
    losses.dropped(
      'span of a model call',
      'it holds no messages (content capture was off, or they were cut off)',
      place,
    );
    return;
  }
  const recording = answerOf(a, span, site);
  losses.mapped();
  const start = nanos(span['startTimeUnixNano']);
  const session = a.get('gen_ai.conversation.id') ?? a.get('session.id');
  const ref = `${String(span['traceId'] ?? '')}/${String(span['spanId'] ?? '')}`;
  yield {
    recordId: ref,
    messages: asked,
    ...(typeof session === 'string' && session.trim() !== '' ? { group: session } : {}),
    source: {
      kind: 'otlp',
      ref,
      ...(start === undefined ? {} : { at: new Date(start).toISOString().slice(0, 10) }),
    },
    recordings: recording === null ? [] : [recording],
    place,
  };
}

const CALLS = new Set(['chat', 'generate_content', 'text_completion']);

/** A call to a model; spans above it repeat its messages and its usage. */
export function isModelCall(a: Attributes, span: JsonObject): boolean {
  const operation = a.get('gen_ai.operation.name');
  if (typeof operation === 'string') return CALLS.has(operation);
  const kind = a.get('openinference.span.kind');
  if (typeof kind === 'string') return kind === 'LLM';
  const traceloop = a.get('traceloop.span.kind');
  if (typeof traceloop === 'string') return false;
  const vercel = a.get('ai.operationId') ?? a.get('operation.name');
  if (typeof vercel === 'string' && vercel.startsWith('ai.')) return /\.do(Generate|Stream)/.test(vercel);
  return (
    a.has('gen_ai.request.model') ||
    a.has('gen_ai.system') ||
    a.has('gen_ai.prompt.0.content') ||
    a.has('llm.request.type') ||
    eventsOf(span).some(({ name }) => name.startsWith('gen_ai.'))
  );
}

interface Site {
  readonly losses: Losses;
  readonly place: Place;
}

/** A JSON attribute; one that an exporter cut off is reported. */
function jsonAttribute(a: Attributes, name: string, { losses, place }: Site): JsonValue | undefined {
  const value = a.get(name);
  if (typeof value !== 'string') return value;
  const parsed = jsonOf(value);
  if (parsed !== undefined) return unwrapped(parsed);
  if (/^\s*[[{]/.test(value)) {
    losses.dropped(
      `attribute ${JSON.stringify(name)}`,
      'truncated: it is JSON that was cut off by an exporter',
      place,
    );
    return undefined;
  }
  return value;
}

/** Some exporters put messages into an envelope with a version. */
function unwrapped(value: JsonValue): JsonValue {
  return isJsonObject(value) && Array.isArray(value['messages']) ? (value['messages'] as JsonValue) : value;
}

export function askedOf(a: Attributes, span: JsonObject, site: Site): JsonObject[] | null {
  const system = jsonAttribute(a, 'gen_ai.system_instructions', site);
  const lead =
    system === undefined
      ? []
      : (readMessages(
          [{ role: 'system', ...(typeof system === 'string' ? { content: system } : { parts: system }) }],
          site,
        ) ?? []);
  for (const name of ['gen_ai.input.messages', 'ai.prompt.messages', 'ai.prompt']) {
    const value = jsonAttribute(a, name, site);
    const messages = value === undefined ? null : readMessages(value, site);
    if (messages !== null) return [...lead, ...messages];
  }
  for (const prefix of ['llm.input_messages', 'gen_ai.prompt']) {
    const messages = readMessages(indexed(a, prefix), site);
    if (messages !== null) return [...lead, ...messages];
  }
  const fromEvents = eventsOf(span).flatMap(({ name, attributes }): JsonObject[] => {
    const role = /^gen_ai\.(system|user|assistant|tool)\.message$/.exec(name)?.[1];
    return role === undefined
      ? []
      : [{ role, content: attributes.get('content') ?? '', tool_calls: toolCallsOf(attributes) }];
  });
  const messages = fromEvents.length === 0 ? null : readMessages(fromEvents, site);
  if (messages !== null) return [...lead, ...messages];
  const input = jsonAttribute(a, 'input.value', site);
  return input === undefined ? null : readMessages(input, site);
}

function toolCallsOf(attributes: Attributes): JsonValue {
  const value = attributes.get('tool_calls');
  const parsed = typeof value === 'string' ? jsonOf(value) : value;
  return Array.isArray(parsed) ? (parsed as JsonValue) : [];
}

export function answerOf(a: Attributes, span: JsonObject, site: Site): FoundRecording | null {
  const start = nanos(span['startTimeUnixNano']);
  const end = nanos(span['endTimeUnixNano']);
  const number = (...names: string[]): number | undefined =>
    names
      .map((name) => a.get(name))
      .find((n): n is number => typeof n === 'number' && Number.isFinite(n) && n >= 0);
  const usage = usageOf({
    input_tokens: number(
      'gen_ai.usage.input_tokens',
      'gen_ai.usage.prompt_tokens',
      'llm.token_count.prompt',
      'ai.usage.promptTokens',
      'ai.usage.inputTokens',
    ),
    output_tokens: number(
      'gen_ai.usage.output_tokens',
      'gen_ai.usage.completion_tokens',
      'llm.token_count.completion',
      'ai.usage.completionTokens',
      'ai.usage.outputTokens',
    ),
    cached_input_tokens: number(
      'gen_ai.usage.cache_read.input_tokens',
      'llm.token_count.prompt_details.cache_read',
    ),
    cache_write_tokens: number(
      'gen_ai.usage.cache_write.input_tokens',
      'gen_ai.usage.cache_creation.input_tokens',
      'llm.token_count.prompt_details.cache_write',
    ),
    reasoning_tokens: number(
      'gen_ai.usage.reasoning.output_tokens',
      'llm.token_count.completion_details.reasoning',
    ),
  });
  const model = [
    'gen_ai.response.model',
    'llm.response.model_name',
    'gen_ai.request.model',
    'llm.model_name',
    'llm.request.model_name',
    'ai.model.id',
  ]
    .map((name) => a.get(name))
    .find((m): m is string => typeof m === 'string' && m !== '');
  const reasons = a.get('gen_ai.response.finish_reasons');
  const reason = Array.isArray(reasons)
    ? (reasons as readonly JsonValue[])[0]
    : (a.get('llm.finish_reason') ??
      a.get('gen_ai.completion.0.finish_reason') ??
      a.get('ai.response.finishReason'));
  const base = {
    release: 'recorded',
    model,
    usage,
    costUsd: number('llm.cost.total', 'gen_ai.usage.cost'),
    latencyMs:
      start === undefined || end === undefined || end < start
        ? undefined
        : Math.round((end - start) * 1000) / 1000,
  };
  const message = replyMessage(a, span, site);
  if (message !== null) {
    const stop = typeof reason === 'string' ? reason : message['finish_reason'];
    return {
      ...base,
      ...replyOf(message, site),
      stopReason: typeof stop === 'string' ? (stop === 'tool_call' ? 'tool_calls' : stop) : undefined,
    };
  }
  const status = span['status'];
  const failed =
    a.get('error.type') ??
    (isJsonObject(status) && (status['code'] === 2 || status['code'] === 'STATUS_CODE_ERROR')
      ? (status['message'] ?? 'error')
      : undefined);
  return failed === undefined ? null : { ...base, error: String(failed) };
}

function replyMessage(a: Attributes, span: JsonObject, site: Site): JsonObject | null {
  const list = jsonAttribute(a, 'gen_ai.output.messages', site);
  if (Array.isArray(list) && isJsonObject(list[0] as JsonValue)) return list[0] as JsonObject;
  for (const prefix of ['llm.output_messages', 'gen_ai.completion']) {
    const first = indexed(a, prefix)[0];
    if (first !== undefined) return first;
  }
  const text = a.get('ai.response.text');
  const calls = jsonAttribute(a, 'ai.response.toolCalls', site);
  if (typeof text === 'string' || calls !== undefined) {
    const list = Array.isArray(calls)
      ? (calls as readonly JsonValue[]).map((c) =>
          isJsonObject(c) ? { id: c['toolCallId'], name: c['toolName'], args: c['args'] ?? c['input'] } : c,
        )
      : [];
    return { content: typeof text === 'string' ? text : '', tool_calls: list as JsonValue };
  }
  const choice = eventsOf(span).find(({ name }) => name === 'gen_ai.choice')?.attributes;
  if (choice !== undefined) {
    const held = choice.get('message');
    const parsed = typeof held === 'string' ? (jsonOf(held) ?? { content: held }) : held;
    return isJsonObject(parsed)
      ? { ...parsed, finish_reason: choice.get('finish_reason') }
      : {
          content: choice.get('content') ?? '',
          tool_calls: toolCallsOf(choice),
          finish_reason: choice.get('finish_reason'),
        };
  }
  const output = a.get('output.value');
  return typeof output === 'string' ? { content: output } : null;
}

/** `llm.input_messages.0.message.role` and its like as a list of messages. */
function indexed(a: Attributes, prefix: string): JsonObject[] {
  const list: Record<string, JsonValue>[] = [];
  for (const [name, value] of a) {
    if (!name.startsWith(`${prefix}.`)) continue;
    const [, digits = '', rest = ''] =
      /^(\d{1,4})\.(?:message\.)?(.+)$/.exec(name.slice(prefix.length + 1)) ?? [];
    if (digits === '') continue;
    list[Number(digits)] ??= {};
    assign(list[Number(digits)] as Record<string, JsonValue>, rest, value);
  }
  return list.filter((m) => m !== undefined);
}

function assign(message: Record<string, JsonValue>, rest: string, value: JsonValue): void {
  const call =
    /^tool_calls\.(\d{1,3})\.(?:tool_call\.)?(id|name|arguments|function\.name|function\.arguments)$/.exec(
      rest,
    );
  if (call !== null) {
    message['tool_calls'] ??= [];
    const calls = message['tool_calls'] as unknown as Record<string, JsonValue>[];
    const n = Number(call[1]);
    calls[n] ??= {};
    (calls[n] as Record<string, JsonValue>)[(call[2] as string).replace('function.', '')] = value;
    return;
  }
  const part = /^contents\.(\d{1,3})\.(?:message_content\.)?(type|text)$/.exec(rest);
  if (part !== null) {
    message['contents'] ??= [];
    const parts = message['contents'] as unknown as Record<string, JsonValue>[];
    const n = Number(part[1]);
    parts[n] ??= { type: 'text' };
    (parts[n] as Record<string, JsonValue>)[part[2] as string] = value;
    return;
  }
  if (/^(role|content|name|tool_call_id|finish_reason)$/.test(rest)) message[rest] = value;
}

export function eventsOf(span: JsonObject): { readonly name: string; readonly attributes: Attributes }[] {
  const events = span['events'];
  if (!Array.isArray(events)) return [];
  return (events as readonly JsonValue[]).flatMap((e) =>
    isJsonObject(e) && typeof e['name'] === 'string'
      ? [{ name: e['name'], attributes: attributesOf(e['attributes']) }]
      : [],
  );
}

/** Milliseconds of a time in nanoseconds, which is a decimal text. */
export function nanos(value: JsonValue | undefined): number | undefined {
  const n =
    typeof value === 'string' && /^\d+$/.test(value)
      ? Number(value)
      : typeof value === 'number'
        ? value
        : Number.NaN;
  return Number.isFinite(n) && n > 0 ? n / 1e6 : undefined;
}
