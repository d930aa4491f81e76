// Which trials there are to run, and in which order.

import type { Case, Provider, Release, Rng } from '../core/index.ts';

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

/** Every trial that is not done yet, trial by trial over all cases, so that a run cut short has still seen every case. */
export function planJobs(plan: {
  readonly cases: readonly Case[];
  readonly release: Release;
  readonly provider: Provider;
  /** Default `candidate`. */
  readonly arm?: string | undefined;
  /** Trials per case instead of each case's own number. */
  readonly trials?: number | undefined;
  /** Trials that a resumed run has already. */
  readonly done?: ReadonlyMap<string, ReadonlySet<number>> | undefined;
}): Job[] {
  const { cases, release, provider, arm = 'candidate', done } = plan;
  const trialsOf = (c: Case): number => plan.trials ?? c.trials;
  const most = cases.reduce((n, c) => Math.max(n, trialsOf(c)), 0);
  const jobs: Job[] = [];
  for (let trial = 0; trial < most; trial++) {
    for (const c of cases) {
      if (trial < trialsOf(c) && done?.get(c.id)?.has(trial) !== true)
        jobs.push({ arm, case: c, trial, release, provider });
    }
  }
  return jobs;
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
