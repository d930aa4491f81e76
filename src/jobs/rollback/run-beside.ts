// Fresh trials of a candidate, with the last good release run beside it, interleaved in one session, where that can be called.

import { newSnapshotId, type Release, type SnapshotResults, type Suite } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { closeArm } from '../../engine/arms/close-arm.ts';
import { type Arm, openSnapshot, type RunSettings, runArms, runSuite } from '../../engine/arms/run-suite.ts';
import { refuseSecrets } from '../../engine/workplace/refuse-secrets.ts';
import { providerOf, type Workplace } from '../../engine/workplace/workplace.ts';
import { interleaveJobs, planJobs, type RunReport } from '../../run/index.ts';

export interface Beside {
  readonly candidate: SnapshotResults;
  readonly control: SnapshotResults | null;
  readonly report: RunReport;
}

interface BesidePlan {
  /** With the trials of each case. */
  readonly suite: Suite;
  readonly candidate: Release;
  /** null = the candidate alone. */
  readonly control: Release | null;
  readonly examiners: Omit<Assignment, 'suite' | 'release'>;
  readonly settings: RunSettings;
  /** Trials are numbered from here: a recording, or an application that looks at the number, must not repeat itself. */
  readonly from: number;
}

/** Every arm gets a snapshot; the control's is kept as a confirmation, because it is no evidence for a candidate. */
export async function runBeside(work: Workplace, plan: BesidePlan): Promise<Beside> {
  const { suite, examiners, settings, control } = plan;
  const assignment = { suite, release: plan.candidate, ...examiners };
  if (control === null) {
    const { summary, report } = await runSuite(work, assignment, settings);
    return { candidate: await work.store.results(summary.id), control: null, report };
  }
  const other = { suite, release: control, ...examiners };
  for (const { release, judge, embedder } of [assignment, other])
    refuseSecrets(work, release, judge, embedder);
  const arms: Arm[] = [];
  try {
    const candidateArm = await openArm(work, 'candidate', assignment, settings, arms);
    const controlArm = await openArm(
      work,
      'control',
      other,
      {
        ...settings,
        purpose: 'confirmation',
        labels: { ...settings.labels, 'control-of': candidateArm.snapshotId },
      },
      arms,
    );
    const jobs = interleaveJobs(
      arms.map(({ name, provider, assignment: { release } }) =>
        planJobs({ cases: suite.cases, release, provider, arm: name }).map((job) => ({
          ...job,
          trial: job.trial + plan.from,
        })),
      ),
      work.rng,
    );
    const report = await runArms(work, arms, jobs, settings);
    await closeArm(work, candidateArm, report, settings);
    await closeArm(work, controlArm, report, { ...settings, purpose: 'confirmation' });
    return {
      candidate: await work.store.results(candidateArm.snapshotId),
      control: await work.store.results(controlArm.snapshotId),
      report,
    };
  } finally {
    await Promise.all(arms.map((arm) => arm.provider.close?.()));
  }
}

async function openArm(
  work: Workplace,
  name: string,
  assignment: Assignment,
  settings: RunSettings,
  arms: Arm[],
): Promise<Arm> {
  const provider = await providerOf(work, assignment.release);
  const arm: Arm = {
    name,
    assignment,
    provider,
    snapshotId: newSnapshotId(work.rng),
    done: undefined,
    purpose: settings.purpose ?? 'verification',
  };
  arms.push(arm);
  await provider.ready?.();
  await openSnapshot(work, assignment, arm.snapshotId, settings);
  return arm;
}
