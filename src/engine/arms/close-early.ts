// Closing a snapshot whose further rounds were left out by design: what was not run any more was not lost.

import type { Finding, Policy, SnapshotSummary } from '../../core/index.ts';
import { judgeValidity, type RunReport } from '../../run/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { armFindings, wrongModel } from './arm-findings.ts';
import type { Arm, RunSettings } from './run-suite.ts';

/** How far a snapshot can be trusted if no more than these trials had been planned in all. */
export function soFar(
  policy: Policy,
  open: SnapshotSummary,
  planned: number,
  otherModel: string | null,
): ReturnType<typeof judgeValidity> {
  return judgeValidity({
    planned,
    answered: open.answered,
    failed: open.failed,
    appErrors: open.appErrors,
    skipped: open.skipped,
    ungraded: open.ungraded,
    otherModel,
    policy,
  });
}

/**
 * Closes an arm after `rounds` of `planned` rounds; `trials` in all, where some cases were given more. `why` tells what ended it, e.g.
 * `decided`.
 */
export async function closeEarly(
  work: Workplace,
  arm: Arm,
  report: RunReport,
  how: {
    readonly policy: Policy;
    readonly rounds: number;
    readonly planned: number;
    readonly trials?: number | undefined;
    readonly why: string;
    readonly settings: RunSettings;
  },
  found: readonly Finding[],
): Promise<SnapshotSummary> {
  const open = await work.store.resolve(arm.snapshotId, { now: work.clock.now() });
  const { validity, reasons, notes } = soFar(
    how.policy,
    open,
    how.trials ?? how.rounds * open.cases,
    wrongModel(arm.assignment.release, open, how.settings),
  );
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
