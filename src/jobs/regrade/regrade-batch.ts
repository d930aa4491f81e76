// Re-grading through a judge's batch API: who can be asked so, and under which name the batches are found again.

import { LastgoodError } from '../../base/index.ts';
import type { Release } from '../../core/index.ts';
import {
  type JudgeBatching,
  refuseUnbatchableJudge,
  refuseUnpricedJudge,
} from '../../engine/examiners/batched-judges.ts';
import type { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

/** How questions are gathered into batches. */
export interface RegradeBatch {
  readonly pollMs?: number | undefined;
  /** How long a service that does not answer about a batch is waited for. */
  readonly outageMs?: number | undefined;
}

const OUTAGE_MS = 300_000;

/** Throws `BATCH_UNSUPPORTED`, `BATCH_OPTION` or `BATCH_COST_UNBOUNDED` before anything is asked. */
export async function checkRegradeBatch(
  work: Workplace,
  judge: Release | null,
  limit: JudgeLimit | undefined,
): Promise<void> {
  if (judge === null)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: 'no grader of this suite asks a judge, so there is nothing that --batch could submit',
      hint: 'leave --batch out',
    });
  if (work.privacy?.store === 'scores')
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: 'with `store: scores` no answer is kept that a batch could be about',
      hint: 'leave --batch out',
    });
  await refuseUnbatchableJudge(work, judge);
  refuseUnpricedJudge(work, judge, limit);
}

/** Whoever grades the same outputs under the same exam again finds the batches again. */
export function regradeBatching(
  batch: RegradeBatch,
  about: { readonly root: string; readonly suite: string; readonly exam: string; readonly fresh: boolean },
): JudgeBatching {
  const { root, suite, exam, fresh } = about;
  return {
    pollMs: batch.pollMs,
    outageMs: batch.outageMs ?? OUTAGE_MS,
    continueWith: 'the same command continues',
    scope: { suite, scope: `regrade ${root} under ${exam}${fresh ? ', fresh' : ''}` },
  };
}
