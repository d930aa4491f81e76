// Requests through a provider's batch API, whoever asks: submitted once, polled until the service has ended them, one reply each.

import type { Clock, Progress, Rng } from '../base/index.ts';
import { sha256 } from '../base/json.ts';
import { seconds } from '../base/numbers.ts';
import type { Failure, ProviderReply, ProviderRequest } from '../core/index.ts';
import type { BatchApi, BatchBook, BatchResults } from '../core/provider-batch.ts';
import { packTrials, requestId, shortHash, unpackTrials } from './batch-ids.ts';
import { BatchPoll } from './batch-poll.ts';
import { BatchWave, type WaveStep } from './batch-wave.ts';
import { batchesLeft, batchesNote } from './run-words.ts';
import type { Stop } from './tally.ts';
import type { Timers } from './timers.ts';

export interface BatchOptions {
  readonly api: BatchApi;
  readonly book: BatchBook;
  /** The first wait for a batch; each further one is longer. */
  readonly pollMs: number;
  readonly longestPollMs: number;
  /** The deadline ends the waiting, and the batches continue at the service. Default: they are cancelled. */
  readonly keepAtDeadline?: boolean | undefined;
  /** What continues with batches that are left at the service: a sentence for the user. */
  readonly continueWith: string;
}

/** Something to be asked. */
export interface BatchItem {
  /** Its identity: 40 hexadecimal digits, the same for whoever asks again after this process has ended. */
  readonly hash: string;
  /** Made when it is needed: thousands wait, and each may be long. */
  request(): ProviderRequest;
}

/** What becomes of the items: their results, limits, and when to stop. */
export interface BatchSink<T extends BatchItem> {
  /** Why nothing more is submitted; null = nothing is in the way. */
  readonly stopped: Stop | null;
  /** The results cannot be taken any more. */
  readonly isBroken: boolean;
  /** Something failed that no other call can escape. */
  readonly hasFailed: boolean;
  /** Reserves one more request. `hold`: not before a batch is back. `stop`: never, and `stopped` says why. */
  admit(): 'go' | 'hold' | 'stop';
  /** So many reserved requests were never run. */
  unrun(count: number): void;
  /** Takes a result. True: it is asked in a further batch. */
  takeResult(item: T, reply: ProviderReply, wave: BatchWave<T>): Promise<boolean>;
  fail(item: T, failure: Failure): Promise<void>;
  skip(item: T, stop: Stop): Promise<void>;
  /** Nothing more is submitted, and the service did not run this one. */
  endAfterStop(item: T, failure: Failure): Promise<void>;
  /** All results of a batch were taken. */
  batchEnded(): Promise<void>;
  /** What could still change with further results ends now. */
  noMoreResults(): Promise<void>;
  stopFatal(failure: Failure): void;
  breakOff(error: unknown): void;
  tell(): void;
}

export interface EngineOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly timers: Timers;
  readonly outageMs: number;
  readonly progress: Pick<Progress, 'warn'>;
}

/** Results that are taken at once. */
const TAKEN_AT_ONCE = 64;

/** How long a run that is broken off waits for a service to take the cancellation. */
const LAST_WORD_MS = 1000;

/** How long a batch that a service has no room for is kept back. */
const NO_ROOM_MS = 60_000;

export class BatchEngine<T extends BatchItem> {
  private readonly options: EngineOptions;
  private readonly batch: BatchOptions;
  private readonly sink: BatchSink<T>;
  private readonly poll: BatchPoll;
  private readonly cutOff = new AbortController();
  /** To be submitted. */
  private ready: T[] = [];
  private waves: BatchWave<T>[] = [];
  private mostRequests: number;
  private noRoomUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: EngineOptions, batch: BatchOptions, sink: BatchSink<T>) {
    this.options = options;
    this.batch = batch;
    this.sink = sink;
    this.poll = new BatchPoll(batch.pollMs, batch.longestPollMs, options.timers);
    this.mostRequests = batch.api.limits.requests;
  }

  /** Fires when nothing is waited for any more. */
  get cutOffSignal(): AbortSignal {
    return this.cutOff.signal;
  }

  /** Where the batches are, for progress; undefined = none is out. */
  get note(): string | undefined {
    return batchesNote(this.waves, this.sink.stopped?.by === 'cancelled');
  }

  /** Takes items in; those that an earlier process submitted wait for its batches, whose entries end when none of them is asked. */
  async take(items: Iterable<T>): Promise<void> {
    const { api, book } = this.batch;
    const earlier = await book.open();
    const batchOf = new Map(
      earlier.flatMap((one) => unpackTrials(one.trials).map((short) => [short, one.key])),
    );
    const members = new Map<string, T[]>(earlier.map(({ key }) => [key, []]));
    for (const item of items) {
      const key = batchOf.get(shortHash(item.hash));
      (key === undefined ? this.ready : (members.get(key) ?? this.ready)).push(item);
    }
    for (const { key, ...wave } of earlier) {
      const some = members.get(key) ?? [];
      if (some.length === 0) await book.settled(key);
      else this.waves.push(new BatchWave({ key, ...wave, items: some, counted: false }, { api, book }));
    }
  }

  /** Takes a further item in. `earlier`: a batch that has it already. */
  add(
    item: T,
    earlier?: {
      readonly key: string;
      readonly plannedAt: Date;
      readonly batchId: string | null;
      readonly requests: number;
    },
  ): void {
    if (earlier === undefined) {
      this.ready.push(item);
      return;
    }
    const wave = this.waves.find(({ key }) => key === earlier.key);
    if (wave !== undefined) wave.join(item);
    else this.waves.push(new BatchWave({ ...earlier, items: [item], counted: false }, this.batch));
  }

  /** Submits, waits and takes results, until nothing is open. Never throws. */
  async work(): Promise<void> {
    const { sink } = this;
    try {
      // What is out already may have ended meanwhile.
      let isFirst = true;
      for (;;) {
        if (sink.stopped === null) await this.submitReady();
        else await this.endWaiting(sink.stopped);
        if (this.isLeaving || sink.isBroken) break;
        if (this.waves.length === 0 && this.ready.length === 0) break;
        sink.tell();
        if (!isFirst) await this.poll.wait();
        isFirst = false;
        for (const wave of [...this.waves]) if (!this.isLeaving && !sink.isBroken) await this.advance(wave);
      }
      if (!sink.isBroken) await this.leaveWaves();
    } catch (error) {
      sink.breakOff(error);
    }
  }

  /** Something has changed: does not wait for the next poll. */
  wake(): void {
    this.poll.wake();
  }

  /** Waits for nothing more. */
  leave(): void {
    this.cutOff.abort();
    this.poll.wake();
  }

  // Items go out

  private async submitReady(): Promise<void> {
    const { sink } = this;
    if (this.now() < this.noRoomUntilMs) return;
    for (let at = 0; at < this.ready.length && sink.stopped === null; ) {
      const { clock, rng } = this.options;
      const key = sha256(JSON.stringify([clock.now().getTime(), rng.next(), rng.next()])).slice(0, 16);
      const { items, next, full } = await this.fill(key, at);
      at = next;
      if (items.length > 0) await this.plan(key, items);
      if (!full || sink.stopped !== null) {
        this.ready = this.ready.slice(at);
        if (sink.stopped !== null) await this.endWaiting(sink.stopped);
        return;
      }
    }
    this.ready = [];
  }

  /** As many of the ready items from `at` on as one batch and the limits take. `full`: the next ones may go into another batch. */
  private async fill(
    key: string,
    at: number,
  ): Promise<{ readonly items: T[]; readonly next: number; readonly full: boolean }> {
    const { api } = this.batch;
    const items: T[] = [];
    let bytes = 0;
    let next = at;
    for (; next < this.ready.length && items.length < this.mostRequests; next++) {
      const one = this.ready[next] as T;
      const size = Buffer.byteLength(api.line(requestId(key, one.hash), one.request())) + 1;
      if (size > api.limits.bytes) {
        await this.sink.fail(one, tooLarge(size, api.limits.bytes));
        continue;
      }
      if (bytes + size > api.limits.bytes) break;
      const admission = this.sink.admit();
      if (admission === 'hold') return { items, next, full: false };
      if (admission === 'stop') break;
      bytes += size;
      items.push(one);
    }
    return { items, next, full: true };
  }

  private async plan(key: string, items: readonly T[]): Promise<void> {
    const { api, book } = this.batch;
    const plannedAt = this.options.clock.now();
    const wave = { key, plannedAt, batchId: null, requests: items.length };
    await book.planned({ ...wave, trials: packTrials(items.map(({ hash }) => hash)) });
    const live = new BatchWave({ ...wave, items, counted: true }, { api, book });
    this.waves.push(live);
    this.poll.soon();
    await this.advance(live);
  }

  // Results come in

  private async advance(wave: BatchWave<T>): Promise<void> {
    const { sink } = this;
    if (sink.stopped?.by === 'cancelled') {
      if (wave.isUnsent) return this.dropUnsent(wave, sink.stopped);
      await wave.cancel(this.cutOff.signal);
    }
    const taken = new Set(
      this.waves.flatMap((one) => (one === wave || one.batchId === null ? [] : [one.batchId])),
    );
    const step = await wave.step(this.now(), taken, this.cutOff.signal);
    if (this.cutOff.signal.aborted) return;
    sink.tell();
    await this.act(wave, step);
  }

  private async act(wave: BatchWave<T>, step: WaveStep): Promise<void> {
    switch (step.kind) {
      case 'running':
        return;
      case 'trouble':
        return this.trouble(wave, step.failure);
      case 'ended':
        return this.settle(wave, step.results);
      case 'lost':
        await this.close(wave);
        this.ready.push(...wave.items);
        return;
      case 'refused':
        return this.refusedWhole(wave, step.failure);
    }
  }

  /** The service ran nothing of the batch: it has no room, or never will. */
  private async refusedWhole(wave: BatchWave<T>, failure: Failure): Promise<void> {
    const { sink } = this;
    await this.close(wave);
    if (wave.counted) sink.unrun(wave.items.length);
    if (failure.retryable && wave.items.length > 1 && sink.stopped === null) {
      this.mostRequests = Math.ceil(wave.items.length / 2);
      this.noRoomUntilMs = this.now() + NO_ROOM_MS;
      this.options.progress.warn({
        code: 'BATCH_NO_ROOM',
        message: `${failure.message}; the rest goes out in batches of ${this.mostRequests} requests`,
      });
      this.ready.push(...wave.items);
      return;
    }
    if (sink.stopped === null) sink.stopFatal(failure);
    for (const item of wave.items) await sink.endAfterStop(item, { ...failure, retryable: true });
  }

  /** A call about a batch failed. */
  private async trouble(wave: BatchWave<T>, failure: Failure): Promise<void> {
    const { sink } = this;
    const { outageMs } = this.options;
    const lastedMs = this.now() - (wave.troubleSinceMs ?? this.now());
    if (failure.retryable && lastedMs < outageMs) return;
    const message = failure.retryable
      ? `the service has not answered about a batch for ${seconds(lastedMs)} (--outage ${seconds(outageMs)}): ${failure.message}`
      : failure.message;
    const refused = wave.isUnsent;
    if (refused) await this.close(wave);
    sink.stopFatal({ ...failure, message, fatal: true });
    if (refused && sink.stopped !== null) for (const item of wave.items) await sink.skip(item, sink.stopped);
  }

  private async settle(wave: BatchWave<T>, results: BatchResults): Promise<void> {
    const { sink } = this;
    const again: T[] = [];
    for (let from = 0; from < wave.items.length; from += TAKEN_AT_ONCE) {
      if (sink.isBroken) return;
      const some = wave.items.slice(from, from + TAKEN_AT_ONCE);
      // Nothing is waited for any more: its results stay at the service, and who continues fetches them.
      if (this.cutOff.signal.aborted) {
        this.waves = this.waves.filter((one) => one !== wave);
        if (sink.stopped !== null)
          for (const item of [...wave.items.slice(from), ...again]) await sink.skip(item, sink.stopped);
        return;
      }
      await Promise.all(
        some.map(async (item) => {
          const found = results.replyTo(requestId(wave.key, item.hash), item.request());
          if (await sink.takeResult(item, found ?? noResult(wave), wave)) again.push(item);
        }),
      );
      sink.tell();
    }
    await sink.batchEnded();
    if (sink.isBroken) return;
    await this.close(wave);
    this.ready.push(...again);
    if (sink.stopped !== null) await this.skipReady(sink.stopped);
  }

  private async close(wave: BatchWave<T>): Promise<void> {
    await this.batch.book.settled(wave.key);
    this.waves = this.waves.filter((one) => one !== wave);
    this.poll.soon();
  }

  // It ends early

  /** Batches are left to the service: those of a run that failed go on there, and who continues fetches them. */
  private get isLeaving(): boolean {
    return this.cutOff.signal.aborted || this.sink.hasFailed;
  }

  /** What is not at the service will not go there. */
  private async endWaiting(stop: Stop): Promise<void> {
    await this.skipReady(stop);
    await this.sink.noMoreResults();
  }

  private async skipReady(stop: Stop): Promise<void> {
    for (const item of this.ready.splice(0)) await this.sink.skip(item, stop);
  }

  private async dropUnsent(wave: BatchWave<T>, stop: Stop): Promise<void> {
    await this.close(wave);
    for (const item of wave.items) await this.sink.skip(item, stop);
  }

  /** Batches stay in the ledger as open. Those of a run that was cancelled are cancelled too; what they did until then is not lost. */
  private async leaveWaves(): Promise<void> {
    const { stopped } = this.sink;
    if (stopped === null) return;
    await this.endWaiting(stopped);
    const kept = stopped.by === 'fatal' || (stopped.by === 'deadline' && this.batch.keepAtDeadline === true);
    if (!kept && this.waves.length > 0) {
      const late = new AbortController();
      const callOff = this.options.timers.after(LAST_WORD_MS, () => late.abort());
      await Promise.all(this.waves.map((wave) => wave.cancel(late.signal)));
      callOff();
    }
    if (this.waves.length > 0) this.options.progress.warn(batchesLeft(this.waves, this.batch.continueWith));
    for (const wave of this.waves) for (const item of wave.items) await this.sink.skip(item, stopped);
    this.waves = [];
  }

  private now(): number {
    return this.options.clock.now().getTime();
  }
}

function noResult({ batchId }: Pick<BatchWave<BatchItem>, 'batchId'>): Failure {
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
