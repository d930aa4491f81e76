// The simulated agent: pays refunds one after another, and runs one long action. It asks its guard before each.

import { setTimeout as pause } from 'node:timers/promises';
import type { AgentCounts } from '../../core/rollout-demo.ts';

/** The part of `lastgood/client` that an agent uses. */
export interface AgentGuard {
  act<T>(
    action: { readonly action: string; readonly impact?: number | undefined; readonly key: string },
    execute: (signal: AbortSignal) => Promise<T> | T,
  ): Promise<{ readonly executed: boolean }>;
  readonly signal: AbortSignal;
  ready(): Promise<void>;
  close(): void;
}

export const LONG_STEPS = 1200;
const STEP_MS = 100;
/** One refund in eight is above the threshold of the ticket. */
const LARGE = { every: 8, amount: 240 } as const;

export class DemoAgent {
  readonly #guard: AgentGuard;
  readonly #counts = { executed: 0, drafted: 0, waiting: 0, rateLimited: 0, stopped: 0 };
  #refunds = 0;
  readonly #starts: number[] = [];
  #steps = 0;
  #abortedAt: number | null = null;

  constructor(guard: AgentGuard) {
    this.#guard = guard;
  }

  get counts(): AgentCounts {
    return { ...this.#counts };
  }

  /** Actions that began after this time, ms since 1970. */
  startedAfter(at: number): number {
    return this.#starts.filter((start) => start > at).length;
  }

  /** Steps that the long action has done. */
  get steps(): number {
    return this.#steps;
  }

  /** When a stop reached the long action, ms since 1970. */
  get abortedAt(): number | null {
    return this.#abortedAt;
  }

  /** Asks for one refund; whatever is decided is counted. */
  async refund(): Promise<void> {
    const n = this.#refunds++;
    const impact = n % LARGE.every === LARGE.every - 1 ? LARGE.amount : 20 + ((n * 7) % 60);
    await this.#act('refund', `order-${1000 + n}`, impact, () => {});
  }

  /** An action of many steps, each of which looks at the signal, as a real one should. */
  async payOut(): Promise<void> {
    await this.#act('payout-run', 'payouts-today', undefined, async (signal) => {
      signal.addEventListener('abort', () => {
        this.#abortedAt = Date.now();
      });
      for (; this.#steps < LONG_STEPS; this.#steps++) {
        signal.throwIfAborted();
        await pause(STEP_MS, undefined, { signal });
      }
    });
  }

  /** Refunds at a steady pace until the signal aborts. */
  async work(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.refund();
      await pause(everyMs, undefined, { signal }).catch(() => {});
    }
  }

  async #act(
    action: string,
    key: string,
    impact: number | undefined,
    execute: (signal: AbortSignal) => Promise<void> | void,
  ): Promise<void> {
    try {
      const { executed } = await this.#guard.act({ action, key, impact }, (signal) => {
        this.#starts.push(Date.now());
        return execute(signal);
      });
      if (executed) this.#counts.executed++;
      else this.#counts.drafted++;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'APPROVAL_PENDING') this.#counts.waiting++;
      else if (code === 'RATE_LIMITED') this.#counts.rateLimited++;
      else if (code === 'STOPPED' || this.#guard.signal.aborted) this.#counts.stopped++;
      else throw error;
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as { readonly code?: string }).code : undefined;
}
