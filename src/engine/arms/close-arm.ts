// The end of an arm: how far it can be trusted, what has to be reported with it, and whether it can be finished later.

import { type Finding, resolvePolicy, type SnapshotSummary } from '../../core/index.ts';
import { judgeValidity } from '../../run/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { armFindings, type EndedArm, leftUnjudged, purposeOf, wrongModel } from './arm-findings.ts';
import type { ArmsReport, RunSettings } from './run-suite.ts';

/** Judges how far the run can be trusted and closes its snapshot. */
export async function closeArm(
  work: Workplace,
  arm: EndedArm,
  report: ArmsReport,
  settings: RunSettings,
  found: readonly Finding[] = [],
): Promise<SnapshotSummary> {
  const { store } = work;
  const { fatal } = report;
  const losses = report.losses?.[arm.name];
  const open = await store.resolve(arm.snapshotId, { now: work.clock.now() });
  const { validity, reasons, notes } = judgeValidity({
    planned: open.plannedTrials,
    answered: open.answered,
    failed: open.failed,
    appErrors: open.appErrors ?? report.byArm[arm.name]?.appErrors ?? 0,
    skipped: open.skipped,
    ungraded: open.ungraded,
    stoppedBy: report.stoppedBy,
    fatal:
      fatal === null ? null : { ...fatal, message: work.privacy?.message(fatal.message) ?? fatal.message },
    // What stopped the run is reported as such.
    failedBy: fatal !== null && losses?.failed?.startsWith(`${fatal.code}:`) ? null : losses?.failed,
    ungradedBy: losses?.ungraded,
    otherModel: wrongModel(arm.assignment.release, open, settings),
    policy: resolvePolicy(arm.assignment.suite.policy),
  });
  // What a person, a dead account or a limit stopped can be finished later, and what is there can be judged later.
  const stopped = report.stoppedBy !== null && report.stoppedBy !== 'judge-limit';
  const resumable =
    (stopped && ((settings.purpose ?? 'run') === 'run' || settings.batchWaits !== undefined)) ||
    (leftUnjudged(report, open) && purposeOf(arm, settings) === 'run');
  return store.finish(arm.snapshotId, {
    finishedAt: work.clock.now().toISOString(),
    state: resumable ? 'interrupted' : 'finished',
    validity,
    validityReasons: reasons,
    findings: [...found, ...(await armFindings(work, arm, report, settings, { open, notes }))],
  });
}
