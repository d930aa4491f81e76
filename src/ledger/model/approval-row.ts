// An approval of the guard as its row says it, and what is refused of one.

import { LastgoodError } from '../../base/errors.ts';
import { APPROVAL_MS, type Approval } from '../../core/guard.ts';

/** An approval with its answer and its use. */
export interface ApprovalRow extends Omit<Approval, 'state' | 'answer'> {
  readonly granted: 0 | 1 | boolean | null;
  readonly by: string | null;
  readonly why: string | null;
  readonly answeredAt: number | null;
  readonly used: number | null;
}

/** The approval as it stands now. */
export function approvalOf(
  { granted, by, why, answeredAt, used, ...rest }: ApprovalRow,
  now: number,
): Approval {
  const since = answeredAt ?? rest.at;
  const answered = granted === null ? 'pending' : Number(granted) === 1 ? 'granted' : 'denied';
  const state = used !== null ? 'used' : now - since >= APPROVAL_MS ? 'expired' : answered;
  return {
    ...rest,
    state,
    answer: by === null || why === null || answeredAt === null ? null : { by, why, at: answeredAt },
  };
}

export function unknownApproval(id: string): LastgoodError {
  return new LastgoodError({
    code: 'APPROVAL_UNKNOWN',
    message: `there is no approval ${JSON.stringify(id.slice(0, 80))}`,
    hint: 'lastgood approvals list',
  });
}

export function answeredAlready({ id, state, answer }: Approval): LastgoodError {
  return new LastgoodError({
    code: 'APPROVAL_ANSWERED',
    message: `the approval ${id} is ${state}${answer === null ? '' : `, by ${answer.by}`}; an answer is not changed`,
    hint: 'the agent gets a new one when it repeats the action',
  });
}
