// The command that a person would run after an interleaved comparison.

import type { Comparison, JudgedRung, SnapshotSummary } from '../../core/index.ts';
import type { Both } from '../../engine/arms/both.ts';
import { rungsLeft } from '../../engine/comparison/repeated-comparisons.ts';
import type { Session } from './compare-session.ts';

function again({ input }: Session): string {
  return `lastgood compare ${input.suite} --baseline-release ${input.baselineRelease} --release ${input.release}`;
}

/** Both arms can be finished one after the other, and compared then; a ladder goes on where it was judged last. */
export function nextWithoutResult(
  session: Session,
  { baseline, candidate }: Both<SnapshotSummary>,
  judged: boolean,
): string {
  return session.tier === 'ladder' && judged
    ? `${again(session)} --tier ladder`
    : `lastgood run --resume ${baseline.id}; lastgood run --resume ${candidate.id}; lastgood diff ${baseline.id} ${candidate.id}`;
}

/** What a person would do now; nothing after "unchanged". */
export function nextAfter(
  session: Session,
  comparison: Comparison,
  judged: readonly JudgedRung[],
): string | undefined {
  const worst = comparison.cases.find((c) => c.verdict === 'regressed');
  switch (comparison.verdict) {
    case 'regressed':
      return worst === undefined
        ? `lastgood show ${comparison.candidate.id}`
        : `lastgood show ${comparison.candidate.id} --case ${worst.id}`;
    case 'improved':
    case 'unchanged':
    case 'no-regression-found':
      if (comparison.gate.outcome !== 'pass' && worst !== undefined)
        return `lastgood show ${comparison.candidate.id} --case ${worst.id}`;
      return comparison.verdict === 'improved'
        ? `lastgood bless ${comparison.candidate.id} --why TEXT`
        : undefined;
    case 'inconclusive':
      return rungsLeft(session.standing, judged).length > 0
        ? `${again(session)} --tier ladder  (continues with the trials it has)`
        : `lastgood diff ${comparison.baseline.id} ${comparison.candidate.id} --format html  (the error rates of this pair are spent: more cases, or a person, settle it)`;
    case 'invalid':
      return `lastgood show ${comparison.candidate.id}`;
  }
}
