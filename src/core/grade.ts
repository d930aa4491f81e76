// A grade: what one grader says of one trial. A measurement that failed is `ungraded`, never a score.

import type { JsonValue } from '../base/json.ts';

interface GradeBase {
  readonly graderId: string;
  readonly graderType: string;
  readonly required: boolean;
  readonly weight: number;
}

export interface ScoredGrade extends GradeBase {
  readonly status: 'scored';
  /** In [0, 1]. */
  readonly score: number;
  readonly pass: boolean;
  /** Why, in one sentence a reader of the report understands. */
  readonly reason: string;
  /** Votes, criteria, what was extracted; free of secrets. */
  readonly details?: JsonValue | undefined;
}

/** `grader_error`: user code threw, timed out or returned nonsense. */
export type UngradedCause = 'judge_error' | 'judge_truncated' | 'no_output' | 'grader_error';

export interface UngradedGrade extends GradeBase {
  readonly status: 'ungraded';
  readonly cause: UngradedCause;
  readonly reason: string;
  readonly details?: JsonValue | undefined;
}

export type Grade = ScoredGrade | UngradedGrade;

/** What a trial's grades say together. */
export type TrialOutcome =
  | { readonly kind: 'graded'; readonly pass: boolean; readonly score: number }
  | { readonly kind: 'ungraded'; readonly causes: readonly UngradedCause[] };

/**
 * A trial passes when every required grader passes; its score is the weighted mean of all scores. One required grader
 * without a score leaves the whole trial ungraded, even when another one failed: keeping only the failures of an outage
 * would turn the outage into a regression.
 */
export function trialOutcome(grades: readonly Grade[]): TrialOutcome {
  const causes: UngradedCause[] = [];
  let pass = true;
  let sum = 0;
  let weights = 0;
  for (const grade of grades) {
    if (grade.status === 'ungraded') {
      if (grade.required) causes.push(grade.cause);
      continue;
    }
    if (grade.required && !grade.pass) pass = false;
    sum += grade.weight * grade.score;
    weights += grade.weight;
  }
  if (causes.length > 0 || weights === 0)
    return { kind: 'ungraded', causes: causes.length > 0 ? causes : ['no_output'] };
  return { kind: 'graded', pass, score: sum / weights };
}
