// OpenAI's hosted evals: items with samples, graders of an eval, output items of a run.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundCase, FoundRecording, Place } from '../parts/found.ts';
import { type Losses, quoted } from '../parts/losses.ts';
import { readMessages, replyOf, usageOf } from '../parts/messages.ts';
import type { RecordReader } from '../parts/reader.ts';
import { unknownKeys } from '../parts/reader.ts';

const OUTPUT_ITEM_KEYS = new Set([
  'object',
  'id',
  'run_id',
  'eval_id',
  'created_at',
  'status',
  'datasource_item_id',
  'datasource_item',
  'results',
  'sample',
]);
const SAMPLE_KEYS = new Set([
  'input',
  'output',
  'model',
  'finish_reason',
  'temperature',
  'top_p',
  'seed',
  'max_completion_tokens',
  'usage',
  'error',
  'output_text',
  'output_json',
  'output_tools',
  'choices',
  'reasoning_effort',
]);
const EVAL_KEYS = new Set([
  'object',
  'id',
  'name',
  'metadata',
  'data_source_config',
  'testing_criteria',
  'created_at',
  'shared_with_openai',
]);
const RUN_KEYS = new Set([
  'object',
  'id',
  'eval_id',
  'name',
  'model',
  'status',
  'data_source',
  'result_counts',
  'per_testing_criteria_results',
  'per_model_usage',
  'report_url',
  'created_at',
  'error',
  'metadata',
  'shared_with_openai',
]);

/** A grader of an eval, made for the item of a case; null = its template cannot be filled. */
type GraderOf = (item: JsonObject) => JsonValue | null;

export function openaiEvalsReader(losses: Losses): RecordReader {
  const graders: GraderOf[] = [];
  /** Items that come before the graders of their eval are known. */
  const early: FoundCase[] = [];
  let seenEval = false;
  const graded = (c: FoundCase): FoundCase => {
    const item = { ...c.vars };
    const grade = graders.flatMap((g) => g(item) ?? []);
    return grade.length === 0 ? c : { ...c, grade };
  };
  return {
    *take(record, place) {
      if (!isJsonObject(record)) return;
      const object = record['object'];
      if (object === 'list' && Array.isArray(record['data'])) {
        for (const entry of record['data'] as readonly JsonValue[]) yield* this.take(entry, place, []);
        return;
      }
      if (object === 'eval') {
        seenEval = true;
        unknownKeys(record, EVAL_KEYS, { losses, place, what: 'eval' });
        graders.push(...gradersOf(record['testing_criteria'], place, losses));
        for (const c of early.splice(0)) yield graded(c);
        return;
      }
      if (object === 'eval.run') {
        unknownKeys(record, RUN_KEYS, { losses, place, what: 'eval.run' });
        const source = isJsonObject(record['data_source']) ? record['data_source']['source'] : undefined;
        const content = isJsonObject(source) ? source['content'] : undefined;
        if (Array.isArray(content))
          for (const entry of content as readonly JsonValue[])
            if (isJsonObject(entry)) yield graded(itemCase(entry, place, losses));
        return;
      }
      const found =
        record['datasource_item'] !== undefined
          ? outputItem(record, place, losses)
          : itemCase(record, place, losses);
      // Without an eval in the file nothing is waited for longer than this.
      if (!seenEval && early.length < 10_000) early.push(found);
      else yield graded(found);
    },
    *finish() {
      for (const c of early.splice(0)) yield graded(c);
    },
  };
}

function itemCase(record: JsonObject, place: Place, losses: Losses): FoundCase {
  unknownKeys(record, new Set(['item', 'sample', 'object', 'id']), { losses, place, what: 'item' });
  const item = isJsonObject(record['item']) ? record['item'] : {};
  const recording = isJsonObject(record['sample'])
    ? recordingOf(record['sample'], 'recorded', { losses, place })
    : null;
  losses.mapped();
  return {
    ...contentOf(item, undefined, { losses, place }),
    source: { kind: 'openai-evals' },
    recordings: recording === null ? [] : [recording],
    place,
  };
}

function outputItem(record: JsonObject, place: Place, losses: Losses): FoundCase {
  unknownKeys(record, OUTPUT_ITEM_KEYS, { losses, place, what: 'output item' });
  const item = isJsonObject(record['datasource_item']) ? record['datasource_item'] : {};
  const sample = isJsonObject(record['sample']) ? record['sample'] : {};
  const run = typeof record['run_id'] === 'string' ? record['run_id'] : 'recorded';
  const model = typeof sample['model'] === 'string' ? `${sample['model']} ${run}` : run;
  const recording = recordingOf(sample, model, { losses, place });
  const results = Array.isArray(record['results'])
    ? (record['results'] as readonly JsonValue[]).filter(isJsonObject)
    : [];
  const scores = Object.fromEntries(
    results.flatMap((r) =>
      typeof r['score'] === 'number' ? [[String(r['name'] ?? 'score'), r['score']]] : [],
    ),
  );
  losses.mapped();
  return {
    ...contentOf(item, sample['input'], { losses, place }),
    source: {
      kind: 'openai-evals',
      ref: `${String(record['eval_id'] ?? '')}/${String(record['datasource_item_id'] ?? '')}`,
    },
    recordings:
      recording === null ? [] : [{ ...recording, ...(Object.keys(scores).length === 0 ? {} : { scores }) }],
    place,
  };
}

interface Site {
  readonly losses: Losses;
  readonly place: Place;
}

/** The item's fields are variables; the messages that were sent stand with the sample. */
function contentOf(
  item: JsonObject,
  input: JsonValue | undefined,
  site: Site,
): Pick<FoundCase, 'vars' | 'messages'> {
  const { __proto__: _never, ...vars } = item as JsonObject & { __proto__?: unknown };
  const sent = Array.isArray(input) ? readMessages(input, site) : readMessages(item['messages'], site);
  return { vars: vars as JsonObject, ...(sent === null ? {} : { messages: sent }) };
}

function recordingOf(sample: JsonObject, release: string, site: Site): FoundRecording | null {
  unknownKeys(sample, SAMPLE_KEYS, { ...site, what: 'sample' });
  const { error, output } = sample;
  const base = {
    release,
    model: typeof sample['model'] === 'string' ? sample['model'] : undefined,
    usage: usageOf(sample['usage']),
    stopReason:
      typeof sample['finish_reason'] === 'string' && sample['finish_reason'] !== ''
        ? sample['finish_reason']
        : undefined,
  };
  // The error is there also where there is none, with empty texts.
  if (isJsonObject(error) && (error['code'] || error['message']))
    return { ...base, error: String(error['message'] || error['code']) };
  const last = Array.isArray(output) ? (output.at(-1) as JsonValue) : undefined;
  if (isJsonObject(last)) return { ...base, ...replyOf(last, site) };
  const text = sample['output_text'] ?? sample['output_json'];
  return text === undefined || text === null ? null : { ...base, output: text };
}

function gradersOf(list: JsonValue | undefined, place: Place, losses: Losses): GraderOf[] {
  if (!Array.isArray(list)) return [];
  return (list as readonly JsonValue[]).flatMap((g) => {
    const made = isJsonObject(g) ? graderOf(g) : 'it is not a map';
    const what = `grader ${quoted(isJsonObject(g) ? `${String(g['type'])} ${String(g['name'] ?? '')}`.trim() : '?')}`;
    if (typeof made === 'string') {
      losses.dropped(what, made, place);
      return [];
    }
    losses.mapped();
    return [made];
  });
}

const SUBJECT = /^\s*\{\{\s*sample\.output_text\s*\}\}\s*$/;

function graderOf(g: JsonObject): GraderOf | string {
  if (g['type'] !== 'string_check') {
    const why: Readonly<Record<string, string>> = {
      python: 'it is code',
      multi: 'it computes a score from other graders',
      label_model: 'write its question as a rubric or a judge',
      score_model: 'write its question as a rubric or a judge',
      text_similarity: 'there is no grader for its metric here; `similar` compares embeddings',
    };
    return why[String(g['type'])] ?? 'its type is not known';
  }
  const { input, reference, operation } = g;
  if (typeof input !== 'string' || !SUBJECT.test(input)) return 'it checks something else than the answer';
  if (typeof reference !== 'string' || /\{\{\s*sample\./.test(reference))
    return 'its reference is not text of the item';
  const name = { eq: 'equals', ne: 'not-equals', like: 'contains', ilike: 'icontains' }[String(operation)];
  if (name === undefined) return `its operation ${quoted(String(operation))} is not known`;
  const id = typeof g['name'] === 'string' && g['name'] !== '' ? { id: g['name'] } : {};
  return (item) => {
    let missing = false;
    const value = reference.replace(/\{\{\s*item\.([\w.]+)\s*\}\}/g, (_, path: string) => {
      let at: JsonValue | undefined = item;
      for (const step of path.split('.')) at = isJsonObject(at) ? at[step] : undefined;
      if (at === undefined) missing = true;
      return typeof at === 'string' ? at : JSON.stringify(at ?? null);
    });
    if (missing || (value === '' && name !== 'equals' && name !== 'not-equals')) return null;
    return { [name]: { value, ...id, ...(name.endsWith('equals') ? { trim: false } : {}) } };
  };
}
