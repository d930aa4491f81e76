// Phoenix: examples of datasets and runs of experiments; repetitions are recordings of one case.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import { dayOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';
import { inputOf, outputOf, tagsOf } from './langfuse.ts';
import { single } from './langsmith.ts';

const EXAMPLE_KEYS = new Set([
  'id',
  'node_id',
  'input',
  'output',
  'metadata',
  'updated_at',
  'source',
  'splits',
]);
const RUN_KEYS = new Set([
  'example_id',
  'repetition_number',
  'input',
  'reference_output',
  'output',
  'error',
  'latency_ms',
  'start_time',
  'end_time',
  'trace_id',
  'prompt_token_count',
  'completion_token_count',
  'annotations',
  'id',
  'experiment_id',
  'metadata',
]);

export function phoenixReader(losses: Losses): RecordReader {
  return {
    *take(record, place) {
      if (!isJsonObject(record)) return;
      const data = record['data'];
      const list = isJsonObject(data) ? data['examples'] : undefined;
      if (Array.isArray(list)) {
        for (const entry of list as readonly JsonValue[]) yield* this.take(entry, place, []);
        return;
      }
      if (record['input'] === undefined) return;
      yield record['example_id'] === undefined ? example(record, place, losses) : run(record, place, losses);
    },
    *finish() {},
  };
}

function example(record: JsonObject, place: Place, losses: Losses): FoundCase {
  unknownKeys(record, EXAMPLE_KEYS, { losses, place, what: 'example' });
  const { output, splits } = record;
  const id = record['node_id'] ?? record['id'];
  const at = dayOf(record['updated_at']);
  losses.mapped();
  return {
    sourceId: typeof id === 'string' ? id : undefined,
    ...inputOf(record['input'], { losses, place }),
    ...(hasContent(output) ? { expected: single(output as JsonValue) } : {}),
    tags: tagsOf(splits),
    meta: isJsonObject(record['metadata']) ? record['metadata'] : {},
    source: { kind: 'phoenix', ...(at === undefined ? {} : { at }) },
    place,
  };
}

function hasContent(value: JsonValue | undefined): boolean {
  return value !== undefined && value !== null && !(isJsonObject(value) && Object.keys(value).length === 0);
}

function run(record: JsonObject, place: Place, losses: Losses): FoundCase {
  unknownKeys(record, RUN_KEYS, { losses, place, what: 'experiment run' });
  const reference = record['reference_output'];
  const at = dayOf(record['start_time']);
  losses.mapped();
  return {
    sourceId: typeof record['example_id'] === 'string' ? record['example_id'] : undefined,
    joins: typeof record['repetition_number'] === 'number' && record['repetition_number'] > 1,
    ...inputOf(record['input'], { losses, place }),
    ...(hasContent(reference) ? { expected: single(reference as JsonValue) } : {}),
    source: { kind: 'phoenix', ...(at === undefined ? {} : { at }) },
    recordings: [recordingOf(record, { losses, place })],
    place,
  };
}

function recordingOf(
  record: JsonObject,
  site: { readonly losses: Losses; readonly place: Place },
): FoundRecording {
  const number = (key: string): number | undefined => {
    const value = record[key];
    return typeof value === 'number' && value >= 0 ? value : undefined;
  };
  const annotations = Array.isArray(record['annotations'])
    ? (record['annotations'] as readonly JsonValue[]).filter(isJsonObject)
    : [];
  const scores = annotations.flatMap((a) =>
    typeof a['score'] === 'number' ? [[String(a['name'] ?? 'score'), a['score']] as const] : [],
  );
  const human = annotations.flatMap((a) => {
    if (a['annotator_kind'] !== 'HUMAN') return [];
    const { label, score } = a;
    if (typeof label === 'string' && label.trim() !== '') return [label];
    return typeof score === 'number' ? [score >= 0.5 ? 'pass' : 'fail'] : [];
  });
  const [input, output] = [number('prompt_token_count'), number('completion_token_count')];
  const base = {
    release:
      typeof record['experiment_id'] === 'string' ? `experiment ${record['experiment_id']}` : 'recorded',
    latencyMs: number('latency_ms'),
    usage:
      input === undefined && output === undefined
        ? undefined
        : {
            ...(input === undefined ? {} : { input_tokens: input }),
            ...(output === undefined ? {} : { output_tokens: output }),
          },
    scores: scores.length === 0 ? undefined : (Object.fromEntries(scores) as JsonObject),
    human,
  };
  const { error } = record;
  if (typeof error === 'string' && error !== '') return { ...base, error };
  const said = record['output'];
  if (said === undefined || said === null) return { ...base, error: 'recorded without an output' };
  return { ...base, ...outputOf(said, site) };
}
