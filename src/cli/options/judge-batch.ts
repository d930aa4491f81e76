// The options of commands that ask nobody but a judge: in batches at half the price, and within a budget.

import type { Command } from 'commander';
import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import type { RegradeBatch } from '../../jobs/regrade/regrade-batch.ts';
import { runOptions } from './run-options.ts';

export interface JudgeBatchValues {
  readonly batch?: boolean;
  readonly batchPoll?: number;
  readonly maxCalls?: number;
  readonly maxCost?: number;
  readonly outage?: number;
}

export function judgeBatchOptions(command: Command): Command {
  return runOptions(command, {
    maxCalls: 'ask the judge at most so often; the rest stays ungraded',
    maxCost: 'stop asking the judge before it costs more',
    batch: "ask the judge through its provider's batch API: half the price, answers within 24 hours",
    batchPoll: true,
    outage: 'with --batch: wait so long for a service that does not answer about a batch (default 5m)',
  });
}

/** undefined = single calls. */
export function judgeBatchOf({ batch, batchPoll, outage }: JudgeBatchValues): RegradeBatch | undefined {
  return batch === true ? { pollMs: batchPoll, outageMs: outage } : undefined;
}

/** Throws `COST_UNKNOWN` for a limit in dollars without prices. */
export async function judgeCallLimit(
  { maxCalls, maxCost: maxCostUsd }: JudgeBatchValues,
  work: Workplace,
): Promise<JudgeLimit | undefined> {
  if (maxCalls === undefined && maxCostUsd === undefined) return undefined;
  const { JudgeLimit: Limit } = await import('../../engine/examiners/judge-limit.ts');
  const flags = { calls: '--max-calls', cost: '--max-cost' };
  return new Limit({ maxCalls, maxCostUsd, priced: work.prices !== null, flags });
}
