// One batch: submitted once, whatever happens to the process, and polled until the service has ended it.

import type { Failure } from '../core/index.ts';
import type { BatchApi, BatchBook, BatchResults, BatchState } from '../core/provider-batch.ts';
import type { BatchItem } from './batch-engine.ts';
import { requestId } from './batch-ids.ts';

/** So long a service may not know a batch that it has just taken. */
const UNKNOWN_AT_FIRST_MS = 300_000;

/** Services keep results for 29 or 30 days; after that a batch that is not found has nothing to lose. */
const KEPT_MS = 30 * 86_400_000;

/** What a step of a batch came to. `lost`: the service has had it, and keeps nothing of it any more. */
export type WaveStep =
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly results: BatchResults }
  /** The service ran nothing of it. */
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'lost' }
  | { readonly kind: 'trouble'; readonly failure: Failure };

export class BatchWave<T extends BatchItem> {
  readonly key: string;
  readonly items: T[];
  readonly plannedAt: Date;
  /** Whether the limits of this command count its calls: an earlier command handed in the others. */
  readonly counted: boolean;
  batchId: string | null;
  state: BatchState | null = null;
  /** Since when the service has not answered about it. */
  troubleSinceMs: number | null = null;
  cancelAsked = false;
  /** It may have been handed in without our having seen the id. */
  private unsure: boolean;
  /** Batches that may be this one; the first is polled as if it were. */
  private candidates: string[] | null = null;
  private readonly api: BatchApi;
  private readonly book: BatchBook;
  private readonly bookedSize: number;

  constructor(
    wave: {
      readonly key: string;
      readonly items: readonly T[];
      readonly plannedAt: Date;
      readonly batchId: string | null;
      /** Requests in it; more than `items` where some have their results already. */
      readonly requests: number;
      readonly counted: boolean;
    },
    { api, book }: { readonly api: BatchApi; readonly book: BatchBook },
  ) {
    this.key = wave.key;
    this.items = [...wave.items];
    this.plannedAt = wave.plannedAt;
    this.batchId = wave.batchId;
    this.counted = wave.counted;
    this.bookedSize = wave.requests;
    this.unsure = !wave.counted && wave.batchId === null;
    this.api = api;
    this.book = book;
  }

  /** A further one of its requests is waited for. */
  join(item: T): void {
    this.items.push(item);
  }

  /** Nothing of it can have reached the service. */
  get isUnsent(): boolean {
    return this.batchId === null && !this.unsure && this.candidates === null;
  }

  /** Hands it in, or asks for its state; fetches its results where it has ended. `taken`: ids of other batches. */
  async step(nowMs: number, taken: ReadonlySet<string>, signal: AbortSignal): Promise<WaveStep> {
    const id = this.batchId ?? this.candidates?.[0];
    const state = id === undefined ? await this.handIn(taken, signal) : await this.api.state(id, signal);
    if (state === null) return { kind: 'running' };
    if ('kind' in state) return this.trouble(state, nowMs);
    this.troubleSinceMs = null;
    this.state = state;
    if (state.phase === 'running') return { kind: 'running' };
    if (state.phase === 'failed')
      return { kind: 'refused', failure: state.failure ?? defect('the service refused the batch') };
    return this.ended(state, nowMs, signal);
  }

  async cancel(signal: AbortSignal): Promise<void> {
    // One that only may be ours is left alone.
    if (this.batchId === null || this.cancelAsked) return;
    const state = await this.api.cancel(this.batchId, signal);
    if ('kind' in state) return;
    this.cancelAsked = true;
    this.state = state;
  }

  private async ended(state: BatchState, nowMs: number, signal: AbortSignal): Promise<WaveStep> {
    const results = await this.api.results(state, signal);
    if ('kind' in results) return this.trouble(results, nowMs);
    if (this.batchId !== null) return { kind: 'ended', results };
    const own = requestId(this.key, '');
    for (const one of results.ids)
      if (one.startsWith(own)) {
        await this.adopt(state.id);
        return { kind: 'ended', results };
      }
    // It was another batch of the same size.
    this.candidates?.shift();
    if (this.candidates?.length === 0) this.candidates = null;
    return { kind: 'running' };
  }

  private async adopt(id: string): Promise<void> {
    await this.book.submitted(this.key, id);
    this.batchId = id;
    this.candidates = null;
  }

  /** null = nothing to tell yet. */
  private async handIn(
    taken: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<BatchState | Failure | null> {
    if (this.unsure) {
      const found = await this.api.find(
        this.key,
        { since: this.plannedAt, requests: this.bookedSize },
        signal,
      );
      if (!Array.isArray(found)) return found as Failure;
      const ids = (found as readonly BatchState[]).map(({ id }) => id).filter((id) => !taken.has(id));
      this.unsure = false;
      const [first] = ids;
      if (first !== undefined && this.api.keepsKey) await this.adopt(first);
      else this.candidates = ids.length === 0 ? null : ids;
      if (first !== undefined) return null;
    }
    const state = await this.api.submit(this.key, this.lines(), signal);
    if ('kind' in state) {
      // A refusal is certain; after anything else the service may have taken it.
      this.unsure = !(state.httpStatus !== undefined && state.httpStatus >= 400 && state.httpStatus < 500);
      return state;
    }
    await this.adopt(state.id);
    return state;
  }

  private *lines(): Generator<string, void, undefined> {
    for (const item of this.items) yield this.api.line(requestId(this.key, item.hash), item.request());
  }

  private trouble(failure: Failure, nowMs: number): WaveStep {
    this.troubleSinceMs ??= nowMs;
    const ageMs = nowMs - this.plannedAt.getTime();
    if (failure.httpStatus !== 404 || this.batchId === null) return { kind: 'trouble', failure };
    if (ageMs >= KEPT_MS) return { kind: 'lost' };
    if (nowMs - this.troubleSinceMs < UNKNOWN_AT_FIRST_MS)
      return { kind: 'trouble', failure: { ...failure, retryable: true, fatal: false } };
    const message = `the service does not know the batch ${this.batchId}: ${failure.message}`;
    return { kind: 'trouble', failure: { ...failure, code: 'batch_lost', message, fatal: true } };
  }
}

function defect(message: string): Failure {
  return {
    ...{ kind: 'failed', cause: 'infra_error', code: 'bad_reply', message },
    ...{ retryable: false, fatal: true, latencyMs: 0 },
  };
}
