// A trial as a row and back: numbers in columns, what it said and how it was graded as content under its hash.

import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { Output } from '../../core/conversation.ts';
import { type Grade, type TrialOutcome, trialOutcome, type UngradedCause } from '../../core/grade.ts';
import type { Served, StopReason, Usage } from '../../core/provider.ts';
import type { GradedTrial, TrialResult } from '../../core/snapshot.ts';
import { type Attempt, hasUnknownCost, type Trial } from '../../core/trial.ts';
import { attemptContext, packAttempts, unpackAttempts } from '../model/attempts.ts';
import { REMOVED_TEXT } from '../model/share-long-texts.ts';
import { isRunAgain, outcomeNumber, outcomeOf } from '../model/trial-outcomes.ts';
import type { ContentWriter } from './content.ts';
import { givenText, storedJson, storedText, storedTextOrNull } from './stored-text.ts';

/** The columns of a trial in the order in which they are written, with the types that `unnest` needs. */
export const TRIAL_COLUMNS = {
  case_no: 'int',
  trial: 'int',
  outcome: 'smallint',
  pass: 'boolean',
  score: 'float8',
  ungraded: 'text',
  length: 'int',
  refusal: 'boolean',
  latency_ms: 'float8',
  cost_usd: 'float8',
  judge_usd: 'float8',
  stop_reason: 'text',
  served: 'int',
  request_id: 'text',
  usage: 'text',
  output_tokens: 'float8',
  dropped_params: 'text',
  output: 'bytea',
  sent: 'bytea',
  grades: 'bytea',
  code: 'text',
  message: 'text',
  calls: 'int',
  started_ms: 'float8',
  attempts: 'text',
  cost_unknown: 'boolean',
  run_again: 'boolean',
} as const;

type Column = keyof typeof TRIAL_COLUMNS;

/** A row of `trial`, as it is read. */
export interface TrialRow {
  readonly case_no: number;
  readonly trial: number;
  readonly outcome: number;
  readonly pass: boolean | null;
  readonly score: number | null;
  readonly ungraded: string | null;
  readonly length: number | null;
  readonly refusal: boolean | null;
  readonly latency_ms: number | null;
  readonly cost_usd: number | null;
  readonly judge_usd: number | null;
  readonly stop_reason: string | null;
  readonly served: number | null;
  readonly request_id: string | null;
  readonly usage: string | null;
  readonly dropped_params: string | null;
  readonly output: Buffer | null;
  readonly sent: Buffer | null;
  readonly grades: Buffer | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly started_ms: number | null;
  readonly attempts: string;
}

/** Who served it, apart from the id of the request. */
export type ServedIdentity = Omit<Served, 'requestId'>;

export function servedIdentity({ requestId: _requestId, ...identity }: Served): ServedIdentity {
  return identity;
}

/** A trial as a row. `draft`: nothing grades its case, so its answer is neither graded nor ungraded. */
export function trialCells(
  { trial, measures, grades, judgeCostUsd }: GradedTrial,
  at: { readonly caseNo: number; readonly draft: boolean; readonly served: number | null },
  writer: ContentWriter,
): Record<Column, unknown> {
  const answered = trial.status === 'answered' ? trial : null;
  const outcome: TrialOutcome | null = answered === null || at.draft ? null : trialOutcome(grades);
  const graded = outcome?.kind === 'graded' ? outcome : null;
  const { startedMs, code } = packAttempts(trial.attempts, attemptContext(trial));
  return {
    case_no: at.caseNo,
    trial: trial.trial,
    outcome: outcomeNumber(trial),
    pass: graded?.pass ?? null,
    score: graded?.score ?? null,
    ungraded: outcome?.kind === 'ungraded' ? JSON.stringify(outcome.causes) : null,
    length: measures.length,
    refusal: measures.refusal,
    latency_ms: answered?.latencyMs ?? null,
    cost_usd: trial.costUsd ?? null,
    judge_usd: judgeCostUsd,
    stop_reason: storedTextOrNull(answered?.stopReason),
    served: at.served,
    request_id: storedTextOrNull(answered?.served.requestId),
    usage: answered === null || answered.usage === null ? null : storedJson(answered.usage as JsonObject),
    output_tokens: answered?.usage?.outputTokens ?? null,
    dropped_params: answered?.droppedParams.length ? storedJson(answered.droppedParams) : null,
    output:
      answered === null
        ? null
        : answered.removedOutputHash === undefined
          ? writer.json(answered.output as unknown as JsonObject)
          : writer.removed(answered.removedOutputHash),
    sent: trial.sent === null ? null : writer.document(trial.sent),
    grades: answered === null && grades.length === 0 ? null : writer.json(grades as unknown as JsonValue),
    code: trial.status === 'failed' ? storedText(trial.code) : null,
    message: trial.status === 'answered' ? null : storedText(trial.message),
    calls: trial.attempts.length,
    started_ms: startedMs,
    attempts: String(code),
    cost_unknown: hasUnknownCost(trial),
    run_again: isRunAgain(trial),
  };
}

/** The attempts of a row. */
export function attemptsOf(
  row: Pick<TrialRow, 'started_ms' | 'attempts' | 'latency_ms' | 'request_id'>,
): Attempt[] {
  // JSON of attempts begins with a bracket, the code of a plain one is a number.
  const code = row.attempts.startsWith('[') ? row.attempts : Number(row.attempts);
  const requestId = row.request_id === null ? null : givenText(row.request_id);
  return unpackAttempts({ startedMs: row.started_ms, code }, { latencyMs: row.latency_ms, requestId });
}

/** What a row refers to. */
export interface RowContent {
  readonly sent: JsonObject | null;
  /** Null where it was removed. */
  readonly output: Output | null;
  readonly grades: readonly Grade[];
  readonly served: ServedIdentity | null;
}

export function wholeTrial(row: TrialRow, caseId: string, content: RowContent): GradedTrial {
  return {
    trial: trialOf(row, caseId, content),
    measures: { length: row.length, refusal: row.refusal },
    grades: content.grades,
    judgeCostUsd: row.judge_usd,
  };
}

function trialOf(row: TrialRow, caseId: string, { sent, output, served }: RowContent): Trial {
  const { status, cause } = outcomeOf(row.outcome);
  const attempts = attemptsOf(row);
  const base = { caseId, trial: row.trial, attempts, sent };
  const message = givenText(row.message ?? '');
  // Of a conversation without an end: what its answered calls cost.
  const paid =
    status !== 'answered' && attempts.some((a) => a.outcome === 'answered') ? { costUsd: row.cost_usd } : {};
  if (status === 'failed')
    return { ...base, ...paid, status, cause, code: givenText(row.code ?? ''), message };
  if (status === 'skipped') return { ...base, ...paid, status, cause, message };
  const requestId = row.request_id === null ? null : givenText(row.request_id);
  return {
    ...base,
    status,
    ...(output === null
      ? {
          output: { text: REMOVED_TEXT, toolCalls: [] },
          removedOutputHash: (row.output as Buffer).toString('hex'),
        }
      : { output }),
    stopReason: givenText(row.stop_reason as string) as StopReason,
    served: servedOf(served as ServedIdentity, requestId),
    usage: row.usage === null ? null : (JSON.parse(row.usage) as Usage),
    latencyMs: row.latency_ms,
    costUsd: row.cost_usd,
    droppedParams: row.dropped_params === null ? [] : (JSON.parse(row.dropped_params) as string[]),
  };
}

/** In the order of SQLite's ledger, so that both show the same JSON. */
function servedOf(identity: ServedIdentity, requestId: string | null): Served {
  const { model, systemFingerprint, serviceTier, region, ...more } = identity;
  return { model, systemFingerprint, serviceTier, region, requestId, ...more };
}

/** A trial's numbers, in the order of `RESULT_COLUMNS`. */
export type ResultRow = readonly [
  caseNo: number,
  trial: number,
  outcome: number,
  pass: boolean | null,
  score: number | null,
  ungraded: string | null,
  length: number | null,
  refusal: boolean | null,
  latencyMs: number | null,
  costUsd: number | null,
  outputTokens: number | null,
  stopReason: string | null,
  served: number | null,
  outputHash: string | null,
];

export const RESULT_COLUMNS = `case_no, trial, outcome, pass, score, ungraded, length, refusal, latency_ms, cost_usd, output_tokens, stop_reason,
  served, encode(output, 'hex')`;

const NO_CAUSES: readonly UngradedCause[] = [];

export function trialResult(row: ResultRow, served: ServedIdentity | null): TrialResult {
  const [, trial, outcome, pass, score, ungraded, length, refusal, latencyMs] = row;
  const [, , , , , , , , , costUsd, outputTokens, stopReason, , outputHash] = row;
  return {
    trial,
    ...outcomePart(outcome),
    pass,
    score,
    ungraded: ungraded === null ? NO_CAUSES : (JSON.parse(ungraded) as UngradedCause[]),
    length,
    latencyMs,
    costUsd,
    outputTokens,
    refusal,
    stopReason: stopReason === null ? null : givenText(stopReason),
    servedModel: served?.model ?? null,
    systemFingerprint: served?.systemFingerprint ?? null,
    outputHash,
  };
}

function outcomePart(outcome: number): Pick<TrialResult, 'status' | 'cause'> {
  const { status, cause } = outcomeOf(outcome);
  return { status, cause };
}
