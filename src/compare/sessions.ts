// Runs made at different times differ by more than trial noise: how much, estimated from all runs of one release, for the suite and for each tag.

import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { CaseRates, caseRatePrior } from '../stats/mean-change.ts';
import {
  estimateRunVariance,
  type NoiseMixture,
  type RunMean,
  type RunVariance,
  runDifference,
} from '../stats/run-variance.ts';
import { rateOf, tallyOf } from './arm.ts';
import type { TagMembers } from './evidence.ts';
import type { PairedCase } from './pairing.ts';

const DAY_MS = 86_400_000;

/** The session noise of a comparison whose arms were run at different times. */
export interface Sessions {
  readonly suite: RunVariance;
  /** Of the tested tags. */
  readonly byTag: ReadonlyMap<string, RunVariance>;
  /** When the baseline's runs were made, in days. */
  readonly days: readonly number[];
}

/** Time of a snapshot in days. */
export function dayOf({ summary }: SnapshotResults): number {
  return Date.parse(summary.startedAt) / DAY_MS;
}

/** One run's rates by case id. */
type Rates = ReadonlyMap<string, { readonly rate: number; readonly trials: number }>;

function ratesOf(cases: readonly CaseResult[], appError: Policy['appError']): Rates {
  return new Map(
    cases.flatMap((c) => {
      const tally = tallyOf(c, appError);
      return tally.graded === 0 ? [] : [[c.id, { rate: rateOf(tally), trials: tally.graded }] as const];
    }),
  );
}

/** What is needed of each case: its pooled rate, and the variance of one trial. */
interface Centre {
  readonly id: string;
  readonly rate: number;
  readonly variance: number;
}

/** Each run's mean distance from the pooled rates over these cases, so that a case missing in one run does no harm. */
function runMeans(
  runs: readonly { readonly day: number; readonly rates: Rates }[],
  centres: readonly Centre[],
): RunMean[] {
  return runs.flatMap(({ day, rates }) => {
    let sum = 0;
    let noise = 0;
    let n = 0;
    for (const { id, rate, variance } of centres) {
      const own = rates.get(id);
      if (own === undefined) continue;
      n += 1;
      sum += own.rate - rate;
      noise += variance / own.trials;
    }
    return n === 0 ? [] : [{ at: day, mean: sum / n, variance: noise / (n * n) }];
  });
}

/**
 * Session noise from the baseline's runs, oldest or newest first. With one run it is the prior alone. `extra` are further runs of the
 * same release that say how much it varies without being part of the reference (clean nights since).
 */
export function sessionsOf(
  runs: readonly SnapshotResults[],
  pairs: readonly PairedCase[],
  tags: readonly TagMembers[],
  policy: Pick<Policy, 'appError' | 'sessionSd'>,
  extra: readonly SnapshotResults[] = [],
): Sessions {
  const cases = new CaseRates(
    caseRatePrior(pairs.map(({ baseline }) => ({ x: baseline.passed, k: baseline.graded }))),
  );
  const centres = pairs.map(({ id, baseline }): Centre => {
    const { variance } = cases.moments(baseline.passed, baseline.graded);
    return { id, rate: rateOf(baseline), variance };
  });
  const sensitivityOf = (of: readonly Centre[]): number =>
    of.length === 0 ? 0 : of.reduce((sum, c) => sum + c.variance, 0) / of.length;
  const prior = { sd: policy.sessionSd, weight: 4 };
  // One run says nothing of how runs differ, and a large suite's rates need not be read for that.
  const all = runs.length + extra.length < 2 ? [] : [...runs, ...extra];
  const read = all.map((run) => ({ day: dayOf(run), rates: ratesOf(run.cases, policy.appError) }));
  const estimate = (of: readonly Centre[]): RunVariance =>
    estimateRunVariance(runMeans(read, of), sensitivityOf(of), prior);
  return {
    suite: estimate(centres),
    byTag: new Map(
      tags
        .filter((t) => t.tested)
        .map((t) => [t.tag, estimate(Array.from(t.members, (i) => centres[i] as Centre))]),
    ),
    days: runs.map(dayOf),
  };
}

/** The part of the noise that the sessions add to (one new run - the baseline's runs). */
export function sessionNoise(variance: RunVariance, { days }: Sessions): NoiseMixture {
  return runDifference(variance, 0, days.length === 0 ? [0] : days);
}
