// How a run may spend time and money, and the limits that follow.

import type { Failure, SnapshotPurpose } from '../../core/index.ts';
import type { runJobs } from '../../run/index.ts';
import type { ExaminerOptions } from '../examiners/judge-examiners.ts';
import type { JudgeLimit } from '../examiners/judge-limit.ts';

/** How a run may spend time and money; every limit is optional. */
export interface RunSettings {
  /** Trials per case instead of the suite's. */
  readonly trials?: number | undefined;
  /** Calls in flight at once (default 8). */
  readonly concurrency?: number | undefined;
  readonly maxCalls?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  /** For the whole run. */
  readonly deadlineMs?: number | undefined;
  /** Start the trials evenly over this long, instead of all at once. */
  readonly spreadMs?: number | undefined;
  /** For one attempt (default 120 s). */
  readonly attemptTimeoutMs?: number | undefined;
  /** Attempts per trial (default 4; 1 = no retries). */
  readonly maxAttempts?: number | undefined;
  /** How long a service that is down is waited for (default 5 minutes). */
  readonly outageMs?: number | undefined;
  /** The judge's own budget, over everything that is run with it. */
  readonly judgeLimit?: JudgeLimit | undefined;
  /** Other processes make the calls, and have the keys for them. */
  readonly keysElsewhere?: boolean | undefined;
  /** What is known to forbid every call: the run stops before the first one. */
  readonly refused?: Failure | undefined;
  /** Calls of each judge per question instead of the suite's; part of the exam. */
  readonly judgeVotes?: number | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly purpose?: SnapshotPurpose | undefined;
  /** Ask for replies as streams: the time to the first token is kept with each answer. */
  readonly stream?: boolean | undefined;
  /** Through the provider's batch API: half the price, answered within a day. */
  readonly batch?: boolean | undefined;
  /** Only the judge's questions go into batches: the subject is read or has no batch API. `batch` gathers them, too. */
  readonly batchJudge?: boolean | undefined;
  /** What becomes of batches that are not back when the work ends. Default: a deadline cancels them, and `run --resume` continues. */
  readonly batchWaits?: { readonly keepAtDeadline: boolean; readonly continueWith: string } | undefined;
  /** The first wait for a batch; each further one is half as long again (default 5 s). */
  readonly batchPollMs?: number | undefined;
  /** Refuse a floating model alias instead of warning. */
  readonly requirePinned?: boolean | undefined;
  /** An application that fails every trial of a release is a result, not a reason to stop; the policy can say so too. */
  readonly measuresAppErrors?: boolean | undefined;
  /** Ask the catalogues for the models first: true = all that have one, false = none, default = the providers' own services. */
  readonly preflight?: boolean | undefined;
}

/** The limits of the run room from the settings, with the defaults. */
export function limitsOf(settings: RunSettings): Parameters<typeof runJobs>[1]['limits'] {
  const attemptTimeoutMs = settings.attemptTimeoutMs ?? 120_000;
  const maxAttempts = settings.maxAttempts ?? 4;
  return {
    concurrency: settings.concurrency ?? 8,
    maxAttempts,
    attemptTimeoutMs,
    trialTimeoutMs: attemptTimeoutMs * maxAttempts + 120_000,
    outageMs: settings.outageMs ?? 300_000,
    deadlineMs: settings.deadlineMs ?? null,
    maxCalls: settings.maxCalls ?? null,
    maxCostUsd: settings.maxCostUsd ?? null,
  };
}

/** What each examiner may use, apart from the subject. */
export function examinerOptions(settings: RunSettings): ExaminerOptions {
  const { attemptTimeoutMs: timeoutMs, concurrency, maxAttempts, outageMs } = limitsOf(settings);
  return { limits: { concurrency, maxAttempts, timeoutMs, outageMs }, limit: settings.judgeLimit };
}

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** A duration as the command line takes it: in the largest unit that leaves no rest. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, of]) => ms % of === 0) ?? UNITS[3];
  return `${ms / size}${unit}`;
}
