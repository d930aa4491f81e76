// One call to a provider, bounded in time even when the provider ignores its AbortSignal.

import type { Provider, ProviderReply, ProviderRequest } from '../core/index.ts';
import type { Timers } from './timers.ts';

/** Why a call was ended from our side. */
export type Cut = 'attempt_timeout' | 'trial_timeout' | 'deadline' | 'cancelled';

export type CallEnd =
  | { readonly kind: 'reply'; readonly reply: ProviderReply }
  | { readonly kind: 'cut'; readonly why: Cut }
  /** The provider broke its contract: it threw, or what it returned is no reply. */
  | { readonly kind: 'defect'; readonly message: string };

const LONGEST_MESSAGE = 500;

export class Call {
  /** Never rejects. Whatever comes first decides; what comes later is dropped. */
  readonly ended: Promise<CallEnd>;
  private readonly controller = new AbortController();
  private readonly stopTimer: () => void;
  private resolve: ((end: CallEnd) => void) | null = null;

  constructor(
    provider: Provider,
    request: ProviderRequest,
    limit: { readonly timeoutMs: number; readonly onTimeout: Cut; readonly timers: Timers },
  ) {
    this.ended = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.stopTimer = limit.timers.after(limit.timeoutMs, () => this.cut(limit.onTimeout));
    this.start(provider, request);
  }

  /** Ends the call now: aborts it and stops waiting for it. */
  cut(why: Cut): void {
    if (this.resolve === null) return;
    this.end({ kind: 'cut', why });
    this.controller.abort();
  }

  private start(provider: Provider, request: ProviderRequest): void {
    const defect = (error: unknown): void => this.end({ kind: 'defect', message: describe(error) });
    try {
      Promise.resolve(provider.call(request, this.controller.signal)).then(
        (reply) =>
          this.end(
            isReply(reply)
              ? { kind: 'reply', reply }
              : { kind: 'defect', message: 'what it returned is not a reply' },
          ),
        defect,
      );
    } catch (error) {
      defect(error);
    }
  }

  private end(end: CallEnd): void {
    const resolve = this.resolve;
    if (resolve === null) return;
    this.resolve = null;
    this.stopTimer();
    resolve(end);
  }
}

function isReply(value: unknown): value is ProviderReply {
  const kind = (value as { kind?: unknown } | null | undefined)?.kind;
  return kind === 'answered' || kind === 'failed';
}

function describe(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.length > LONGEST_MESSAGE ? `${text.slice(0, LONGEST_MESSAGE)}…` : text;
}
