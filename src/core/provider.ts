// The port to whatever answers: a model API, the user's application, a child process or a recording.

import type { Message, Output, ToolDefinition } from './conversation.ts';
import type { JsonObject, JsonValue } from './json.ts';

/** One rendered request. Everything model-visible is in here; nothing secret is. */
export interface ProviderRequest {
  readonly caseId: string;
  /** Trial number, from 0. */
  readonly trial: number;
  /** The conversation in order, system turns included. */
  readonly messages: readonly Message[];
  /** The case's variables, for providers that fill a body of their own (http, command). */
  readonly vars: JsonObject;
  readonly params: JsonObject;
  readonly tools?: readonly ToolDefinition[] | undefined;
  readonly toolChoice?: JsonValue | undefined;
  /** JSON Schema the answer must fit, with the name providers want for it. */
  readonly outputSchema?: { readonly name: string; readonly schema: JsonObject } | undefined;
}

/** Token counts as billed. Absent = not disclosed; never 0 for unknown. */
export interface Usage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly cachedInputTokens?: number | undefined;
  readonly cacheWriteTokens?: number | undefined;
  readonly reasoningTokens?: number | undefined;
}

/** What the provider said it served. `null` = not disclosed, which is a value of its own and never an alarm. */
export interface Served {
  readonly model: string | null;
  readonly systemFingerprint: string | null;
  readonly serviceTier: string | null;
  readonly region: string | null;
  readonly requestId: string | null;
  /** True when the answer came from a simulator or a recording; always shown. */
  readonly simulated?: boolean | undefined;
}

/** Why the answer ended. `length` = cut off by a token limit; `refusal` = the provider's own refusal; `other:<raw>` keeps an unknown word. */
export type StopReason =
  | 'stop'
  | 'length'
  | 'tool_calls'
  | 'refusal'
  | 'content_filter'
  | 'unknown'
  | `other:${string}`;

export interface Answered {
  readonly kind: 'answered';
  readonly output: Output;
  readonly stopReason: StopReason;
  readonly served: Served;
  readonly usage: Usage | null;
  /** null where a recording does not tell it. */
  readonly latencyMs: number | null;
  /** Cost where the source itself tells it (recordings, gateways). */
  readonly costUsd?: number | undefined;
  /** The request body as sent, without credentials. */
  readonly sent: JsonObject;
  /** Parameters the API refused and that were left out of the call that was answered. */
  readonly droppedParams?: readonly string[] | undefined;
  readonly rateLimit?: RateLimitHint | undefined;
}

/** `app_error`: the user's own application failed; `infra_error`: the provider or the network; `timeout`: no answer in time. */
export type FailureCause = 'app_error' | 'infra_error' | 'timeout';

export interface Failure {
  readonly kind: 'failed';
  readonly cause: FailureCause;
  /** Stable word: `rate_limited`, `server_error`, `overloaded`, `connection`, `bad_reply`, `quota`, `auth`, `unknown_model`, `bad_request`, `no_recording`, `aborted`, `exit_code`, … */
  readonly code: string;
  /** For people; already free of secrets. */
  readonly message: string;
  readonly httpStatus?: number | undefined;
  readonly requestId?: string | null | undefined;
  readonly retryable: boolean;
  /** No other call of this run can succeed either (quota, auth, unknown model): stop the run. */
  readonly fatal: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly latencyMs: number;
  readonly sent?: JsonObject | undefined;
  readonly rateLimit?: RateLimitHint | undefined;
}

/** What the reply's headers say about the limits; absent = not told. */
export interface RateLimitHint {
  readonly remainingRequests?: number | undefined;
  readonly remainingTokens?: number | undefined;
  readonly limitRequests?: number | undefined;
  readonly resetMs?: number | undefined;
}

export type ProviderReply = Answered | Failure;

/** A model as the provider's catalogue knows it. */
export interface ModelFacts {
  readonly id: string;
  readonly state: 'available' | 'deprecated' | 'retired' | 'unknown';
  /** ISO date after which it is no longer served, where published. */
  readonly retiresAt?: string | undefined;
}

/** Makes single attempts; retries, deadlines and concurrency are the run's business. A failed call is a reply, not an exception. */
export interface Provider {
  /** e.g. `openai`, for messages. */
  readonly name: string;
  /** Loads what calls need (an SDK), so that the first one is not charged for it. Without it the first call does. */
  ready?(): Promise<void>;
  call(request: ProviderRequest, signal: AbortSignal): Promise<ProviderReply>;
  /** Embedding vectors of the texts, in order; absent where the provider has none. */
  embed?(texts: readonly string[], signal: AbortSignal): Promise<EmbeddingReply>;
  /** What the catalogue says of the route's model; absent where there is no catalogue. Free of charge. */
  modelFacts?(signal: AbortSignal): Promise<ModelFacts | Failure>;
  close?(): Promise<void>;
}

export type EmbeddingReply =
  | {
      readonly kind: 'embedded';
      readonly vectors: readonly (readonly number[])[];
      readonly model: string | null;
      readonly usage: Usage | null;
    }
  | Failure;
