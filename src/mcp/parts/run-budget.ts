// What all runs of one server together may call and spend. A client can ask again and again; the limit holds over all of it.

import { LastgoodError } from '../../base/index.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

export interface RunLimits {
  readonly maxCalls?: number | undefined;
  readonly maxCostUsd?: number | undefined;
  /** Of the judge and the embedder that grades; default: the same numbers again. */
  readonly maxJudgeCalls?: number | undefined;
  readonly maxJudgeCostUsd?: number | undefined;
}

/** What is left; null = no such limit. */
export type Left = Readonly<Record<'calls' | 'costUsd', number | null>>;

export class RunBudget {
  readonly #limits: RunLimits;
  #calls = 0;
  #knownCostUsd = 0;
  #judge: JudgeLimit | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(limits: RunLimits) {
    this.#limits = limits;
  }

  /**
   * Runs one job at a time, with what is left as its limits. What it spent is read from the snapshots it made, so that it counts even
   * when the job fails. Throws `MCP_LIMIT_REACHED` when nothing is left.
   */
  async spend<T>(
    work: Workplace,
    asked: { readonly maxCalls?: number | undefined },
    job: (limits: RunSettings) => Promise<T>,
  ): Promise<T> {
    const turn = this.#last.then(async () => {
      const settings = this.#settings(work, asked.maxCalls);
      const before = new Set((await work.store.list()).map((s) => s.id));
      try {
        return await job(settings);
      } finally {
        for (const s of await work.store.list())
          if (!before.has(s.id)) {
            this.#calls += s.calls;
            this.#knownCostUsd += s.costUsd ?? s.knownCostUsd ?? 0;
          }
      }
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  left(): Left {
    const { maxCalls, maxCostUsd } = this.#limits;
    return {
      calls: maxCalls === undefined ? null : Math.max(0, maxCalls - this.#calls),
      costUsd: maxCostUsd === undefined ? null : Math.max(0, maxCostUsd - this.#knownCostUsd),
    };
  }

  #settings(work: Workplace, askedCalls: number | undefined): RunSettings {
    const { calls, costUsd } = this.left();
    if (calls === 0 || costUsd === 0) {
      throw new LastgoodError({
        code: 'MCP_LIMIT_REACHED',
        message:
          calls === 0
            ? `this server made ${this.#calls} calls, and its limit is ${this.#limits.maxCalls} (--max-calls)`
            : `this server spent $${this.#knownCostUsd.toFixed(4)}, and its limit is $${this.#limits.maxCostUsd} (--max-cost)`,
        hint: 'a person can start the server again, with a higher limit if needed',
        exitCode: 3,
      });
    }
    const { maxCalls, maxCostUsd, maxJudgeCalls, maxJudgeCostUsd } = this.#limits;
    this.#judge ??= new JudgeLimit({
      maxCalls: maxJudgeCalls ?? maxCalls,
      maxCostUsd: maxJudgeCostUsd ?? maxCostUsd,
      priced: work.prices !== null,
    });
    const limited = [calls, askedCalls].filter((n) => n !== null && n !== undefined);
    return {
      maxCalls: limited.length === 0 ? undefined : Math.min(...limited),
      maxCostUsd: costUsd ?? undefined,
      judgeLimit: this.#judge,
    };
  }
}
