// Conversations with OpenAI's and Anthropic's models: stored completions, requests with replies, batches, and plain `messages`.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import {
  dayOf,
  millisBetween,
  momentOf,
  readMessages,
  replyOf,
  splitAnswer,
  usageOf,
} from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';

/** Bodies of requests. Settings of the call are of the release that made it, not of the case. */
const REQUEST_KEYS = new Set([
  'model',
  'messages',
  'input',
  'instructions',
  'system',
  'tools',
  'tool_choice',
  'temperature',
  'top_p',
  'top_k',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'stop',
  'stop_sequences',
  'seed',
  'stream',
  'stream_options',
  'n',
  'user',
  'metadata',
  'store',
  'response_format',
  'text',
  'reasoning',
  'reasoning_effort',
  'thinking',
  'frequency_penalty',
  'presence_penalty',
  'logprobs',
  'top_logprobs',
  'parallel_tool_calls',
  'service_tier',
  'verbosity',
  'previous_response_id',
  'include',
  'truncation',
]);
/** Keys of a record around request and reply. */
const RECORD_KEYS = new Set([
  ...REQUEST_KEYS,
  'id',
  'custom_id',
  'method',
  'url',
  'body',
  'request',
  'response',
  'result',
  'error',
  'object',
  'created',
  'created_at',
  'timestamp',
  'choices',
  'output',
  'usage',
  'finish_reason',
  'stop_reason',
  'stop_sequence',
  'content',
  'role',
  'type',
  'latency_ms',
  'duration_ms',
  'cost_usd',
  'tags',
  'status',
  'system_fingerprint',
  'completion',
  'ideal',
  'start_time',
  'end_time',
  'request_id',
  'weight',
]);

export function chatReader(losses: Losses): RecordReader {
  /** Batch requests that wait for their replies, and the other way round. */
  const waiting = new Map<
    string,
    {
      readonly asked?: JsonObject | undefined;
      readonly reply?: JsonObject | undefined;
      readonly place: Place;
    }
  >();
  return {
    *take(record, place) {
      if (!isJsonObject(record)) {
        losses.dropped('record', 'it is not a map', place);
        return;
      }
      unknownKeys(record, RECORD_KEYS, { losses, place, what: 'record' });
      const id = record['custom_id'];
      if (typeof id === 'string') {
        const batch = batchParts(record);
        const other = waiting.get(id);
        const asked = batch.asked ?? other?.asked;
        const reply = batch.reply ?? other?.reply;
        if (asked === undefined || reply === undefined) {
          waiting.set(id, { ...other, ...batch, place });
          return;
        }
        waiting.delete(id);
        yield* found({ asked, reply, record, sourceId: undefined, place, losses });
        return;
      }
      yield* found({ ...partsOf(record), record, sourceId: undefined, place, losses });
    },
    *finish() {
      for (const { asked, reply, place } of waiting.values()) {
        if (asked !== undefined)
          yield* found({ asked, reply: undefined, record: {}, sourceId: undefined, place, losses });
        else if (reply !== undefined)
          losses.dropped('batch reply', 'its request is in none of the files', place);
      }
    },
  };
}

interface Parts {
  /** Body of the request, or what stands in its place. */
  readonly asked: JsonObject;
  readonly reply: JsonObject | undefined;
}

function batchParts(record: JsonObject): { asked?: JsonObject; reply?: JsonObject } {
  if (isJsonObject(record['body'])) return { asked: record['body'] };
  const params = record['params'];
  if (isJsonObject(params)) return { asked: params };
  const response = record['response'];
  if (isJsonObject(response)) return { reply: isJsonObject(response['body']) ? response['body'] : response };
  const result = record['result'];
  if (isJsonObject(result))
    return {
      reply: isJsonObject(result['message'])
        ? result['message']
        : { error: result['error'] ?? result['type'] ?? null },
    };
  return record['error'] === undefined ? {} : { reply: { error: record['error'] } };
}

function partsOf(record: JsonObject): Parts {
  const bodyOf = (value: JsonValue | undefined): JsonObject | undefined =>
    isJsonObject(value) ? (isJsonObject(value['body']) ? value['body'] : value) : undefined;
  const request = bodyOf(record['request']);
  const response = bodyOf(record['response']);
  if (request !== undefined)
    return {
      asked: request,
      reply: response ?? (isJsonObject(record['error']) ? { error: record['error'] } : undefined),
    };
  if (record['choices'] !== undefined || record['object'] === 'response')
    return { asked: record, reply: record };
  return { asked: record, reply: response };
}

interface Whole extends Parts {
  readonly record: JsonObject;
  readonly sourceId: string | undefined;
  readonly place: Place;
  readonly losses: Losses;
}

function* found({ asked, reply, record, place, losses }: Whole): Iterable<FoundCase> {
  const site = { losses, place };
  if (asked !== record) unknownKeys(asked, REQUEST_KEYS, { losses, place, what: 'request' });
  const given = asked['messages'] ?? (record['object'] === 'response' ? record['input'] : asked['input']);
  const system = asked['system'] ?? asked['instructions'];
  // Without a reply of its own, a conversation that ends with an answer holds it.
  const { asked: conversation, answer } =
    reply === undefined ? splitAnswer(given, site) : { asked: readMessages(given, site), answer: null };
  if (conversation === null) {
    losses.dropped('record', 'it holds no question: a stored reply needs its `messages`', place);
    return;
  }
  const lead =
    system === undefined || system === null
      ? []
      : (readMessages([{ role: 'system', content: system }], site) ?? []);
  const recording =
    reply === undefined
      ? answer === null
        ? null
        : { release: 'recorded', ...replyOf(answer, site) }
      : recordingOf(reply, record, site);
  const { ideal, tags } = record;
  const at =
    dayOf(record['timestamp']) ??
    unixDay(record['created'] ?? record['created_at'] ?? reply?.['created'] ?? reply?.['created_at']);
  const time =
    momentOf(record['timestamp'] ?? record['start_time']) ??
    unixMoment(record['created'] ?? record['created_at'] ?? reply?.['created'] ?? reply?.['created_at']);
  losses.mapped();
  yield {
    recordId: typeof record['id'] === 'string' ? record['id'] : undefined,
    messages: [...lead, ...conversation],
    ...(ideal === undefined ? {} : { expected: ideal }),
    ...(Array.isArray(tags)
      ? { tags: (tags as readonly JsonValue[]).map(String).filter((t) => t.trim() !== '') }
      : {}),
    meta: isJsonObject(record['metadata']) ? record['metadata'] : {},
    source: {
      kind: 'chat',
      ...(typeof record['id'] === 'string' ? { ref: record['id'] } : {}),
      ...(at === undefined ? {} : { at }),
    },
    time,
    recordings: recording === null ? [] : [recording],
    place,
  };
}

function unixMoment(value: JsonValue | undefined): string | undefined {
  return typeof value === 'number' && value > 1e8 && value < 1e11
    ? new Date(value * 1000).toISOString()
    : undefined;
}

function unixDay(value: JsonValue | undefined): string | undefined {
  return unixMoment(value)?.slice(0, 10);
}

/** The recording of a reply in the shape of Chat Completions, Responses or Messages. */
function recordingOf(
  reply: JsonObject,
  record: JsonObject,
  site: { readonly losses: Losses; readonly place: Place },
): FoundRecording {
  const latency = [record['latency_ms'], record['duration_ms']].find((n) => typeof n === 'number');
  const base = {
    release: 'recorded',
    model: typeof reply['model'] === 'string' ? reply['model'] : undefined,
    usage: usageOf(reply['usage']),
    latencyMs:
      typeof latency === 'number' ? latency : millisBetween(record['start_time'], record['end_time']),
    costUsd: typeof record['cost_usd'] === 'number' ? record['cost_usd'] : undefined,
  };
  const error = reply['error'];
  if (error !== undefined && error !== null && error !== '')
    return {
      ...base,
      error:
        isJsonObject(error) && typeof error['message'] === 'string'
          ? error['message']
          : JSON.stringify(error),
    };
  const choices = reply['choices'];
  if (Array.isArray(choices)) {
    const choice = choices[0] as JsonValue;
    if (choices.length > 1)
      site.losses.approximated('reply with several choices', 'the first one is taken', site.place);
    const message = isJsonObject(choice) && isJsonObject(choice['message']) ? choice['message'] : {};
    const stop = isJsonObject(choice) ? choice['finish_reason'] : undefined;
    return { ...base, ...replyOf(message, site), stopReason: typeof stop === 'string' ? stop : undefined };
  }
  if (Array.isArray(reply['output'])) {
    const items = (reply['output'] as readonly JsonValue[]).filter(isJsonObject);
    const texts = items.filter((i) => i['type'] === 'message');
    const calls = items.filter((i) => i['type'] === 'function_call');
    const said = replyOf(
      {
        content: texts.flatMap((t) => (Array.isArray(t['content']) ? (t['content'] as JsonValue[]) : [])),
        tool_calls: calls,
      },
      site,
    );
    const reason = isJsonObject(reply['incomplete_details'])
      ? reply['incomplete_details']['reason']
      : undefined;
    return {
      ...base,
      ...said,
      stopReason: typeof reason === 'string' ? reason : reply['status'] === 'completed' ? 'stop' : undefined,
    };
  }
  const stop = reply['stop_reason'];
  return { ...base, ...replyOf(reply, site), stopReason: typeof stop === 'string' ? stop : undefined };
}
