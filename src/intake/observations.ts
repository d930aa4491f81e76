// Other tools' records as observations: lines in the form that applications send.

import { contentHash, isJsonObject, type JsonObject, type JsonValue, wellFormed } from '../base/json.ts';
import { otlpObservations } from './formats/otlp-observations.ts';
import type { FoundCase, FoundLine } from './parts/found.ts';
import type { Losses } from './parts/losses.ts';
import { READERS } from './readers.ts';

/** Formats that hold production answers with their times. */
const OBSERVATION_FORMATS = ['otlp', 'langfuse', 'langsmith', 'braintrust', 'chat'] as const;
export type ObservationFormat = (typeof OBSERVATION_FORMATS)[number];

export interface ObservationReader {
  take(record: JsonValue, line: number, path: readonly string[], file: string): Iterable<FoundLine>;
  /** What was waiting for records that never came. */
  finish(file: string): Iterable<FoundLine>;
}

/** `feature`: of records that name none. */
export function observationReader(
  format: ObservationFormat,
  losses: Losses,
  feature: string | undefined,
): ObservationReader {
  if (format === 'otlp')
    return {
      take: (record, line, path, file) =>
        otlpObservations(record, path, { losses, place: { file, line }, feature }),
      finish: () => [],
    };
  const factory = READERS[format];
  if (factory === undefined) throw new Error(`the format ${format} has no reader`);
  const reader = factory(losses);
  return {
    *take(record, line, path, file) {
      for (const found of reader.take(record, { file, line }, path)) yield* linesOf(found);
    },
    *finish() {
      for (const found of reader.finish()) yield* linesOf(found);
    },
  };
}

/** A case with its recorded answers: an observation for each of them, and its outcome where the source scored it. */
function* linesOf(c: FoundCase): Iterable<FoundLine> {
  const line = c.place.line ?? 0;
  for (const [n, r] of (c.recordings ?? []).entries()) {
    const own = c.recordId ?? c.sourceId;
    const id =
      own === undefined
        ? contentHash(
            wellFormed({
              messages: c.messages ?? [],
              vars: c.vars ?? {},
              at: c.time ?? null,
              output: r.output ?? null,
            }),
          )
        : n === 0
          ? own
          : `${own}#${n}`;
    const prompt = c.meta?.['prompt'];
    yield {
      kind: 'observation',
      line,
      value: given({
        id: `${c.source.kind}:${id}`,
        at: c.time,
        session: c.group,
        template: typeof prompt === 'string' ? prompt : undefined,
        tags: c.tags === undefined || c.tags.length === 0 ? undefined : c.tags.slice(0, 50),
        messages: c.messages,
        input: c.vars,
        output: r.output,
        tool_calls: r.toolCalls,
        served_model: r.model,
        usage: r.usage,
        cost_usd: r.costUsd,
        latency_ms: r.latencyMs,
        stop_reason: r.stopReason,
        error: r.error,
      }),
    };
    const scores = sharesOf(r.scores);
    if (Object.keys(scores).length > 0)
      yield { kind: 'outcome', line, value: { id: `${c.source.kind}:${id}`, at: c.time, scores } };
  }
}

/** Scores between 0 and 1; others have a scale that is not known. */
function sharesOf(scores: JsonObject | undefined): JsonObject {
  if (!isJsonObject(scores)) return {};
  return Object.fromEntries(
    Object.entries(scores).flatMap(([name, value]) => {
      const first = Array.isArray(value) ? (value as readonly JsonValue[])[0] : value;
      return typeof first === 'number' && first >= 0 && first <= 1 && name !== ''
        ? [[name.slice(0, 60), first]]
        : [];
    }),
  );
}

function given(parts: Record<string, JsonValue | readonly JsonValue[] | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as JsonObject;
}
