// The engine: jobs in, one trial each out, within the limits. It streams; nothing here grows with the number of jobs.

import pLimit, { type LimitFunction } from 'p-limit';
import {
  type Failure,
  LastgoodError,
  layerText,
  mayBeBilled,
  type ProgressStep,
  type ProviderReply,
  type Release,
  type SkipCause,
  type Trial,
} from '../core/index.ts';
import { retryDelayMs } from './backoff.ts';
import { Budget } from './budget.ts';
import { Call, type CallEnd } from './call.ts';
import { Intake } from './intake.ts';
import { Lane, laneKey } from './lane.ts';
import { checkLimits, costUnknown, type RunLimits } from './limits.ts';
import { attemptOf, cutFailure, defectFailure, OpenTrial, seconds } from './open-trial.ts';
import type { Job } from './plan.ts';
import { ProgressMeter } from './progress-meter.ts';
import { isRefusal } from './refusal.ts';
import { renderRequest } from './render-request.ts';
import type { RunHandle, RunOptions } from './run-options.ts';
import { type RunReport, type StopCause, Tally } from './tally.ts';
import { realTimers, type Timers } from './timers.ts';

/**
 * Runs every job to exactly one trial: answered, failed, or skipped with its cause. Retries what may pass, slows down where a
 * service refuses, and stops at limits, signals and failures that no other call can escape.
 * Throws `RUN_LIMIT_INVALID`, `COST_UNKNOWN` (a cost limit without prices), and what `jobs` or `onTrial` throw.
 */
export async function runJobs(jobs: Iterable<Job>, options: RunOptions): Promise<RunReport> {
  checkLimits(options.limits);
  if (options.limits.maxCostUsd !== null && options.priceKnown !== true) {
    throw costUnknown();
  }
  return new Run(jobs, options).toItsEnd();
}

/** Each has waited through all its retries, so a short break of the network does not add up to it. */
const MOST_UNREACHED = 8;

/** Why nothing more is started, and what the trials skipped for it say. */
interface Stop {
  readonly by: StopCause;
  readonly cause: SkipCause;
  readonly message: string;
}

class Run {
  private readonly options: RunOptions;
  private readonly limits: RunLimits;
  private readonly timers: Timers;
  private readonly total: number | null;
  private readonly intake: Intake;
  private readonly slots: LimitFunction;
  private readonly lanes = new Map<string, Lane>();
  private readonly laneOfRelease = new Map<Release, Lane>();
  private readonly budget: Budget;
  private readonly all = new Tally();
  private readonly arms = new Map<string, Tally>();
  private readonly meter: ProgressMeter;
  private readonly cutOff = new AbortController();
  private readonly handle: RunHandle = {
    cutOff: this.cutOff.signal,
    stop: (failure) => this.stopFatal(failure, `with ${failure.code}`),
  };

  private readonly inFlight = new Set<Call>();
  /** Waiting for their next attempt, without a slot. */
  private readonly waiting = new Set<OpenTrial>();
  /** Kept back until a call in flight shows what it cost. */
  private held: OpenTrial[] = [];
  private stopped: Stop | null = null;
  private fatal: Failure | null = null;
  /** Trials in a row in whose whole life, all their attempts, no call of the run got any reply. */
  private unreached = 0;
  private reachedMs = Number.NEGATIVE_INFINITY;
  /** What `jobs` or `onTrial` threw, or a defect of our own. */
  private broken: { readonly error: unknown } | null = null;

  constructor(jobs: Iterable<Job>, options: RunOptions) {
    const { limits } = options;
    this.options = options;
    this.limits = limits;
    this.timers = options.timers ?? realTimers;
    this.total = options.total ?? (Array.isArray(jobs) ? jobs.length : null);
    this.slots = pLimit(limits.concurrency);
    this.budget = new Budget(limits.maxCalls, limits.maxCostUsd, options.bestKnownCost ?? null);
    this.meter = new ProgressMeter(options.progress);
    this.intake = new Intake(jobs, {
      concurrency: limits.concurrency,
      timers: this.timers,
      take: (job) => this.enter(new OpenTrial(job, this.laneOf(job))),
      onError: (error) => this.breakOff(error),
    });
  }

  async toItsEnd(): Promise<RunReport> {
    const { signal, hardSignal } = this.options;
    const { deadlineMs } = this.limits;
    const cancel = (): void =>
      this.stop('cancelled', 'cancelled', 'the run was cancelled before this trial was done');
    const drop = (): void => {
      cancel();
      this.cutAll('cancelled');
    };
    const stopDeadline =
      deadlineMs === null ? null : this.timers.after(deadlineMs, () => this.atDeadline(deadlineMs));
    signal.addEventListener('abort', cancel);
    hardSignal?.addEventListener('abort', drop);
    try {
      if (signal.aborted || hardSignal?.aborted) cancel();
      this.intake.fill();
      await this.intake.drained;
    } finally {
      stopDeadline?.();
      signal.removeEventListener('abort', cancel);
      hardSignal?.removeEventListener('abort', drop);
    }
    if (this.broken !== null) throw this.broken.error;
    this.meter.finish(this.now(), this.step());
    return {
      ...this.all.report(),
      stoppedBy: this.stopped?.by ?? null,
      fatal: this.fatal,
      byArm: Object.fromEntries([...this.arms].map(([arm, tally]) => [arm, tally.report()])),
    };
  }

  // A trial waits for a slot

  private laneOf(job: Job): Lane {
    const known = this.laneOfRelease.get(job.release);
    if (known !== undefined) return known;
    const key = laneKey(job.release, job.provider.name);
    const lane = this.lanes.get(key) ?? new Lane(this.limits.concurrency);
    this.lanes.set(key, lane);
    this.laneOfRelease.set(job.release, lane);
    return lane;
  }

  private enter(trial: OpenTrial): void {
    if (this.broken !== null) this.close();
    else if (this.stopped !== null) this.skip(trial, this.stopped);
    else this.queue(trial);
  }

  private queue(trial: OpenTrial): void {
    trial.lane
      .gate(() => this.slots(() => this.attempt(trial)))
      .catch((error: unknown) => {
        this.breakOff(error);
        this.close();
      });
  }

  private wait(trial: OpenTrial, delayMs: number): void {
    this.waiting.add(trial);
    trial.callOffWait = this.timers.after(delayMs, () => {
      this.waiting.delete(trial);
      this.enter(trial);
    });
  }

  // It has one

  /** Holds the slot only while a call is under way; every path that cannot call now gives it back at once. */
  private async attempt(trial: OpenTrial): Promise<void> {
    if (this.broken !== null || this.stopped !== null) {
      this.enter(trial);
      return;
    }
    const { limits, timers } = this;
    const startMs = this.now();
    const pauseMs = trial.lane.pauseMs(startMs);
    if (pauseMs > 0) {
      this.wait(trial, pauseMs);
      return;
    }
    const request = this.requestOf(trial);
    if (request === null) return;

    trial.startedMs ??= startMs;
    const leftMs = limits.trialTimeoutMs - (startMs - trial.startedMs);
    if (leftMs <= 0) {
      this.deliver(trial, trial.failed(cutFailure('trial_timeout', 0, 0)));
      return;
    }
    const admission = this.budget.admit();
    if (admission === 'hold') {
      this.held.push(trial);
      return;
    }
    if (admission !== 'go') {
      this.stopForBudget(admission);
      this.enter(trial);
      return;
    }

    this.budget.begin();
    const number = trial.lane.begin();
    const timeoutMs = Math.min(limits.attemptTimeoutMs, leftMs);
    const onTimeout = leftMs < limits.attemptTimeoutMs ? 'trial_timeout' : 'attempt_timeout';
    const call = new Call(trial.job.provider, request, { timeoutMs, onTimeout, timers });
    this.inFlight.add(call);
    const end = await call.ended;
    this.inFlight.delete(call);
    this.settle(trial, end, { startMs, timeoutMs, number });
    this.releaseHeld();
  }

  private requestOf(trial: OpenTrial): OpenTrial['request'] {
    if (trial.request !== null) return trial.request;
    const { release, case: c, trial: n } = trial.job;
    try {
      trial.request = renderRequest(release, c, n);
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      // `checkRequests` finds these before a run; one that slips through must still not be a score.
      const { code, message } = error;
      this.deliver(trial, trial.failed({ cause: 'infra_error', code: code.toLowerCase(), message }));
    }
    return trial.request;
  }

  private settle(
    trial: OpenTrial,
    end: CallEnd,
    call: { readonly startMs: number; readonly timeoutMs: number; readonly number: number },
  ): void {
    const nowMs = this.now();
    const tookMs = Math.max(0, nowMs - call.startMs);
    const reply = replyOf(end, trial.job.provider.name, call.timeoutMs, tookMs);
    const costUsd = this.costOf(trial, reply);
    this.all.call(costUsd);
    this.armOf(trial.job).call(costUsd);
    trial.log(attemptOf(call.startMs, tookMs, reply), costUsd, reply.sent);
    trial.lane.heed(reply.rateLimit, nowMs);

    if (reply.kind === 'answered' || reply.httpStatus !== undefined) {
      this.unreached = 0;
      this.reachedMs = nowMs;
    }
    if (reply.kind === 'answered') {
      trial.lane.answered();
      if (this.budget.blind(costUsd)) this.stopBlind(trial);
      this.budget.end(costUsd, true);
      this.deliver(trial, trial.answered(reply));
      return;
    }
    this.budget.end(costUsd, false);
    const atFloor = isRefusal(reply) && this.slowDown(trial.lane, call.number);
    if (end.kind === 'cut' && (end.why === 'deadline' || end.why === 'cancelled'))
      this.deliver(trial, trial.skipped(end.why, reply.message));
    else if (reply.fatal) this.failForAll(trial, reply);
    else if (!reply.retryable || trial.attemptCount >= this.limits.maxAttempts) {
      const alone = reply.code === 'connection' && (trial.startedMs ?? 0) > this.reachedMs;
      if (alone && ++this.unreached >= MOST_UNREACHED) this.giveUp(trial, reply);
      else this.deliver(trial, trial.failed(reply));
    } else if (this.broken !== null || this.stopped !== null) this.enter(trial);
    else this.retry(trial, reply, atFloor, nowMs);
  }

  private retry(trial: OpenTrial, failure: Failure, atFloor: boolean, nowMs: number): void {
    const { trialTimeoutMs } = this.limits;
    const delayMs = retryDelayMs(trial.attemptCount, failure.retryAfterMs, this.options.rng);
    // With one call at a time still refused, there is nothing left to slow down but time.
    if (atFloor) trial.lane.pause(nowMs + delayMs);
    if (nowMs + delayMs - (trial.startedMs ?? nowMs) < trialTimeoutMs) {
      this.wait(trial, delayMs);
      return;
    }
    const message = `${failure.message}; another attempt would not fit into the trial's ${seconds(trialTimeoutMs)}`;
    this.deliver(trial, trial.failed({ ...failure, message }));
  }

  private failForAll(trial: OpenTrial, failure: Failure): void {
    this.deliver(trial, trial.failed(failure));
    this.stopFatal(failure, `at case "${trial.job.case.id}" with ${failure.code}`);
  }

  private stopFatal(failure: Failure, where: string): void {
    this.fatal ??= failure;
    const message = `not run: the run stopped ${where}, which no other call can escape: ${failure.message}`;
    this.stop('fatal', 'cancelled', message);
  }

  /** A server that nobody reaches: going on would fail every trial, and each of them after all its attempts. */
  private giveUp(trial: OpenTrial, failure: Failure): void {
    this.failForAll(trial, {
      ...failure,
      code: 'unreachable',
      message: `${this.unreached} trials in a row got no connection, each after ${trial.attemptCount} attempts: ${failure.message}`,
      retryable: false,
      fatal: true,
    });
  }

  /** A call has ended: whoever was kept back for the budget may ask again. */
  private releaseHeld(): void {
    if (this.held.length === 0) return;
    const held = this.held;
    this.held = [];
    for (const trial of held) this.enter(trial);
  }

  private slowDown(lane: Lane, number: number): boolean {
    const before = lane.limit;
    const atFloor = lane.refused(number);
    if (!lane.warned) {
      lane.warned = true;
      this.options.progress.warn({
        code: 'RATE_LIMITED',
        message: `the service refuses calls for load; going from ${before} to ${lane.limit} at once and feeling the way up again`,
        hint: `--concurrency ${lane.limit} may avoid the refusals`,
      });
    }
    return atFloor;
  }

  private costOf(trial: OpenTrial, reply: ProviderReply): number | null {
    if (reply.kind === 'failed') return mayBeBilled(reply) ? null : 0;
    if (reply.costUsd !== undefined) return reply.costUsd;
    const model = reply.served.model ?? layerText(trial.job.release.layers.route, 'model') ?? null;
    return this.options.costOf(model, reply.usage, reply.served.serviceTier);
  }

  // A trial ends

  private skip(trial: OpenTrial, stop: Stop): void {
    this.deliver(trial, trial.skipped(stop.cause, stop.message));
  }

  private deliver(trial: OpenTrial, outcome: Trial): void {
    this.all.trial(outcome);
    this.armOf(trial.job).trial(outcome);
    const handOver = async (): Promise<void> => this.options.onTrial(trial.job, outcome, this.handle);
    handOver().then(
      () => this.close(),
      (error: unknown) => {
        this.breakOff(error);
        this.close();
      },
    );
  }

  /** A trial has left the run. Never throws. */
  private close(): void {
    try {
      this.meter.tell(this.now(), () => this.step());
    } catch (error) {
      this.breakOff(error);
    }
    this.intake.close();
  }

  private armOf(job: Job): Tally {
    let tally = this.arms.get(job.arm);
    if (tally === undefined) {
      tally = new Tally();
      this.arms.set(job.arm, tally);
    }
    return tally;
  }

  // The run ends early

  private atDeadline(deadlineMs: number): void {
    this.stop('deadline', 'deadline', `the run's deadline of ${seconds(deadlineMs)} passed`);
    this.cutAll('deadline');
  }

  private stopForBudget(by: 'max-calls' | 'max-cost'): void {
    const { maxCalls, maxCostUsd } = this.limits;
    const message =
      by === 'max-calls'
        ? `the run's limit of ${maxCalls} calls was reached`
        : `one more call could go over the run's cost limit of $${maxCostUsd}`;
    this.stop(by, 'budget', message);
  }

  private stopBlind(trial: OpenTrial): void {
    const message = `what case "${trial.job.case.id}" cost cannot be told, so the cost limit of $${this.limits.maxCostUsd} could not be kept`;
    const hint = 'add the served model to the price file, or limit the number of calls instead (--max-calls)';
    this.options.progress.warn({ code: 'COST_UNKNOWN', message, hint });
    this.stop('max-cost', 'budget', message);
  }

  /** Starts nothing more. The first reason stands; what has no call in flight is skipped for it. */
  private stop(by: StopCause, cause: SkipCause, message: string): void {
    if (this.stopped !== null || this.broken !== null) return;
    const stop: Stop = { by, cause, message };
    this.stopped = stop;
    for (const trial of this.takeIdle()) this.skip(trial, stop);
  }

  /** The run cannot go on at all: idle trials are dropped, for there is nobody to hand them to. */
  private breakOff(error: unknown): void {
    if (this.broken !== null) return;
    this.broken = { error };
    this.intake.end();
    for (const _ of this.takeIdle()) this.intake.close();
  }

  /** Trials that are neither in flight nor in a queue. */
  private takeIdle(): OpenTrial[] {
    const idle = [...this.waiting, ...this.held];
    for (const trial of this.waiting) trial.callOffWait?.();
    this.waiting.clear();
    this.held = [];
    return idle;
  }

  private cutAll(why: 'deadline' | 'cancelled'): void {
    for (const call of [...this.inFlight]) call.cut(why);
    this.cutOff.abort();
  }

  private step(): ProgressStep {
    const { done, failed } = this.all;
    return { label: 'trials', done, total: this.total ?? done + this.intake.openCount, failed };
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}

function replyOf(end: CallEnd, provider: string, timeoutMs: number, tookMs: number): ProviderReply {
  if (end.kind === 'reply') return end.reply;
  if (end.kind === 'cut') return cutFailure(end.why, timeoutMs, tookMs);
  return defectFailure(provider, end.message, tookMs);
}
