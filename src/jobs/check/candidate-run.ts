// The candidate's arm of a check: one snapshot, run round after round, closed where it is decided.

import type { Finding, Policy, SnapshotResults, SnapshotSummary } from '../../core/index.ts';
import { newSnapshotId } from '../../core/index.ts';
import { wrongModel } from '../../engine/arms/arm-findings.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { closeArm } from '../../engine/arms/close-arm.ts';
import { closeEarly, soFar } from '../../engine/arms/close-early.ts';
import { examinerLost } from '../../engine/arms/grade-pending.ts';
import {
  type Arm,
  openSnapshot,
  type RunSettings,
  readyToRun,
  runArms,
} from '../../engine/arms/run-suite.ts';
import { NOTHING_RUN } from '../../engine/arms/spending.ts';
import { copyTrials, type TakenOver } from '../../engine/comparison/reused-trials.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { planJobs, type RunReport } from '../../run/index.ts';

export class CandidateRun {
  private readonly work: Workplace;
  private readonly arm: Arm;
  private readonly settings: RunSettings;
  private readonly found: readonly Finding[];
  private reports: RunReport | null = null;
  /** Trials that each case was given. */
  private given: ReadonlyMap<string, number> = new Map();
  /** Trials that every case has at the least. */
  private rounds = 0;

  private constructor(work: Workplace, arm: Arm, settings: RunSettings, found: readonly Finding[]) {
    this.work = work;
    this.arm = arm;
    this.settings = settings;
    this.found = found;
  }

  /** Opens the snapshot, with the trials of an earlier comparison where this one goes on with it. No call is made. */
  static async open(
    work: Workplace,
    assignment: Assignment,
    settings: RunSettings,
    reuse: TakenOver | null,
  ): Promise<CandidateRun> {
    const { provider, findings, refused } = await readyToRun(work, assignment, settings);
    try {
      const snapshotId = newSnapshotId(work.rng);
      await openSnapshot(work, assignment, snapshotId, settings);
      const most = Math.max(0, ...assignment.suite.cases.map((c) => c.trials));
      const done =
        reuse === null ? undefined : await copyTrials(work.store, reuse.candidate, snapshotId, most);
      return new CandidateRun(
        work,
        { name: 'candidate', assignment, provider, snapshotId, done },
        refused === null
          ? settings
          : { ...settings, refused: examinerLost(refused.failure, refused.release) },
        findings,
      );
    } catch (error) {
      await provider.close?.();
      throw error;
    }
  }

  /** Calls that are still needed to give every case its trials. */
  needed(trials: ReadonlyMap<string, number>): number {
    return this.jobs(trials).length;
  }

  private jobs(trials: ReadonlyMap<string, number>): ReturnType<typeof planJobs> {
    const { assignment, provider, name, done } = this.arm;
    return planJobs({
      cases: assignment.suite.cases,
      release: assignment.release,
      provider,
      arm: name,
      ...(done === undefined ? {} : { done }),
    }).filter(
      (job) => job.trial >= (this.given.get(job.case.id) ?? 0) && job.trial < (trials.get(job.case.id) ?? 0),
    );
  }

  /** Runs what every case lacks of its trials, within the limits that are left. */
  async runTo(trials: ReadonlyMap<string, number>, limits: RunSettings): Promise<RunReport> {
    const report = await runArms(this.work, [this.arm], this.jobs(trials), { ...this.settings, ...limits });
    this.given = trials;
    this.rounds = Math.min(...trials.values());
    const before = this.reports?.byArm['candidate'];
    const now = report.byArm['candidate'];
    // Losses are counted over all rounds; what ended it is what ended the last.
    this.reports =
      before === undefined || now === undefined
        ? report
        : {
            ...report,
            byArm: {
              candidate: {
                ...now,
                appErrors: before.appErrors + now.appErrors,
                droppedParams: [...new Set([...before.droppedParams, ...now.droppedParams])],
              },
            },
          };
    return report;
  }

  /** Trials of all cases together. */
  private get trials(): number {
    let sum = 0;
    for (const n of this.given.values()) sum += n;
    return sum;
  }

  /** What it holds, as if no more had been planned than was run; as far to be trusted as that is. */
  async results(policy: Policy): Promise<SnapshotResults> {
    const { summary, cases } = await this.work.store.results(this.arm.snapshotId);
    const held = cases.map((c) => ({ ...c, plannedTrials: this.given.get(c.id) ?? 0 }));
    const { validity, reasons } = soFar(
      policy,
      summary,
      this.trials,
      wrongModel(this.arm.assignment.release, summary, this.settings),
    );
    return { summary: { ...summary, validity, validityReasons: reasons }, cases: held };
  }

  /** Closes it; `why` when the rounds above were left out by design. */
  async close(policy: Policy, why: string | null): Promise<SnapshotSummary> {
    if (why === null) {
      if (this.reports === null) throw new Error('nothing was run');
      return closeArm(this.work, this.arm, this.reports, this.settings, this.found);
    }
    const planned = Math.max(0, ...this.arm.assignment.suite.cases.map((c) => c.trials));
    return closeEarly(
      this.work,
      this.arm,
      this.reports ?? NOTHING_RUN,
      { policy, rounds: this.rounds, planned, trials: this.trials, why, settings: this.settings },
      this.found,
    );
  }

  async dispose(): Promise<void> {
    await this.arm.provider.close?.();
  }
}
