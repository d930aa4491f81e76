// One question to a provider that may fail: deadline, retries with back-off, cost. The port makes single attempts; this decides how many.

import pLimit from 'p-limit';
import { pricedModel } from '../core/prices.ts';
import type { Failure, ProviderReply, ProviderRequest } from '../core/provider.ts';
import { mayBeBilled } from '../core/trial.ts';
import type { CostMeter, Examined, GraderContext, Pace } from './context.ts';

const LONGEST_WAIT_MS = 30_000;
const FIRST_WAIT_MS = 500;

/** Codes of calls that were not made, or whose result a later command fetches and counts. */
export const UNASKED: readonly string[] = ['judge_limit', 'batch_left'];

type CallNote = (
  outcome: string,
  model: string | null,
  latencyMs: number | null,
  costUsd: number | null,
) => void;

/** Calls the examiner's provider until it answers, gives up or is out of attempts. */
export interface Caller {
  call(
    request: ProviderRequest,
    signal: AbortSignal,
    cost: CostMeter,
    note: CallNote,
  ): Promise<ProviderReply>;
  /** Makes no call any more: all of them fail with this. */
  stop(failure: Failure): void;
  /** The same retries, deadline and limit around an embedding call; `seen` tells what the reply cost. */
  retrying<T extends { readonly kind: string }>(
    attempt: (signal: AbortSignal) => Promise<T | Failure>,
    signal: AbortSignal,
    seen: (reply: T | Failure) => number | null,
    most?: () => number | null,
  ): Promise<T | Failure>;
}

export function createCaller(examined: Examined, context: GraderContext): Caller {
  const { concurrency = 4, maxAttempts = 4, timeoutMs = 120_000 } = context.judgeOptions ?? {};
  const isBatched = examined.isBatched === true;
  const pace = isBatched ? UNPACED : (context.pace?.() ?? fixedPace(concurrency));
  const sleep = context.sleep ?? realSleep;
  // Once no call can succeed any more (no key, no credit), none is made: a thousand refusals say nothing more than one.
  let fatal: Failure | null = null;

  async function retrying<T extends { readonly kind: string }>(
    attempt: (signal: AbortSignal) => Promise<T | Failure>,
    signal: AbortSignal,
    seen: (reply: T | Failure) => number | null,
    most?: () => number | null,
  ): Promise<T | Failure> {
    try {
      await examined.provider.ready?.(); // loading an SDK is not the service's time
    } catch (error) {
      return threw(error);
    }
    const about = {};
    for (let n = 1; ; n++) {
      let called = false;
      let admitted = false;
      const reply = await pace.run<T | Failure>(
        async (started) => {
          if (fatal !== null) return fatal;
          const refusal = (await context.limit?.admit(signal, examined, most?.())) ?? null;
          if (refusal !== null) return failure('infra_error', 'judge_limit', refusal, false);
          admitted = true;
          started();
          called = !signal.aborted;
          // Whoever gathers the calls ends them; what is cut off here would be lost there.
          return isBatched ? attempt(signal).catch(threw) : once(attempt, timeoutMs, signal);
        },
        signal,
        about,
      );
      const costUsd = called ? seen(reply) : 0;
      if (admitted) context.limit?.end({ examined, called, costUsd, reply });
      if (!isFailure(reply)) return reply;
      const state = pace.verdictOn?.(reply) ?? 'fine';
      if (called && fatal === null && (reply.fatal || state === 'over')) {
        const last: Failure = reply.fatal ? reply : { ...reply, code: 'unreachable', fatal: true };
        fatal ??= last;
        context.onFatal?.(last, examined.release);
        if (!reply.fatal) return last;
      }
      if (state === 'down' && !signal.aborted) {
        // The pace waits until the service is back, or lets one call try it.
        n--;
        continue;
      }
      if (!reply.retryable || reply.fatal || n >= maxAttempts || signal.aborted) return reply;
      // The next batch is not submitted at once anyway.
      if (isBatched) continue;
      const jitter = 0.5 + Number.parseInt(context.nonce().slice(0, 8), 16) / 2 ** 33;
      const backoff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (n - 1)) * jitter;
      // A `retry-after` of 0 is no licence to hammer.
      const wait = Math.max(backoff, Math.min(reply.retryAfterMs ?? 0, LONGEST_WAIT_MS));
      try {
        await sleep(wait, signal);
      } catch {
        return reply;
      }
    }
  }

  return {
    retrying,
    stop(failure) {
      if (fatal !== null) return;
      fatal = failure;
      context.onFatal?.(failure, examined.release);
    },
    call: (request, signal, cost, note) =>
      retrying(
        (s) => examined.provider.call(request, s),
        signal,
        (reply) => {
          if (reply.kind === 'answered') {
            const model = pricedModel(examined.release.layers.route, reply.served.model);
            const usd = reply.costUsd ?? context.costOf(model, reply.usage, reply.served.serviceTier);
            cost.add(usd);
            note('answered', reply.served.model, reply.latencyMs, usd);
            return usd;
          }
          if (UNASKED.includes(reply.code)) return 0;
          const usd = costOfFailure(reply);
          cost.add(usd);
          note(reply.code, null, reply.latencyMs, usd);
          return usd;
        },
        isBatched ? () => context.mostOf?.(examined.release, request) ?? null : undefined,
      ),
  };
}

/** Free only where the service says that it did not serve; a lost connection, a late or a broken answer may well be billed. */
export function costOfFailure(failure: Failure): number | null {
  return mayBeBilled(failure) ? null : 0;
}

/** Thousands wait for a batch at once: nothing is kept for each. */
const UNPACED: Pace = { run: (attempt) => attempt(() => {}) };

function fixedPace(concurrency: number): Pace {
  const limit = pLimit(Math.max(1, concurrency));
  return { run: (attempt) => limit(() => attempt(() => {})) };
}

export function isFailure(reply: { readonly kind: string }): reply is Failure {
  return reply.kind === 'failed';
}

/** One attempt with a deadline that also holds against a provider that ignores its signal or throws. */
async function once<T>(
  attempt: (signal: AbortSignal) => Promise<T | Failure>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<T | Failure> {
  if (signal.aborted) return failure('timeout', 'aborted', 'cancelled before the call', false);
  const deadline = new AbortController();
  let finish: (failure: Failure) => void = () => undefined;
  const cut = new Promise<Failure>((resolve) => {
    finish = resolve;
  });
  const timer = setTimeout(() => {
    deadline.abort();
    finish(failure('timeout', 'timeout', `no answer within ${timeoutMs} ms`, true, timeoutMs));
  }, timeoutMs);
  const onAbort = (): void => {
    deadline.abort();
    finish(failure('timeout', 'aborted', 'cancelled during the call', false));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = attempt(deadline.signal).catch(threw);
    return await Promise.race([answer, cut]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

function threw(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return failure('infra_error', 'provider_threw', message, false);
}

function failure(
  cause: Failure['cause'],
  code: string,
  message: string,
  retryable: boolean,
  latencyMs = 0,
): Failure {
  return { kind: 'failed', cause, code, message, retryable, fatal: false, latencyMs };
}

function realSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(new Error('cancelled'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
