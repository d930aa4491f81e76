// A budget of its own for what grades: the calls of judges, and of the embedder of `similar`. One is made for a whole command, however many runs it makes.

import { LastgoodError } from '../../base/index.ts';
import type { BudgetReached } from '../../core/shared-run.ts';
import type { CallLimit, ExaminerCall } from '../../grade/index.ts';
import { Budget } from '../../run/index.ts';

interface LimitFlags {
  readonly calls: string;
  readonly cost: string;
}

const JUDGE_FLAGS: LimitFlags = { calls: '--max-judge-calls', cost: '--max-judge-cost' };

/** Counts the calls of a job's examiners; once it is used up, what they were to grade stays ungraded. */
export class JudgeLimit implements CallLimit {
  readonly #budget: Budget;
  readonly #calls: number | undefined;
  readonly #usd: number | undefined;
  readonly #flags: LimitFlags;
  /** Calls that may be made; undefined = no limit. */
  get maxCalls(): number | undefined {
    return this.#calls;
  }

  get maxCostUsd(): number | undefined {
    return this.#usd;
  }

  #waiting: (() => void)[] = [];
  #reached: string | null = null;

  /** `priced`: whether calls can be priced at all. Throws `COST_UNKNOWN`. */
  constructor(limits: {
    readonly maxCalls?: number | undefined;
    readonly maxCostUsd?: number | undefined;
    readonly priced: boolean;
    /** Options that set the limits, where they have other names. */
    readonly flags?: LimitFlags | undefined;
  }) {
    this.#flags = limits.flags ?? JUDGE_FLAGS;
    if (limits.maxCostUsd !== undefined && !limits.priced) {
      throw new LastgoodError({
        code: 'COST_UNKNOWN',
        message:
          'a cost limit is set for the judge, but there are no prices, so it could not be kept; nothing was run',
        hint: `name a price file (--prices FILE, or \`prices:\` in lastgood.yaml), or limit the number of calls instead (${this.#flags.calls})`,
      });
    }
    this.#calls = limits.maxCalls;
    this.#usd = limits.maxCostUsd;
    this.#budget = new Budget(limits.maxCalls ?? null, limits.maxCostUsd ?? null, null);
  }

  /** Calls that were not made. */
  refused = 0;

  /** There is a limit in dollars. */
  get isInDollars(): boolean {
    return this.#usd !== undefined;
  }

  /** Why no further call is made; null = there is room. */
  get reached(): string | null {
    return this.#reached;
  }

  async admit(
    signal: AbortSignal,
    _examined?: unknown,
    mostUsd: number | null = null,
  ): Promise<string | null> {
    if (mostUsd !== null) this.#budget.expect(mostUsd);
    for (;;) {
      if (this.#reached !== null) {
        this.refused++;
        return this.#reached;
      }
      const admission = this.#budget.admit();
      if (admission === 'go' || signal.aborted) {
        this.#budget.begin();
        return null;
      }
      if (admission !== 'hold') {
        this.reachedBy(admission === 'max-calls' ? 'calls' : 'cost');
        continue;
      }
      await this.#next(signal);
    }
  }

  end({ costUsd, reply }: Pick<ExaminerCall, 'costUsd' | 'reply'>): void {
    const answered = reply.kind !== 'failed';
    if (answered && this.#budget.blind(costUsd)) this.reachedBy('unpriced');
    this.#budget.end(costUsd, answered);
    for (const go of this.#waiting.splice(0)) go();
  }

  /** No further call is made: this limit was reached, here or by the calls of other processes. The first reason stands. */
  reachedBy(limit: BudgetReached): void {
    const words: Record<BudgetReached, string> = {
      calls: `the limit of ${this.#calls} judge calls is reached (${this.#flags.calls})`,
      cost: `one more call could go over the judge's cost limit of $${this.#usd} (${this.#flags.cost})`,
      unpriced: `the cost of a judge call is unknown, so its cost limit of $${this.#usd} could not be kept: add the served model to the price file`,
    };
    this.#reached ??= words[limit];
  }

  /** Until a call ends, or this one is no longer waited for. */
  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        signal.removeEventListener('abort', go);
        resolve();
      };
      signal.addEventListener('abort', go, { once: true });
      this.#waiting.push(go);
    });
  }
}
