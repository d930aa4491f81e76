// The end of an arm: how far it can be trusted, what has to be told with it, and whether it can be finished later.

import { type Finding, type Release, resolvePolicy, type SnapshotSummary } from '../../core/index.ts';
import { judgeValidity, type RunReport } from '../../run/index.ts';
import { withVotes } from '../judge/judge-examiners.ts';
import { judgingFindings } from '../judge/judge-outputs.ts';
import type { Workplace } from '../workplace.ts';
import { embeddingFindings } from './embed-outputs.ts';
import type { Arm, RunSettings } from './run-suite.ts';

/** Judges how far the run can be trusted and closes its snapshot. */
export async function closeArm(
  work: Workplace,
  arm: Pick<Arm, 'name' | 'assignment' | 'snapshotId' | 'purpose'>,
  report: RunReport,
  settings: RunSettings,
  found: readonly Finding[] = [],
): Promise<SnapshotSummary> {
  const { store } = work;
  const open = await store.resolve(arm.snapshotId, { now: work.clock.now() });
  const counts = report.byArm[arm.name];
  const { validity, reasons, notes } = judgeValidity({
    planned: open.plannedTrials,
    answered: open.answered,
    failed: open.failed,
    appErrors: open.appErrors ?? counts?.appErrors ?? 0,
    skipped: open.skipped,
    ungraded: open.ungraded,
    stoppedBy: report.stoppedBy,
    fatal: report.fatal,
    policy: resolvePolicy(arm.assignment.suite.policy),
  });
  // What a person or a dead account stopped can be finished later, and what is there can be judged later; what a limit cut off is final.
  const unjudged = report.stoppedBy === 'judge-limit' && open.ungraded > 0;
  const isRun = (arm.purpose ?? settings.purpose ?? 'run') === 'run';
  const stopped = report.stoppedBy === 'cancelled' || report.stoppedBy === 'fatal';
  const resumable = (stopped && (settings.purpose ?? 'run') === 'run') || (unjudged && isRun);
  return store.finish(arm.snapshotId, {
    finishedAt: work.clock.now().toISOString(),
    state: resumable ? 'interrupted' : 'finished',
    validity,
    validityReasons: reasons,
    findings: [
      ...found,
      ...(unjudged ? [unjudgedFinding(settings.judgeLimit?.reached ?? '', open, isRun)] : []),
      ...findingsOf(arm.assignment.release, open, counts?.droppedParams ?? report.droppedParams),
      ...(await judgingFindings(store, arm.snapshotId, withVotes(arm.assignment.judge, settings.judgeVotes))),
      ...(await embeddingFindings(
        work,
        arm.snapshotId,
        arm.assignment,
        open.answered,
        arm.purpose ?? settings.purpose,
      )),
      ...notes.map((message) => ({ code: 'SMALL_LOSS', message })),
    ],
  });
}

function unjudgedFinding(why: string, { id, ungraded }: SnapshotSummary, isRun: boolean): Finding {
  const later = isRun ? `; \`lastgood run --resume ${id}\` with a larger limit judges them` : '';
  return { code: 'JUDGE_LIMIT', message: `${ungraded} answers have no grade: ${why}${later}` };
}

function findingsOf(release: Release, summary: SnapshotSummary, droppedParams: readonly string[]): Finding[] {
  const findings: Finding[] = [];
  if (release.pin.state !== 'pinned') {
    findings.push({
      code: release.pin.state === 'floating' ? 'MODEL_FLOATING' : 'MODEL_PIN_UNKNOWN',
      message: release.pin.reason,
    });
  }
  const disclosed = summary.servedModels.filter((m) => m !== null);
  if (disclosed.length > 1) {
    findings.push({
      code: 'SERVED_MODEL_CHANGED',
      message: `more than one model was served within this run: ${disclosed.join(', ')}`,
    });
  }
  if (droppedParams.length > 0) {
    findings.push({
      code: 'PARAMS_REFUSED',
      message: `the API does not take these parameters, so they were not in force: ${droppedParams.join(', ')}`,
    });
  }
  return findings;
}
