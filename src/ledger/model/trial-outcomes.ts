// How trials end, as the ledger counts them, and which of them a resumed run runs again.

import type { Trial } from '../../core/trial.ts';

/** How a trial ended, as one number: its status and its cause. */
const OUTCOMES = [
  { outcome: 1, status: 'answered', cause: null },
  { outcome: 2, status: 'failed', cause: 'app_error' },
  { outcome: 3, status: 'failed', cause: 'infra_error' },
  { outcome: 4, status: 'failed', cause: 'timeout' },
  { outcome: 5, status: 'skipped', cause: 'budget' },
  { outcome: 6, status: 'skipped', cause: 'cancelled' },
  { outcome: 7, status: 'skipped', cause: 'deadline' },
] as const;

/** Outcomes from here on are skips. */
export const FIRST_SKIPPED_OUTCOME = 5;

/** Failure codes of what ends a run for all its trials, and of a server that could not be reached. */
export const FATAL_CODES = ['quota', 'auth', 'unknown_model', 'unreachable', 'connection'];

/** The number a trial is stored with. */
export function outcomeNumber(trial: Trial): number {
  const cause = trial.status === 'answered' ? null : trial.cause;
  const found = OUTCOMES.find((o) => o.status === trial.status && o.cause === cause);
  if (found === undefined) throw new TypeError(`a trial cannot end as ${trial.status} (${cause})`);
  return found.outcome;
}

/** How a stored outcome is written in words. */
export function trialStatus(outcome: number): Trial['status'] {
  return outcomeOf(outcome).status;
}

export function outcomeOf(outcome: number): (typeof OUTCOMES)[number] {
  const found = OUTCOMES[outcome - 1];
  if (found === undefined) throw new Error(`the ledger holds a trial with the unknown outcome ${outcome}`);
  return found;
}

/**
 * Does a resumed run run it again? Yes where it was skipped, or failed by what stopped the run (an empty account, a refused key): that
 * says nothing about the trial it happened to hit.
 */
export function isRunAgain(trial: Trial): boolean {
  if (trial.status === 'skipped') return true;
  return trial.status === 'failed' && trial.cause === 'infra_error' && FATAL_CODES.includes(trial.code);
}
