// The port to a provider's batch API: many requests at half price, answered within a day. And what is kept so that none is paid twice.

import type { JsonObject } from '../base/json.ts';
import type { Failure, ProviderReply, ProviderRequest } from './provider.ts';

/** The service tier of answers that came out of a batch, whatever the reply itself says. */
export const BATCH_TIER = 'batch';

/** Label of snapshots that are run through a batch API, with `BATCH_TIER` as its value. */
export const BATCH_LABEL = 'mode';

/** What one batch may hold. */
interface BatchLimits {
  readonly requests: number;
  readonly bytes: number;
}

/** A batch as the service reports it. */
export interface BatchState {
  readonly id: string;
  /** `failed`: the service refused the batch as a whole, and ran nothing of it. */
  readonly phase: 'running' | 'ended' | 'failed';
  /** The service's own word, e.g. `validating`. */
  readonly word: string;
  /** Requests that are done; null = not disclosed. */
  readonly done: number | null;
  readonly total: number | null;
  /** Why it failed. */
  readonly failure?: Failure | undefined;
  /** The reply itself, for who fetches the results. */
  readonly body: JsonObject;
}

/** The replies of a batch, by the ids of its requests. */
export interface BatchResults {
  /** Ids that the service gave back. */
  readonly ids: ReadonlySet<string>;
  /** undefined = the service gave nothing back for this id. */
  replyTo(id: string, request: ProviderRequest): ProviderReply | undefined;
}

/** One service's batch API. A failed call is a value, not an exception. */
export interface BatchApi {
  readonly limits: BatchLimits;
  /** The service keeps our key, so that what `find` gives is certain. */
  readonly keepsKey: boolean;
  /** A request as the service takes it; `id` comes back with its result. */
  line(id: string, request: ProviderRequest): string;
  /** Submits a batch. `key` is ours, and `find` finds it again by it. `lines` are made one at a time, and read once. */
  submit(key: string, lines: Iterable<string>, signal: AbortSignal): Promise<BatchState | Failure>;
  /**
   * Batches that may be the one that was handed in under this key, when its id was lost. Where the service keeps no key they are those of
   * the same size and time; the ids of their results tell.
   */
  find(
    key: string,
    about: { readonly since: Date; readonly requests: number },
    signal: AbortSignal,
  ): Promise<readonly BatchState[] | Failure>;
  state(id: string, signal: AbortSignal): Promise<BatchState | Failure>;
  results(state: BatchState, signal: AbortSignal): Promise<BatchResults | Failure>;
  cancel(id: string, signal: AbortSignal): Promise<BatchState | Failure>;
}

/** A batch of a snapshot whose results are not all stored yet. */
export interface OpenBatch {
  /** Ours; the ids of its requests begin with it. */
  readonly key: string;
  /** When it was about to be handed in. */
  readonly plannedAt: Date;
  /** The service's id; null = the process ended before it was known. */
  readonly batchId: string | null;
  readonly requests: number;
  /** Which trials are in it, packed by `packTrials`. */
  readonly trials: string;
}

/** What the ledger keeps of the batches of one snapshot. Each promise resolves when the entry is durable. */
export interface BatchBook {
  open(): Promise<readonly OpenBatch[]>;
  /** Before anything is sent. */
  planned(batch: OpenBatch): Promise<void>;
  submitted(key: string, batchId: string): Promise<void>;
  /** All that it had is stored, or goes into a later batch. */
  settled(key: string): Promise<void>;
}
