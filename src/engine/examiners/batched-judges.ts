// Judges whose questions are gathered into batches of their provider, at half the price. Open batches are found again by the next command.

import { LastgoodError } from '../../base/index.ts';
import {
  BATCH_TIER,
  costOf,
  type ProviderRequest,
  panelOf,
  pricedModel,
  type Release,
} from '../../core/index.ts';
import type { Examined } from '../../grade/context.ts';
import { capName, JUDGE_OUTPUT_TOKENS } from '../../grade/judge.ts';
import { BatchCalls } from '../../run/batch-calls.ts';
import { inputTokensBound, type StopCause } from '../../run/index.ts';
import { realTimers } from '../../run/timers.ts';
import { type BatchWaiting, batchOptions, whyUnbatchable } from '../batching/batch-api.ts';
import type { BatchScope } from '../batching/provider-batches.ts';
import { idleProviderOf, type Workplace } from '../workplace/workplace.ts';
import type { JudgeLimit } from './judge-limit.ts';

/** How the questions of one piece of work are gathered. */
export interface JudgeBatching extends BatchWaiting {
  /** Names the work, so that whoever repeats it finds its batches again. */
  readonly scope: BatchScope;
  /** The waiting ends after this long. */
  readonly deadlineMs?: number | undefined;
  readonly outageMs: number;
}

/** The batches of all judges of one piece of work. */
export class JudgeBatches {
  readonly #work: Workplace;
  readonly #batching: JudgeBatching;
  readonly #calls: BatchCalls[] = [];

  constructor(work: Workplace, batching: JudgeBatching) {
    this.#work = work;
    this.#batching = batching;
  }

  /** The judge with its calls gathered; as it is where no batch takes them. */
  gathered(judge: Examined): Examined {
    const { release, provider } = judge;
    const { batch: api } = provider;
    if (api === undefined || whyUnbatchable(release, provider) !== null) return judge;
    const { clock, rng, progress, signal, hardSignal } = this.#work;
    const { deadlineMs = null, outageMs, scope } = this.#batching;
    const own = { ...scope, scope: `${scope.scope} by ${release.fingerprint}` };
    const calls = new BatchCalls(
      {
        ...{ clock, rng, progress, signal, hardSignal, deadlineMs, outageMs },
        timers: this.#work.timers ?? realTimers,
        label: 'judge calls',
      },
      batchOptions(this.#work, api, own, this.#batching),
    );
    this.#calls.push(calls);
    return { release, provider: { ...provider, call: (request) => calls.ask(request) }, isBatched: true };
  }

  /** The most that one question can cost in a batch, in US dollars; null = unknown. */
  mostOf({ layers }: Release, request: ProviderRequest): number | null {
    const cap = request.params[capName(request.params)];
    const usage = {
      inputTokens: inputTokensBound(request),
      outputTokens: typeof cap === 'number' ? cap : JUDGE_OUTPUT_TOKENS,
    };
    return costOf(this.#work.prices, pricedModel(layers.route, null), usage, BATCH_TIER);
  }

  /** Why the waiting ended before all was back; null = it did not. */
  get stoppedBy(): StopCause | null {
    return this.#calls.map((calls) => calls.stoppedBy).find((by) => by !== null) ?? null;
  }

  /** `done`: all grades are stored. */
  async close(done: boolean): Promise<void> {
    for (const calls of this.#calls) await calls.close(done);
  }
}

/** Can the questions of this judge be gathered, at least of one of its panel? Makes no call. */
export async function isJudgeBatchable(work: Workplace, judge: Release | null): Promise<boolean> {
  for (const release of judge === null ? [] : panelOf(judge).judges)
    if ((await unbatchable(work, release)) === null) return true;
  return false;
}

/** The same of all judges of a panel. */
export async function areJudgesBatchable(work: Workplace, judge: Release): Promise<boolean> {
  for (const release of panelOf(judge).judges) if ((await unbatchable(work, release)) !== null) return false;
  return true;
}

/** Throws `BATCH_UNSUPPORTED` where a judge cannot be asked in batches; it is all that the command would call. */
export async function refuseUnbatchableJudge(work: Workplace, judge: Release): Promise<void> {
  for (const release of panelOf(judge).judges) {
    const why = await unbatchable(work, release);
    if (why !== null) throw new LastgoodError({ code: 'BATCH_UNSUPPORTED', ...why });
  }
}

/** Throws `BATCH_COST_UNBOUNDED` where a limit in dollars could not be checked before a batch is submitted. */
export function refuseUnpricedJudge(
  { prices }: Pick<Workplace, 'prices'>,
  judge: Release,
  limit: JudgeLimit | undefined,
): void {
  if (limit?.isInDollars !== true) return;
  for (const { name, layers } of panelOf(judge).judges) {
    const model = pricedModel(layers.route, null);
    if (costOf(prices, model, { inputTokens: 1, outputTokens: 1 }, BATCH_TIER) !== null) continue;
    throw new LastgoodError({
      code: 'BATCH_COST_UNBOUNDED',
      message: `the judge "${name}" has no price, so its cost limit cannot be checked before a batch is submitted; nothing was sent`,
      hint: 'add its model to the price file, or limit the number of calls instead',
    });
  }
}

async function unbatchable(work: Workplace, release: Release): Promise<ReturnType<typeof whyUnbatchable>> {
  const provider = await idleProviderOf(work, release);
  try {
    return whyUnbatchable(release, provider);
  } finally {
    await provider.close?.();
  }
}
