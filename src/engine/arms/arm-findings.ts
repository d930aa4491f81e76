// Findings that belong to the snapshot of an arm, however it ended.

import type { Finding, Release, SnapshotPurpose, SnapshotSummary } from '../../core/index.ts';
import { otherModelServed } from '../../core/served-model.ts';
import type { FirstTokenTimes, RunReport } from '../../run/index.ts';
import { withVotes } from '../examiners/judge-examiners.ts';
import { judgingFindings } from '../examiners/judge-outputs.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { embeddingFindings } from './embed-outputs.ts';
import type { Arm, RunSettings } from './run-suite.ts';

/** An arm whose snapshot is to be closed. */
export type EndedArm = Pick<Arm, 'name' | 'assignment' | 'snapshotId' | 'purpose'>;

/** Why it was made: the arm says it, or else the whole run. */
export function purposeOf(arm: EndedArm, settings: RunSettings): SnapshotPurpose {
  return arm.purpose ?? settings.purpose ?? 'run';
}

/** Answers that the judge's own limit left without a grade. */
export function leftUnjudged(report: RunReport, open: SnapshotSummary): boolean {
  return report.stoppedBy === 'judge-limit' && open.ungraded > 0;
}

/** `open` is the snapshot as it is about to be closed, `notes` what its validity says of small losses. */
export async function armFindings(
  work: Workplace,
  arm: EndedArm,
  report: RunReport,
  settings: RunSettings,
  { open, notes }: { readonly open: SnapshotSummary; readonly notes: readonly string[] },
): Promise<Finding[]> {
  const { release, judge, suite } = arm.assignment;
  const purpose = purposeOf(arm, settings);
  const droppedParams = report.byArm[arm.name]?.droppedParams ?? report.droppedParams;
  return [
    ...(leftUnjudged(report, open)
      ? [unjudgedFinding(settings.judgeLimit?.reached ?? '', open, purpose === 'run')]
      : []),
    ...servingFindings(release, open, droppedParams),
    ...firstTokenFinding(report.byArm[arm.name]?.firstToken),
    ...(await judgingFindings(work.store, arm.snapshotId, withVotes(judge, settings.judgeVotes), suite)),
    ...(await embeddingFindings(work, arm.snapshotId, arm.assignment, open.answered, purpose)),
    ...notes.map((message) => ({ code: 'SMALL_LOSS', message })),
  ];
}

function unjudgedFinding(why: string, { id, ungraded }: SnapshotSummary, isRun: boolean): Finding {
  const later = isRun ? `; \`lastgood run --resume ${id}\` with a larger limit judges them` : '';
  return { code: 'JUDGE_LIMIT', message: `${ungraded} answers have no grade: ${why}${later}` };
}

/** How soon streamed answers began. */
function firstTokenFinding(times: FirstTokenTimes | undefined): Finding[] {
  if (times === undefined) return [];
  const ms = (value: number): string => `${Math.round(value)} ms`;
  const of = times.answers === 1 ? '1 streamed answer' : `${times.answers} streamed answers`;
  const message = `time to the first token: median ${ms(times.p50Ms)}, 95th percentile ${ms(times.p95Ms)} (${of})`;
  return [{ code: 'FIRST_TOKEN', message }];
}

/** Why `--require-pinned` does not let a snapshot count; null when it does, or was not asked for. */
export function wrongModel(
  release: Release,
  { servedModels }: Pick<SnapshotSummary, 'servedModels'>,
  { requirePinned }: RunSettings,
): string | null {
  return requirePinned === true ? otherModelServed(release, servedModels) : null;
}

/** Was what answered what the release says, and will it be tomorrow? */
function servingFindings(
  release: Release,
  summary: SnapshotSummary,
  droppedParams: readonly string[],
): Finding[] {
  const findings: Finding[] = [];
  if (release.pin.state !== 'pinned') {
    findings.push({
      code: release.pin.state === 'floating' ? 'MODEL_FLOATING' : 'MODEL_PIN_UNKNOWN',
      message: release.pin.reason,
    });
  }
  const other = otherModelServed(release, summary.servedModels);
  if (other !== null) findings.push({ code: 'SERVED_OTHER_MODEL', message: other });
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
