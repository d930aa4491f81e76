// How the trials of a batched run end: handed over one by one, counted, and what is left once the run has stopped.

import type { Failure, SkipCause, Trial } from '../core/index.ts';
import type { OpenTrial } from './open-trial.ts';
import type { Job } from './plan.ts';
import type { RunHandle, RunOptions } from './run-options.ts';
import { costBlind } from './run-words.ts';
import { type FailedTrial, Suspects } from './suspects.ts';
import { type RunReport, type Stop, type StopCause, Tally } from './tally.ts';

export class BatchTrials {
  /** Trials that have not ended. */
  open = 0;
  private readonly options: RunOptions;
  private readonly onStop: () => void;
  private readonly suspects: Suspects;
  private readonly all = new Tally();
  private readonly arms = new Map<string, Tally>();
  private readonly handle: RunHandle;
  private stopCause: Stop | null = null;
  private fatal: Failure | null = null;
  private breakage: { readonly error: unknown } | null = null;

  /** `onStop` is called when the run stops, or breaks off. */
  constructor(options: RunOptions, cutOff: AbortSignal, onStop: () => void) {
    this.options = options;
    this.onStop = onStop;
    this.suspects = new Suspects(options.measuresAppErrors === true);
    this.handle = { cutOff, stop: (failure) => this.stopFatal(failure) };
  }

  get stopped(): Stop | null {
    return this.stopCause;
  }

  /** What `jobs` or `onTrial` threw, or a defect of our own. */
  get broken(): { readonly error: unknown } | null {
    return this.breakage;
  }

  /** Something has failed that no other call can escape. */
  get hasFailed(): boolean {
    return this.fatal !== null;
  }

  get counts(): Pick<Tally, 'done' | 'failed' | 'skipped' | 'cost'> {
    return this.all;
  }

  report(): RunReport {
    return {
      ...this.all.report(),
      stoppedBy: this.stopCause?.by ?? null,
      fatal: this.fatal,
      byArm: Object.fromEntries([...this.arms].map(([arm, tally]) => [arm, tally.report()])),
    };
  }

  /** Counts a call; `costUsd` null = unknown. */
  call(job: Job, costUsd: number | null): void {
    this.all.call(costUsd);
    this.armOf(job).call(costUsd);
  }

  async answered(trial: OpenTrial, outcome: Trial): Promise<void> {
    const over = this.suspects.answered(trial.job.release);
    await this.deliver(trial, outcome);
    await this.handOver(over);
  }

  /** It has failed for good: for itself, or as one of many that all fail alike. */
  async fail(trial: OpenTrial, failure: Failure): Promise<void> {
    const { over, stop } = this.suspects.failed(trial, failure);
    await this.handOver(over);
    if (stop !== null) this.stopFatal(stop);
    if (this.stopCause !== null) await this.endSuspects();
  }

  /** A failure that no other call can escape. */
  async failForAll(trial: OpenTrial, failure: Failure): Promise<void> {
    await this.deliver(trial, trial.failed(failure));
    this.stopFatal(failure);
  }

  async failAlone(trial: OpenTrial, failure: Pick<Failure, 'cause' | 'code' | 'message'>): Promise<void> {
    await this.deliver(trial, trial.failed(failure));
  }

  /** No further trial of a batch will tell more about those that failed. */
  async settleSuspects(): Promise<void> {
    const { over, stop } = this.suspects.settle({ openCount: this.open, size: 1, ended: true });
    if (stop !== null) this.stopFatal(stop);
    await this.handOver(over);
    if (this.stopCause !== null) await this.endSuspects();
  }

  async endSuspects(): Promise<void> {
    for (const failed of this.suspects.takeAll()) await this.endAfterStop(failed);
  }

  /** The run has stopped: what would be tried again, or shares the failure that stopped it, was never run. */
  async endAfterStop({ trial, failure }: FailedTrial): Promise<void> {
    const stopped = this.stopCause;
    if (stopped === null) throw new Error('the run has not stopped');
    const again = failure.retryable && trial.countedAttempts < this.options.limits.maxAttempts;
    const shared = stopped.by === 'fatal' && this.suspects.shared({ trial, failure });
    if (again || shared) await this.skip(trial, stopped);
    else await this.deliver(trial, trial.failed(failure));
  }

  async skip(trial: OpenTrial, stop: Stop): Promise<void> {
    await this.deliver(trial, trial.skipped(stop.cause, stop.message));
  }

  /** The first reason stands. */
  stop(by: StopCause, cause: SkipCause, message: string): void {
    if (this.stopCause !== null || this.breakage !== null) return;
    this.stopCause = { by, cause, message };
    this.onStop();
  }

  stopFatal(failure: Failure): void {
    this.fatal ??= failure;
    const message = `not run: the run stopped with ${failure.code}, which no other call can escape: ${failure.message}`;
    this.stop('fatal', 'cancelled', message);
  }

  stopBlind(trial: OpenTrial): void {
    const warning = costBlind(trial.job.case.id, this.options.limits.maxCostUsd);
    this.options.progress.warn(warning);
    this.stop('max-cost', 'budget', warning.message);
  }

  breakOff(error: unknown): void {
    this.breakage ??= { error };
    this.onStop();
  }

  private async handOver(failed: readonly FailedTrial[]): Promise<void> {
    for (const { trial, failure } of failed) await this.deliver(trial, trial.failed(failure));
  }

  private async deliver(trial: OpenTrial, outcome: Trial): Promise<void> {
    this.all.trial(outcome);
    this.armOf(trial.job).trial(outcome);
    this.open--;
    try {
      await this.options.onTrial(trial.job, outcome, this.handle);
    } catch (error) {
      this.breakOff(error);
    }
  }

  private armOf(job: Job): Tally {
    const tally = this.arms.get(job.arm) ?? new Tally();
    this.arms.set(job.arm, tally);
    return tally;
  }
}
