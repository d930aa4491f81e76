// A trial on its way: its attempts so far, and the three ways it can end.

import {
  type AnsweredTrial,
  type Attempt,
  type Failure,
  type JsonObject,
  type ProviderReply,
  type ProviderRequest,
  type SkipCause,
  type Trial,
  wellFormed,
} from '../core/index.ts';
import type { Cut } from './call.ts';
import type { Lane } from './lane.ts';
import type { Job } from './plan.ts';

export class OpenTrial {
  readonly job: Job;
  readonly lane: Lane;
  request: ProviderRequest | null = null;
  /** When the first attempt started. */
  startedMs: number | null = null;
  /** Calls off the wait for the next attempt. */
  callOffWait: (() => void) | null = null;
  private readonly attempts: Attempt[] = [];
  private sent: JsonObject | null = null;
  private costUsd: number | null = 0;

  constructor(job: Job, lane: Lane) {
    this.job = job;
    this.lane = lane;
  }

  get attemptCount(): number {
    return this.attempts.length;
  }

  /** Logs an attempt; `costUsd` null = unknown, and then the trial's cost is. */
  log(attempt: Attempt, costUsd: number | null, sent: JsonObject | undefined): void {
    this.attempts.push(attempt);
    this.costUsd = this.costUsd === null || costUsd === null ? null : this.costUsd + costUsd;
    if (sent !== undefined) this.sent = sent;
  }

  answered(reply: Extract<ProviderReply, { kind: 'answered' }>): AnsweredTrial {
    return {
      ...this.base(),
      status: 'answered',
      output: wellFormed(reply.output as unknown as JsonObject) as unknown as typeof reply.output,
      stopReason: reply.stopReason,
      served: reply.served,
      usage: reply.usage,
      latencyMs: reply.latencyMs,
      costUsd: this.costUsd,
      droppedParams: reply.droppedParams ?? [],
    };
  }

  failed(failure: Pick<Failure, 'cause' | 'code' | 'message'>): Trial {
    const tried = this.attempts.length > 1 ? ` (after ${this.attempts.length} attempts)` : '';
    return {
      ...this.base(),
      status: 'failed',
      cause: failure.cause,
      code: failure.code,
      message: `${failure.message}${tried}`,
    };
  }

  skipped(cause: SkipCause, message: string): Trial {
    return { ...this.base(), status: 'skipped', cause, message };
  }

  private base() {
    const { job, attempts, sent } = this;
    return { caseId: job.case.id, trial: job.trial, attempts, sent };
  }
}

let lastTime = { ms: Number.NaN, iso: '' };

/** Many attempts start in one millisecond. */
function isoTime(ms: number): string {
  if (ms !== lastTime.ms) lastTime = { ms, iso: new Date(ms).toISOString() };
  return lastTime.iso;
}

/** A reply as one line of the trial's log. */
export function attemptOf(startedMs: number, tookMs: number, reply: ProviderReply): Attempt {
  const startedAt = isoTime(startedMs);
  if (reply.kind === 'answered') {
    const { requestId } = reply.served;
    return { startedAt, latencyMs: reply.latencyMs ?? tookMs, outcome: 'answered', requestId };
  }
  const { code: outcome, httpStatus, requestId, message } = reply;
  return { startedAt, latencyMs: tookMs, outcome, httpStatus, requestId, message };
}

/** An attempt we ended ourselves, as the failure it amounts to. */
export function cutFailure(why: Cut, limitMs: number, tookMs: number): Failure {
  const sentences: Record<Cut, string> = {
    attempt_timeout: `no answer within the attempt's ${seconds(limitMs)}`,
    trial_timeout: `no answer within the trial's time, of which ${seconds(limitMs)} were left`,
    deadline: "the call was cut off at the run's deadline",
    cancelled: 'the call was cut off because the run was cancelled',
  };
  return {
    kind: 'failed',
    cause: 'timeout',
    code: why,
    message: sentences[why],
    retryable: why === 'attempt_timeout',
    fatal: false,
    latencyMs: tookMs,
  };
}

/** A provider that broke its contract, as a failure of the infrastructure. */
export function defectFailure(provider: string, message: string, tookMs: number): Failure {
  return {
    kind: 'failed',
    cause: 'infra_error',
    code: 'provider_defect',
    message: `the provider ${provider} broke off with an error of its own: ${message}`,
    retryable: false,
    fatal: false,
    latencyMs: tookMs,
  };
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}
