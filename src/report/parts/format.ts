// Texts for pass rates and costs. Plain numbers: base/numbers.ts.

import { count, grouped, percent, usd } from '../../base/numbers.ts';
import type { AnsweredTrial, SnapshotSummary, Usage } from '../../core/index.ts';
import { hasUnknownCost } from '../../core/trial.ts';

/** What a pass rate needs to be read rightly. */
export type Graded = Pick<
  SnapshotSummary,
  'passRate' | 'cases' | 'gradedCases' | 'plannedTrials' | 'answered' | 'ungraded'
>;

/** A snapshot's pass rate with what it was measured on: "100.0 % over the 15 graded trials of 5 of 42 cases". */
export function passRateText(s: Graded): string {
  const trials = s.answered - s.ungraded;
  const cases = s.gradedCases ?? s.cases;
  if (s.passRate === null || trials === 0)
    return `${percent(s.passRate)}: no trial of ${count(s.cases, 'case')} is graded`;
  return trials >= s.plannedTrials && cases >= s.cases
    ? `${percent(s.passRate)} over ${count(trials, 'graded trial')} of ${count(s.cases, 'case')}`
    : `${percent(s.passRate)} over ${trials === 1 ? 'the only graded trial' : `the ${count(trials, 'graded trial')}`} of ${cases < s.cases ? `${grouped(cases)} of ` : ''}${count(s.cases, 'case')}`;
}

/** How many cases a pass rate is about: "42", or "5 of 42" where not all of them are graded. */
export function gradedCasesText({
  cases,
  gradedCases = cases,
}: Pick<Graded, 'cases' | 'gradedCases'>): string {
  return gradedCases < cases ? `${grouped(gradedCases)} of ${grouped(cases)}` : grouped(cases);
}

/** Money as a snapshot's summary tells it. */
export interface SpentAmount {
  readonly costUsd: number | null;
  readonly knownCostUsd?: number | undefined;
  readonly unpricedTrials?: number | undefined;
}

/** Several snapshots' together. */
export function spentOnAll(parts: readonly SpentAmount[]): SpentAmount {
  const known = parts.reduce((sum, p) => sum + (p.costUsd ?? p.knownCostUsd ?? 0), 0);
  if (parts.every((p) => p.costUsd !== null)) return { costUsd: known };
  const unpricedTrials = parts.reduce((sum, p) => sum + (p.unpricedTrials ?? 0), 0);
  return { costUsd: null, knownCostUsd: known, unpricedTrials };
}

/** What was spent; where a part of that is unknown, the part that is known, and of how many trials it is not. */
export function spent(s: SpentAmount): string {
  const { costUsd, knownCostUsd = 0, unpricedTrials = 0 } = s;
  if (costUsd !== null || knownCostUsd === 0) return usd(costUsd);
  return `at least ${usd(knownCostUsd)} (unknown for ${count(unpricedTrials, 'trial')})`;
}

/** The same of the judge and the embedder. */
export function spentOnJudging(s: {
  readonly judgeCostUsd: number | null;
  readonly knownJudgeCostUsd?: number | undefined;
  readonly unpricedJudgings?: number | undefined;
}): string {
  const { judgeCostUsd: costUsd, knownJudgeCostUsd: knownCostUsd, unpricedJudgings: unpricedTrials } = s;
  return spent({ costUsd, knownCostUsd, unpricedTrials });
}

/** Token counts in words; empty where none is disclosed. */
export function tokensText(usage: Usage | null): string {
  if (usage === null) return '';
  const within = (parts: readonly (readonly [number | undefined, string])[]): string => {
    const told = parts.flatMap(([n, words]) =>
      n === undefined || n === 0 ? [] : [`${grouped(n)} ${words}`],
    );
    return told.length === 0 ? '' : ` (${told.join(', ')})`;
  };
  const read = within([
    [usage.cachedInputTokens, 'read from the cache'],
    [usage.cacheWriteTokens, 'written to it'],
  ]);
  const reasoned = within([[usage.reasoningTokens, 'reasoning']]);
  return [
    ...(usage.inputTokens === undefined ? [] : [`${grouped(usage.inputTokens)} tokens in${read}`]),
    ...(usage.outputTokens === undefined ? [] : [`${grouped(usage.outputTokens)} out${reasoned}`]),
  ].join(', ');
}

/** What a trial cost; where calls of an earlier run of it may be on the bill, it was at least that. */
export function spentOnTrial(trial: AnsweredTrial): string {
  return `${trial.costUsd !== null && hasUnknownCost(trial) ? 'at least ' : ''}${usd(trial.costUsd)}`;
}
