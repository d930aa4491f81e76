// What a grader with `turn: n` looks at, and the grade of a conversation that was cut off.

import { CUT_OFF_CODES } from '../core/conversation.ts';
import type { Grade } from '../core/grade.ts';
import type { GraderSpec } from '../core/grader-spec.ts';
import { outputOfTurn } from '../core/trajectory.ts';
import type { AnsweredTrial } from '../core/trial.ts';
import type { Subject } from './grader-result.ts';

/** The subject as the grader is to see it: one turn alone where it names one, null where that turn was not reached. */
export function ofTurn({ turn }: GraderSpec, subject: Subject): Subject | null {
  const { trial } = subject;
  if (turn === undefined || trial.removedOutputHash !== undefined) return subject;
  const output = outputOfTurn(trial.output, turn);
  if (output === undefined) return null;
  const last = trial.output.trajectory?.at(-1)?.turn ?? turn;
  // How the conversation ended says nothing of the turns before its last one.
  const stopReason = turn === last ? trial.stopReason : 'stop';
  const before = trial.output.trajectory?.filter((entry) => entry.turn < turn);
  return { ...subject, trial: { ...trial, output, stopReason }, text: output.text, before };
}

/**
 * A conversation that was cut off has failed, whatever else its graders find: the release did what the case has no answer to. Null
 * where it came to its end. Known by the stop reason, which is kept where the output is not.
 */
export function cutOffGrade(trial: AnsweredTrial): Grade | null {
  const code = CUT_OFF_CODES.find((known) => known === trial.stopReason);
  if (code === undefined) return null;
  return {
    graderId: code,
    graderType: code,
    required: true,
    weight: 1,
    status: 'scored',
    score: 0,
    pass: false,
    reason: trial.output.cutOff?.message ?? 'the conversation was cut off',
  };
}
