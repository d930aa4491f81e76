// Limits that hold over several runs of one job: what is spent so far, and what is left for the next run.

import type { Clock } from '../../core/index.ts';
import { costUnknown, type RunReport } from '../../run/index.ts';
import type { Workplace } from '../workplace.ts';
import type { ArmsReport, RunSettings } from './run-suite.ts';

/** The part of a report that is kept per arm over several runs. */
type Kept = Pick<RunReport, 'appErrors' | 'droppedParams'>;

export class Spending {
  private readonly clock: Clock;
  private readonly settings: RunSettings;
  private readonly startedMs: number;
  private readonly arms = new Map<string, Kept>();
  private last: ArmsReport | null = null;
  private knownCostUsd = 0;
  /** Attempts made. */
  calls = 0;
  /** Why nothing more may be started; null = nothing is in the way. */
  stoppedBy: RunReport['stoppedBy'] = null;

  constructor(clock: Clock, settings: RunSettings) {
    this.clock = clock;
    this.settings = settings;
    this.startedMs = clock.now().getTime();
  }

  /** The limits of the next run; null when none may be started, and then `stoppedBy` says why. */
  left(): RunSettings | null {
    if (this.stoppedBy !== null) return null;
    const { maxCalls, maxCostUsd, deadlineMs } = this.settings;
    const calls = maxCalls === undefined ? undefined : maxCalls - this.calls;
    const cost = maxCostUsd === undefined ? undefined : maxCostUsd - this.knownCostUsd;
    const time =
      deadlineMs === undefined ? undefined : deadlineMs - (this.clock.now().getTime() - this.startedMs);
    if (calls !== undefined && calls <= 0) this.stoppedBy = 'max-calls';
    else if (cost !== undefined && cost <= 0) this.stoppedBy = 'max-cost';
    else if (time !== undefined && time <= 0) this.stoppedBy = 'deadline';
    else return { ...this.settings, maxCalls: calls, maxCostUsd: cost, deadlineMs: time };
    return null;
  }

  /** May this many further calls be made? If not, `stoppedBy` says so from now on. */
  affords(calls: number): boolean {
    const left = this.left();
    if (left === null) return false;
    if (left.maxCalls === undefined || calls <= left.maxCalls) return true;
    this.stoppedBy = 'max-calls';
    return false;
  }

  /** Counts a run that has ended. */
  add(report: ArmsReport): void {
    this.calls += report.calls;
    this.knownCostUsd += report.knownCostUsd;
    this.stoppedBy = report.stoppedBy;
    this.last = report;
    for (const [arm, counts] of Object.entries(report.byArm)) {
      const before = this.arms.get(arm);
      this.arms.set(arm, {
        appErrors: (before?.appErrors ?? 0) + counts.appErrors,
        droppedParams: [...new Set([...(before?.droppedParams ?? []), ...counts.droppedParams])],
      });
    }
  }

  /** How one arm's snapshot is to be closed: its own losses, and the reason why everything ended. */
  report(arm: string): ArmsReport {
    const kept = this.arms.get(arm) ?? { appErrors: 0, droppedParams: [] };
    const last: ArmsReport = this.last ?? NOTHING_RUN;
    return {
      ...last,
      stoppedBy: this.stoppedBy,
      byArm: { [arm]: { ...(last.byArm[arm] ?? NOTHING_RUN), ...kept } },
    };
  }
}

/** The report of a run that never began. */
export const NOTHING_RUN: RunReport = {
  trials: 0,
  answered: 0,
  failed: 0,
  skipped: 0,
  appErrors: 0,
  infraErrors: 0,
  timeouts: 0,
  calls: 0,
  costUsd: 0,
  knownCostUsd: 0,
  droppedParams: [],
  servedModels: [],
  systemFingerprints: [],
  stoppedBy: null,
  fatal: null,
  byArm: {},
};

/** Throws `COST_UNKNOWN` for a cost limit that could not be kept: before a snapshot is opened that nothing would fill. */
export function refuseUnpriced(work: Pick<Workplace, 'prices'>, { maxCostUsd }: RunSettings): void {
  if (maxCostUsd !== undefined && work.prices === null) throw costUnknown();
}
