// What calls cost, and the most that one can cost: what a money limit goes by.

import { BATCH_TIER, costOf, type PricedModel } from '../../core/index.ts';
import { estimateRun, streamJobs } from '../../run/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { RunSettings } from './run-settings.ts';
import type { Arm } from './run-suite.ts';

export type PriceOf = (
  model: PricedModel,
  usage: Parameters<typeof costOf>[2],
  tier?: string | null,
) => number | null;

/** What calls cost, and before they are made what they would: in a batch half as much. */
export function pricesOf(work: Pick<Workplace, 'prices'>, { batch }: Pick<RunSettings, 'batch'>): PriceOf {
  const usual = batch === true ? BATCH_TIER : null;
  return (model, usage, tier = usual) => costOf(work.prices, model, usage, tier);
}

/** Upper bound of one call's cost, where prices and token bounds are known: what the money limit keeps in hand per call. */
export function dearestCall(
  arms: readonly Pick<Arm, 'assignment' | 'provider'>[],
  price: PriceOf,
): number | undefined {
  const bounds = arms.map((arm) => {
    const { suite, release } = arm.assignment;
    const jobs = streamJobs({ cases: suite.cases, release, provider: arm.provider, trials: 1 });
    return estimateRun(jobs, { costOf: price }).callCostUpperUsd;
  });
  return bounds.some((b) => b === null) ? undefined : Math.max(...(bounds as number[]));
}
