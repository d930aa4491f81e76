// Several releases on one suite in one run: the same cases at the same time, each release with a snapshot of its own, one table of all.

import { LastgoodError, shortHash, throwAll } from '../../base/index.ts';
import { type Finding, type Grid, newSnapshotId, type Provider } from '../../core/index.ts';
import { type Assignment, loadAssignment } from '../../engine/arms/assignment.ts';
import { closeArm } from '../../engine/arms/close-arm.ts';
import {
  type Arm,
  openSnapshot,
  plannedAssignment,
  type RunSettings,
  readyToRun,
  runArms,
} from '../../engine/arms/run-suite.ts';
import { judgeRefused } from '../../engine/examiners/probe-judges.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/load-release.ts';
import { checkRequests, interleaveJobs, planJobs } from '../../run/index.ts';
import { gridOf } from './grid-table.ts';

export interface GridInput {
  readonly suite: string;
  /** At least two, as they were named. */
  readonly releases: readonly string[];
  readonly cwd: string;
  readonly filter?: string | undefined;
  readonly judge?: string | undefined;
  readonly settings: RunSettings;
}

/** Label under which every snapshot of a grid names the first one. */
const GRID = 'grid';

/** One assignment for each release. Everything that can be wrong in the files is an error here. */
export async function gridAssignments(input: GridInput): Promise<readonly Assignment[]> {
  const [first = '', ...others] = await Promise.all(
    input.releases.map((release) => findReleaseFile(release, input.cwd)),
  );
  const whole = await loadAssignment({
    suite: await findSuiteFile(input.suite, input.cwd),
    release: first,
    filter: input.filter,
    judge: input.judge === undefined ? undefined : await findReleaseFile(input.judge, input.cwd),
  });
  const assignments = [whole];
  for (const file of others) {
    const release = await loadRelease(file);
    const same = assignments.find((a) => a.release.fingerprint === release.fingerprint);
    if (same !== undefined)
      throw new LastgoodError({
        code: 'GRID_SAME_RELEASE',
        message: `two of the releases are one and the same, ${shortHash(release.fingerprint)}; the other is ${same.release.file ?? same.release.name}`,
        where: { file },
        hint: 'name each release once; for more trials of one use --trials N',
      });
    throwAll(checkRequests(whole.suite.cases, release));
    assignments.push({ ...whole, release });
  }
  return assignments.map((assignment) => plannedAssignment(assignment, input.settings));
}

/** Runs all releases interleaved under one budget and closes their snapshots. */
export async function runGrid(work: Workplace, input: GridInput): Promise<Grid> {
  const assignments = await gridAssignments(input);
  const { settings } = input;
  const opened: { readonly provider: Provider; readonly findings: readonly Finding[] }[] = [];
  try {
    for (const assignment of assignments) {
      const connected = await readyToRun(work, assignment, settings);
      opened.push(connected);
      if (connected.refused !== null) throw judgeRefused(connected.refused);
    }
    const ids = assignments.map(() => newSnapshotId(work.rng));
    const arms = assignments.map((assignment, i): Arm & { readonly findings: readonly Finding[] } => {
      const { provider, findings } = opened[i] as (typeof opened)[number];
      const snapshotId = ids[i] as string;
      return {
        name: `release ${i + 1}`,
        assignment,
        provider,
        findings,
        snapshotId,
        done: undefined,
        purpose: 'compare',
      };
    });
    for (const { assignment, snapshotId } of arms)
      await openSnapshot(work, assignment, snapshotId, {
        ...settings,
        purpose: 'compare',
        labels: { ...settings.labels, [GRID]: ids[0] as string },
      });
    const jobs = interleaveJobs(
      arms.map(({ name, assignment, provider }) =>
        planJobs({ cases: assignment.suite.cases, release: assignment.release, provider, arm: name }),
      ),
      work.rng,
    );
    // One broken release must not keep the others from being measured.
    const report = await runArms(work, arms, jobs, { ...settings, measuresAppErrors: true });
    const measured = [];
    for (const arm of arms) {
      await closeArm(work, arm, report, { ...settings, purpose: 'compare' }, arm.findings);
      measured.push({ release: arm.assignment.release, results: await work.store.results(arm.snapshotId) });
    }
    const { calls, stoppedBy } = report;
    return gridOf(assignments[0]?.suite.name ?? '', measured, { calls, stoppedBy });
  } finally {
    for (const { provider } of opened) await provider.close?.();
  }
}
