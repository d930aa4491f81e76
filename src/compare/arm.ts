// One case in one arm: what its trials amount to, and which of them are missing and why.

import type { Policy } from '../core/policy.ts';
import type { CaseResult, TrialResult } from '../core/snapshot.ts';

/** Counts over the trials of one case in one arm. */
export interface ArmTally {
  readonly passed: number;
  /** Trials with a grade; the divisor of every rate. */
  readonly graded: number;
  readonly scoreSum: number;
  readonly planned: number;
  /** Planned trials that gave no grade, by reason. */
  readonly missing: Readonly<Record<string, number>>;
  readonly missingTotal: number;
}

const NOTHING_MISSING: Readonly<Record<string, number>> = Object.freeze({});

function missingReason(trial: TrialResult): string {
  if (trial.status === 'answered') return trial.ungraded[0] ?? 'ungraded';
  return trial.cause ?? trial.status;
}

/** Reads a case's trials. An application error counts as the policy says; every other failed measurement is missing, never a failed trial. */
export function tallyOf(result: CaseResult, appError: Policy['appError']): ArmTally {
  let passed = 0;
  let graded = 0;
  let scoreSum = 0;
  let missing: Record<string, number> | undefined;
  let missingTotal = 0;
  const lose = (reason: string, count: number): void => {
    missing ??= {};
    missing[reason] = (missing[reason] ?? 0) + count;
    missingTotal += count;
  };
  for (const trial of result.trials) {
    if (trial.pass !== null) {
      graded += 1;
      if (trial.pass) passed += 1;
      scoreSum += trial.score ?? (trial.pass ? 1 : 0);
    } else if (trial.status === 'failed' && trial.cause === 'app_error' && appError === 'fail') graded += 1;
    else lose(missingReason(trial), 1);
  }
  const planned = Math.max(result.plannedTrials, result.trials.length);
  if (planned > result.trials.length) lose('not_run', planned - result.trials.length);
  return { passed, graded, scoreSum, planned, missing: missing ?? NOTHING_MISSING, missingTotal };
}

/** The tally with the graded trials of another snapshot of the same release added. What the other one lost is not counted. */
export function withPooled(tally: ArmTally, pooled: ArmTally): ArmTally {
  return {
    ...tally,
    passed: tally.passed + pooled.passed,
    graded: tally.graded + pooled.graded,
    scoreSum: tally.scoreSum + pooled.scoreSum,
    planned: tally.planned + pooled.graded,
  };
}

/** The tally with every missing trial counted as passed (1) or failed (0). */
export function withMissingAs(tally: ArmTally, value: 0 | 1): ArmTally {
  if (tally.missingTotal === 0) return tally;
  return {
    ...tally,
    passed: tally.passed + value * tally.missingTotal,
    graded: tally.graded + tally.missingTotal,
    scoreSum: tally.scoreSum + value * tally.missingTotal,
    missing: NOTHING_MISSING,
    missingTotal: 0,
  };
}

/** Share of graded trials that passed; the caller guarantees at least one. */
export function rateOf(tally: ArmTally): number {
  return tally.passed / tally.graded;
}
