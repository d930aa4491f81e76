// Which format a source is in, by what its first records hold.

import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';

/** The formats that are read. */
export const FORMATS = [
  'promptfoo',
  'openai-evals',
  'langfuse',
  'langsmith',
  'braintrust',
  'phoenix',
  'inspect',
  'otlp',
  'chat',
] as const;
export type FormatName = (typeof FORMATS)[number];

/** Is this the whole of a promptfoo configuration? */
export function isPromptfooConfig(value: JsonValue): boolean {
  if (!isJsonObject(value)) return false;
  if (value['resourceSpans'] !== undefined || value['evalId'] !== undefined) return false;
  const asks = value['providers'] !== undefined || value['targets'] !== undefined;
  return (
    (value['prompts'] !== undefined && (asks || value['tests'] !== undefined)) ||
    (asks && (value['tests'] !== undefined || value['scenarios'] !== undefined)) ||
    (value['defaultTest'] !== undefined && value['tests'] !== undefined)
  );
}

const has = (value: JsonObject, ...keys: readonly string[]): boolean =>
  keys.every((key) => Object.hasOwn(value, key));

/** The format of one record; null = none that is known. */
export function formatOfRecord(value: JsonValue): FormatName | null {
  if (!isJsonObject(value)) return null;
  if (has(value, 'resourceSpans') || has(value, 'resource_spans') || has(value, 'scopeSpans')) return 'otlp';
  if (has(value, 'promptIdx', 'testIdx') || (has(value, 'evalId') && has(value, 'results')))
    return 'promptfoo';
  const results = value['results'];
  if (isJsonObject(results) && (results['version'] !== undefined || Array.isArray(results['results'])))
    return 'promptfoo';
  const object = value['object'];
  if (typeof object === 'string' && object.startsWith('eval')) return 'openai-evals';
  if (has(value, 'item') && isJsonObject(value['item'])) return 'openai-evals';
  if (has(value, 'datasource_item')) return 'openai-evals';
  if (has(value, 'eval', 'samples') || (has(value, 'eval', 'status') && isJsonObject(value['eval'])))
    return 'inspect';
  if (has(value, 'epoch', 'input', 'target')) return 'inspect';
  if (
    has(value, 'dotted_order') ||
    has(value, 'run_type') ||
    (has(value, 'dataset_id', 'inputs') && !has(value, 'dataset_record_id'))
  )
    return 'langsmith';
  if (
    has(value, '_xact_id') ||
    has(value, 'span_attributes') ||
    (has(value, 'root_span_id', 'span_id') && has(value, 'input'))
  )
    return 'braintrust';
  if (has(value, 'datasetId', 'expectedOutput') || has(value, 'datasetName', 'input')) return 'langfuse';
  if (
    has(value, 'parentObservationId') ||
    has(value, 'parent_observation_id') ||
    has(value, 'provided_model_name')
  )
    return 'langfuse';
  if (has(value, 'observations') && has(value, 'id')) return 'langfuse';
  if (has(value, 'example_id') && has(value, 'input')) return 'phoenix';
  if (has(value, 'node_id', 'input', 'output')) return 'phoenix';
  if (isJsonObject(value['data']) && Array.isArray((value['data'] as JsonObject)['examples']))
    return 'phoenix';
  if (object === 'chat.completion' || object === 'response' || has(value, 'messages')) return 'chat';
  if (has(value, 'request', 'response') || has(value, 'custom_id')) return 'chat';
  return null;
}

/** The format by keys in the first text of a large document. */
export function formatOfText(head: string): FormatName | null {
  const key = (name: string): boolean => new RegExp(`"${name}"\\s*:`).test(head);
  if (key('resourceSpans')) return 'otlp';
  if (key('evalId') && (key('results') || key('config'))) return 'promptfoo';
  if (key('results') && key('promptIdx')) return 'promptfoo';
  if (key('samples') || (key('eval') && key('status') && key('plan'))) return 'inspect';
  return null;
}
