// A run through a provider's batch API: jobs in, one trial each out, like `runJobs`. Results come hours later, and none is paid twice.

import { LastgoodError, type ProgressStep } from '../base/index.ts';
import { sha256 } from '../base/json.ts';
import { seconds } from '../base/numbers.ts';
import type { Failure, ProviderReply } from '../core/index.ts';
import type { BatchApi, BatchBook, BatchResults } from '../core/provider-batch.ts';
import { packTrials, requestId, shortHash, trialHash, unpackTrials } from './batch-ids.ts';
import { BatchPoll } from './batch-poll.ts';
import { BatchTrials } from './batch-trials.ts';
import { type BatchedTrial, BatchWave, type WaveStep } from './batch-wave.ts';
import { Budget } from './budget.ts';
import { CallQueue } from './call-queues.ts';
import { checkLimits, costUnknown } from './limits.ts';
import { attemptOf, OpenTrial } from './open-trial.ts';
import type { Job } from './plan.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { RunOptions } from './run-options.ts';
import { batchesNote, limitReached } from './run-words.ts';
import { costOfReply, type RunReport, type Stop } from './tally.ts';
import { Throttle } from './throttle.ts';
import { realTimers, type Timers } from './timers.ts';

export interface BatchOptions {
  readonly api: BatchApi;
  readonly book: BatchBook;
  /** The first wait for a batch; each further one is longer. */
  readonly pollMs: number;
  readonly longestPollMs: number;
}

/** Trials that are graded and written at once. */
const WRITTEN_AT_ONCE = 64;

/** How long a run that is broken off waits for a service to take the cancellation. */
const LAST_WORD_MS = 1000;

/** How long a batch that a service has no room for is kept back. */
const NO_ROOM_MS = 60_000;

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

class BatchRun {
  private readonly options: RunOptions;
  private readonly batch: BatchOptions;
  private readonly timers: Timers;
  private readonly budget: Budget;
  private readonly trials: BatchTrials;
  private readonly meter: ProgressMeter;
  private readonly poll: BatchPoll;
  private readonly lane: CallQueue;
  private readonly cutOff = new AbortController();
  /** To be handed in. */
  private ready: BatchedTrial[] = [];
  private waves: BatchWave[] = [];
  private mostRequests: number;
  private noRoomUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: RunOptions, batch: BatchOptions) {
    const { limits } = options;
    this.options = options;
    this.batch = batch;
    this.timers = options.timers ?? realTimers;
    this.budget = new Budget(limits.maxCalls, limits.maxCostUsd, options.bestKnownCost ?? null);
    this.trials = new BatchTrials(options, this.cutOff.signal, () => this.poll.wake());
    this.meter = new ProgressMeter(options.progress, this.now());
    this.poll = new BatchPoll(batch.pollMs, batch.longestPollMs, this.timers);
    this.lane = new CallQueue(new Throttle(limits.concurrency, limits.outageMs));
    this.mostRequests = batch.api.limits.requests;
  }

  async toItsEnd(jobs: Iterable<Job>): Promise<RunReport> {
    const { signal, hardSignal, refused, limits } = this.options;
    const { deadlineMs } = limits;
    const cancel = (): void =>
      this.trials.stop('cancelled', 'cancelled', 'the run was cancelled before this trial was done');
    const drop = (): void => {
      cancel();
      this.leave();
    };
    const atDeadline = (): void => {
      this.trials.stop('deadline', 'deadline', `the run's deadline of ${seconds(deadlineMs ?? 0)} passed`);
      this.leave();
    };
    const stopDeadline = deadlineMs === null ? null : this.timers.after(deadlineMs, atDeadline);
    signal.addEventListener('abort', cancel);
    hardSignal?.addEventListener('abort', drop);
    try {
      if (signal.aborted || hardSignal?.aborted) cancel();
      if (refused !== undefined) this.trials.stopFatal(refused);
      await this.take(jobs);
      await this.work();
    } finally {
      stopDeadline?.();
      signal.removeEventListener('abort', cancel);
      hardSignal?.removeEventListener('abort', drop);
    }
    if (this.trials.broken !== null) throw this.trials.broken.error;
    this.meter.finish(this.now(), this.step());
    return this.trials.report();
  }

  /** Takes the jobs in; those that an earlier command handed in wait for its batches. */
  private async take(jobs: Iterable<Job>): Promise<void> {
    const { api, book } = this.batch;
    const earlier = await book.open();
    const batchOf = new Map(
      earlier.flatMap((one) => unpackTrials(one.trials).map((short) => [short, one.key])),
    );
    const members = new Map<string, BatchedTrial[]>(earlier.map(({ key }) => [key, []]));
    const unreadable: [OpenTrial, LastgoodError][] = [];
    for (const job of jobs) {
      const trial = new OpenTrial(job, this.lane);
      this.trials.open++;
      try {
        trial.open({ stream: false });
      } catch (error) {
        if (!(error instanceof LastgoodError)) throw error;
        unreadable.push([trial, error]);
        continue;
      }
      const hash = trialHash(job.case.id, job.trial);
      const key = batchOf.get(shortHash(hash));
      (key === undefined ? this.ready : (members.get(key) ?? this.ready)).push({ trial, hash });
    }
    for (const { key, ...wave } of earlier) {
      const trials = members.get(key) ?? [];
      if (trials.length === 0) await book.settled(key);
      else this.waves.push(new BatchWave({ key, ...wave, trials, counted: false }, { api, book }));
    }
    for (const [trial, { code, message }] of unreadable)
      await this.trials.failAlone(trial, { cause: 'infra_error', code: code.toLowerCase(), message });
    if (this.trials.stopped !== null) await this.skipReady(this.trials.stopped);
  }

  /** Hands in, waits and settles, until nothing is open. Never throws. */
  private async work(): Promise<void> {
    try {
      // What is out already may have ended meanwhile.
      let isFirst = true;
      for (;;) {
        if (this.trials.stopped === null) await this.handIn();
        else await this.endWaiting(this.trials.stopped);
        if (this.isLeaving || this.trials.broken !== null) break;
        if (this.waves.length === 0 && this.ready.length === 0) break;
        this.tell();
        if (!isFirst) await this.poll.wait();
        isFirst = false;
        for (const wave of [...this.waves])
          if (!this.isLeaving && this.trials.broken === null) await this.advance(wave);
      }
      if (this.trials.broken === null) await this.leaveWaves();
    } catch (error) {
      this.trials.breakOff(error);
    }
  }

  // Trials go out

  private async handIn(): Promise<void> {
    if (this.now() < this.noRoomUntilMs) return;
    for (let at = 0; at < this.ready.length && this.trials.stopped === null; ) {
      const key = sha256(
        JSON.stringify([this.now(), this.options.rng.next(), this.options.rng.next()]),
      ).slice(0, 16);
      const { trials, next, full } = await this.fill(key, at);
      at = next;
      if (trials.length > 0) await this.plan(key, trials);
      if (!full || this.trials.stopped !== null) {
        this.ready = this.ready.slice(at);
        if (this.trials.stopped !== null) await this.endWaiting(this.trials.stopped);
        return;
      }
    }
    this.ready = [];
  }

  /** As many of the ready trials from `at` on as one batch and the limits take. `full`: the next ones may go into another batch. */
  private async fill(
    key: string,
    at: number,
  ): Promise<{ readonly trials: BatchedTrial[]; readonly next: number; readonly full: boolean }> {
    const { api } = this.batch;
    const trials: BatchedTrial[] = [];
    let bytes = 0;
    let next = at;
    for (; next < this.ready.length && trials.length < this.mostRequests; next++) {
      const one = this.ready[next] as BatchedTrial;
      const { request } = one.trial;
      const size = request === null ? 0 : Buffer.byteLength(api.line(requestId(key, one.hash), request)) + 1;
      if (size > api.limits.bytes) {
        await this.trials.fail(one.trial, tooLarge(size, api.limits.bytes));
        continue;
      }
      if (bytes + size > api.limits.bytes) break;
      const admission = this.budget.admit();
      if (admission === 'hold') return { trials, next, full: false };
      if (admission !== 'go') {
        this.trials.stop(admission, 'budget', limitReached(admission, this.options.limits));
        break;
      }
      this.budget.begin();
      bytes += size;
      trials.push(one);
    }
    return { trials, next, full: true };
  }

  private async plan(key: string, trials: readonly BatchedTrial[]): Promise<void> {
    const { api, book } = this.batch;
    const plannedAt = this.options.clock.now();
    const wave = { key, plannedAt, batchId: null, requests: trials.length };
    await book.planned({ ...wave, trials: packTrials(trials.map(({ hash }) => hash)) });
    const live = new BatchWave({ ...wave, trials, counted: true }, { api, book });
    this.waves.push(live);
    this.poll.soon();
    await this.advance(live);
  }

  // Results come in

  private async advance(wave: BatchWave): Promise<void> {
    if (this.trials.stopped?.by === 'cancelled') {
      if (wave.isUnsent) return this.dropUnsent(wave, this.trials.stopped);
      await wave.cancel(this.cutOff.signal);
    }
    const taken = new Set(
      this.waves.flatMap((one) => (one === wave || one.batchId === null ? [] : [one.batchId])),
    );
    const step = await wave.step(this.now(), taken, this.cutOff.signal);
    if (this.cutOff.signal.aborted) return;
    this.tell();
    await this.act(wave, step);
  }

  private async act(wave: BatchWave, step: WaveStep): Promise<void> {
    switch (step.kind) {
      case 'running':
        return;
      case 'trouble':
        return this.trouble(wave, step.failure);
      case 'ended':
        return this.settle(wave, step.results);
      case 'lost':
        await this.close(wave);
        this.ready = [...this.ready, ...wave.trials];
        return;
      case 'refused':
        return this.refusedWhole(wave, step.failure);
    }
  }

  /** The service ran nothing of the batch: it has no room, or never will. */
  private async refusedWhole(wave: BatchWave, failure: Failure): Promise<void> {
    await this.close(wave);
    for (const _ of wave.counted ? wave.trials : []) this.budget.end(0, false);
    if (failure.retryable && wave.trials.length > 1 && this.trials.stopped === null) {
      this.mostRequests = Math.ceil(wave.trials.length / 2);
      this.noRoomUntilMs = this.now() + NO_ROOM_MS;
      this.options.progress.warn({
        code: 'BATCH_NO_ROOM',
        message: `${failure.message}; the rest goes out in batches of ${this.mostRequests} requests`,
      });
      this.ready = [...this.ready, ...wave.trials];
      return;
    }
    if (this.trials.stopped === null) this.trials.stopFatal(failure);
    for (const { trial } of wave.trials)
      await this.trials.endAfterStop({ trial, failure: { ...failure, retryable: true } });
  }

  /** A call about a batch failed. */
  private async trouble(wave: BatchWave, failure: Failure): Promise<void> {
    const lastedMs = this.now() - (wave.troubleSinceMs ?? this.now());
    if (failure.retryable && lastedMs < this.options.limits.outageMs) return;
    const message = failure.retryable
      ? `the service has not answered about a batch for ${seconds(lastedMs)} (--outage ${seconds(this.options.limits.outageMs)}): ${failure.message}`
      : failure.message;
    const refused = wave.isUnsent;
    if (refused) await this.close(wave);
    this.trials.stopFatal({ ...failure, message, fatal: true });
    if (refused && this.trials.stopped !== null)
      for (const { trial } of wave.trials) await this.trials.skip(trial, this.trials.stopped);
  }

  private async settle(wave: BatchWave, results: BatchResults): Promise<void> {
    const again: BatchedTrial[] = [];
    for (let from = 0; from < wave.trials.length; from += WRITTEN_AT_ONCE) {
      if (this.trials.broken !== null) return;
      const some = wave.trials.slice(from, from + WRITTEN_AT_ONCE);
      // Nothing is waited for any more: its results stay at the service, and `--resume` fetches them.
      if (this.cutOff.signal.aborted) {
        this.waves = this.waves.filter((one) => one !== wave);
        if (this.trials.stopped !== null)
          for (const { trial } of [...wave.trials.slice(from), ...again])
            await this.trials.skip(trial, this.trials.stopped);
        return;
      }
      await Promise.all(
        some.map(async (one) => {
          const { trial, hash } = one;
          const found =
            trial.request === null ? undefined : results.replyTo(requestId(wave.key, hash), trial.request);
          if (await this.takeReply(wave, trial, found ?? noResult(wave))) again.push(one);
        }),
      );
      this.tell();
    }
    await this.trials.settleSuspects();
    if (this.trials.broken !== null) return;
    await this.close(wave);
    this.ready = [...this.ready, ...again];
    if (this.trials.stopped !== null) await this.skipReady(this.trials.stopped);
  }

  /** Gives true when the trial goes into a next batch. */
  private async takeReply(wave: BatchWave, trial: OpenTrial, reply: ProviderReply): Promise<boolean> {
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

  private async close(wave: BatchWave): Promise<void> {
    await this.batch.book.settled(wave.key);
    this.waves = this.waves.filter((one) => one !== wave);
    this.poll.soon();
  }

  // The run ends early

  /** Batches are left to the service: those of a run that failed go on there, and `--resume` fetches them. */
  private get isLeaving(): boolean {
    return this.cutOff.signal.aborted || this.trials.hasFailed;
  }

  /** Waits for nothing more. */
  private leave(): void {
    this.cutOff.abort();
    this.poll.wake();
  }

  /** What is not at the service will not go there. */
  private async endWaiting(stop: Stop): Promise<void> {
    await this.skipReady(stop);
    await this.trials.endSuspects();
  }

  private async skipReady(stop: Stop): Promise<void> {
    for (const { trial } of this.ready.splice(0)) await this.trials.skip(trial, stop);
  }

  private async dropUnsent(wave: BatchWave, stop: Stop): Promise<void> {
    await this.close(wave);
    for (const { trial } of wave.trials) await this.trials.skip(trial, stop);
  }

  /** Batches stay in the ledger as open. Those of a run that was cancelled are cancelled too; what they did until then is not lost. */
  private async leaveWaves(): Promise<void> {
    const { stopped } = this.trials;
    if (stopped === null) return;
    await this.endWaiting(stopped);
    if (stopped.by !== 'fatal' && this.waves.length > 0) {
      const late = new AbortController();
      const callOff = this.timers.after(LAST_WORD_MS, () => late.abort());
      await Promise.all(this.waves.map((wave) => wave.cancel(late.signal)));
      callOff();
    }
    for (const wave of this.waves)
      for (const { trial } of wave.trials) await this.trials.skip(trial, stopped);
  }

  private tell(): void {
    this.meter.tell(this.now(), () => this.step());
  }

  private step(): ProgressStep {
    const { done, failed, skipped, cost } = this.trials.counts;
    const note = batchesNote(
      this.waves.map(({ batchId, state }) => ({ batchId, state })),
      this.trials.stopped?.by === 'cancelled',
    );
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

function noResult({ batchId }: BatchWave): Failure {
  return {
    ...{ kind: 'failed', cause: 'infra_error', code: 'batch_missing' },
    message: `the batch ${batchId} ended without a result for this request`,
    ...{ retryable: true, fatal: false, latencyMs: 0 },
  };
}

function tooLarge(bytes: number, most: number): Failure {
  return {
    ...{ kind: 'failed', cause: 'infra_error', code: 'bad_request' },
    message: `the request has ${bytes} bytes, and a batch of this service takes ${most} in all`,
    ...{ retryable: false, fatal: false, latencyMs: 0 },
  };
}
