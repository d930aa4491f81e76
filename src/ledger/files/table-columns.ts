// The columns of the tables that a snapshot is exported as: cases, trials, grades. docs/ledger.md lists the same.

import { canonicalJson, type JsonValue } from '../../base/json.ts';
import { type Grade, trialOutcome } from '../../core/grade.ts';
import type { ExaminedCase, GradedTrial, SnapshotSummary } from '../../core/snapshot.ts';
import type { AnsweredTrial, Trial } from '../../core/trial.ts';
import { wellFormed } from '../model/share-long-texts.ts';

/** As Parquet knows them. `STRING` columns ending in `_json` hold JSON text: readers disagree about Parquet's own JSON type. */
type ColumnType = 'STRING' | 'INT32' | 'INT64' | 'DOUBLE' | 'BOOLEAN' | 'TIMESTAMP';

export type Cell = string | number | bigint | boolean | Date | null;

export interface Column<Row> {
  readonly name: string;
  readonly type: ColumnType;
  /** Never null. */
  readonly required?: true;
  readonly of: (row: Row) => Cell | undefined;
}

interface OfSnapshot {
  readonly snapshot: SnapshotSummary;
}

export interface CaseRow extends OfSnapshot {
  readonly examined: ExaminedCase;
}

export interface TrialRow extends OfSnapshot {
  readonly stored: GradedTrial;
}

export interface GradeRow extends OfSnapshot {
  readonly trial: Trial;
  readonly grade: Grade;
}

const text = <Row>(name: string, of: (row: Row) => string | null | undefined): Column<Row> => ({
  name,
  type: 'STRING',
  of,
});
const int = <Row>(name: string, of: (row: Row) => number | null): Column<Row> => ({
  name,
  type: 'INT32',
  of,
});
const real = <Row>(name: string, of: (row: Row) => number | null | undefined): Column<Row> => ({
  name,
  type: 'DOUBLE',
  of,
});
const flag = <Row>(name: string, of: (row: Row) => boolean | null): Column<Row> => ({
  name,
  type: 'BOOLEAN',
  of,
});
const json = <Row>(name: string, of: (row: Row) => unknown): Column<Row> => ({
  name,
  type: 'STRING',
  of: (row) => jsonText(of(row)),
});
const time = <Row>(name: string, of: (row: Row) => string | undefined): Column<Row> => ({
  name,
  type: 'TIMESTAMP',
  of: (row) => moment(of(row)),
});
const tokens = (name: string, of: (trial: AnsweredTrial) => number | undefined): Column<TrialRow> => ({
  name,
  type: 'INT64',
  of: ({ stored }) => wholeNumber(answer(stored.trial, of)),
});
const required = <Row>(column: Column<Row>): Column<Row> => ({ ...column, required: true });

/** Which snapshot a row is of: files of several snapshots can be read as one table. */
const SNAPSHOT: readonly Column<OfSnapshot>[] = [
  required(text('snapshot', (r) => r.snapshot.id)),
  required(text('suite', (r) => r.snapshot.suite)),
  required(text('release', (r) => r.snapshot.release)),
  required(text('fingerprint', (r) => r.snapshot.fingerprint)),
];

const CASE_COLUMNS: readonly Column<CaseRow>[] = [
  ...SNAPSHOT,
  time('started_at', (r) => r.snapshot.startedAt),
  required(text('case_id', (r) => r.examined.case.id)),
  required(int('position', (r) => r.examined.position)),
  required(json('tags_json', (r) => r.examined.case.tags)),
  text('case_group', (r) => r.examined.case.group),
  required(flag('critical', (r) => r.examined.case.critical)),
  required(int('planned_trials', (r) => r.examined.case.trials)),
  real('min_pass_rate', (r) => r.examined.case.minPassRate),
  required(json('vars_json', (r) => r.examined.case.vars)),
  json('messages_json', (r) => r.examined.case.messages),
  json('turns_json', (r) => r.examined.case.turns),
  json('expected_json', (r) => r.examined.case.expected),
  required(text('content_hash', (r) => r.examined.case.contentHash)),
  required(text('graders_hash', (r) => r.examined.case.gradersHash)),
  text('source_kind', (r) => r.examined.case.source?.kind),
  text('source_ref', (r) => r.examined.case.source?.ref),
];

const TRIAL_COLUMNS: readonly Column<TrialRow>[] = [
  ...SNAPSHOT,
  required(text('case_id', (r) => r.stored.trial.caseId)),
  required(int('trial', (r) => r.stored.trial.trial)),
  required(text('status', (r) => r.stored.trial.status)),
  text('cause', ({ stored: { trial } }) => (trial.status === 'answered' ? null : trial.cause)),
  text('code', ({ stored: { trial } }) => (trial.status === 'failed' ? trial.code : null)),
  text('message', ({ stored: { trial } }) => (trial.status === 'answered' ? null : trial.message)),
  flag('pass', ({ stored }) => outcome(stored)?.pass ?? null),
  real('score', ({ stored }) => outcome(stored)?.score),
  text('output', ({ stored }) => kept(stored.trial, (t) => t.output.text)),
  json('tool_calls_json', ({ stored }) => kept(stored.trial, (t) => t.output.toolCalls)),
  json('trajectory_json', ({ stored }) => kept(stored.trial, (t) => t.output.trajectory)),
  required(flag('output_removed', ({ stored }) => answer(stored.trial, (t) => t.removedOutputHash) !== null)),
  text('stop_reason', ({ stored }) => answer(stored.trial, (t) => t.stopReason)),
  text('served_model', ({ stored }) => answer(stored.trial, (t) => t.served.model)),
  text('system_fingerprint', ({ stored }) => answer(stored.trial, (t) => t.served.systemFingerprint)),
  flag('simulated', ({ stored }) => answer(stored.trial, (t) => t.served.simulated === true)),
  tokens('input_tokens', (t) => t.usage?.inputTokens),
  tokens('output_tokens', (t) => t.usage?.outputTokens),
  tokens('cached_input_tokens', (t) => t.usage?.cachedInputTokens),
  tokens('reasoning_tokens', (t) => t.usage?.reasoningTokens),
  real('latency_ms', ({ stored }) => answer(stored.trial, (t) => t.latencyMs)),
  real('cost_usd', ({ stored }) => stored.trial.costUsd),
  real('judge_cost_usd', ({ stored }) => stored.judgeCostUsd),
  int('length', ({ stored }) => stored.measures.length),
  flag('refusal', ({ stored }) => stored.measures.refusal),
  required(int('calls', ({ stored }) => stored.trial.attempts.length)),
  time('called_at', ({ stored }) => stored.trial.attempts[0]?.startedAt),
];

const GRADE_COLUMNS: readonly Column<GradeRow>[] = [
  ...SNAPSHOT,
  required(text('case_id', (r) => r.trial.caseId)),
  required(int('trial', (r) => r.trial.trial)),
  required(text('grader_id', (r) => r.grade.graderId)),
  required(text('grader_type', (r) => r.grade.graderType)),
  required(flag('required', (r) => r.grade.required)),
  required(real('weight', (r) => r.grade.weight)),
  required(text('status', (r) => r.grade.status)),
  flag('pass', ({ grade }) => (grade.status === 'scored' ? grade.pass : null)),
  real('score', ({ grade }) => (grade.status === 'scored' ? grade.score : null)),
  text('cause', ({ grade }) => (grade.status === 'ungraded' ? grade.cause : null)),
  required(text('reason', (r) => r.grade.reason)),
  json('details_json', (r) => r.grade.details),
];

/** The tables by name, each with its columns in order. */
export const TABLES = { cases: CASE_COLUMNS, trials: TRIAL_COLUMNS, grades: GRADE_COLUMNS } as const;

export type TableName = keyof typeof TABLES;

/** Null unless it was answered and graded: a failed measurement is never a score. */
function outcome({ trial, grades }: GradedTrial): { readonly pass: boolean; readonly score: number } | null {
  if (trial.status !== 'answered') return null;
  const said = trialOutcome(grades);
  return said.kind === 'graded' ? said : null;
}

function answer<T>(trial: Trial, of: (trial: AnsweredTrial) => T | null | undefined): T | null {
  return trial.status === 'answered' ? (of(trial) ?? null) : null;
}

/** Of an answer that the ledger still has; a placeholder is no output. */
function kept<T>(trial: Trial, of: (trial: AnsweredTrial) => T | undefined): T | null {
  return answer(trial, (t) => (t.removedOutputHash === undefined ? of(t) : null));
}

function jsonText(value: unknown): string | null {
  return value === undefined || value === null ? null : canonicalJson(wellFormed(value as JsonValue));
}

function moment(iso: string | undefined): Date | null {
  const at = new Date(iso ?? Number.NaN);
  return Number.isNaN(at.getTime()) ? null : at;
}

function wholeNumber(value: number | null): bigint | null {
  return value === null || !Number.isFinite(value) ? null : BigInt(Math.round(value));
}
