// LangSmith: examples of datasets, and runs of models; a run joins the example that it refers to.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import { dayOf, millisBetween, momentOf, usageOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';
import { inputOf, outputOf, tagsOf } from './langfuse.ts';

const EXAMPLE_KEYS = new Set([
  'id',
  'name',
  'created_at',
  'modified_at',
  'inputs',
  'outputs',
  'dataset_id',
  'source_run_id',
  'source_thread_id',
  'metadata',
  'split',
  'attachments',
]);
const RUN_KEYS = new Set([
  'id',
  'run_id',
  'name',
  'run_type',
  'inputs',
  'outputs',
  'start_time',
  'end_time',
  'extra',
  'error',
  'tags',
  'trace_id',
  'dotted_order',
  'parent_run_id',
  'session_id',
  'session_name',
  'status',
  'reference_example_id',
  'reference_dataset_id',
  'feedback_stats',
  'total_tokens',
  'prompt_tokens',
  'completion_tokens',
  'total_cost',
  'prompt_cost',
  'completion_cost',
  'first_token_time',
  'events',
  'serialized',
  'child_run_ids',
  'parent_run_ids',
  'in_dataset',
  'app_path',
  'inputs_preview',
  'outputs_preview',
  'manifest_id',
  'latency',
  'child_runs',
  'last_queued_at',
  'is_root',
  'thread_id',
  'inputs_s3_urls',
  'outputs_s3_urls',
  's3_urls',
  'trace_tier',
  'price_model_id',
  'token_count',
  'execution_order',
]);
/** Runs that wait for their example; one that never comes is a case of its own. */
const MOST_WAITING = 200_000;

export function langsmithReader(losses: Losses): RecordReader {
  /** Examples by id: what another run of the same example needs again. */
  const examples = new Map<string, FoundCase>();
  const waiting = new Map<string, { readonly run: JsonObject; readonly place: Place }[]>();
  return {
    *take(record, place) {
      if (!isJsonObject(record)) return;
      if (record['run_type'] === undefined && record['dotted_order'] === undefined) {
        const found = example(record, place, losses);
        const id = found.sourceId;
        if (id === undefined) {
          yield found;
          return;
        }
        examples.set(id, found);
        const runs = waiting.get(id) ?? [];
        waiting.delete(id);
        yield { ...found, recordings: runs.flatMap(({ run, place: at }) => recordingOf(run, at, losses)) };
        return;
      }
      unknownKeys(record, RUN_KEYS, { losses, place, what: 'run' });
      const isExperiment = record['reference_example_id'] != null && record['parent_run_id'] == null;
      if (record['run_type'] !== 'llm' && !isExperiment) {
        losses.dropped(
          `run of type ${JSON.stringify(record['run_type'])}`,
          'only calls to models become cases',
          place,
        );
        return;
      }
      const ref = record['reference_example_id'];
      if (typeof ref !== 'string') {
        yield* alone(record, place, losses);
        return;
      }
      const known = examples.get(ref);
      if (known !== undefined)
        yield { ...known, joins: true, recordings: recordingOf(record, place, losses) };
      else if (waiting.size < MOST_WAITING)
        waiting.set(ref, [...(waiting.get(ref) ?? []), { run: record, place }]);
      else yield* alone(record, place, losses);
    },
    *finish() {
      for (const runs of waiting.values())
        for (const { run, place } of runs) yield* alone(run, place, losses);
    },
  };
}

function example(record: JsonObject, place: Place, losses: Losses): FoundCase {
  unknownKeys(record, EXAMPLE_KEYS, { losses, place, what: 'example' });
  if (record['attachments'] !== undefined && record['attachments'] !== null)
    losses.dropped('attachments', 'files are not taken', place);
  const metadata = isJsonObject(record['metadata']) ? record['metadata'] : {};
  const outputs = record['outputs'];
  const split = metadata['dataset_split'] ?? record['split'];
  losses.mapped();
  const at = dayOf(record['created_at']);
  return {
    sourceId: typeof record['id'] === 'string' ? record['id'] : undefined,
    ...inputOf(record['inputs'] ?? {}, { losses, place }),
    ...(outputs === undefined || outputs === null ? {} : { expected: single(outputs) }),
    tags: tagsOf(Array.isArray(split) ? split : typeof split === 'string' ? [split] : []),
    meta: metadata,
    source: {
      kind: 'langsmith',
      ...(typeof record['source_run_id'] === 'string' ? { ref: record['source_run_id'] } : {}),
      ...(at === undefined ? {} : { at }),
    },
    place,
  };
}

/** `{ answer: "no" }` is the answer itself. */
export function single(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value);
  const only = keys.length === 1 ? value[keys[0] as string] : undefined;
  return typeof only === 'string' ? only : value;
}

function* alone(run: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  const at = dayOf(run['start_time']);
  losses.mapped();
  yield {
    ...inputOf(run['inputs'] ?? {}, { losses, place }),
    tags: tagsOf(run['tags']),
    source: {
      kind: 'langsmith',
      ref: String(run['id'] ?? run['run_id'] ?? 'run'),
      ...(at === undefined ? {} : { at }),
    },
    time: momentOf(run['start_time']),
    recordings: recordingOf(run, place, losses),
    place,
  };
}

function recordingOf(run: JsonObject, place: Place, losses: Losses): FoundRecording[] {
  const extra = isJsonObject(run['extra']) ? run['extra'] : {};
  const params = isJsonObject(extra['invocation_params']) ? extra['invocation_params'] : {};
  const model = params['model'] ?? params['model_name'];
  const stats = isJsonObject(run['feedback_stats']) ? run['feedback_stats'] : {};
  const scores = Object.entries(stats).flatMap(([key, s]) =>
    isJsonObject(s) && typeof s['avg'] === 'number' ? [[key, s['avg']] as const] : [],
  );
  const base = {
    release:
      typeof run['session_name'] === 'string' &&
      run['session_name'] !== '' &&
      run['reference_example_id'] != null
        ? run['session_name']
        : 'recorded',
    model: typeof model === 'string' ? model : undefined,
    usage: usageOf(run),
    latencyMs: millisBetween(run['start_time'], run['end_time']),
    costUsd: typeof run['total_cost'] === 'number' ? run['total_cost'] : undefined,
    scores: scores.length === 0 ? undefined : (Object.fromEntries(scores) as JsonObject),
  };
  if (typeof run['error'] === 'string' && run['error'] !== '') return [{ ...base, error: run['error'] }];
  const { outputs } = run;
  if (outputs === undefined || outputs === null) return [];
  const said = outputOf(outputs, { losses, place });
  return [{ ...base, ...said, ...(isJsonObject(said.output) ? { output: single(said.output) } : {}) }];
}
