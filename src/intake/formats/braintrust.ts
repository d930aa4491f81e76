// Braintrust: events of datasets, experiments and logs; a root span is a case, an experiment a release.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import { dayOf, momentOf, usageOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';
import { inputOf, outputOf, tagsOf } from './langfuse.ts';

const KEYS = new Set([
  'id',
  '_xact_id',
  '_pagination_key',
  'created',
  'project_id',
  'dataset_id',
  'experiment_id',
  'log_id',
  'org_id',
  'input',
  'expected',
  'output',
  'error',
  'metadata',
  'tags',
  'span_id',
  'root_span_id',
  'span_parents',
  'is_root',
  'origin',
  'comments',
  'facets',
  'classifications',
  'scores',
  'metrics',
  'context',
  'span_attributes',
  'audit_data',
  '_async_scoring_state',
]);

export function braintrustReader(losses: Losses): RecordReader {
  return {
    *take(record, place) {
      if (!isJsonObject(record)) return;
      const list = record['events'] ?? (record['_xact_id'] === undefined ? record['data'] : undefined);
      if (Array.isArray(list)) {
        for (const entry of list as readonly JsonValue[]) yield* this.take(entry, place, []);
        return;
      }
      yield* event(record, place, losses);
    },
    *finish() {},
  };
}

function* event(record: JsonObject, place: Place, losses: Losses): Iterable<FoundCase> {
  unknownKeys(record, KEYS, { losses, place, what: 'event' });
  const span = record['span_id'];
  const isRoot =
    record['is_root'] === true || span === undefined || span === null || span === record['root_span_id'];
  // What is below a root are the calls and the scorers of the same case.
  if (!isRoot) {
    losses.dropped('span below a root', 'only root spans become cases', place);
    return;
  }
  if (record['input'] === undefined || record['input'] === null) {
    if (record['_xact_id'] !== undefined) losses.dropped('event', 'it has no input', place);
    return;
  }
  const { expected } = record;
  const metadata = isJsonObject(record['metadata']) ? record['metadata'] : {};
  const isDataset =
    typeof record['dataset_id'] === 'string' &&
    record['experiment_id'] === undefined &&
    record['log_id'] === undefined;
  const recording = isDataset ? null : recordingOf(record, metadata, { losses, place });
  const at = dayOf(record['created']);
  const { model: _model, ...meta } = metadata;
  losses.mapped();
  yield {
    // The id of an event is of one run; that of a dataset's row is of the row.
    sourceId: isDataset && typeof record['id'] === 'string' ? record['id'] : undefined,
    recordId: typeof record['id'] === 'string' ? record['id'] : undefined,
    ...inputOf(record['input'], { losses, place }),
    ...(expected === undefined || expected === null ? {} : { expected }),
    tags: tagsOf(record['tags']),
    meta,
    source: {
      kind: 'braintrust',
      ref: String(record['id'] ?? span ?? 'event'),
      ...(at === undefined ? {} : { at }),
    },
    time: momentOf(record['created']),
    recordings: recording === null ? [] : [recording],
    place,
  };
}

function recordingOf(
  record: JsonObject,
  metadata: JsonObject,
  site: { readonly losses: Losses; readonly place: Place },
): FoundRecording | null {
  const metrics = isJsonObject(record['metrics']) ? record['metrics'] : {};
  const { start, end } = metrics;
  const scores = Object.entries(isJsonObject(record['scores']) ? record['scores'] : {}).filter(
    ([, v]) => typeof v === 'number',
  );
  const base = {
    release:
      typeof record['experiment_id'] === 'string' ? `experiment ${record['experiment_id']}` : 'recorded',
    model: typeof metadata['model'] === 'string' ? metadata['model'] : undefined,
    usage: usageOf(metrics),
    latencyMs:
      typeof start === 'number' && typeof end === 'number' && end >= start
        ? Math.round((end - start) * 1000)
        : undefined,
    costUsd: typeof metrics['estimated_cost'] === 'number' ? metrics['estimated_cost'] : undefined,
    scores: scores.length === 0 ? undefined : (Object.fromEntries(scores) as JsonObject),
  };
  const { error, output } = record;
  if (error !== undefined && error !== null && error !== '')
    return { ...base, error: typeof error === 'string' ? error : JSON.stringify(error) };
  if (output === undefined || output === null) return null;
  return { ...base, ...outputOf(output, site) };
}
