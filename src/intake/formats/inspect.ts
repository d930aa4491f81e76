// inspect_ai logs as JSON: samples are cases, epochs are recordings, the model is the release.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { literalText } from '../../base/template-text.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import { readMessages, replyOf, usageOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';
import { tagsOf } from './langfuse.ts';

const LOG_KEYS = new Set([
  'version',
  'status',
  'eval',
  'plan',
  'results',
  'stats',
  'error',
  'samples',
  'reductions',
  'invalidated',
  'location',
  'etag',
  'tags',
  'metadata',
  'log_updates',
  'sample_summaries',
]);
const SAMPLE_KEYS = new Set([
  'id',
  'epoch',
  'input',
  'choices',
  'target',
  'messages',
  'output',
  'scores',
  'metadata',
  'store',
  'events',
  'model_usage',
  'total_time',
  'working_time',
  'uuid',
  'error',
  'limit',
  'attachments',
  'events_data',
  'sandbox',
  'files',
  'setup',
  'started_at',
  'completed_at',
  'error_retries',
  'invalidation',
  'role_usage',
]);

export function inspectReader(losses: Losses): RecordReader {
  return {
    *take(record, place, path) {
      if (!isJsonObject(record)) return;
      if (path[0] === 'samples' || (record['epoch'] !== undefined && record['input'] !== undefined)) {
        yield* sample(record, place, losses);
        return;
      }
      unknownKeys(record, LOG_KEYS, { losses, place, what: 'log' });
      const { samples } = record;
      if (Array.isArray(samples))
        for (const entry of samples as readonly JsonValue[])
          if (isJsonObject(entry)) yield* sample(entry, place, losses);
      const spec = record['eval'];
      if (isJsonObject(spec) && spec['scorers'] !== undefined && spec['scorers'] !== null)
        losses.dropped(
          'scorers of the task',
          'they are Python; recorded scores are kept beside the answers',
          place,
        );
    },
    *finish() {},
  };
}

function* sample(record: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  unknownKeys(record, SAMPLE_KEYS, { losses, place, what: 'sample' });
  const site = { losses, place };
  const attachments = isJsonObject(record['attachments']) ? record['attachments'] : {};
  const input = attached(record['input'] ?? null, attachments);
  const messages = readMessages(input, site);
  if (messages === null) {
    losses.dropped('sample', 'it has no input', place);
    return;
  }
  const choices = Array.isArray(record['choices']) ? (record['choices'] as readonly JsonValue[]) : [];
  if (choices.length > 0) {
    losses.approximated('choices', 'written below the question', place);
    messages.push({
      role: 'user',
      content: literalText(choices.map((c, i) => `${String.fromCharCode(65 + i)}) ${String(c)}`).join('\n')),
    });
  }
  const { target } = record;
  const expected = Array.isArray(target) && target.length === 1 ? (target[0] as JsonValue) : target;
  const metadata = isJsonObject(record['metadata']) ? record['metadata'] : {};
  const id = record['id'];
  losses.mapped();
  yield {
    sourceId: typeof id === 'string' ? id : typeof id === 'number' ? `sample-${id}` : undefined,
    recordId: typeof record['uuid'] === 'string' ? record['uuid'] : undefined,
    joins: typeof record['epoch'] === 'number' && record['epoch'] > 1,
    messages,
    ...(expected === undefined || expected === null || expected === '' ? {} : { expected }),
    tags: tagsOf(metadata['tags']),
    meta: metadata,
    source: { kind: 'inspect', ...(typeof record['uuid'] === 'string' ? { ref: record['uuid'] } : {}) },
    recordings: [recordingOf(record, attachments, site)],
    place,
  };
}

/** Long texts stand apart, under their hash. */
function attached(value: JsonValue, attachments: JsonObject): JsonValue {
  if (typeof value === 'string') {
    const key = /^attachment:\/\/(\w+)$/.exec(value)?.[1];
    const text = key === undefined ? undefined : attachments[key];
    return typeof text === 'string' ? text : value;
  }
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((v) => attached(v, attachments));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([k, v]) => [k, v === undefined ? v : attached(v, attachments)]),
  );
}

const VALUES: Readonly<Record<string, number>> = { C: 1, I: 0, P: 0.5, N: 0 };
const STOPS: Readonly<Record<string, string>> = { max_tokens: 'length', model_length: 'length' };

function recordingOf(
  record: JsonObject,
  attachments: JsonObject,
  site: { readonly losses: Losses; readonly place: Place },
): FoundRecording {
  const output = isJsonObject(record['output']) ? record['output'] : {};
  const model = typeof output['model'] === 'string' && output['model'] !== '' ? output['model'] : undefined;
  const scores = Object.entries(isJsonObject(record['scores']) ? record['scores'] : {}).flatMap(
    ([name, s]) => {
      const value = isJsonObject(s) ? s['value'] : undefined;
      const n =
        typeof value === 'string' ? VALUES[value] : typeof value === 'boolean' ? Number(value) : value;
      return typeof n === 'number' ? [[name, n] as const] : [];
    },
  );
  const time = record['total_time'];
  const choices = output['choices'];
  const choice = Array.isArray(choices) ? (choices[0] as JsonValue) : undefined;
  const stop = isJsonObject(choice) ? choice['stop_reason'] : undefined;
  const base = {
    release: model ?? 'recorded',
    model,
    usage: usageOf(output['usage']),
    latencyMs: typeof time === 'number' && time >= 0 ? Math.round(time * 1000) : undefined,
    stopReason: typeof stop === 'string' && stop !== 'unknown' ? (STOPS[stop] ?? stop) : undefined,
    scores: scores.length === 0 ? undefined : (Object.fromEntries(scores) as JsonObject),
  };
  const error = record['error'] ?? output['error'];
  if (error !== undefined && error !== null && error !== '')
    return {
      ...base,
      error:
        isJsonObject(error) && typeof error['message'] === 'string'
          ? error['message']
          : JSON.stringify(error),
    };
  if (isJsonObject(choice) && isJsonObject(choice['message']))
    return { ...base, ...replyOf(attached(choice['message'], attachments) as JsonObject, site) };
  const text = output['completion'];
  return typeof text === 'string'
    ? { ...base, output: text }
    : { ...base, error: 'recorded without an output' };
}
