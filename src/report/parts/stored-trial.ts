// A stored trial in words: what the user saw, how it ended, and which pair of trials shows a change best.

import { type CaseContent, type StoredTrial, trialOutcome } from '../../core/index.ts';
import { outputText } from '../../core/trajectory.ts';

/** All stored trials of a case on both sides. */
export interface CaseTrials {
  /** What the case asks and expects. */
  readonly content?: CaseContent | undefined;
  readonly baseline: readonly StoredTrial[];
  readonly candidate: readonly StoredTrial[];
}

/** What the user saw: the text, the provider's refusal, the tool calls, or the whole conversation; empty when nothing was answered. */
export function shownOutput({ trial }: StoredTrial): string {
  return trial.status === 'answered' ? outputText(trial.output) : '';
}

/** `pass`, `fail`, `ungraded`, `draft` where nothing grades it yet, or why there was no answer. */
export function trialWord({ trial, grades }: StoredTrial): string {
  if (trial.status !== 'answered')
    return trial.status === 'failed' ? `no answer: ${trial.code}` : `skipped: ${trial.cause}`;
  if (grades.length === 0) return 'draft';
  const outcome = trialOutcome(grades);
  return outcome.kind === 'ungraded' ? 'ungraded' : outcome.pass ? 'pass' : 'fail';
}

/** The pair of answers that shows the change best: opposite outcomes where there are any. */
export function tellingPair(trials: CaseTrials, worse: boolean): readonly [StoredTrial, StoredTrial] | null {
  const pick = (side: readonly StoredTrial[], wanted: string): StoredTrial | undefined => {
    const answered = side.filter((t) => t.trial.status === 'answered');
    return answered.find((t) => trialWord(t) === wanted) ?? answered[0];
  };
  const before = pick(trials.baseline, worse ? 'pass' : 'fail');
  const after = pick(trials.candidate, worse ? 'fail' : 'pass');
  return before === undefined || after === undefined ? null : [before, after];
}
