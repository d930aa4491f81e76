// Calls of judges and embedders of a shared run: admitted by the database like those of the release, each role under its own budget.

import type { BudgetReached } from '../../core/shared-run.ts';
import type { CallLimit, Examined, ExaminerCall } from '../../grade/context.ts';
import { type ThrottledReply, throttleKey } from '../../run/throttle.ts';
import type { CallGate } from './call-gate.ts';

export class JudgeAdmission implements CallLimit {
  readonly #gate: CallGate;
  readonly #role: 'judge' | 'embedder';

  constructor(gate: CallGate, role: 'judge' | 'embedder') {
    this.#gate = gate;
    this.#role = role;
  }

  async admit(signal: AbortSignal, examined: Examined): Promise<string | null> {
    const service = serviceOf(examined);
    const asked = this.#gate.ask(this.#role, service);
    const refused = await Promise.race([asked, fired(signal)]);
    if (refused === 'fired') {
      // Its turn may still come.
      asked.then((late) => late ?? this.#gate.unusedOf(this.#role, service)).catch(() => {});
      return 'the run was ended before this call';
    }
    if (refused === null) return null;
    return 'reached' in refused ? REACHED[refused.reached] : refused.stop.message;
  }

  end({ examined, called, costUsd, reply }: ExaminerCall): void {
    const service = serviceOf(examined);
    if (called) this.#gate.endOf(this.#role, service, { costUsd, reply: reply as ThrottledReply });
    else this.#gate.unusedOf(this.#role, service);
  }
}

/** Why judges are not asked any more. */
const REACHED: Readonly<Record<BudgetReached, string>> = {
  calls: 'the limit of judge calls is reached (--max-judge-calls)',
  cost: "one more call could go over the judge's cost limit (--max-judge-cost)",
  unpriced:
    "the cost of a judge call is unknown, so the judge's cost limit (--max-judge-cost) could not be kept: add the served model to the price file",
};

function serviceOf({ release, provider }: Examined): string {
  return throttleKey(release, provider.name);
}

function fired(signal: AbortSignal): Promise<'fired'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('fired');
    else signal.addEventListener('abort', () => resolve('fired'), { once: true });
  });
}
