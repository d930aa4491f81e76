// What is measured on an answer without any grader.

import { codePointLength } from '../base/text.ts';
import type { TrialMeasures } from '../core/snapshot.ts';
import type { Trial } from '../core/trial.ts';
import { isRefusal } from './refusal.ts';

/** Length and refusal of an answered trial; null for both where there was no answer, or it is not there to be looked at. */
export function measureTrial(trial: Trial): TrialMeasures {
  if (trial.status !== 'answered' || trial.removedOutputHash !== undefined)
    return { length: null, refusal: null };
  return {
    length: codePointLength(trial.output.text),
    refusal: isRefusal(trial.output, trial.stopReason),
  };
}
