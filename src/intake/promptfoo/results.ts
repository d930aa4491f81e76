// Results that promptfoo wrote: each is a case with its recorded answer.

import { fixedDocument } from '../../base/document.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import { usageOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';
import { type Reading, Site } from './site.ts';
import { readTest, type TestFrame } from './tests.ts';

const KEYS = new Set([
  'id',
  'promptIdx',
  'testIdx',
  'promptId',
  'provider',
  'prompt',
  'vars',
  'testCase',
  'response',
  'success',
  'score',
  'failureReason',
  'error',
  'latencyMs',
  'cost',
  'gradingResult',
  'namedScores',
  'metadata',
  'evalId',
  'description',
  'tokenUsage',
  'traceId',
  'evaluationId',
]);
const TEST_KEYS = new Set([
  'vars',
  'assert',
  'threshold',
  'metadata',
  'description',
  'options',
  'provider',
  'providers',
  'prompts',
  'providerOutput',
  'assertScoringFunction',
]);
/** Parts of the whole document beside its results. */
const DOCUMENT_KEYS = new Set([
  'evalId',
  'results',
  'config',
  'shareableUrl',
  'vars',
  'metadata',
  'traces',
  'blobAssets',
  'author',
  'prompts',
  'runtimeOptions',
  'createdAt',
  'datasetId',
]);

/** A reader of `results[]` elements, lines of them, and whole documents. */
export function resultsReader(reading: Reading, frame: TestFrame): RecordReader {
  const { losses } = reading;
  return {
    *take(record, place, path) {
      if (!isJsonObject(record)) {
        losses.dropped('result', 'it is not a map', place);
        return;
      }
      if (record['promptIdx'] !== undefined || record['testCase'] !== undefined || path.length === 2)
        yield* result(record, place, reading, frame);
      else yield* document(record, place, reading, frame);
    },
    *finish() {},
  };
}

function* document(
  record: JsonObject,
  place: Place,
  reading: Reading,
  frame: TestFrame,
): Iterable<FoundCase> {
  unknownKeys(record, DOCUMENT_KEYS, { losses: reading.losses, place, what: 'results' });
  const results = record['results'];
  const list = isJsonObject(results) ? results['results'] : results;
  if (isJsonObject(results) && results['table'] !== undefined && !Array.isArray(list))
    reading.losses.dropped('results of version 2', 'they hold no whole results; export them again', place);
  if (Array.isArray(list))
    for (const entry of list as readonly JsonValue[])
      if (isJsonObject(entry)) yield* result(entry, place, reading, frame);
}

function* result(record: JsonObject, place: Place, reading: Reading, frame: TestFrame): Iterable<FoundCase> {
  const { losses } = reading;
  unknownKeys(record, KEYS, { losses, place, what: 'result' });
  const testCase = isJsonObject(record['testCase']) ? record['testCase'] : {};
  unknownKeys(testCase, TEST_KEYS, { losses, place, what: 'testCase' });
  const vars = isJsonObject(record['vars']) ? record['vars'] : testCase['vars'];
  const test: JsonObject = {
    ...(isJsonObject(vars) ? { vars } : {}),
    ...pick(testCase, ['assert', 'threshold', 'metadata', 'description']),
  };
  const value = { ...test, options: { disableVarExpansion: true } };
  // The same test in another release is one construct: it is known by its content.
  const at = { line: place.line ?? 1, column: 1 };
  const site = new Site(reading, fixedDocument(value as JsonObject, place.file, at));
  for (const found of readTest({ site, csv: false }, frame)) {
    const recording = recordingOf(record, place, reading);
    yield {
      ...found,
      source: {
        kind: 'promptfoo',
        ...(typeof record['evalId'] === 'string' ? { ref: record['evalId'] } : {}),
      },
      recordings: recording === null ? [] : [recording],
    };
  }
}

function pick(from: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    keys.flatMap((key) => (from[key] === undefined || from[key] === null ? [] : [[key, from[key]]])),
  );
}

function recordingOf(record: JsonObject, place: Place, { losses }: Reading): FoundRecording | null {
  const provider = isJsonObject(record['provider']) ? record['provider'] : { id: record['provider'] };
  const prompt = isJsonObject(record['prompt']) ? record['prompt'] : {};
  const response = isJsonObject(record['response']) ? record['response'] : {};
  const label = String(provider['label'] || provider['id'] || 'recorded');
  const release =
    typeof prompt['label'] === 'string' && prompt['label'].length <= 80
      ? `${label} ${prompt['label']}`
      : label;
  const { output } = response;
  const number = (value: JsonValue | undefined): number | undefined =>
    typeof value === 'number' && value >= 0 ? value : undefined;
  const base = {
    release,
    latencyMs: number(record['latencyMs']),
    costUsd: number(record['cost']) ?? number(response['cost']),
    usage: usageOf(response['tokenUsage']),
    stopReason: typeof response['finishReason'] === 'string' ? response['finishReason'] : undefined,
    scores:
      isJsonObject(record['namedScores']) && Object.keys(record['namedScores']).length > 0
        ? record['namedScores']
        : undefined,
  };
  if (response['cached'] === true) losses.approximated('cached answer', 'a recording like any other', place);
  const failed = record['failureReason'] === 2 || output === undefined || output === null;
  if (failed) {
    const error = record['error'] ?? response['error'] ?? 'recorded without an answer';
    losses.mapped();
    return { ...base, error: typeof error === 'string' ? error : JSON.stringify(error) };
  }
  if (typeof output === 'string' && /^promptfoo:\/\/blob\//.test(output)) {
    losses.dropped('recorded answer', 'it is a file that promptfoo keeps elsewhere', place);
    return null;
  }
  if (typeof output === 'string' && /^\[[a-z ]+ stripped\]$/.test(output)) {
    losses.dropped('recorded answer', 'promptfoo stripped it from the export', place);
    return null;
  }
  losses.mapped();
  return { ...base, output, human: humanOf(record['gradingResult']) };
}

/** What people said of the answer in promptfoo's viewer. */
function humanOf(grading: JsonValue | undefined): string[] {
  const parts = isJsonObject(grading) ? grading['componentResults'] : undefined;
  if (!Array.isArray(parts)) return [];
  return (parts as readonly JsonValue[]).flatMap((part) => {
    if (!isJsonObject(part) || !isJsonObject(part['assertion']) || part['assertion']['type'] !== 'human')
      return [];
    return [part['pass'] === true ? 'pass' : 'fail'];
  });
}
