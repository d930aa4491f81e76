// OpenTelemetry traces as observations: every call to a model counts, whether or not its messages were captured.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import type { FoundLine, Place } from '../parts/found.ts';
import type { Losses } from '../parts/losses.ts';
import { type Attributes, answerOf, askedOf, attributesOf, eventsOf, isModelCall, nanos } from './otlp.ts';

interface Site {
  readonly losses: Losses;
  readonly place: Place;
  /** Of spans that name no feature; their service is the last resort. */
  readonly feature?: string | undefined;
}

/** Lines of a request, an element of `resourceSpans`, or a single span. */
export function* otlpObservations(
  record: JsonValue,
  path: readonly string[],
  site: Site,
): Iterable<FoundLine> {
  if (!isJsonObject(record)) return;
  if (record['scopeSpans'] !== undefined || path[0] === 'resourceSpans') {
    yield* ofResource(record, site);
    return;
  }
  if (record['traceId'] !== undefined && record['spanId'] !== undefined) {
    yield* ofSpan(record, new Map(), site);
    return;
  }
  for (const entry of list(record['resourceSpans'] ?? record['resource_spans']))
    yield* ofResource(entry, site);
}

function* ofResource(entry: JsonObject, site: Site): Iterable<FoundLine> {
  const resource = entry['resource'];
  const shared = attributesOf(isJsonObject(resource) ? resource['attributes'] : undefined);
  for (const scope of list(entry['scopeSpans'] ?? entry['instrumentationLibrarySpans']))
    for (const span of list(scope['spans'])) yield* ofSpan(span, shared, site);
}

function list(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];
}

function* ofSpan(span: JsonObject, resource: Attributes, site: Site): Iterable<FoundLine> {
  const a = attributesOf(span['attributes']);
  if (!isModelCall(a, span)) {
    site.losses.dropped(
      'span that is not a call to a model',
      'only calls to models are observations',
      site.place,
    );
    return;
  }
  site.losses.mapped();
  const line = site.place.line ?? 0;
  const id = `${String(span['traceId'] ?? '')}/${String(span['spanId'] ?? '')}`.toLowerCase();
  const text = (...names: readonly string[]): string | undefined => {
    for (const name of names) {
      const value = a.get(name) ?? resource.get(name);
      if (typeof value === 'string' && value !== '') return value.slice(0, 200);
      if (typeof value === 'number') return String(value);
    }
    return undefined;
  };
  const messages = askedOf(a, span, site);
  const answer = answerOf(a, span, site);
  const numbers = answer ?? answerNumbers(a, span, site);
  const start = nanos(span['startTimeUnixNano']);
  yield {
    kind: 'observation',
    line,
    value: given({
      id,
      at: start === undefined ? undefined : Math.round(start),
      feature: text('lastgood.feature') ?? site.feature ?? text('service.name'),
      release: text('lastgood.release'),
      variant: text('lastgood.variant'),
      template: text('lastgood.template', 'gen_ai.prompt.name', 'langfuse.observation.prompt.name'),
      segment: text('lastgood.segment'),
      session: text('gen_ai.conversation.id', 'session.id'),
      user: text('user.id', 'enduser.id'),
      region: text('cloud.region'),
      messages: messages ?? undefined,
      output: answer?.output,
      tool_calls: answer?.toolCalls,
      stop_reason: numbers.stopReason ?? finishReason(a),
      model: text('gen_ai.request.model', 'llm.request.model_name', 'llm.model_name', 'ai.model.id'),
      served_model: text('gen_ai.response.model', 'llm.response.model_name'),
      system_fingerprint: text(
        'openai.response.system_fingerprint',
        'gen_ai.openai.response.system_fingerprint',
      ),
      usage: numbers.usage,
      cost_usd: numbers.costUsd,
      latency_ms: numbers.latencyMs,
      error: answer?.error ?? failure(a, span),
    }),
  };
  const scores = eventsOf(span).flatMap(({ name, attributes }) => {
    const judge = attributes.get('gen_ai.evaluation.name');
    const score = attributes.get('gen_ai.evaluation.score.value');
    return name === 'gen_ai.evaluation.result' &&
      typeof judge === 'string' &&
      judge !== '' &&
      typeof score === 'number' &&
      score >= 0 &&
      score <= 1
      ? [[judge.slice(0, 60), score] as const]
      : [];
  });
  if (scores.length > 0) yield { kind: 'outcome', line, value: { id, scores: Object.fromEntries(scores) } };
}

/** What a span measures whose content was not captured. */
function answerNumbers(
  a: Attributes,
  span: JsonObject,
  site: Site,
): Partial<NonNullable<ReturnType<typeof answerOf>>> {
  const stand = new Map(a).set('ai.response.text', '');
  const { output: _none, ...numbers } = answerOf(stand, span, site) ?? { output: '' };
  return numbers;
}

function finishReason(a: Attributes): string | undefined {
  const reasons = a.get('gen_ai.response.finish_reasons');
  const first = Array.isArray(reasons) ? (reasons as readonly JsonValue[])[0] : undefined;
  return typeof first === 'string' ? first : undefined;
}

/** A span can have failed and hold a part of its answer. */
function failure(a: Attributes, span: JsonObject): string | undefined {
  const type = a.get('error.type');
  if (typeof type === 'string' && type !== '') return type;
  const status = span['status'];
  if (!isJsonObject(status) || (status['code'] !== 2 && status['code'] !== 'STATUS_CODE_ERROR'))
    return undefined;
  return typeof status['message'] === 'string' && status['message'] !== '' ? status['message'] : 'error';
}

function given(parts: Record<string, unknown>): JsonObject {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as JsonObject;
}
