// Closing a snapshot whose further rounds were left out by design: what was not run any more was not lost.

import type { Finding, Policy, SnapshotSummary } from '../../core/index.ts';
import { judgeValidity, type RunReport } from '../../run/index.ts';
import { armFindings } from '../run/arm-findings.ts';
import type { Arm, RunSettings } from '../run/run-suite.ts';
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
  report: RunReport,
  how: {
    readonly policy: Policy;
    readonly rounds: number;
    readonly planned: number;
    readonly why: string;
    readonly settings: RunSettings;
  },
  found: readonly Finding[],
): Promise<SnapshotSummary> {
  const open = await work.store.resolve(arm.snapshotId, { now: work.clock.now() });
  const { validity, reasons, notes } = soFar(how.policy, open, how.rounds);
  const early: Finding = {
    code: 'STOPPED_EARLY',
    message: `the comparison was ${how.why} after ${how.rounds} of ${how.planned} rounds; the other rounds were not run`,
  };
  return work.store.finish(arm.snapshotId, {
    finishedAt: work.clock.now().toISOString(),
    state: 'finished',
    validity,
    validityReasons: reasons,
    findings: [early, ...found, ...(await armFindings(work, arm, report, how.settings, { open, notes }))],
    plannedTrialsPerCase: how.rounds,
  });
}
