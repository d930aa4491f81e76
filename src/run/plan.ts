// Which trials there are to run, and in which order.

import type { Rng } from '../base/index.ts';
import type { Case, CaseList, Provider, Release } from '../core/index.ts';

/** One trial to be run: which case, for which time, against which release. */
export interface Job {
  /** Names the side of a comparison the trial belongs to; the run itself only passes it on. */
  readonly arm: string;
  readonly case: Case;
  /** From 0. */
  readonly trial: number;
  readonly release: Release;
  readonly provider: Provider;
}

/** What there is to run. */
export interface JobPlan {
  readonly cases: CaseList;
  readonly release: Release;
  readonly provider: Provider;
  /** Default `candidate`. */
  readonly arm?: string | undefined;
  /** Trials per case instead of each case's own number. */
  readonly trials?: number | undefined;
  /** Trials that a resumed run has already. */
  readonly done?: ReadonlyMap<string, ReadonlySet<number>> | undefined;
}

/**
 * Every trial that is not done yet, trial by trial over all cases, so that a run cut short has still seen every case. One at a time: the
 * cases of a large suite come and go with their jobs.
 */
export function* streamJobs(plan: JobPlan): Generator<Job, void, undefined> {
  const { cases, release, provider, arm = 'candidate', done } = plan;
  const trialsOf = (c: Case): number => plan.trials ?? c.trials;
  const most = plan.trials ?? cases.reduce((n, c) => Math.max(n, c.trials), 0);
  for (let trial = 0; trial < most; trial++) {
    for (const c of cases) {
      if (trial < trialsOf(c) && done?.get(c.id)?.has(trial) !== true)
        yield { arm, case: c, trial, release, provider };
    }
  }
}

/** All of `streamJobs` at once. */
export function planJobs(plan: JobPlan): Job[] {
  return [...streamJobs(plan)];
}

/**
 * Puts the arms' jobs for the same case and trial next to each other, in an order drawn for each pair: what drifts
 * while they run then hits all arms alike. Jobs that only one arm has (a resumed run) stay in. Still trial by trial.
 */
export function interleaveJobs(arms: readonly (readonly Job[])[], rng: Rng): Job[] {
  const byTrial = new Map<number, Map<string, Job[]>>();
  for (const jobs of arms) {
    for (const job of jobs) {
      let cases = byTrial.get(job.trial);
      if (cases === undefined) {
        cases = new Map();
        byTrial.set(job.trial, cases);
      }
      const together = cases.get(job.case.id);
      if (together === undefined) cases.set(job.case.id, [job]);
      else together.push(job);
    }
  }
  const order: Job[] = [];
  for (const trial of [...byTrial.keys()].sort((a, b) => a - b)) {
    for (const together of byTrial.get(trial)?.values() ?? []) {
      shuffle(together, rng);
      order.push(...together);
    }
  }
  return order;
}

/** Fisher–Yates, in place. */
function shuffle<T>(items: T[], rng: Rng): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    const held = items[i] as T;
    items[i] = items[j] as T;
    items[j] = held;
  }
}
