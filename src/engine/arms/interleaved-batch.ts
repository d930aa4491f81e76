// One batch of trials of two releases, interleaved in one session and kept as two snapshots: a control, or fresh trials of some cases.

import { type CaseResult, newSnapshotId, type SnapshotSummary, type Suite } from '../../core/index.ts';
import { interleaveJobs, planJobs, type RunReport } from '../../run/index.ts';
import { withCases } from '../../suite/with-cases.ts';
import { withTrials } from '../../suite/with-trials.ts';
import { providerOf, type Workplace } from '../workplace/workplace.ts';
import type { Assignment } from './assignment.ts';
import { ARMS, type ArmName, type Both, both } from './both.ts';
import { closeArm } from './close-arm.ts';
import { type Arm, openSnapshot, type RunSettings, runArms } from './run-suite.ts';

export interface Batch {
  readonly cases: Both<readonly CaseResult[]>;
  readonly summaries: Both<SnapshotSummary>;
  readonly report: RunReport;
}

/** What is to be run: the same cases and trials of each in both arms. */
export interface BatchPlan {
  readonly assignments: Both<Assignment>;
  readonly ids: ReadonlySet<string>;
  readonly trials: number;
  /** Trials are numbered from here: a recording, or an application that looks at the number, must not repeat itself. */
  readonly from: number;
  readonly settings: RunSettings;
  readonly labels: (arm: ArmName, ids: Both<string>) => Readonly<Record<string, string>>;
}

/** Runs the batch within the limits of its settings. The snapshots are closed, however it ended. */
export async function runInterleaved(work: Workplace, plan: BatchPlan): Promise<Batch> {
  const { settings } = plan;
  const assignments = both((arm): Assignment => {
    const { suite } = plan.assignments[arm];
    return { ...plan.assignments[arm], suite: chosen(suite, plan.ids, plan.trials) };
  });
  const baseline = await providerOf(work, assignments.baseline.release);
  const candidate = await providerOf(work, assignments.candidate.release);
  const providers = { baseline, candidate };
  try {
    const ids = both(() => newSnapshotId(work.rng));
    for (const arm of ARMS) {
      await providers[arm].ready?.();
      await openSnapshot(work, assignments[arm], ids[arm], {
        ...settings,
        purpose: 'confirmation',
        labels: { ...settings.labels, arm, ...plan.labels(arm, ids) },
      });
    }
    const arms = both(
      (arm): Arm => ({
        name: arm,
        assignment: assignments[arm],
        provider: providers[arm],
        snapshotId: ids[arm],
        done: undefined,
        purpose: 'confirmation',
      }),
    );
    const jobs = interleaveJobs(
      ARMS.map((arm) =>
        planJobs({
          cases: assignments[arm].suite.cases,
          release: assignments[arm].release,
          provider: providers[arm],
          arm,
        }).map((job) => ({ ...job, trial: job.trial + plan.from })),
      ),
      work.rng,
    );
    const report = await runArms(work, [arms.baseline, arms.candidate], jobs, settings);
    const summaries = {
      baseline: await closeArm(work, arms.baseline, report, { ...settings, purpose: 'confirmation' }),
      candidate: await closeArm(work, arms.candidate, report, { ...settings, purpose: 'confirmation' }),
    };
    const cases = {
      baseline: (await work.store.results(ids.baseline)).cases,
      candidate: (await work.store.results(ids.candidate)).cases,
    };
    return { cases, summaries, report };
  } finally {
    await Promise.all(ARMS.map((arm) => providers[arm].close?.()));
  }
}

function chosen(suite: Suite, ids: ReadonlySet<string>, trials: number): Suite {
  return withTrials(
    withCases(
      suite,
      suite.cases.filter((c) => ids.has(c.id)),
    ),
    trials,
  );
}
