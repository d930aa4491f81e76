// Closing a snapshot whose further rounds were left out by design: what was not run any more was not lost.

import type { Finding, Policy, SnapshotSummary } from '../../core/index.ts';
import { judgeValidity } from '../../run/index.ts';
import { withVotes } from '../judge/judge-examiners.ts';
import { judgingFindings } from '../judge/judge-outputs.ts';
import { embeddingFindings } from '../run/embed-outputs.ts';
import type { Arm } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';

/** How far a snapshot can be trusted that holds `rounds` rounds, if no more were planned. */
export function soFar(
  policy: Policy,
  open: SnapshotSummary,
  rounds: number,
): ReturnType<typeof judgeValidity> {
  return judgeValidity({
    planned: rounds * open.cases,
    answered: open.answered,
    failed: open.failed,
    appErrors: open.appErrors,
    skipped: open.skipped,
    ungraded: open.ungraded,
    policy,
  });
}

/** Closes an arm after `rounds` of `planned` rounds. `why` tells what ended it, e.g. `decided`. */
export async function closeEarly(
  work: Workplace,
  arm: Arm,
  how: {
    readonly policy: Policy;
    readonly rounds: number;
    readonly planned: number;
    readonly why: string;
    readonly judgeVotes: number | undefined;
  },
  found: readonly Finding[],
): Promise<SnapshotSummary> {
  const { release, judge } = arm.assignment;
  const open = await work.store.resolve(arm.snapshotId, { now: work.clock.now() });
  const { validity, reasons } = soFar(how.policy, open, how.rounds);
  const findings: Finding[] = [
    {
      code: 'STOPPED_EARLY',
      message: `the comparison was ${how.why} after ${how.rounds} of ${how.planned} rounds; the other rounds were not run`,
    },
    ...found,
  ];
  if (release.pin.state === 'floating')
    findings.push({ code: 'MODEL_FLOATING', message: release.pin.reason });
  const served = open.servedModels.filter((model) => model !== null);
  if (served.length > 1)
    findings.push({
      code: 'SERVED_MODEL_CHANGED',
      message: `more than one model was served within this run: ${served.join(', ')}`,
    });
  findings.push(
    ...(await judgingFindings(work.store, arm.snapshotId, withVotes(judge, how.judgeVotes))),
    ...(await embeddingFindings(work, arm.snapshotId, arm.assignment, open.answered, arm.purpose)),
  );
  return work.store.finish(arm.snapshotId, {
    finishedAt: work.clock.now().toISOString(),
    state: 'finished',
    validity,
    validityReasons: reasons,
    findings,
    plannedTrialsPerCase: how.rounds,
  });
}
