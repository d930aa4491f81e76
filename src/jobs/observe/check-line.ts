// One line of an application or another tool: checked, measured, and cut down to what may be written.

import { hash } from 'node:crypto';
import type { z } from 'zod';
import {
  didYouMean,
  isDeeperThan,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  wellFormed,
} from '../../base/index.ts';
import { codePointLength } from '../../base/text.ts';
import { costOf, type Prices } from '../../core/index.ts';
import {
  DIMENSIONS,
  type Observation,
  type ObservationStoreMode,
  OUTCOME_FLAGS,
  type Outcome,
} from '../../core/observation.ts';
import {
  type ObservationLine,
  type OutcomeLine,
  observationSchema,
  outcomeSchema,
} from '../../core/observation-schema.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import { isRefusal } from '../../grade/refusal.ts';
import { lexicalEmbedding } from '../../monitor/lexical-embedding.ts';
import type { Cleaning } from '../import/cleaning.ts';
import type { LineProblem } from './line-stream.ts';

/** What of lines is kept, and what they are measured with. */
export interface LineRules {
  readonly store: ObservationStoreMode;
  /** Share of the answers whose texts are stored, by their id. */
  readonly sample: number;
  readonly cleaning: Cleaning;
  readonly privacy: Privacy | null;
  readonly prices: Prices | null;
  readonly now: () => number;
}

export type LineKind = 'observation' | 'outcome';

/** What a line came to; `unknown` keys were ignored. */
export type CheckedLine =
  | { readonly kind: 'observation'; readonly row: Observation; readonly unknown: readonly string[] }
  | { readonly kind: 'outcome'; readonly row: Outcome; readonly unknown: readonly string[] }
  | { readonly kind: 'problem'; readonly problem: LineProblem };

const DEEPEST = 100;
const FUTURE_MS = 86_400_000;
/** Of so many answers one is embedded. */
const EMBEDDED_SHARE = 1 / 16;

const OBSERVATION_KEYS = Object.keys(observationSchema.shape);
const OUTCOME_KEYS = Object.keys(outcomeSchema.shape);

/** Reads the text of a line. Without `kind` a line with a time of its own and no outcome is an observation. */
export function checkText(
  text: string,
  kind: LineKind | null,
  feature: string | undefined,
  rules: LineRules,
): CheckedLine {
  let value: JsonValue;
  try {
    value = JSON.parse(text) as JsonValue;
  } catch {
    return problem('LINE_NOT_JSON', 'the line is not JSON, expected one JSON object');
  }
  return checkValue(value, kind, feature, rules);
}

/** The same of a value that was read already. */
export function checkValue(
  value: JsonValue,
  kind: LineKind | null,
  feature: string | undefined,
  rules: LineRules,
): CheckedLine {
  if (!isJsonObject(value)) return problem('LINE_NOT_JSON', 'the line is JSON, but no object');
  if (isDeeperThan(value, DEEPEST))
    return problem('LINE_TOO_DEEP', `the line has more than ${DEEPEST} lists and maps inside each other`);
  const isOutcome = kind === null ? looksLikeOutcome(value) : kind === 'outcome';
  return isOutcome ? checkOutcome(value, rules) : checkObservation(value, feature, rules);
}

function looksLikeOutcome(value: JsonObject): boolean {
  const only = OUTCOME_KEYS.filter((key) => key !== 'id' && key !== 'at');
  return value['output'] === undefined && only.some((key) => value[key] !== undefined);
}

function checkObservation(value: JsonObject, given: string | undefined, rules: LineRules): CheckedLine {
  const checked = observationSchema.safeParse(value);
  if (!checked.success) return shapeProblem(checked.error, value, OBSERVATION_KEYS);
  const line = checked.data;
  const at = timeOf(line.at, rules.now());
  if (typeof at === 'string') return problem('LINE_TIME', at);
  const feature = line.feature ?? given;
  if (feature === undefined)
    return problem('LINE_SHAPE', '"feature" is missing: name it in the line, or for all lines at once');
  const unknown = unknownKeys(value, OBSERVATION_KEYS);
  return { kind: 'observation', row: observationOf(line, at, feature, rules), unknown };
}

function observationOf(line: ObservationLine, at: number, feature: string, rules: LineRules): Observation {
  const output = textOf(line.output);
  const error = line.error === undefined || line.error === false ? null : line.error;
  const names = cleaned(
    {
      id: line.id,
      feature,
      release: line.release ?? null,
      variant: line.variant ?? null,
      template: line.template ?? null,
      segment: line.segment ?? null,
      region: line.region ?? null,
      model: line.model ?? null,
      served_model: line.served_model ?? null,
      system_fingerprint: line.system_fingerprint ?? null,
      stop_reason: line.stop_reason ?? null,
      action_mode: line.action_mode ?? null,
      tags: line.tags ?? [],
    },
    rules,
  );
  const name = (key: string): string | null => names[key] as string | null;
  const keepsTexts = rules.store === 'outputs' && drawn('text', line.id) < rules.sample;
  const shownOutput = output === null ? null : cleanedText(output, rules);
  const usage = line.usage;
  return {
    id: line.id,
    shownId: names['id'] as string,
    at,
    feature: names['feature'] as string,
    dimensions: Object.fromEntries(
      DIMENSIONS.flatMap((d) => (line[d] === undefined ? [] : [[d, names[d] as string]])),
    ),
    region: name('region'),
    session: line.session ?? null,
    user: line.user ?? null,
    tags: names['tags'] as string[],
    model: name('model'),
    servedModel: name('served_model'),
    systemFingerprint: name('system_fingerprint'),
    stopReason: name('stop_reason'),
    actionMode: name('action_mode'),
    measures: {
      failed: error !== null,
      length: output === null ? (line.length ?? null) : codePointLength(output),
      refusal: line.refusal ?? refusalOf(output, line.stop_reason),
      schemaValid: line.schema_valid ?? null,
      blocked: line.blocked ?? null,
      latencyMs: line.latency_ms ?? null,
      costUsd: line.cost_usd ?? priceOf(line, rules.prices),
      inputTokens: usage?.input_tokens ?? null,
      outputTokens: usage?.output_tokens ?? null,
      toolCalls: line.tool_calls?.length ?? null,
    },
    texts: keepsTexts
      ? {
          output: shownOutput,
          rest: cleaned(
            given({
              messages: line.messages,
              input: line.input,
              tool_calls: line.tool_calls,
              error: error ?? undefined,
              session: line.session,
              user: line.user,
            }),
            rules,
          ),
        }
      : null,
    vector:
      shownOutput === null || drawn('vector', line.id) >= EMBEDDED_SHARE
        ? null
        : lexicalEmbedding(shownOutput),
  };
}

function checkOutcome(value: JsonObject, rules: LineRules): CheckedLine {
  const checked = outcomeSchema.safeParse(value);
  if (!checked.success) return shapeProblem(checked.error, value, OUTCOME_KEYS);
  const line = checked.data;
  const at = line.at === undefined ? rules.now() : timeOf(line.at, rules.now());
  if (typeof at === 'string') return problem('LINE_TIME', at);
  const unknown = unknownKeys(value, OUTCOME_KEYS);
  return { kind: 'outcome', row: outcomeOf(line, at, rules), unknown };
}

function outcomeOf(line: OutcomeLine, at: number, rules: LineRules): Outcome {
  const keepsText =
    line.final_text !== undefined && rules.store === 'outputs' && drawn('text', line.id) < rules.sample;
  return {
    id: line.id,
    at,
    ...(line.edited === undefined ? {} : { edited: line.edited }),
    flags: Object.fromEntries(
      OUTCOME_FLAGS.flatMap((flag) => (line[flag] === undefined ? [] : [[flag, line[flag]]])),
    ),
    ...(line.review === undefined ? {} : { review: line.review }),
    kpi: namedNumbers(line.kpi, rules),
    scores: namedNumbers(line.scores, rules),
    finalText: keepsText ? cleanedText(line.final_text as string, rules) : null,
  };
}

/** The names are people's words, too. */
function namedNumbers(map: Record<string, number> | undefined, rules: LineRules): Record<string, number> {
  if (map === undefined) return {};
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [
      (cleaned({ key }, rules)['key'] as string).slice(0, 60),
      value,
    ]),
  );
}

/** A number from 0 to 1 that the id decides: the same answer is drawn every time, in every process. */
function drawn(purpose: string, id: string): number {
  return hash('sha256', `${purpose}:${id.toWellFormed()}`, 'buffer').readUInt32BE(0) / 2 ** 32;
}

function cleaned(value: JsonObject, { cleaning, privacy }: LineRules): JsonObject {
  const masked = wellFormed(cleaning.json(value));
  return privacy === null ? masked : privacy.value(masked);
}

function cleanedText(text: string, { cleaning, privacy }: LineRules): string {
  const masked = cleaning.text(text).toWellFormed();
  return privacy === null ? masked : privacy.answer(masked);
}

function given(parts: Record<string, JsonValue | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
}

function textOf(output: JsonValue | undefined): string | null {
  if (output === undefined || output === null) return null;
  return typeof output === 'string' ? output : JSON.stringify(output);
}

function refusalOf(output: string | null, stopReason: string | undefined): boolean | null {
  if (stopReason === 'refusal' || stopReason === 'content_filter') return true;
  if (output === null) return null;
  return isRefusal({ text: output, toolCalls: [] }, 'stop');
}

function priceOf({ usage, served_model, model }: ObservationLine, prices: Prices | null): number | null {
  if (usage === undefined) return null;
  return costOf(prices, served_model ?? model ?? null, {
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
    cachedInputTokens: usage.cached_input_tokens,
    cacheWriteTokens: usage.cache_write_tokens,
  });
}

/** Milliseconds, or what is wrong with the time. */
function timeOf(value: string | number, now: number): number | string {
  const at = typeof value === 'number' ? Math.round(value) : zoned(value);
  if (Number.isNaN(at))
    return `"at" is ${JSON.stringify(value)}, expected an ISO time with a zone such as 2026-05-12T06:00:00Z, or milliseconds since 1970`;
  // Seconds since 1970 are a common slip: they would all lie in January 1970.
  if (at < 1e11)
    return `"at" is ${JSON.stringify(value)}, which is before 1973; expected milliseconds since 1970`;
  if (at > now + FUTURE_MS) return `"at" lies more than a day in the future: ${new Date(at).toISOString()}`;
  return at;
}

function zoned(text: string): number {
  return /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/i.test(text)
    ? Date.parse(text.replace(' ', 'T').replace(/([+-]\d\d)(\d\d)$/, '$1:$2'))
    : Number.NaN;
}

function unknownKeys(value: JsonObject, known: readonly string[]): string[] {
  return Object.keys(value).filter((key) => !known.includes(key));
}

function shapeProblem(error: z.ZodError, value: JsonObject, known: readonly string[]): CheckedLine {
  const [issue] = error.issues;
  const key = issue?.path.join('.') ?? '';
  const missing = issue !== undefined && issue.path.length === 1 && value[key] === undefined;
  const slip = missing
    ? unknownKeys(value, known).find((unknown) => didYouMean(unknown, [key]) === key)
    : undefined;
  const what = missing
    ? `"${key}" is missing${slip === undefined ? '' : `; did you mean it by ${JSON.stringify(slip.slice(0, 60))}?`}`
    : `${key === '' ? 'the line' : `"${key.slice(0, 80)}"`}: ${issue?.message ?? 'not valid'}`;
  return problem('LINE_SHAPE', what);
}

function problem(code: LineProblem['code'], message: string): CheckedLine {
  return { kind: 'problem', problem: { code, message } };
}
