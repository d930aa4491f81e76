// How far a run can be trusted: valid, degraded or invalid, from what became of its trials.

import type { Failure, Policy, Validity } from '../core/index.ts';
import type { StopCause } from './tally.ts';

/** What became of the planned trials. All counts are of trials. */
export interface TrialOutcomes {
  readonly planned: number;
  readonly answered: number;
  readonly failed: number;
  /** Of the failed: errors of the user's own application (default 0). */
  readonly appErrors?: number | undefined;
  readonly skipped: number;
  /** Of the answered: without a grade. */
  readonly ungraded: number;
  readonly stoppedBy?: StopCause | null | undefined;
  readonly fatal?: Failure | null | undefined;
  /** Why most of the failed, and of the ungraded, are: a word and a sentence that may be kept. */
  readonly failedBy?: string | null | undefined;
  readonly ungradedBy?: string | null | undefined;
  /** Another model answered than the one the release names, where that must not be; the sentence that says so. */
  readonly otherModel?: string | null | undefined;
  readonly policy: Pick<Policy, 'appError' | 'maxMissing' | 'maxInvalid'>;
}

export interface ValidityJudgement {
  readonly validity: Validity;
  /** Why it is not plainly valid, with counts; empty when valid. */
  readonly reasons: readonly string[];
  /** Losses too small to matter, with counts; only when valid. */
  readonly notes: readonly string[];
}

/**
 * `invalid`: nothing was measured, or more than `maxInvalid` of the trials that were tried gave no measurement because the
 * provider, the network or the judge failed. `degraded`: trials were cut off or never ran, or more than `maxMissing` of the
 * planned ones are missing. A loss within `maxMissing` leaves it valid, with a note. Application errors are missing
 * trials, or measured failures where the policy says so.
 */
export function judgeValidity(outcomes: TrialOutcomes): ValidityJudgement {
  const { planned, answered, failed, skipped, ungraded, policy } = outcomes;
  const appErrors = outcomes.appErrors ?? 0;
  const measuredErrors = policy.appError === 'fail' ? appErrors : 0;
  const lost = failed - appErrors + ungraded;
  const tried = answered + failed;
  const neverRan = Math.max(0, planned - tried - skipped);
  const measured = answered - ungraded + measuredErrors;

  const losses: string[] = [];
  const tell = (n: number, what: string, by: string | null = null): void => {
    if (n > 0) losses.push(`${n} of ${planned} trials ${what}${by === null ? '' : `, most often ${by}`}`);
  };
  tell(failed - appErrors, 'failed (provider, network or time limit)', outcomes.failedBy);
  tell(appErrors - measuredErrors, 'failed in your application and count as missing');
  tell(ungraded, 'were answered but could not be graded', outcomes.ungradedBy);
  tell(skipped, `were skipped (${skipWord(outcomes.stoppedBy ?? null)})`);
  tell(neverRan, 'never ran');
  const fatal = outcomes.fatal ?? null;
  const stop = fatal === null ? [] : [`the run was stopped by ${fatal.code}: ${fatal.message}`];

  const invalid = (why: string): ValidityJudgement => ({
    validity: 'invalid',
    reasons: [why, ...stop, ...losses],
    notes: [],
  });
  if (planned === 0) return invalid('no trial was planned');
  if (measured === 0) return invalid('nothing was measured');
  if (outcomes.otherModel) return invalid(`${outcomes.otherModel} (--require-pinned)`);
  if (lost > policy.maxInvalid * tried) {
    return invalid(
      `${percent(lost, tried)} of the trials that were tried gave no measurement, more than the ${percent(policy.maxInvalid, 1)} above which a run says nothing (max-invalid)`,
    );
  }
  const missing = planned - measured;
  if (skipped > 0 || neverRan > 0 || stop.length > 0)
    return { validity: 'degraded', reasons: [...stop, ...losses], notes: [] };
  if (missing > policy.maxMissing * planned) {
    const why = `${percent(missing, planned)} of the trials are missing, more than the ${percent(policy.maxMissing, 1)} that pass without a word (max-missing)`;
    return { validity: 'degraded', reasons: [why, ...losses], notes: [] };
  }
  return { validity: 'valid', reasons: [], notes: losses };
}

function skipWord(stoppedBy: StopCause | null): string {
  switch (stoppedBy) {
    case 'max-calls':
      return 'the limit of calls was reached';
    case 'max-cost':
      return 'the cost limit was reached';
    case 'deadline':
      return "the run's deadline passed";
    case 'judge-limit':
      return "the judge's limit was reached";
    case 'fatal':
      return 'no further call could succeed';
    case 'cancelled':
      return 'the run was cancelled';
    case null:
      return 'the run ended before them';
  }
}

function percent(part: number, whole: number): string {
  return `${Number(((100 * part) / whole).toFixed(1))} %`;
}
