// What the target would cost, how fast and how long it answers, beside what the last good release does.

import type { CaseResult, Economy, EconomyRatio, TrialResult } from '../core/index.ts';

/** Most the target may cost, and most time it may take, as multiples of the last good release; null = any. */
export interface EconomyLimits {
  readonly maxCostRatio: number | null;
  readonly maxLatencyRatio: number | null;
}

/** Mean cost and length, median latency. `against`: whose numbers it is measured against. */
export function economyOf(
  candidate: readonly CaseResult[],
  reference: readonly CaseResult[],
  against: Economy['against'],
): Economy {
  const [now, then] = [answered(candidate), answered(reference)];
  const ratio = (read: (trials: readonly TrialResult[]) => number | null): EconomyRatio => {
    const [target, baseline] = [read(now), read(then)];
    return {
      baseline,
      target,
      ratio: target === null || baseline === null || baseline <= 0 ? null : target / baseline,
    };
  };
  return {
    against,
    costUsd: ratio((trials) => mean(trials.map((t) => t.costUsd))),
    latencyMs: ratio((trials) => median(trials.flatMap((t) => t.latencyMs ?? []))),
    length: ratio((trials) => mean(trials.map((t) => t.length))),
  };
}

/** Limits that are exceeded, and limits that cannot be checked, one sentence each. */
export function economyProblems(
  economy: Economy,
  limits: EconomyLimits,
): { readonly exceeded: readonly string[]; readonly unknown: readonly string[] } {
  const exceeded: string[] = [];
  const unknown: string[] = [];
  for (const [name, limit, { ratio }] of [
    ['cost', limits.maxCostRatio, economy.costUsd] as const,
    ['latency', limits.maxLatencyRatio, economy.latencyMs] as const,
  ]) {
    if (limit === null) continue;
    if (ratio === null)
      unknown.push(
        `its ${name} cannot be compared, and the policy allows at most ${limit} times that of the baseline`,
      );
    else if (ratio > limit)
      exceeded.push(
        `its ${name} is ${ratio.toFixed(2)} times that of the baseline (the policy allows ${limit})`,
      );
  }
  return { exceeded, unknown };
}

function answered(cases: readonly CaseResult[]): readonly TrialResult[] {
  return cases.flatMap((c) => c.trials).filter((t) => t.status === 'answered');
}

/** null when there is nothing, or when one of the numbers is not known. */
function mean(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum / values.length;
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const at = sorted[middle];
  if (at === undefined) return null;
  return sorted.length % 2 === 1 ? at : (at + (sorted[middle - 1] ?? at)) / 2;
}
