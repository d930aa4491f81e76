// What every store keeps of a production answer: keys, pseudonyms and numbers.

import { createHmac, hash } from 'node:crypto';
import {
  DAY_MS,
  HOUR_MS,
  type MeasuredAnswer,
  type ObservationMeasures,
  type WindowQuery,
} from '../../core/observation.ts';
import { factsOf, parseBody } from './outcome-body.ts';

/** Costs are kept in billionths of a dollar. */
export const NANO = 1e9;

export interface MeasureColumns {
  readonly failed: number;
  readonly length: number | null;
  readonly refusal: number | null;
  readonly schema_valid: number | null;
  readonly blocked: number | null;
  readonly latency_ms: number | null;
  readonly cost: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly tool_calls: number | null;
}

/** What an id is filed under. */
export function keyOf(id: string): Buffer {
  return hash('sha256', id.toWellFormed(), 'buffer').subarray(0, 16);
}

/** What a session or user is kept as, under the ledger's own salt. */
export function pseudonym(salt: Buffer, name: string): Buffer {
  return createHmac('sha256', salt).update(name.toWellFormed()).digest().subarray(0, 8);
}

const flag = (value: number | null): boolean | null => (value === null ? null : value === 1);
export const bit = (value: boolean | null): number | null => (value === null ? null : Number(value));

export function measuresOf(row: MeasureColumns): ObservationMeasures {
  return {
    failed: row.failed === 1,
    length: row.length,
    refusal: flag(row.refusal),
    schemaValid: flag(row.schema_valid),
    blocked: flag(row.blocked),
    latencyMs: row.latency_ms,
    costUsd: row.cost === null ? null : row.cost / NANO,
    inputTokens: row.input_tokens,
    outputTokens: row.output_tokens,
    toolCalls: row.tool_calls,
  };
}

/** A row as it is counted, with who it was given to; names of dimensions and models are the store's. */
export function measuredOf(
  row: MeasureColumns & {
    readonly at: number;
    readonly key: Buffer;
    readonly user: Buffer | null;
    readonly session: Buffer | null;
    readonly body: string | null;
  },
): Omit<MeasuredAnswer, 'dimensions' | 'servedModel'> {
  return {
    at: row.at,
    key: row.key.toString('base64url'),
    user: row.user?.toString('base64url') ?? null,
    session: row.session?.toString('base64url') ?? null,
    measures: measuresOf(row),
    outcome: factsOf(parseBody(row.body)),
  };
}

/** A time in windows of one length. */
export interface Part {
  readonly spanMs: typeof HOUR_MS | typeof DAY_MS;
  readonly from: number;
  readonly to: number;
}

/** Hours up to the first whole day, whole days, and the hours after them. */
export function partsOf(from: number, to: number, span: WindowQuery['span']): readonly Part[] {
  const firstDay = Math.ceil(from / DAY_MS) * DAY_MS;
  const lastDay = Math.floor(to / DAY_MS) * DAY_MS;
  if (span === 'hour' || firstDay >= lastDay) return [{ spanMs: HOUR_MS, from, to }];
  const parts: Part[] = [
    { spanMs: HOUR_MS, from, to: firstDay },
    { spanMs: DAY_MS, from: firstDay, to: lastDay },
    { spanMs: HOUR_MS, from: lastDay, to },
  ];
  return parts.filter((part) => part.from < part.to);
}

/** Different values of one kind that a feature may have; each can open windows of its own every hour. */
export const MOST_VALUES = 500;

/** Id of a name that was not given. */
export const NONE = 0;

/** What a row's names are kept as. */
export type NameKind =
  | 'feature'
  | 'release'
  | 'variant'
  | 'template'
  | 'segment'
  | 'region'
  | 'model'
  | 'served'
  | 'system'
  | 'stop'
  | 'action';

/** Which production answers are old. */
export interface ObservationRetention {
  /** Texts, final texts and vectors of answers before this time go; their numbers stay. null = all stay. */
  readonly textsBefore: number | null;
  /** Answers before this time go as a whole; their windows stay. None of them is taken again. null = all stay. */
  readonly rowsBefore: number | null;
  readonly dryRun: boolean;
}

/** What went, or would. */
export interface ObservationPruned {
  readonly texts: number;
  readonly observations: number;
}
