// The engine: jobs in, one trial each out, within the limits. It streams; nothing here grows with the number of jobs.
// One class in one file: each method is a step of the same state machine, over the same queues and counters.

import { LastgoodError, type ProgressStep } from '../base/index.ts';
import { seconds } from '../base/numbers.ts';
import type { Failure, ProviderRequest, SkipCause, Trial } from '../core/index.ts';
import { askFirst, type CallStart } from './admission.ts';
import { retryDelayMs } from './backoff.ts';
import { Budget } from './budget.ts';
import { Call, type CallEnd } from './call.ts';
import { Lanes } from './call-queues.ts';
import { Intake } from './job-window.ts';
import { checkLimits, costUnknown, type RunLimits } from './limits.ts';
import { attemptOf, cutFailure, OpenTrial, replyOf } from './open-trial.ts';
import { isRefusal } from './overload.ts';
import type { Job } from './plan.ts';
import { ProgressMeter, stepOf } from './progress-meter.ts';
import type { RunHandle, RunOptions } from './run-options.ts';
import { costBlind, limitReached, outageOver, RATE_LIMITED, serviceDown, waitsNote } from './run-words.ts';
import { Spread } from './spread.ts';
import { type FailedTrial, Suspects } from './suspects.ts';
import { costOfReply, type RunReport, type Stop, type StopCause, Tally, tallyOf } from './tally.ts';
import type { Throttle, ThrottledCall } from './throttle.ts';
import { realTimers, type Timers } from './timers.ts';

/**
 * Runs every job to exactly one trial: answered, failed, or skipped with its cause. Retries what may pass, slows down where a
 * service refuses, and stops at limits, signals and failures that no other call can escape.
 * Throws `RUN_LIMIT_INVALID`, `COST_UNKNOWN` (a cost limit without prices), and what `jobs` or `onTrial` throw.
 */
export async function runJobs(jobs: Iterable<Job | null>, options: RunOptions): Promise<RunReport> {
  checkLimits(options.limits);
  if (options.limits.maxCostUsd !== null && options.priceKnown !== true) throw costUnknown();
  return new Run(jobs, options).toItsEnd();
}

/** A refused trial waits two seconds at most where the service asks for nothing. */
const MOST_DOUBLINGS = 3;

class Run {
  private readonly options: RunOptions;
  private readonly limits: RunLimits;
  private readonly timers: Timers;
  private readonly total: number | null;
  private readonly intake: Intake;
  private readonly spread: Spread | null;
  private readonly lanes: Lanes;
  private readonly suspects: Suspects;
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
  /** What `jobs` or `onTrial` threw, or a defect of our own. */
  private broken: { readonly error: unknown } | null = null;

  constructor(jobs: Iterable<Job | null>, options: RunOptions) {
    const { limits } = options;
    this.options = options;
    this.limits = limits;
    this.timers = options.timers ?? realTimers;
    this.total = options.total ?? (Array.isArray(jobs) ? jobs.length : null);
    const { concurrency, outageMs } = limits;
    const { clock } = options;
    const start = (trial: OpenTrial): void => this.attempt(trial);
    const paced = options.admission === undefined;
    this.lanes = new Lanes({ concurrency, outageMs, paced, clock, timers: this.timers, start });
    this.budget = new Budget(limits.maxCalls, limits.maxCostUsd, options.bestKnownCost ?? null);
    this.suspects = new Suspects(options.measuresAppErrors === true);
    this.meter = new ProgressMeter(options.progress, this.now());
    const { spreadMs } = options;
    this.spread = spreadMs === undefined ? null : new Spread(spreadMs, this.total ?? 1, clock);
    this.intake = new Intake(jobs, {
      concurrency: limits.concurrency,
      timers: this.timers,
      take: (job) => this.enter(new OpenTrial(job, this.lanes.of(job))),
      onError: (error) => this.breakOff(error),
      spread: this.spread,
    });
  }

  async toItsEnd(): Promise<RunReport> {
    const { signal, hardSignal, refused } = this.options;
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
      if (refused !== undefined) this.stopFatal(refused, `with ${refused.code}`);
      this.options.onFeed?.(() => this.intake.fill());
      this.intake.fill();
      await this.intake.drained;
    } finally {
      stopDeadline?.();
      signal.removeEventListener('abort', cancel);
      hardSignal?.removeEventListener('abort', drop);
    }
    if (this.broken !== null) throw this.broken.error;
    this.meter.finish(this.now(), this.step(this.now()));
    return {
      ...this.all.report(),
      stoppedBy: this.stopped?.by ?? null,
      fatal: this.fatal,
      byArm: Object.fromEntries([...this.arms].map(([arm, tally]) => [arm, tally.report()])),
    };
  }

  // A trial waits for a slot

  private enter(trial: OpenTrial): void {
    if (this.broken !== null) this.close();
    else if (this.stopped !== null) this.skip(trial, this.stopped);
    else this.lanes.add(trial);
  }

  private wait(trial: OpenTrial, delayMs: number): void {
    this.waiting.add(trial);
    trial.callOffWait = this.timers.after(delayMs, () => {
      this.waiting.delete(trial);
      this.enter(trial);
    });
  }

  // It has one

  /** Makes the trial's call, or ends the trial. Never throws. */
  private attempt(trial: OpenTrial): void {
    const { admission } = this.options;
    if (admission === undefined || this.broken !== null || this.stopped !== null) this.tryCall(trial);
    else
      askFirst(admission, this.lanes, {
        nowMs: this.now(),
        // Who is called is known once the trial is open.
        open: () => (this.requestOf(trial) === null ? null : trial.lane),
        go: (stop, turn) => this.admitted(trial, stop, turn),
        fail: (error) => this.loseTrial(error),
      });
  }

  private admitted(trial: OpenTrial, stop: Stop | null, turn: ThrottledCall): void {
    if (stop !== null) this.stop(stop.by, stop.cause, stop.message);
    this.tryCall(trial, turn);
  }

  private tryCall(trial: OpenTrial, turn: ThrottledCall | null = null): void {
    if (this.broken !== null || this.stopped !== null) {
      this.enter(trial);
      return;
    }
    try {
      const startMs = this.now();
      const request = this.requestOf(trial);
      if (request === null) return;
      const leftMs = this.limits.trialTimeoutMs - trial.elapsedMs(startMs);
      if (leftMs <= 0) {
        this.deliver(trial, trial.failed(cutFailure('trial_timeout', 0, 0)));
        return;
      }
      const admission = this.budget.admit();
      if (admission === 'hold') this.held.push(trial);
      else if (admission === 'go') {
        this.call(trial, request, { startMs, leftMs, turn }).catch((e: unknown) => this.loseTrial(e));
      } else {
        this.stopForBudget(admission);
        this.enter(trial);
      }
    } catch (error) {
      this.loseTrial(error);
    }
  }

  private loseTrial(error: unknown): void {
    this.breakOff(error);
    this.close();
  }

  private async call(trial: OpenTrial, request: ProviderRequest, { startMs, leftMs, turn }: CallStart) {
    const { limits, timers } = this;
    this.budget.begin();
    this.lanes.begin();
    const throttled = trial.lane.throttle.begin(startMs, turn);
    const timeoutMs = Math.min(limits.attemptTimeoutMs, leftMs);
    const onTimeout = leftMs < limits.attemptTimeoutMs ? 'trial_timeout' : 'attempt_timeout';
    const call = new Call(trial.asked(this.options).provider, request, { timeoutMs, onTimeout, timers });
    this.inFlight.add(call);
    const end = await call.ended;
    this.inFlight.delete(call);
    try {
      this.settle(trial, end, { startMs, timeoutMs, throttled });
    } finally {
      this.lanes.end();
    }
    this.releaseHeld();
  }

  private requestOf(trial: OpenTrial): OpenTrial['request'] {
    if (trial.request !== null) return trial.request;
    try {
      trial.open({ stream: this.options.stream === true });
      trial.lane = this.lanes.of(trial.asked(this.options));
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
    call: { readonly startMs: number; readonly timeoutMs: number; readonly throttled: ThrottledCall },
  ): void {
    const nowMs = this.now();
    const tookMs = Math.max(0, nowMs - call.startMs);
    const { provider, release } = trial.asked(this.options);
    const reply = replyOf(end, provider.name, call.timeoutMs, tookMs);
    const costUsd = costOfReply(reply, release, this.options.costOf);
    this.options.admission?.end(trial.lane.key, { costUsd, reply });
    this.all.call(costUsd);
    tallyOf(this.arms, trial.job.arm).call(costUsd);
    trial.log(attemptOf(call.startMs, tookMs, reply), costUsd, reply.sent);
    const { throttle } = trial.lane;
    const wasDown = throttle.outage.open;
    const about = { trial: trial.job, open: this.intake.openCount, cut: end.kind === 'cut' };
    const verdict = throttle.end(call.throttled, reply, nowMs, about);
    this.meter.tell(nowMs, () => this.step(nowMs));

    if (reply.kind === 'answered') {
      if (this.budget.blind(costUsd)) this.stopBlind(trial);
      this.budget.end(costUsd, true);
      if (trial.goesOn(reply)) {
        trial.lane = this.lanes.of(trial.asked(this.options));
        this.enter(trial);
      } else this.deliver(trial, trial.answered(reply));
      // That the simulated user can be asked says nothing of the release.
      if (release === trial.job.release) this.handOver(this.suspects.answered(release));
      return;
    }
    this.budget.end(costUsd, false);
    if (verdict === 'refused' && !throttle.warned) this.options.progress.warn(RATE_LIMITED);
    throttle.warned ||= verdict === 'refused';
    if (verdict === 'down' && !wasDown)
      this.options.progress.warn(serviceDown(throttle, this.limits.outageMs));
    if (end.kind === 'cut' && (end.why === 'deadline' || end.why === 'cancelled'))
      this.deliver(trial, trial.skipped(end.why, reply.message));
    else if (reply.fatal) this.failForAll(trial, reply);
    else if (verdict === 'over' && !this.isTrialsOwn(throttle, nowMs)) this.giveUp(trial, reply, nowMs);
    else if (this.broken !== null || this.stopped !== null) this.endAfterStop({ trial, failure: reply });
    else if (verdict === 'down') this.enter(trial.forgive());
    else if (verdict === 'refused' && reply.retryable && this.limits.maxAttempts > 1)
      this.retry(trial.forgive(), reply, nowMs);
    else if (!reply.retryable || trial.countedAttempts >= this.limits.maxAttempts) this.fail(trial, reply);
    else this.retry(trial, reply, nowMs);
  }

  private retry(trial: OpenTrial, failure: Failure, nowMs: number): void {
    const { trialTimeoutMs } = this.limits;
    // The service's pace decides when a refused trial is called again.
    const attempts = isRefusal(failure)
      ? Math.min(MOST_DOUBLINGS, trial.attemptsOfStep)
      : trial.countedAttempts;
    const delayMs = retryDelayMs(attempts, failure.retryAfterMs, this.options.rng);
    if (trial.elapsedMs(nowMs) + delayMs < trialTimeoutMs) {
      this.wait(trial, delayMs);
      return;
    }
    const message = `${failure.message}; another attempt would not fit into the trial's ${seconds(trialTimeoutMs)}`;
    this.fail(trial, { ...failure, message });
  }

  /** A trial has failed for good: for itself, or as one of many that all fail alike. */
  private fail(trial: OpenTrial, failure: Failure): void {
    const { over, stop } = this.suspects.failed(trial, failure);
    this.handOver(over);
    if (stop !== null) this.stopFatal(stop, `at case "${trial.job.case.id}" with ${stop.code}`);
    else this.settleSuspects();
  }

  private settleSuspects(): void {
    const { over, stop } = this.suspects.settle(this.intake);
    if (stop !== null) this.stopFatal(stop, `with ${stop.code}`);
    this.handOver(over);
  }

  private handOver(failed: readonly FailedTrial[]): void {
    for (const { trial, failure } of failed) this.deliver(trial, trial.failed(failure));
  }

  /** The run has stopped: what would be tried again, or shares the failure that stopped it, was never run. */
  private endAfterStop({ trial, failure }: FailedTrial): void {
    const { stopped } = this;
    if (this.broken !== null || stopped === null) {
      this.enter(trial);
      return;
    }
    const again = failure.retryable && trial.countedAttempts < this.limits.maxAttempts;
    const shared = stopped.by === 'fatal' && this.suspects.shared({ trial, failure });
    if (again || shared) this.skip(trial, stopped);
    else this.deliver(trial, trial.failed(failure));
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

  /** Nothing else is left to ask, and the service does reply: the failures are those of the trials that are left. */
  private isTrialsOwn({ outage }: Throttle, nowMs: number): boolean {
    if (!outage.replied || !this.intake.ended) return false;
    outage.ignore(nowMs);
    return true;
  }

  /** The service has been down for too long: going on would fail every trial. */
  private giveUp(trial: OpenTrial, failure: Failure, nowMs: number): void {
    const lastedMs = nowMs - (trial.lane.throttle.stuckSinceMs ?? nowMs);
    this.stopFatal(outageOver(failure, lastedMs, this.limits.outageMs), `after ${seconds(lastedMs)}`);
    this.enter(trial);
  }

  /** A call has ended: whoever was kept back for the budget may ask again. */
  private releaseHeld(): void {
    if (this.held.length === 0) return;
    const held = this.held;
    this.held = [];
    for (const trial of held) this.enter(trial);
  }

  // A trial ends

  private skip(trial: OpenTrial, stop: Stop): void {
    this.deliver(trial, trial.skipped(stop.cause, stop.message));
  }

  private deliver(trial: OpenTrial, outcome: Trial): void {
    this.all.trial(outcome);
    tallyOf(this.arms, trial.job.arm).trial(outcome);
    const chars = outcome.status === 'answered' ? outcome.output.text.length : 0;
    this.lanes.hold(chars);
    const handOver = async (): Promise<void> => this.options.onTrial(trial.job, outcome, this.handle);
    const written = (): void => {
      this.lanes.release(chars);
      this.close();
    };
    handOver().then(written, (error: unknown) => {
      this.breakOff(error);
      written();
    });
  }

  /** A trial has left the run. Never throws. */
  private close(): void {
    try {
      const nowMs = this.now();
      this.meter.tell(nowMs, () => this.step(nowMs));
    } catch (error) {
      this.breakOff(error);
    }
    this.intake.close();
    this.settleSuspects();
  }

  // The run ends early

  private atDeadline(deadlineMs: number): void {
    this.stop('deadline', 'deadline', `the run's deadline of ${seconds(deadlineMs)} passed`);
    this.cutAll('deadline');
  }

  private stopForBudget(by: 'max-calls' | 'max-cost'): void {
    this.stop(by, 'budget', limitReached(by, this.limits));
  }

  private stopBlind(trial: OpenTrial): void {
    const warning = costBlind(trial.job.case.id, this.limits.maxCostUsd);
    this.options.progress.warn(warning);
    this.stop('max-cost', 'budget', warning.message);
  }

  /** Starts nothing more. The first reason stands; what has no call in flight is skipped for it. */
  private stop(by: StopCause, cause: SkipCause, message: string): void {
    if (this.stopped !== null || this.broken !== null) return;
    const stop: Stop = { by, cause, message };
    this.stopped = stop;
    for (const trial of this.takeIdle()) this.skip(trial, stop);
    for (const failed of this.suspects.takeAll()) this.endAfterStop(failed);
    this.intake.hurry();
  }

  /** The run cannot go on at all: idle trials are dropped, for there is nobody to hand them to. */
  private breakOff(error: unknown): void {
    if (this.broken !== null) return;
    this.broken = { error };
    this.intake.end();
    for (const _ of [...this.takeIdle(), ...this.suspects.takeAll()]) this.intake.close();
  }

  /** Trials that are not in flight. */
  private takeIdle(): OpenTrial[] {
    const idle = [...this.waiting, ...this.held, ...this.lanes.takeAll()];
    for (const trial of this.waiting) trial.callOffWait?.();
    this.waiting.clear();
    this.held = [];
    return idle;
  }

  private cutAll(why: 'deadline' | 'cancelled'): void {
    for (const call of [...this.inFlight]) call.cut(why);
    this.cutOff.abort();
  }

  private step(nowMs: number): ProgressStep {
    const waits = this.stopped === null ? waitsNote(this.lanes.throttles, nowMs) : undefined;
    const note = waits ?? (this.intake.ended ? undefined : this.spread?.note());
    return stepOf(this.all, { total: this.total, open: this.intake.openCount, note });
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}
