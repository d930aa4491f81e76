// Langfuse: dataset items and observations, from its pages, its API or its blob export.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import {
  dayOf,
  jsonOf,
  millisBetween,
  momentOf,
  partsOf,
  readMessages,
  replyOf,
  usageOf,
} from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';

const ITEM_KEYS = new Set([
  'id',
  'projectId',
  'datasetId',
  'datasetName',
  'status',
  'input',
  'expectedOutput',
  'metadata',
  'sourceTraceId',
  'sourceObservationId',
  'createdAt',
  'updatedAt',
  'htmlSourcePath',
  'validFrom',
  'validTo',
]);
const OBSERVATION_KEYS = new Set([
  'id',
  'traceId',
  'projectId',
  'type',
  'environment',
  'parentObservationId',
  'startTime',
  'endTime',
  'completionStartTime',
  'name',
  'metadata',
  'level',
  'statusMessage',
  'version',
  'userId',
  'sessionId',
  'input',
  'output',
  'model',
  'modelId',
  'internalModelId',
  'modelParameters',
  'promptId',
  'promptName',
  'promptVersion',
  'usageDetails',
  'costDetails',
  'latency',
  'timeToFirstToken',
  'inputUsage',
  'outputUsage',
  'totalUsage',
  'totalCost',
  'inputCost',
  'outputCost',
  'traceName',
  'traceTags',
  'comments',
  'usage',
  'unit',
  'createdAt',
  'updatedAt',
  'toolCalls',
  'toolCallNames',
  'toolDefinitions',
  'tags',
  'release',
  'providedModelName',
  'inputPrice',
  'outputPrice',
  'totalPrice',
  'calculatedInputCost',
  'calculatedOutputCost',
  'calculatedTotalCost',
  'promptTokens',
  'completionTokens',
  'totalTokens',
  'bookmarked',
  'public',
  'usagePricingTierName',
  'providedUsageDetails',
  'providedCostDetails',
  'scores',
  'modelName',
  'usagePricingTierId',
  'isDeleted',
  'eventTs',
]);
const TRACE_KEYS = new Set([
  'id',
  'name',
  'timestamp',
  'input',
  'output',
  'observations',
  'scores',
  'sessionId',
  'userId',
  'release',
  'version',
  'metadata',
  'tags',
  'public',
  'environment',
  'htmlPath',
  'latency',
  'totalCost',
  'createdAt',
  'updatedAt',
  'projectId',
  'bookmarked',
  'externalId',
  'trace',
]);

export function langfuseReader(losses: Losses): RecordReader {
  return {
    *take(record, place, path) {
      if (!isJsonObject(record)) return;
      const one = camel(record);
      if (Array.isArray(one['data']) && path.length === 0) {
        for (const entry of one['data'] as readonly JsonValue[])
          if (isJsonObject(entry)) yield* any(camel(entry), place, losses);
        return;
      }
      yield* any(one, place, losses);
    },
    *finish() {},
  };
}

function* any(one: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  if (one['expectedOutput'] !== undefined || one['datasetId'] !== undefined) {
    yield* item(one, place, losses);
    return;
  }
  if (Array.isArray(one['observations'])) {
    unknownKeys(one, TRACE_KEYS, { losses, place, what: 'trace' });
    for (const entry of one['observations'] as readonly JsonValue[])
      if (isJsonObject(entry)) yield* observation(camel(entry), place, losses);
    return;
  }
  if (one['traceId'] === undefined && one['type'] === undefined) {
    if (Object.keys(one).some((key) => key !== 'meta'))
      losses.dropped('record', 'it is not an item, observation or trace', place);
    return;
  }
  yield* observation(one, place, losses);
}

/** The blob export writes snake_case, the others camelCase. */
function camel(record: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key.replace(/(?<=[a-z0-9])_([a-z])/g, (_, c: string) => c.toUpperCase()),
      value,
    ]),
  );
}

/** Texts that may be JSON; "" means unset. */
function whole(value: JsonValue | undefined): JsonValue | undefined {
  if (value === '' || value === null || value === undefined) return undefined;
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(value)) return value;
  return jsonOf(value) ?? value;
}

function* item(one: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  unknownKeys(one, ITEM_KEYS, { losses, place, what: 'dataset item' });
  if (one['status'] === 'ARCHIVED') {
    losses.dropped('dataset item', 'it is archived', place);
    return;
  }
  const input = whole(one['input']);
  const expected = whole(one['expectedOutput']);
  const metadata = whole(one['metadata']);
  losses.mapped();
  yield {
    sourceId: typeof one['id'] === 'string' ? one['id'] : undefined,
    ...inputOf(input, { losses, place }),
    ...(expected === undefined ? {} : { expected }),
    tags: tagsOf(isJsonObject(metadata) ? metadata['tags'] : undefined),
    meta: isJsonObject(metadata) ? metadata : {},
    source: {
      kind: 'langfuse',
      ...refOf(one['sourceTraceId'] ?? one['datasetName']),
      ...atOf(one['createdAt']),
    },
    place,
  };
}

/** Messages where the input is a conversation, variables where it is a map, else one variable `input`. */
export function inputOf(
  input: JsonValue | undefined,
  site: { readonly losses: Losses; readonly place: Place },
): Pick<FoundCase, 'messages' | 'vars'> {
  const conversation = isJsonObject(input) && Array.isArray(input['messages']) ? input['messages'] : input;
  if (
    Array.isArray(conversation) &&
    conversation.some(
      (m: JsonValue) => isJsonObject(m) && (m['role'] !== undefined || m['kwargs'] !== undefined),
    )
  ) {
    const messages = readMessages(conversation as JsonValue, site);
    if (messages !== null) return { messages };
  }
  if (isJsonObject(input)) return { vars: named(input) };
  return { vars: { input: input ?? null } };
}

/** Names of variables that a template can ask for. */
function named(input: JsonObject): JsonObject {
  const { __proto__: _never, ...rest } = input as JsonObject & { __proto__?: unknown };
  return rest as JsonObject;
}

export function tagsOf(value: JsonValue | undefined): string[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly JsonValue[])
    .map((t) =>
      String(t)
        .replace(/\p{Cc}/gu, ' ')
        .trim(),
    )
    .filter((t) => t !== '');
}

const refOf = (value: JsonValue | undefined): { ref?: string } =>
  typeof value === 'string' && value !== '' ? { ref: value } : {};
const atOf = (value: JsonValue | undefined): { at?: string } => {
  const at = dayOf(value);
  return at === undefined ? {} : { at };
};

function* observation(one: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  if (one['type'] !== undefined && one['type'] !== 'GENERATION') {
    losses.dropped(
      `observation of type ${JSON.stringify(one['type'])}`,
      'only calls to models become cases',
      place,
    );
    return;
  }
  // What is left over are scores, each a column with the name that its owner gave it.
  const scores = Object.entries(one).filter(([key, value]) => !OBSERVATION_KEYS.has(key) && isScores(value));
  const known = new Set([...OBSERVATION_KEYS, ...scores.map(([key]) => key)]);
  unknownKeys(one, known, { losses, place, what: 'observation' });
  const site = { losses, place };
  const input = whole(one['input']);
  if (input === undefined) {
    losses.dropped('observation', 'it has no input', place);
    return;
  }
  const recording = recordingOf(one, scores, site);
  losses.mapped();
  const session = one['sessionId'];
  yield {
    recordId: typeof one['id'] === 'string' ? one['id'] : undefined,
    ...(typeof input === 'string' ? { messages: readMessages(input, site) ?? [] } : inputOf(input, site)),
    tags: tagsOf(whole(one['traceTags'] ?? one['tags'])),
    ...(typeof session === 'string' && session.trim() !== '' ? { group: session } : {}),
    meta: {
      ...(one['promptName']
        ? {
            prompt: one['promptName'],
            ...(one['promptVersion'] ? { 'prompt-version': one['promptVersion'] } : {}),
          }
        : {}),
    },
    source: {
      kind: 'langfuse',
      ref:
        [one['traceId'], one['id']].filter((v) => typeof v === 'string' && v !== '').join('/') ||
        'observation',
      ...atOf(one['startTime']),
    },
    time: momentOf(one['startTime']),
    recordings: recording === null ? [] : [recording],
    place,
  };
}

function isScores(value: JsonValue | undefined): boolean {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((v: JsonValue) => typeof v === 'number' || typeof v === 'string' || typeof v === 'boolean')
  );
}

function recordingOf(
  one: JsonObject,
  scores: readonly (readonly [string, JsonValue | undefined])[],
  site: { readonly losses: Losses; readonly place: Place },
): FoundRecording | null {
  const output = whole(one['output']);
  const model = [one['model'], one['providedModelName'], one['modelName']].find(
    (m) => typeof m === 'string' && m !== '',
  );
  const cost = [one['totalCost'], (whole(one['costDetails']) as JsonObject | undefined)?.['total']].find(
    (c) => typeof c === 'number' && c >= 0,
  );
  const base = {
    release: 'recorded',
    model: model as string | undefined,
    usage: usageOf(whole(one['usageDetails'])) ?? usageOf(one),
    // `latency` is in ms in one export and in s in the other: the times say it without doubt.
    latencyMs: millisBetween(one['startTime'], one['endTime']),
    costUsd: cost as number | undefined,
    scores: scores.length === 0 ? undefined : (Object.fromEntries(scores) as JsonObject),
  };
  if (one['level'] === 'ERROR' && output === undefined)
    return {
      ...base,
      error:
        typeof one['statusMessage'] === 'string' && one['statusMessage'] !== ''
          ? one['statusMessage']
          : 'recorded as an error',
    };
  if (output === undefined) return null;
  return { ...base, ...outputOf(output, site) };
}

/** An answer in the shape of a message, a reply, or any other value. */
export function outputOf(
  output: JsonValue,
  site: { readonly losses: Losses; readonly place: Place },
): Pick<FoundRecording, 'output' | 'toolCalls'> {
  const list = Array.isArray(output) && output.length === 1 ? (output[0] as JsonValue) : output;
  if (isJsonObject(list)) {
    const choices = list['choices'];
    const first = Array.isArray(choices) ? (choices[0] as JsonValue) : undefined;
    if (isJsonObject(first) && isJsonObject(first['message'])) return replyOf(first['message'], site);
    const generation = generationOf(list);
    if (generation !== null) return generation;
    const isMessage =
      list['role'] !== undefined ||
      list['tool_calls'] !== undefined ||
      (Array.isArray(list['content']) && partsOf(list, site).text !== '');
    if (isMessage) return replyOf(list, site);
  }
  return { output };
}

/** LangChain: `{ generations: [[{ text, message }]] }`. */
function generationOf(value: JsonObject): Pick<FoundRecording, 'output'> | null {
  const outer = value['generations'];
  const inner = Array.isArray(outer) ? (outer[0] as JsonValue) : undefined;
  const first = Array.isArray(inner) ? (inner[0] as JsonValue) : inner;
  if (!isJsonObject(first)) return null;
  if (typeof first['text'] === 'string' && first['text'] !== '') return { output: first['text'] };
  const message = first['message'];
  const kwargs = isJsonObject(message) && isJsonObject(message['kwargs']) ? message['kwargs'] : message;
  return isJsonObject(kwargs) && typeof kwargs['content'] === 'string' ? { output: kwargs['content'] } : null;
}
