// Cases, recordings and the suite as the files of an import hold them.

import { stringify } from 'yaml';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { label } from '../../intake/parts/case-id.ts';
import type { FoundCase, FoundFrame, FoundRecording } from '../../intake/parts/found.ts';
import type { Cleaning } from './cleaning.ts';

export function caseLine(id: string, c: FoundCase, draft: boolean): JsonObject {
  const filled = (value: JsonObject | undefined): boolean =>
    value !== undefined && Object.keys(value).length > 0;
  const { kind, ref, at } = c.source;
  return {
    id,
    ...((c.tags ?? []).length > 0 ? { tags: c.tags as readonly string[] } : {}),
    ...(c.group === undefined ? {} : { group: label(c.group) }),
    ...(filled(c.vars) ? { vars: c.vars as JsonObject } : {}),
    ...(c.messages === undefined ? {} : { messages: c.messages }),
    ...(c.expected === undefined ? {} : { expected: c.expected }),
    ...(draft ? { draft: true } : { grade: c.grade as readonly JsonValue[] }),
    source: { kind, ...(ref === undefined ? {} : { ref }), ...(at === undefined ? {} : { at }) },
    ...(filled(c.meta) ? { meta: c.meta as JsonObject } : {}),
  };
}

export function recordingLine(id: string, r: FoundRecording): JsonObject {
  return {
    case_id: id,
    ...(r.error === undefined ? {} : { error: r.error }),
    ...(r.output === undefined ? {} : { output: r.output }),
    ...(r.toolCalls === undefined || r.toolCalls.length === 0 ? {} : { tool_calls: r.toolCalls }),
    ...(r.model === undefined ? {} : { model: r.model }),
    ...(r.usage === undefined ? {} : { usage: r.usage }),
    ...(r.latencyMs === undefined ? {} : { latency_ms: r.latencyMs }),
    ...(r.costUsd === undefined ? {} : { cost_usd: r.costUsd }),
    ...(r.stopReason === undefined ? {} : { stop_reason: r.stopReason }),
    ...(r.scores === undefined ? {} : { recorded_scores: r.scores }),
  };
}

export function suiteFile(name: string, frame: FoundFrame, cleaning: Cleaning): JsonObject {
  const { description, judge, embedder } = frame;
  return {
    name,
    ...(description === undefined || description === '' ? {} : { description: cleaning.text(description) }),
    cases: 'cases.jsonl',
    ...(judge === undefined ? {} : { judge: `releases/${judge}.yaml` }),
    ...(embedder === undefined ? {} : { embedder: `releases/${embedder}.yaml` }),
  };
}

export function yaml(value: JsonObject): string {
  return stringify(value, { lineWidth: 100, aliasDuplicateObjects: false });
}
