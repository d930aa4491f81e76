// What one grader found, before negation, weight and name make a grade of it.

import type { JsonValue } from '../base/json.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { TrajectoryEntry } from '../core/conversation.ts';
import type { Grade, UngradedCause } from '../core/grade.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import type { Case } from '../core/suite.ts';
import type { AnsweredTrial } from '../core/trial.ts';
import { clip } from './quote.ts';

/** What a grader looks at. */
export interface Subject {
  readonly c: Case;
  readonly trial: AnsweredTrial;
  /** The answer's text, as it came. */
  readonly text: string;
  /** Of one turn alone: the conversation before it. */
  readonly before?: readonly TrajectoryEntry[] | undefined;
}

export type GraderResult =
  | {
      readonly kind: 'scored';
      readonly met: boolean;
      /** In [0, 1]. */
      readonly score: number;
      /** A fact about the output that reads right for the plain and for the `not-` form. */
      readonly reason: string;
      readonly details?: JsonValue | undefined;
    }
  | {
      readonly kind: 'ungraded';
      readonly cause: UngradedCause;
      readonly reason: string;
      readonly details?: JsonValue | undefined;
    };

/** A yes-or-no finding. */
export function mark(met: boolean, reason: string, details?: JsonValue): GraderResult {
  return { kind: 'scored', met, score: met ? 1 : 0, reason, ...(details === undefined ? {} : { details }) };
}

/** Nothing was measured. */
export function unmeasured(cause: UngradedCause, reason: string, details?: JsonValue): GraderResult {
  return { kind: 'ungraded', cause, reason, ...(details === undefined ? {} : { details }) };
}

/** Makes the grade: `not-` turns a finding round (and its score into 0 or 1), never a failed measurement. */
export function gradeFrom(spec: GraderSpec, found: GraderResult, remark: string, mask: SecretMask): Grade {
  const base = {
    graderId: spec.id,
    graderType: spec.negate ? `not-${spec.type}` : spec.type,
    required: spec.required,
    weight: spec.weight,
    // Masked before it is clipped: a secret cut in half would no longer be recognised.
    reason: clip(mask.text(found.reason), 200 - remark.length) + remark,
    ...(found.details === undefined ? {} : { details: mask.json(found.details) }),
  };
  if (found.kind === 'ungraded') return { ...base, status: 'ungraded', cause: found.cause };
  const pass = spec.negate ? !found.met : found.met;
  const score = spec.negate ? (pass ? 1 : 0) : found.score;
  return { ...base, status: 'scored', pass, score };
}
