// The candidate's arm of a check: one snapshot, run round after round, closed where it is decided.

import type { Finding, Policy, SnapshotResults, SnapshotSummary } from '../../core/index.ts';
import { newSnapshotId } from '../../core/index.ts';
import { planJobs, type RunReport } from '../../run/index.ts';
import { closeEarly, soFar } from '../compare/close-early.ts';
import { copyTrials, type TakenOver } from '../compare/taken-over.ts';
import type { Assignment } from '../run/assignment.ts';
import { closeArm } from '../run/close-arm.ts';
import { type Arm, openSnapshot, type RunSettings, readyToRun, runArms } from '../run/run-suite.ts';
import { NOTHING_RUN } from '../run/spending.ts';
import type { Workplace } from '../workplace.ts';

export class CandidateRun {
  private readonly work: Workplace;
  private readonly arm: Arm;
  private readonly settings: RunSettings;
  private readonly found: readonly Finding[];
  private reports: RunReport | null = null;
  /** Rounds that are run. */
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
    const { provider, findings } = await readyToRun(work, assignment, settings);
    try {
      const snapshotId = newSnapshotId(work.rng);
      await openSnapshot(work, assignment, snapshotId, settings);
      const most = Math.max(0, ...assignment.suite.cases.map((c) => c.trials));
      const done =
        reuse === null ? undefined : await copyTrials(work.store, reuse.candidate, snapshotId, most);
      return new CandidateRun(
        work,
        { name: 'candidate', assignment, provider, snapshotId, done },
        settings,
        findings,
      );
    } catch (error) {
      await provider.close?.();
      throw error;
    }
  }

  /** Calls that the rounds up to `rounds` still need. */
  needed(rounds: number): number {
    return this.jobs(rounds).length;
  }

  private jobs(rounds: number): ReturnType<typeof planJobs> {
    const { assignment, provider, name, done } = this.arm;
    return planJobs({
      cases: assignment.suite.cases,
      release: assignment.release,
      provider,
      arm: name,
      ...(done === undefined ? {} : { done }),
    }).filter((job) => job.trial >= this.rounds && job.trial < rounds);
  }

  /** Runs the rounds up to `rounds`, within the limits that are left. */
  async runTo(rounds: number, limits: RunSettings): Promise<RunReport> {
    const report = await runArms(this.work, [this.arm], this.jobs(rounds), { ...this.settings, ...limits });
    this.rounds = rounds;
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

  /** What it holds, as if no more had been planned than was run; as far to be trusted as that is. */
  async results(policy: Policy): Promise<SnapshotResults> {
    const { summary, cases } = await this.work.store.results(this.arm.snapshotId);
    const held = cases.map((c) => ({ ...c, plannedTrials: Math.min(c.plannedTrials, this.rounds) }));
    const { validity, reasons } = soFar(policy, summary, this.rounds);
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
      { policy, rounds: this.rounds, planned, why, settings: this.settings },
      this.found,
    );
  }

  async dispose(): Promise<void> {
    await this.arm.provider.close?.();
  }
}
