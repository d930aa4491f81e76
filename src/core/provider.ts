// The port to whatever answers: a model API, the user's application, a child process or a recording.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { CutOffCode, Message, Output, ToolCall, ToolDefinition } from './conversation.ts';
import type { BatchApi } from './provider-batch.ts';

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
  readonly outputSchema?:
    | {
        readonly name: string;
        readonly schema: JsonObject;
        /** The answer may also come as plain JSON, a tool call or text, where the server takes no schema. */
        readonly flexible?: true | undefined;
      }
    | undefined;
  /** Ask for the reply as a stream: it tells when the first of it came, and keeps idle connections alive. */
  readonly stream?: boolean | undefined;
  /** More requests may follow this one in the same conversation: the reply has to tell its `native` form. */
  readonly conversation?: true | undefined;
  /** Identity of a question whose words carry a random part: the same at every attempt. Never sent. */
  readonly askedAs?: string | undefined;
}

/** Token counts as billed. Absent = not disclosed; never 0 for unknown. */
export interface Usage {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly cachedInputTokens?: number | undefined;
  readonly cacheWriteTokens?: number | undefined;
  /** Those of `cacheWriteTokens` that are kept for an hour, at a price of their own. Only of a reply; trials keep the sum. */
  readonly cacheWriteHourTokens?: number | undefined;
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

/** Why the answer ended. `length` = cut off by a token limit; `refusal` = the provider's own refusal; `other:<raw>` keeps an unknown word. The words of `CutOffCode` are the run's own. */
export type StopReason =
  | 'stop'
  | 'length'
  | 'tool_calls'
  | 'refusal'
  | 'content_filter'
  | 'unknown'
  | CutOffCode
  | `other:${string}`;

export interface Answered {
  readonly kind: 'answered';
  readonly output: Output;
  readonly stopReason: StopReason;
  readonly served: Served;
  readonly usage: Usage | null;
  /** null where a recording does not tell it. */
  readonly latencyMs: number | null;
  /** Until the first of the text or of a tool call came; only of replies that were streamed. */
  readonly firstTokenMs?: number | undefined;
  /** Cost where the source itself tells it (recordings, gateways). */
  readonly costUsd?: number | undefined;
  /** The request body as sent, without credentials. */
  readonly sent: JsonObject;
  /** Parameters the API refused and that were left out of the call that was answered. */
  readonly droppedParams?: readonly string[] | undefined;
  readonly rateLimit?: RateLimitHint | undefined;
  /** The reply in the provider's own form, for the next request of the conversation. Not masked, never stored. */
  readonly native?: JsonValue | undefined;
  /** What tools gave back that the service ran itself, in order. */
  readonly hostedResults?: readonly HostedResult[] | undefined;
  /** Calls that the caller has to run, where they are not all of the output's: a service runs some tools itself. */
  readonly pendingCalls?: readonly ToolCall[] | undefined;
}

/** The result of a tool that the service ran itself. */
export interface HostedResult {
  /** One of the output's calls. */
  readonly call: ToolCall;
  readonly content: string;
  readonly error?: true | undefined;
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
  /** Not even a connection was made: nothing was asked, whatever the call was about. */
  readonly unreached?: true | undefined;
  /** No other call of this run can succeed either (quota, auth, unknown model): stop the run. */
  readonly fatal: boolean;
  readonly retryAfterMs?: number | undefined;
  readonly latencyMs: number;
  readonly sent?: JsonObject | undefined;
  readonly rateLimit?: RateLimitHint | undefined;
}

/** One limit as the reply's headers state it; absent = not stated. */
export interface LimitLevel {
  readonly remaining?: number | undefined;
  readonly limit?: number | undefined;
  /** Milliseconds until the whole limit is available again, not until one request fits. */
  readonly fullInMs?: number | undefined;
  /** The time was stated as a date in whole seconds, by a clock that may be off. */
  readonly rounded?: true | undefined;
}

/** What the reply's headers say about the limits; absent = not stated. `tokens` is the scarcest of the token limits. */
export interface RateLimitHint {
  readonly requests?: LimitLevel | undefined;
  readonly tokens?: LimitLevel | undefined;
}

export type ProviderReply = Answered | Failure;

/** A model as the provider's catalogue knows it. */
export interface ModelFacts {
  readonly id: string;
  readonly state: 'available' | 'deprecated' | 'retired' | 'unknown';
  /** ISO date after which it is no longer served, where published. */
  readonly retiresAt?: string | undefined;
}

/** A variable of the environment that changes what is sent, or to whom, beside what the release says. */
export interface EnvironmentSetting {
  readonly variable: string;
  /** e.g. `adds to every call: x-team`; names, never values. */
  readonly effect: string;
}

/** Makes single attempts; retries, deadlines and concurrency are the run's business. A failed call is a reply, not an exception. */
export interface Provider {
  /** e.g. `openai`, for messages. */
  readonly name: string;
  /** Variables that change every call and that the fingerprint does not cover. */
  readonly environment?: readonly EnvironmentSetting[] | undefined;
  /** Loads what calls need (an SDK), so that the first one is not charged for it. Without it the first call does. */
  ready?(): Promise<void>;
  call(request: ProviderRequest, signal: AbortSignal): Promise<ProviderReply>;
  /** The service's batch API; absent where it has none that is known. */
  readonly batch?: BatchApi | undefined;
  /** Embedding vectors of the texts, in order; absent where the provider has none. */
  embed?(texts: readonly string[], signal: AbortSignal): Promise<EmbeddingReply>;
  /** What the catalogue says of the route's model; absent where there is no catalogue. Free of charge. */
  modelFacts?(signal: AbortSignal): Promise<ModelFacts | Failure>;
  /** Ids of the models that the server lists; absent where it has no list of what routes name. Free of charge. */
  listModels?(signal: AbortSignal): Promise<readonly string[] | Failure>;
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
