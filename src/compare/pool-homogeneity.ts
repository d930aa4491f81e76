// Which runs of one release fit the blessed run, so that all of them together may serve as the baseline? Pure.

import { percent, probability } from '../base/numbers.ts';
import type { LeftOutRun } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { SnapshotResults } from '../core/snapshot.ts';
import { CaseRates, caseRatePrior, MeanChange } from '../stats/mean-change.ts';
import { estimateRunVariance, type NoiseMixture, runDifference } from '../stats/run-variance.ts';
import { rateOf } from './arm.ts';
import { tagMembers } from './evidence.ts';
import { groupNoise } from './groups.ts';
import { type PairedCase, pairCases, storedTallies } from './pairing.ts';
import { dayOf } from './sessions.ts';

/**
 * Two-sided level of the suite, and of all its tags together (Bonferroni), at which a run is too different to be pooled. Few ordinary
 * runs are lost to it; a run that a comparison would call regressed rarely stays.
 */
const HOMOGENEITY_ALPHA = 0.02;
/** Level at which the runs since the blessing, taken together, are called another level than the runs until then. */
const DRIFT_ALPHA = 0.05;

export interface HomogeneousPool {
  /** The blessed run first, the others in the order given. */
  readonly runs: readonly SnapshotResults[];
  readonly leftOut: readonly LeftOutRun[];
}

type PoolPolicy = Pick<Policy, 'appError' | 'sessionSd'>;

/**
 * Leaves out runs whose suite or tags differ from the blessed run by more than trials and ordinary sessions explain, and all runs
 * since the blessing when together they have drifted. Session noise is the policy's prior alone: an estimate from the runs themselves
 * would let bad runs excuse each other.
 */
export function homogeneousPool(
  blessed: SnapshotResults,
  others: readonly SnapshotResults[],
  policy: PoolPolicy,
): HomogeneousPool {
  const leftOut: LeftOutRun[] = [];
  const fitting: SnapshotResults[] = [];
  const noise = new PriorNoise(blessed, others, policy);
  for (const run of others) {
    const misfit = noise.misfit([blessed], [run], HOMOGENEITY_ALPHA);
    if (misfit === null) fitting.push(run);
    else
      leftOut.push({
        snapshot: run.summary.id,
        reason: `differs from the blessed run by more than ordinary runs do (${misfit})`,
      });
  }
  const since = fitting.filter((run) => run.summary.startedAt > blessed.summary.startedAt);
  const until = fitting.filter((run) => run.summary.startedAt <= blessed.summary.startedAt);
  const drift = since.length < 2 ? null : noise.misfit([blessed, ...until], since, DRIFT_ALPHA);
  if (drift === null) return { runs: [blessed, ...fitting], leftOut };
  return {
    runs: [blessed, ...until],
    leftOut: [
      ...leftOut,
      ...since.map((run) => ({
        snapshot: run.summary.id,
        reason: `the ${since.length} runs since the blessing differ from those until then (${drift})`,
      })),
    ],
  };
}

/** Tests of two sets of runs under the prior of session noise; the spread of the cases is read once. */
class PriorNoise {
  readonly #rates: CaseRates;
  readonly #policy: PoolPolicy;

  constructor(blessed: SnapshotResults, others: readonly SnapshotResults[], policy: PoolPolicy) {
    this.#policy = policy;
    const tallies = [...storedTallies(blessed, others, policy).values()].filter((t) => t.graded > 0);
    this.#rates = new CaseRates(caseRatePrior(tallies.map((t) => ({ x: t.passed, k: t.graded }))));
  }

  /** `refund: 100.0 % → 61.1 %, p = 0.00002`, or null when nothing differs at this level. */
  misfit(
    before: readonly SnapshotResults[],
    after: readonly SnapshotResults[],
    alpha: number,
  ): string | null {
    const pairs = this.#pairs(before, after);
    if (pairs.length === 0) return 'no case was graded in both';
    const tags = tagMembers(pairs).filter((t) => t.tested);
    const looks = [
      { name: 'suite', of: pairs, level: alpha },
      ...tags.map(({ tag, members }) => ({
        name: tag,
        of: Array.from(members, (i) => pairs[i] as PairedCase),
        level: alpha / tags.length,
      })),
    ];
    for (const { name, of, level } of looks) {
      const p = this.#p(of, before.map(dayOf), after.map(dayOf));
      if (p > level) continue;
      const mean = (arm: 'baseline' | 'candidate'): string =>
        percent(of.reduce((sum, pair) => sum + rateOf(pair[arm]), 0) / of.length);
      return `${name} ${mean('baseline')} → ${mean('candidate')}, p = ${probability(p)}`;
    }
    return null;
  }

  /** Cases graded in both sets, with all trials of each set. */
  #pairs(before: readonly SnapshotResults[], after: readonly SnapshotResults[]): PairedCase[] {
    const [first, ...more] = before as readonly [SnapshotResults, ...SnapshotResults[]];
    const [one, ...rest] = after as readonly [SnapshotResults, ...SnapshotResults[]];
    const { paired } = pairCases(first, one, this.#policy, more);
    if (rest.length === 0) return [...paired];
    const together = storedTallies(one, rest, this.#policy);
    return paired.map((pair) => ({ ...pair, candidate: together.get(pair.id) ?? pair.candidate }));
  }

  /** Two-sided p of "no difference", with the sessions of both sides. */
  #p(pairs: readonly PairedCase[], before: readonly number[], after: readonly number[]): number {
    const strata = pairs.map(({ baseline: a, candidate: b }) => ({
      xA: a.passed,
      kA: a.graded,
      xB: b.passed,
      kB: b.graded,
    }));
    const sensitivity =
      strata.reduce((sum, s) => sum + this.#rates.moments(s.xA + s.xB, s.kA + s.kB).variance, 0) /
      strata.length;
    const prior = estimateRunVariance([], sensitivity, { sd: this.#policy.sessionSd, weight: 4 });
    const sessions = runDifference(prior, 0, before, after);
    const trial = new MeanChange(strata, sessions, this.#rates.prior);
    const change = withGroups(trial, strata, sessions, groupNoise(pairs, trial.varianceAt(0)), this.#rates);
    return Math.min(1, 2 * Math.min(change.pAtMost(0), change.pAtLeast(0)));
  }
}

function withGroups(
  trial: MeanChange,
  strata: ConstructorParameters<typeof MeanChange>[0],
  sessions: NoiseMixture,
  group: number,
  rates: CaseRates,
): MeanChange {
  if (group === 0) return trial;
  const noise = { weights: sessions.weights, variances: sessions.variances.map((v) => v + group) };
  return new MeanChange(strata, noise, rates.prior);
}
