// Trials as rows: what was sent, what came back, how it was graded and what it cost.

import type { Database, Statement } from 'better-sqlite3';
import type { JsonObject } from '../../base/json.ts';
import { type TrialOutcome, trialOutcome, type UngradedCause } from '../../core/grade.ts';
import type { StopReason, Usage } from '../../core/provider.ts';
import type { GradedTrial, TrialResult } from '../../core/snapshot.ts';
import type { Attempt, Trial } from '../../core/trial.ts';
import { attemptContext, packAttempts, unpackAttempts } from '../model/attempts.ts';
import { SealHash } from '../model/seal-hash.ts';
import { outcomeNumber, outcomeOf } from '../model/trial-outcomes.ts';
import { type ContentTables, ENCODING, FIXED_PLAN } from './content.ts';
import type { GradingTables } from './gradings.ts';
import { RUN_AGAIN } from './run-again.ts';
import { type ServedRow, ServedTable } from './served.ts';

const COLUMNS = [
  'snapshot',
  'case_no',
  'trial',
  'outcome',
  'pass',
  'score',
  'ungraded',
  'length',
  'refusal',
  'latency_ms',
  'cost_usd',
  'judge_usd',
  'stop_reason',
  'served',
  'request_id',
  'usage_known',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'dropped_params',
  'output',
  'sent',
  'grading',
  'code',
  'message',
  'calls',
  'started_ms',
  'attempts',
] as const;

interface TrialRow {
  readonly case_no: number;
  readonly trial: number;
  readonly outcome: number;
  readonly pass: number | null;
  readonly score: number | null;
  readonly ungraded: number | null;
  readonly length: number | null;
  readonly refusal: number | null;
  readonly latency_ms: number | null;
  readonly cost_usd: number | null;
  readonly judge_usd: number | null;
  readonly stop_reason: number | null;
  readonly served: number | null;
  readonly request_id: string | null;
  readonly usage_known: number | null;
  readonly input_tokens: number | null;
  readonly output_tokens: number | null;
  readonly cached_tokens: number | null;
  readonly cache_write_tokens: number | null;
  readonly reasoning_tokens: number | null;
  readonly dropped_params: number | null;
  readonly output: number | null;
  readonly sent: number | null;
  readonly grading: number | null;
  readonly code: number | null;
  readonly message: string | null;
  readonly calls: number;
  readonly started_ms: number | null;
  readonly attempts: number | string;
}

/** A trial's numbers as a plain array: of 100,000 trials, objects and bytes would take most of the time there is. */
type ResultRow = readonly [
  caseNo: number,
  trial: number,
  outcome: number,
  pass: number | null,
  score: number | null,
  ungraded: number | null,
  length: number | null,
  refusal: number | null,
  latencyMs: number | null,
  costUsd: number | null,
  outputTokens: number | null,
  stopReason: number | null,
  served: number | null,
  /** Empty without an output. */
  outputHash: string,
];

interface TrialNumber {
  readonly case_no: number;
  readonly trial: number;
}

const NO_CAUSES: readonly UngradedCause[] = [];

/** What one appended trial adds to its snapshot's counters. */
export interface TrialTally {
  readonly status: Trial['status'];
  /** null = not graded. */
  readonly graded: { readonly pass: boolean; readonly score: number } | null;
  /** False also for the answer of a draft, which nothing grades. */
  readonly ungraded: boolean;
  readonly servedId: number | null;
}

export class TrialTables {
  readonly #content: ContentTables;
  readonly #gradings: GradingTables;
  readonly #add: Statement<unknown[]>;
  readonly #ofCase: Statement<[number, number], TrialRow>;
  readonly #caseNos: Statement<[number], number>;
  readonly #results: Statement<[number], ResultRow>;
  readonly #there: Statement<[number], TrialNumber>;
  readonly #done: Statement<[number], TrialNumber>;
  readonly #removedOutputs: Statement<[number], TrialNumber>;
  readonly #served: ServedTable;

  constructor(db: Database, content: ContentTables, gradings: GradingTables) {
    this.#content = content;
    this.#gradings = gradings;
    this.#served = new ServedTable(db);
    this.#add = db.prepare(
      `INSERT INTO trial (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`,
    );
    this.#ofCase = db.prepare(
      `SELECT * FROM trial WHERE snapshot = ${FIXED_PLAN} AND case_no = ${FIXED_PLAN} ORDER BY trial`,
    );
    this.#caseNos = db
      .prepare<[number], number>('SELECT DISTINCT case_no FROM trial WHERE snapshot = ? ORDER BY case_no')
      .pluck();
    this.#results = db
      .prepare<[number], ResultRow>(
        `SELECT t.case_no, t.trial, t.outcome, t.pass, t.score, t.ungraded, t.length, t.refusal, t.latency_ms, t.cost_usd,
                t.output_tokens, t.stop_reason, t.served, lower(hex(o.sha256))
         FROM trial t LEFT JOIN content o ON o.id = t.output WHERE t.snapshot = ? ORDER BY t.case_no, t.trial`,
      )
      .raw();
    this.#there = db.prepare('SELECT case_no, trial FROM trial WHERE snapshot = ?');
    this.#done = db.prepare(`SELECT case_no, trial FROM trial WHERE snapshot = ? AND NOT ${RUN_AGAIN}`);
    this.#removedOutputs = db.prepare(
      `SELECT t.case_no, t.trial FROM trial t JOIN content o ON o.id = t.output
       WHERE t.snapshot = ? AND o.encoding >= ${ENCODING.edited}`,
    );
  }

  /** Must follow a rolled-back transaction. */
  forget(): void {
    this.#served.forget();
  }

  /** Adds one trial. Inside a write transaction. */
  add(
    snapshotNo: number,
    caseNo: number,
    { row, draft }: { readonly row: GradedTrial; readonly draft: boolean },
  ): TrialTally {
    const { trial, measures, grades, judgeCostUsd } = row;
    const content = this.#content;
    const answered = trial.status === 'answered' ? trial : null;
    // A draft has no grader: its answers are neither graded nor ungraded.
    const outcome: TrialOutcome | null = answered === null || draft ? null : trialOutcome(grades);
    const graded = outcome?.kind === 'graded' ? outcome : null;
    const usage = answered?.usage ?? null;
    const servedId = answered === null ? null : this.#served.idOf(answered.served);
    const { startedMs, code } = packAttempts(trial.attempts, attemptContext(trial));
    const cells: Record<(typeof COLUMNS)[number], unknown> = {
      snapshot: snapshotNo,
      case_no: caseNo,
      trial: trial.trial,
      outcome: outcomeNumber(trial),
      pass: bit(graded?.pass),
      score: graded?.score ?? null,
      ungraded: outcome?.kind === 'ungraded' ? content.wordId(JSON.stringify(outcome.causes)) : null,
      length: measures.length,
      refusal: bit(measures.refusal),
      latency_ms: answered?.latencyMs ?? null,
      cost_usd: trial.costUsd ?? null,
      judge_usd: judgeCostUsd,
      stop_reason: content.wordIdOrNull(answered?.stopReason),
      served: servedId,
      request_id: answered?.served.requestId ?? null,
      usage_known: answered === null ? null : usage === null ? 0 : 1,
      input_tokens: usage?.inputTokens ?? null,
      output_tokens: usage?.outputTokens ?? null,
      cached_tokens: usage?.cachedInputTokens ?? null,
      cache_write_tokens: usage?.cacheWriteTokens ?? null,
      reasoning_tokens: usage?.reasoningTokens ?? null,
      dropped_params: answered?.droppedParams.length
        ? content.wordId(JSON.stringify(answered.droppedParams))
        : null,
      output:
        answered === null
          ? null
          : answered.removedOutputHash === undefined
            ? content.outputId(answered.output)
            : content.removedOutputId(answered.removedOutputHash),
      sent: trial.sent === null ? null : content.documentId(trial.sent),
      grading: answered === null && grades.length === 0 ? null : this.#gradings.gradingId(grades),
      code: trial.status === 'failed' ? content.wordId(trial.code) : null,
      message: trial.status === 'answered' ? null : trial.message.toWellFormed(),
      calls: trial.attempts.length,
      started_ms: startedMs,
      // A column of any type takes a number as eight bytes, and a whole one that is said to be whole as one.
      attempts: typeof code === 'number' ? BigInt(code) : code,
    };
    this.#add.run(...COLUMNS.map((column) => cells[column]));
    return { status: trial.status, graded, ungraded: outcome?.kind === 'ungraded', servedId };
  }

  /** Numbers of the cases that have trials, in suite order. */
  caseNos(snapshotNo: number): number[] {
    return this.#caseNos.all(snapshotNo);
  }

  /** The whole trials of one case. */
  ofCase(snapshotNo: number, caseNo: number, caseId: string): GradedTrial[] {
    return this.#ofCase.all(snapshotNo, caseNo).map((row) => this.#whole(row, caseId));
  }

  /** What comparisons see, by case number; and its digest. */
  results(snapshotNo: number): { readonly byCase: Map<number, TrialResult[]>; readonly digest: Buffer } {
    const byCase = new Map<number, TrialResult[]>();
    const seal = new SealHash();
    const words = new Set<number>();
    // A snapshot is served by one or two models: their names are read once, not with every trial.
    const servers = new Map<number, ServedRow>();
    for (const row of this.#results.iterate(snapshotNo)) {
      const [caseNo, trial, outcome, pass, score, ungraded, length, refusal, latencyMs] = row;
      const [, , , , , , , , , costUsd, outputTokens, stopReason, servedId, outputHash] = row;
      seal.row(row);
      if (ungraded !== null) words.add(ungraded);
      if (stopReason !== null) words.add(stopReason);
      const { status, cause } = outcomeOf(outcome);
      let served = servedId === null ? null : servers.get(servedId);
      if (served === undefined) {
        served = this.#served.row(servedId as number);
        servers.set(servedId as number, served);
      }
      const result: TrialResult = {
        trial,
        status,
        cause,
        pass: pass === null ? null : pass === 1,
        score,
        ungraded:
          ungraded === null ? NO_CAUSES : (JSON.parse(this.#content.word(ungraded)) as UngradedCause[]),
        length,
        latencyMs,
        costUsd,
        outputTokens,
        refusal: refusal === null ? null : refusal === 1,
        stopReason: this.#content.wordOrNull(stopReason),
        servedModel: served?.model ?? null,
        systemFingerprint: served?.system_fingerprint ?? null,
        outputHash: outputHash === '' ? null : outputHash,
      };
      const trials = byCase.get(caseNo);
      if (trials === undefined) byCase.set(caseNo, [result]);
      else trials.push(result);
    }
    this.#sealWords(seal, words, servers);
    return { byCase, digest: seal.digest() };
  }

  /** The digest of `results` alone. */
  digest(snapshotNo: number): Buffer {
    const seal = new SealHash();
    const words = new Set<number>();
    const servers = new Map<number, ServedRow>();
    for (const row of this.#results.iterate(snapshotNo)) {
      const [, , , , , ungraded, , , , , , stopReason, served] = row;
      seal.row(row);
      if (ungraded !== null) words.add(ungraded);
      if (stopReason !== null) words.add(stopReason);
      if (served !== null && !servers.has(served)) servers.set(served, this.#served.row(served));
    }
    this.#sealWords(seal, words, servers);
    return seal.digest();
  }

  /** What the numbers in the rows stand for. */
  #sealWords(seal: SealHash, words: ReadonlySet<number>, servers: ReadonlyMap<number, ServedRow>): void {
    for (const id of [...words].sort((a, b) => a - b)) seal.row([id, this.#content.word(id)]);
    for (const [id, s] of [...servers].sort(([a], [b]) => a - b))
      seal.row([id, s.model, s.system_fingerprint, s.service_tier, s.region, s.simulated]);
  }

  /** Trial numbers by case number. */
  there(snapshotNo: number): Map<number, Set<number>> {
    return byCaseNo(this.#there.iterate(snapshotNo));
  }

  /** The same without those that a resumed run runs again. */
  done(snapshotNo: number): Map<number, Set<number>> {
    return byCaseNo(this.#done.iterate(snapshotNo));
  }

  /** Numbers of the trials whose answers are not there, by case number. */
  removedOutputs(snapshotNo: number): Map<number, Set<number>> {
    return byCaseNo(this.#removedOutputs.iterate(snapshotNo));
  }

  #whole(row: TrialRow, caseId: string): GradedTrial {
    const trial = this.#trial(row, caseId);
    return {
      trial,
      measures: { length: row.length, refusal: row.refusal === null ? null : row.refusal === 1 },
      grades: row.grading === null ? [] : this.#gradings.grades(row.grading),
      judgeCostUsd: row.judge_usd,
    };
  }

  #trial(row: TrialRow, caseId: string): Trial {
    const content = this.#content;
    const { status, cause } = outcomeOf(row.outcome);
    const attempts = unpackAttempts(
      { startedMs: row.started_ms, code: row.attempts },
      { latencyMs: row.latency_ms, requestId: row.request_id },
    );
    const sent = row.sent === null ? null : (content.document(row.sent) as JsonObject);
    const base = { caseId, trial: row.trial, attempts, sent };
    const paid = status === 'answered' ? {} : paidOf(row, attempts);
    if (status === 'failed')
      return {
        ...base,
        ...paid,
        status,
        cause,
        code: content.wordOrNull(row.code) ?? '',
        message: row.message ?? '',
      };
    if (status === 'skipped') return { ...base, ...paid, status, cause, message: row.message ?? '' };
    return {
      ...base,
      status,
      ...content.output(row.output as number),
      stopReason: content.word(row.stop_reason as number) as StopReason,
      served: this.#served.of(row.served as number, row.request_id),
      usage: usageOf(row),
      latencyMs: row.latency_ms,
      costUsd: row.cost_usd,
      droppedParams:
        row.dropped_params === null ? [] : (JSON.parse(content.word(row.dropped_params)) as string[]),
    };
  }
}

function byCaseNo(rows: Iterable<TrialNumber>): Map<number, Set<number>> {
  const byCase = new Map<number, Set<number>>();
  for (const { case_no, trial } of rows) {
    const trials = byCase.get(case_no);
    if (trials === undefined) byCase.set(case_no, new Set([trial]));
    else trials.add(trial);
  }
  return byCase;
}

function usageOf(row: TrialRow): Usage | null {
  if (row.usage_known !== 1) return null;
  return {
    ...(row.input_tokens === null ? {} : { inputTokens: row.input_tokens }),
    ...(row.output_tokens === null ? {} : { outputTokens: row.output_tokens }),
    ...(row.cached_tokens === null ? {} : { cachedInputTokens: row.cached_tokens }),
    ...(row.cache_write_tokens === null ? {} : { cacheWriteTokens: row.cache_write_tokens }),
    ...(row.reasoning_tokens === null ? {} : { reasoningTokens: row.reasoning_tokens }),
  };
}

/** Of a conversation without an end: what its answered calls cost. */
function paidOf(row: TrialRow, attempts: readonly Attempt[]): { readonly costUsd?: number | null } {
  return attempts.some(({ outcome }) => outcome === 'answered') ? { costUsd: row.cost_usd } : {};
}

function bit(value: boolean | null | undefined): number | null {
  return value === null || value === undefined ? null : value ? 1 : 0;
}
