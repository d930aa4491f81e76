// Single calls of one model gathered into batches: whoever asks waits for its reply, as for any call, only longer.

import type { Progress } from '../base/index.ts';
import { sha256 } from '../base/json.ts';
import { seconds } from '../base/numbers.ts';
import type { Failure, ProviderReply, ProviderRequest } from '../core/index.ts';
import type { BatchBook, OpenBatch } from '../core/provider-batch.ts';
import {
  BatchEngine,
  type BatchItem,
  type BatchOptions,
  type BatchSink,
  type EngineOptions,
} from './batch-engine.ts';
import { shortHash, unpackTrials } from './batch-ids.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { Stop } from './tally.ts';

export interface BatchCallsOptions extends EngineOptions {
  /** What is counted, for progress, e.g. `judge calls`. */
  readonly label: string;
  readonly progress: Progress;
  /** Cancels the batches, and waits until the service has ended them. */
  readonly signal: AbortSignal;
  /** Waits for nothing. */
  readonly hardSignal: AbortSignal;
  /** The waiting ends after this long; null = never. */
  readonly deadlineMs: number | null;
}

/** The code of a call that was not made, or whose batch is not back, because the work was stopped. It says nothing about the model. */
const BATCH_LEFT = 'batch_left';

/** Calls that come within this time of each other go into one batch. */
const QUIET_MS = 1000;

class WaitingCall implements BatchItem {
  readonly hash: string;
  readonly answer: (reply: ProviderReply) => void;
  private readonly asked: ProviderRequest;

  constructor(hash: string, asked: ProviderRequest, answer: (reply: ProviderReply) => void) {
    this.hash = hash;
    this.asked = asked;
    this.answer = answer;
  }

  request(): ProviderRequest {
    return this.asked;
  }
}

export class BatchCalls implements BatchSink<WaitingCall> {
  private readonly options: BatchCallsOptions;
  private readonly book: BatchBook;
  private readonly engine: BatchEngine<WaitingCall>;
  private readonly meter: ProgressMeter;
  /** How often each question was asked: a second attempt is a request of its own. */
  private readonly times = new Map<string, number>();
  /** Batches of an earlier process, by the short hashes of their requests. */
  private earlier: Promise<ReadonlyMap<string, OpenBatch>> | null = null;
  private readonly batchIds = new Map<string, string>();
  private readonly waiting = new Set<WaitingCall>();
  private ended = 0;
  private stopCause: Stop | null = null;
  private fatal: Failure | null = null;
  private breakage: { readonly error: unknown } | null = null;
  private isWorking = false;
  private callOffQuiet: (() => void) | null = null;
  private readonly callOffs: (() => void)[] = [];

  constructor(options: BatchCallsOptions, batch: BatchOptions) {
    this.options = options;
    this.book = batch.book;
    this.engine = new BatchEngine(options, { ...batch, book: this.keptOpen() }, this);
    this.meter = new ProgressMeter(options.progress, this.now());
    this.watch();
  }

  /** Resolves when the request has its result. A failure that may pass is the caller's to ask again: it goes into a next batch. */
  async ask(request: ProviderRequest): Promise<ProviderReply> {
    const identity = request.askedAs ?? sha256(JSON.stringify(request));
    const time = (this.times.get(identity) ?? 0) + 1;
    this.times.set(identity, time);
    const hash = sha256(JSON.stringify([identity, time])).slice(0, 40);
    let known: OpenBatch | undefined;
    try {
      this.earlier ??= this.openBatches();
      known = (await this.earlier).get(shortHash(hash));
    } catch (error) {
      this.breakOff(error);
    }
    const { stopCause } = this;
    if (stopCause !== null) return this.unasked(stopCause);
    return new Promise((resolve) => {
      const call = new WaitingCall(hash, request, resolve);
      this.waiting.add(call);
      this.engine.add(call, known === undefined ? undefined : this.withId(known));
      this.workSoon();
    });
  }

  /** Why the waiting ended early; null = it did not. */
  get stoppedBy(): Stop['by'] | null {
    return this.stopCause?.by ?? null;
  }

  /** `done`: what was asked is stored elsewhere, so its batches are not needed any more. Throws what the ledger threw meanwhile. */
  async close(done: boolean): Promise<void> {
    this.callOffQuiet?.();
    for (const callOff of this.callOffs.splice(0)) callOff();
    if (this.breakage !== null) throw this.breakage.error;
    if (this.ended > 0) this.meter.finish(this.now(), this.step());
    if (!done || this.stopCause !== null) return;
    for (const { key } of await this.book.open()) await this.book.settled(key);
  }

  // What the engine asks and reports

  get stopped(): Stop | null {
    return this.stopCause;
  }

  get isBroken(): boolean {
    return this.breakage !== null;
  }

  get hasFailed(): boolean {
    return this.fatal !== null;
  }

  /** The caller has its own limits, and asks only within them. */
  admit(): 'go' {
    return 'go';
  }

  unrun(): void {}

  async takeResult(call: WaitingCall, reply: ProviderReply): Promise<boolean> {
    this.end(call, reply);
    return false;
  }

  async fail(call: WaitingCall, failure: Failure): Promise<void> {
    this.end(call, failure);
  }

  async skip(call: WaitingCall, stop: Stop): Promise<void> {
    this.end(call, this.unasked(stop));
  }

  async endAfterStop(call: WaitingCall): Promise<void> {
    if (this.stopCause !== null) this.end(call, this.unasked(this.stopCause));
  }

  async batchEnded(): Promise<void> {}

  async noMoreResults(): Promise<void> {}

  stopFatal(failure: Failure): void {
    this.fatal ??= failure;
    this.stop({ by: 'fatal', cause: 'cancelled', message: failure.message });
  }

  breakOff(error: unknown): void {
    this.breakage ??= { error };
    const message = error instanceof Error ? error.message : String(error);
    const stop: Stop = { by: 'fatal', cause: 'cancelled', message };
    this.stop(stop);
    for (const call of [...this.waiting]) this.end(call, this.unasked(stop));
  }

  tell(): void {
    this.meter.tell(this.now(), () => this.step());
  }

  // Working

  /** Submits what has come as soon as nothing more comes for a while. */
  private workSoon(): void {
    if (this.isWorking) return;
    this.callOffQuiet?.();
    this.callOffQuiet = this.options.timers.after(QUIET_MS, () => {
      this.callOffQuiet = null;
      void this.work();
    });
  }

  private async work(): Promise<void> {
    this.isWorking = true;
    await this.engine.work();
    this.isWorking = false;
    // Asked while the last results were taken.
    if (this.waiting.size === 0) return;
    if (this.stopCause === null) this.workSoon();
    else for (const call of [...this.waiting]) this.end(call, this.unasked(this.stopCause));
  }

  private end(call: WaitingCall, reply: ProviderReply): void {
    if (!this.waiting.delete(call)) return;
    this.ended++;
    call.answer(reply);
  }

  private unasked({ by, message }: Stop): Failure {
    if (by === 'fatal' && this.fatal !== null) return { ...this.fatal, retryable: false, fatal: true };
    return {
      ...{ kind: 'failed', cause: 'infra_error', code: BATCH_LEFT, message },
      ...{ retryable: false, fatal: this.breakage !== null, latencyMs: 0 },
    };
  }

  /** The first reason stands. */
  private stop(stop: Stop): void {
    this.stopCause ??= stop;
    this.engine.wake();
    // What waits for company has none to wait for any more.
    if (this.callOffQuiet === null) return;
    this.callOffQuiet();
    this.callOffQuiet = null;
    void this.work();
  }

  private watch(): void {
    const { signal, hardSignal, deadlineMs, timers } = this.options;
    const cancel = (): void =>
      this.stop({ by: 'cancelled', cause: 'cancelled', message: 'cancelled before its batch was back' });
    const drop = (): void => {
      cancel();
      this.engine.leave();
    };
    if (signal.aborted) cancel();
    if (hardSignal.aborted) drop();
    signal.addEventListener('abort', cancel);
    hardSignal.addEventListener('abort', drop);
    this.callOffs.push(
      () => signal.removeEventListener('abort', cancel),
      () => hardSignal.removeEventListener('abort', drop),
    );
    if (deadlineMs === null) return;
    const late = (): void => {
      const message = `its batch was not back at the deadline of ${seconds(deadlineMs)}`;
      this.stop({ by: 'deadline', cause: 'deadline', message });
      this.engine.leave();
    };
    this.callOffs.push(timers.after(Math.max(0, deadlineMs), late));
  }

  // Batches in the ledger

  /** Batches stay open until all is stored: what an end of the process would lose is fetched again. */
  private keptOpen(): BatchBook {
    const { book } = this;
    return {
      open: () => book.open(),
      planned: (batch) => book.planned(batch),
      submitted: async (key, batchId) => {
        await book.submitted(key, batchId);
        this.batchIds.set(key, batchId);
      },
      settled: async () => undefined,
    };
  }

  private async openBatches(): Promise<ReadonlyMap<string, OpenBatch>> {
    const open = await this.book.open();
    return new Map(open.flatMap((one) => unpackTrials(one.trials).map((short) => [short, one] as const)));
  }

  private withId(batch: OpenBatch): OpenBatch {
    const batchId = batch.batchId ?? this.batchIds.get(batch.key) ?? null;
    return { ...batch, batchId };
  }

  private step() {
    const { note } = this.engine;
    const total = this.ended + this.waiting.size;
    return { label: this.options.label, done: this.ended, total, ...(note === undefined ? {} : { note }) };
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}
