// A trial: one attempt at one case, ending in exactly one of answered, failed or skipped.

import type { JsonObject } from '../base/json.ts';
import type { Output } from './conversation.ts';
import type { FailureCause, Served, StopReason, Usage } from './provider.ts';

/** One call made for a trial; every one is kept, also those that failed before an answer came. */
export interface Attempt {
  /** ISO time the call started. */
  readonly startedAt: string;
  readonly latencyMs: number;
  /** Until the first of the answer came; only of replies that were streamed. */
  readonly firstTokenMs?: number | undefined;
  /** `answered`, or the failure's code. */
  readonly outcome: string;
  readonly httpStatus?: number | undefined;
  readonly requestId?: string | null | undefined;
  readonly message?: string | undefined;
}

interface TrialBase {
  readonly caseId: string;
  /** From 0. */
  readonly trial: number;
  readonly attempts: readonly Attempt[];
  /** Request body as sent, without credentials; null when nothing was sent. */
  readonly sent: JsonObject | null;
}

export interface AnsweredTrial extends TrialBase {
  readonly status: 'answered';
  readonly output: Output;
  /** Of an answer that the ledger does not have (pruned, forgotten, never kept): its hash. What stands in `output` then is no answer. */
  readonly removedOutputHash?: string | undefined;
  readonly stopReason: StopReason;
  readonly served: Served;
  readonly usage: Usage | null;
  /** Of the attempt that answered, or of all steps of a conversation; null where a recording does not tell it. */
  readonly latencyMs: number | null;
  /**
   * Over all attempts of the run that got the answer; null = price or usage unknown. What an earlier run of the trial, which was cut off,
   * had called is in `attempts` alone: it says nothing about what such an answer costs.
   */
  readonly costUsd: number | null;
  readonly droppedParams: readonly string[];
}

export interface FailedTrial extends TrialBase {
  readonly status: 'failed';
  readonly cause: FailureCause;
  readonly code: string;
  readonly message: string;
  /** Of the calls that were answered before it failed; absent where none was, null = unknown. */
  readonly costUsd?: number | null | undefined;
}

export type SkipCause = 'budget' | 'cancelled' | 'deadline';

export interface SkippedTrial extends TrialBase {
  readonly status: 'skipped';
  readonly cause: SkipCause;
  readonly message: string;
  /** Of the calls that were answered before it was cut off; absent where none was, null = unknown. */
  readonly costUsd?: number | null | undefined;
}

export type Trial = AnsweredTrial | FailedTrial | SkippedTrial;

/** Is its answer gone from the ledger, so that nothing may be measured on what stands in `output`? */
export function isRemoved(trial: Trial): boolean {
  return trial.status === 'answered' && trial.removedOutputHash !== undefined;
}

/** Outcomes of attempts without a call: what a recording does not have, or has as an error, and what a batch did not execute. */
export const ASKED_NOBODY: readonly string[] = [
  'no_recording',
  'recorded_error',
  'batch_expired',
  'batch_cancelled',
];

/**
 * May this failed call be on the bill, at an unknown price? Not where the service says that it did not serve; a lost
 * connection or a late answer may.
 */
export function mayBeBilled(failure: {
  readonly code: string;
  readonly httpStatus?: number | undefined;
}): boolean {
  return (failure.httpStatus ?? 0) < 400 && !ASKED_NOBODY.includes(failure.code);
}

/** Is a call among these that got no answer and may yet be on the bill? */
export function hasLostCall(attempts: readonly Attempt[]): boolean {
  return attempts.some(
    ({ outcome: code, httpStatus }) => code !== 'answered' && mayBeBilled({ code, httpStatus }),
  );
}

/** Is there more to pay for this trial than is known? */
export function hasUnknownCost(trial: Trial): boolean {
  return trial.costUsd === null || hasLostCall(trial.attempts);
}
