// What the runs of one job have spent, and what its limits leave for the next run.

import type { Clock } from '../../base/index.ts';
import type { Failure } from '../../core/index.ts';
import { costUnknown, type RunReport } from '../../run/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import type { ArmsReport, RunSettings } from './run-suite.ts';

/** The part of a report that is kept per arm over several runs. */
type Kept = Pick<RunReport, 'appErrors' | 'droppedParams'>;

/** What the calls came to, whatever they showed. */
export interface Spent {
  readonly calls: number;
  /** The part of the cost that is known. */
  readonly knownCostUsd: number;
  /** Why a run ended early; null = none did. */
  readonly stoppedBy: RunReport['stoppedBy'];
  readonly fatal: Failure | null;
}

/** Before the first call. */
export const NOTHING_SPENT: Spent = { calls: 0, knownCostUsd: 0, stoppedBy: null, fatal: null };

/** What was spent before and by this run; the reason why a run ended stays once there is one. */
export function addSpent(a: Spent, report: Spent): Spent {
  return {
    calls: a.calls + report.calls,
    knownCostUsd: a.knownCostUsd + report.knownCostUsd,
    stoppedBy: report.stoppedBy ?? a.stoppedBy,
    fatal: report.fatal ?? a.fatal,
  };
}

/** The settings with what has been spent taken off the limits of calls and cost; null when one of them leaves nothing. */
export function remaining(settings: RunSettings, spent: Spent): RunSettings | null {
  const maxCalls = settings.maxCalls === undefined ? undefined : settings.maxCalls - spent.calls;
  const maxCostUsd = settings.maxCostUsd === undefined ? undefined : settings.maxCostUsd - spent.knownCostUsd;
  if ((maxCalls !== undefined && maxCalls < 1) || (maxCostUsd !== undefined && maxCostUsd <= 0)) return null;
  return { ...settings, maxCalls, maxCostUsd };
}

/** The account of a job that runs several times: what its runs have spent, and what its limits leave for the next one. */
export class Spending {
  private readonly settings: RunSettings;
  private readonly clock: Clock | null;
  private readonly startedMs: number;
  private readonly arms = new Map<string, Kept>();
  private last: ArmsReport | null = null;
  private spent: Spent = NOTHING_SPENT;
  /** Why nothing more may be started; null = nothing is in the way. */
  stoppedBy: RunReport['stoppedBy'] = null;

  /** With a clock the deadline holds for all runs together, without one for each of them. */
  constructor(settings: RunSettings, clock: Clock | null = null) {
    this.settings = settings;
    this.clock = clock;
    this.startedMs = clock?.now().getTime() ?? 0;
  }

  /** Attempts made. */
  get calls(): number {
    return this.spent.calls;
  }

  /** Calls that may still be made, at least 0; undefined = no limit. */
  get callsLeft(): number | undefined {
    const { maxCalls } = this.settings;
    return maxCalls === undefined ? undefined : Math.max(0, maxCalls - this.spent.calls);
  }

  /** US dollars that may still be spent, at least 0; undefined = no limit. What has no known price is not taken off. */
  get costLeftUsd(): number | undefined {
    const { maxCostUsd } = this.settings;
    return maxCostUsd === undefined ? undefined : Math.max(0, maxCostUsd - this.spent.knownCostUsd);
  }

  /** The limits of one run of the job: what is left, or the run's own limit where the job has none. */
  limitsOf(run: RunSettings): Pick<RunSettings, 'maxCalls' | 'maxCostUsd'> {
    return {
      maxCalls: this.callsLeft ?? run.maxCalls,
      maxCostUsd: this.costLeftUsd ?? run.maxCostUsd,
    };
  }

  /** The settings of the next run; null when none may be started, and then `stoppedBy` says why. */
  left(): RunSettings | null {
    if (this.stoppedBy !== null) return null;
    const { callsLeft, costLeftUsd } = this;
    const { deadlineMs } = this.settings;
    const time =
      deadlineMs === undefined || this.clock === null
        ? deadlineMs
        : deadlineMs - (this.clock.now().getTime() - this.startedMs);
    if (callsLeft === 0) this.stoppedBy = 'max-calls';
    else if (costLeftUsd === 0) this.stoppedBy = 'max-cost';
    else if (time !== undefined && time <= 0) this.stoppedBy = 'deadline';
    else return { ...this.settings, maxCalls: callsLeft, maxCostUsd: costLeftUsd, deadlineMs: time };
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
    this.spent = addSpent(this.spent, report);
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
