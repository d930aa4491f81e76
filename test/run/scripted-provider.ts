// A provider that does what a script says, attempt by attempt, in the test's own time.

import type {
  Answered,
  Failure,
  Provider,
  ProviderReply,
  ProviderRequest,
  RateLimitHint,
  Usage,
} from '../../src/core/index.ts';
import type { TestTime } from './test-time.ts';

/** What one attempt does. */
export type Act =
  | {
      readonly do: 'answer';
      readonly text?: string;
      readonly afterMs?: number;
      readonly model?: string | null;
      readonly usage?: Usage | null;
      readonly costUsd?: number;
      readonly dropped?: readonly string[];
      readonly rateLimit?: RateLimitHint;
    }
  | ({ readonly do: 'fail'; readonly afterMs?: number } & Partial<Failure>)
  /** Never answers, but heeds its AbortSignal. */
  | { readonly do: 'hang' }
  /** Never answers and does not care about its AbortSignal. */
  | { readonly do: 'ignore-abort'; readonly answerAfterMs?: number }
  | { readonly do: 'throw' }
  | { readonly do: 'reject' }
  | { readonly do: 'garbage' };

export type Script = (request: ProviderRequest, attempt: number) => Act;

export class ScriptedProvider implements Provider {
  readonly name = 'scripted';
  readonly requests: ProviderRequest[] = [];
  /** Per case and trial, in order. */
  readonly startedAtMs: number[] = [];
  inFlight = 0;
  maxInFlight = 0;
  aborted = 0;
  private readonly time: TestTime;
  private readonly script: Script;
  private readonly attempts = new Map<string, number>();

  constructor(time: TestTime, script: Script) {
    this.time = time;
    this.script = script;
  }

  get calls(): number {
    return this.requests.length;
  }

  call(request: ProviderRequest, signal: AbortSignal): Promise<ProviderReply> {
    const key = `${request.caseId}#${request.trial}`;
    const attempt = (this.attempts.get(key) ?? 0) + 1;
    this.attempts.set(key, attempt);
    this.requests.push(request);
    this.startedAtMs.push(this.time.ms);
    const act = this.script(request, attempt);
    if (act.do === 'throw') throw new TypeError('cannot read the route');
    if (act.do === 'reject') return Promise.reject(new Error('socket pool is closed'));
    if (act.do === 'garbage') return Promise.resolve(undefined as unknown as ProviderReply);
    this.inFlight++;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    return new Promise((resolve) => {
      let over = false;
      const finish = (reply: ProviderReply): void => {
        if (over) return;
        over = true;
        this.inFlight--;
        resolve(reply);
      };
      signal.addEventListener('abort', () => {
        this.aborted++;
        if (act.do === 'ignore-abort') {
          // It goes on, but it no longer holds one of our slots.
          if (!over) this.inFlight--;
          over = true;
        } else finish(failure({ code: 'aborted' }));
      });
      if (act.do === 'hang') return;
      if (act.do === 'ignore-abort') {
        // After an abort this is the late answer that must change nothing.
        if (act.answerAfterMs !== undefined)
          this.time.after(act.answerAfterMs, () =>
            over ? resolve(answer({ text: 'too late' })) : finish(answer({ costUsd: 0.01 })),
          );
        return;
      }
      const reply = act.do === 'answer' ? answer(act) : failure(act);
      if (act.afterMs === undefined) finish(reply);
      else this.time.after(act.afterMs, () => finish(reply));
    });
  }
}

export function answer(act: Omit<Extract<Act, { do: 'answer' }>, 'do'> = {}): Answered {
  return {
    kind: 'answered',
    output: { text: act.text ?? 'refund granted', toolCalls: [] },
    stopReason: 'stop',
    served: {
      model: act.model === undefined ? 'triage-2026-03-01' : act.model,
      systemFingerprint: null,
      serviceTier: null,
      region: null,
      requestId: 'req-1',
    },
    usage: act.usage === undefined ? { inputTokens: 100, outputTokens: 10 } : act.usage,
    latencyMs: 40,
    sent: { prompt: 'as sent' },
    ...(act.costUsd === undefined ? {} : { costUsd: act.costUsd }),
    ...(act.dropped === undefined ? {} : { droppedParams: act.dropped }),
    ...(act.rateLimit === undefined ? {} : { rateLimit: act.rateLimit }),
  };
}

export function failure(act: Partial<Failure> = {}): Failure {
  return {
    kind: 'failed',
    cause: act.cause ?? 'infra_error',
    code: act.code ?? 'server_error',
    message: act.message ?? `the service said ${act.code ?? 'server_error'}`,
    retryable: act.retryable ?? false,
    fatal: act.fatal ?? false,
    latencyMs: act.latencyMs ?? 5,
    sent: { prompt: 'as sent' },
    httpStatus: act.httpStatus,
    requestId: act.requestId,
    retryAfterMs: act.retryAfterMs,
    unreached: act.unreached,
    rateLimit: act.rateLimit,
  };
}

type Failing = Extract<Act, { do: 'fail' }>;

export const SERVER_ERROR: Failing = {
  do: 'fail',
  code: 'server_error',
  httpStatus: 500,
  retryable: true,
  afterMs: 10,
};
export const RATE_LIMITED: Failing = {
  do: 'fail',
  code: 'rate_limited',
  httpStatus: 429,
  retryable: true,
  afterMs: 10,
};
