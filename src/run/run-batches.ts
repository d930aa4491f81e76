// A run through a provider's batch API: jobs in, one trial each out, like `runJobs`. Results come hours later, and none is paid twice.

import { LastgoodError, type ProgressStep } from '../base/index.ts';
import { seconds } from '../base/numbers.ts';
import type { Failure, ProviderReply, ProviderRequest } from '../core/index.ts';
import { BatchEngine, type BatchItem, type BatchOptions, type BatchSink } from './batch-engine.ts';
import { trialHash } from './batch-ids.ts';
import { BatchTrials } from './batch-trials.ts';
import type { BatchWave } from './batch-wave.ts';
import { Budget } from './budget.ts';
import { CallQueue } from './call-queues.ts';
import { checkLimits, costUnknown } from './limits.ts';
import { attemptOf, OpenTrial } from './open-trial.ts';
import type { Job } from './plan.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { RunOptions } from './run-options.ts';
import { limitReached } from './run-words.ts';
import { costOfReply, type RunReport, type Stop } from './tally.ts';
import { Throttle } from './throttle.ts';
import { realTimers, type Timers } from './timers.ts';

/**
 * Runs every job to exactly one trial, through batches of `api`. What failed and may pass goes into a next batch, up to
 * `limits.maxAttempts`. Throws what `runJobs` throws.
 */
export async function runBatches(
  jobs: Iterable<Job>,
  options: RunOptions,
  batch: BatchOptions,
): Promise<RunReport> {
  checkLimits(options.limits);
  if (options.limits.maxCostUsd !== null && options.priceKnown !== true) throw costUnknown();
  return new BatchRun(options, batch).toItsEnd(jobs);
}

/** A trial on its way. Its request is made when it is needed: thousands wait, and each may be long. */
class BatchedTrial implements BatchItem {
  readonly trial: OpenTrial;
  readonly hash: string;

  constructor(trial: OpenTrial) {
    this.trial = trial;
    this.hash = trialHash(trial.job.case.id, trial.job.trial);
  }

  request(): ProviderRequest {
    return this.trial.rendered();
  }
}

class BatchRun implements BatchSink<BatchedTrial> {
  private readonly options: RunOptions;
  private readonly timers: Timers;
  private readonly budget: Budget;
  private readonly trials: BatchTrials;
  private readonly meter: ProgressMeter;
  private readonly lane: CallQueue;
  private readonly engine: BatchEngine<BatchedTrial>;

  constructor(options: RunOptions, batch: BatchOptions) {
    const { clock, limits, progress, rng } = options;
    this.options = options;
    this.timers = options.timers ?? realTimers;
    this.budget = new Budget(limits.maxCalls, limits.maxCostUsd, options.bestKnownCost ?? null);
    this.meter = new ProgressMeter(options.progress, this.now());
    this.lane = new CallQueue('batches', new Throttle(limits.concurrency, limits.outageMs));
    const { outageMs } = limits;
    this.engine = new BatchEngine({ clock, rng, progress, outageMs, timers: this.timers }, batch, this);
    this.trials = new BatchTrials(options, this.engine.cutOffSignal, () => this.engine.wake());
  }

  async toItsEnd(jobs: Iterable<Job>): Promise<RunReport> {
    const { signal, hardSignal, refused, limits } = this.options;
    const { deadlineMs } = limits;
    const cancel = (): void =>
      this.trials.stop('cancelled', 'cancelled', 'the run was cancelled before this trial was done');
    const drop = (): void => {
      cancel();
      this.engine.leave();
    };
    const atDeadline = (): void => {
      this.trials.stop('deadline', 'deadline', `the run's deadline of ${seconds(deadlineMs ?? 0)} passed`);
      this.engine.leave();
    };
    const stopDeadline = deadlineMs === null ? null : this.timers.after(deadlineMs, atDeadline);
    signal.addEventListener('abort', cancel);
    hardSignal?.addEventListener('abort', drop);
    try {
      if (signal.aborted || hardSignal?.aborted) cancel();
      if (refused !== undefined) this.trials.stopFatal(refused);
      await this.takeJobs(jobs);
      await this.engine.work();
    } finally {
      stopDeadline?.();
      signal.removeEventListener('abort', cancel);
      hardSignal?.removeEventListener('abort', drop);
    }
    if (this.trials.broken !== null) throw this.trials.broken.error;
    this.meter.finish(this.now(), this.step());
    return this.trials.report();
  }

  private async takeJobs(jobs: Iterable<Job>): Promise<void> {
    const unreadable: [OpenTrial, LastgoodError][] = [];
    await this.engine.take(this.readable(jobs, unreadable));
    for (const [trial, { code, message }] of unreadable)
      await this.trials.failAlone(trial, { cause: 'infra_error', code: code.toLowerCase(), message });
  }

  /** Trials whose requests can be made. */
  private *readable(
    jobs: Iterable<Job>,
    unreadable: [OpenTrial, LastgoodError][],
  ): Generator<BatchedTrial, void, undefined> {
    for (const job of jobs) {
      const trial = new OpenTrial(job, this.lane);
      this.trials.open++;
      try {
        trial.rendered();
      } catch (error) {
        if (!(error instanceof LastgoodError)) throw error;
        unreadable.push([trial, error]);
        continue;
      }
      yield new BatchedTrial(trial);
    }
  }

  // What the engine asks and reports

  get stopped(): Stop | null {
    return this.trials.stopped;
  }

  get isBroken(): boolean {
    return this.trials.broken !== null;
  }

  get hasFailed(): boolean {
    return this.trials.hasFailed;
  }

  admit(): 'go' | 'hold' | 'stop' {
    const admission = this.budget.admit();
    if (admission === 'hold') return 'hold';
    if (admission !== 'go') {
      this.trials.stop(admission, 'budget', limitReached(admission, this.options.limits));
      return 'stop';
    }
    this.budget.begin();
    return 'go';
  }

  unrun(count: number): void {
    for (let n = 0; n < count; n++) this.budget.end(0, false);
  }

  /** True: the trial goes into a next batch. */
  async takeResult(
    { trial }: BatchedTrial,
    reply: ProviderReply,
    wave: BatchWave<BatchedTrial>,
  ): Promise<boolean> {
    const { release } = trial.job;
    const startMs = wave.plannedAt.getTime();
    const costUsd = costOfReply(reply, release, this.options.costOf);
    this.trials.call(trial.job, costUsd);
    trial.log(attemptOf(startMs, Math.max(0, this.now() - startMs), reply), costUsd, reply.sent);
    const answered = reply.kind === 'answered';
    if (wave.counted && answered && this.budget.blind(costUsd)) this.trials.stopBlind(trial);
    if (wave.counted) this.budget.end(costUsd, answered);
    if (reply.kind === 'answered') {
      await this.trials.answered(trial, trial.answered(reply));
      return false;
    }
    if (reply.fatal) await this.trials.failForAll(trial, reply);
    else if (this.trials.stopped !== null) await this.trials.endAfterStop({ trial, failure: reply });
    else if (reply.retryable && trial.countedAttempts < this.options.limits.maxAttempts) return true;
    else await this.trials.fail(trial, reply);
    return false;
  }

  fail({ trial }: BatchedTrial, failure: Failure): Promise<void> {
    return this.trials.fail(trial, failure);
  }

  skip({ trial }: BatchedTrial, stop: Stop): Promise<void> {
    return this.trials.skip(trial, stop);
  }

  endAfterStop({ trial }: BatchedTrial, failure: Failure): Promise<void> {
    return this.trials.endAfterStop({ trial, failure });
  }

  batchEnded(): Promise<void> {
    return this.trials.settleSuspects();
  }

  noMoreResults(): Promise<void> {
    return this.trials.endSuspects();
  }

  stopFatal(failure: Failure): void {
    this.trials.stopFatal(failure);
  }

  breakOff(error: unknown): void {
    this.trials.breakOff(error);
  }

  tell(): void {
    this.meter.tell(this.now(), () => this.step());
  }

  private step(): ProgressStep {
    const { done, failed, skipped, cost } = this.trials.counts;
    const { note } = this.engine;
    return {
      label: 'trials',
      done,
      total: this.options.total ?? done + skipped + this.trials.open,
      failed,
      skipped,
      ...cost,
      ...(note === undefined ? {} : { note }),
    };
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}
