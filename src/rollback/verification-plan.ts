// How many fresh trials a proof takes, how they are spread over the cases, and which error rate each look at them may spend.

import type { SnapshotResults } from '../core/index.ts';
import { normalQuantile, spendingLevels } from '../stats/index.ts';
import { CaseRates, caseRatePrior } from '../stats/mean-change.ts';
import { type NoiseMixture, type RunVariance, runDifference } from '../stats/run-variance.ts';
import { addCounts, countsOf } from './reference.ts';
import { byId } from './regression.ts';

/** Error budget of a whole decision: the chance that a target that is worse by the margin is called verified. */
export const DECISION_ALPHA = 0.065;
/** A proof that is not the last one possible takes this share of what is left of the budget. */
const PROOF_SHARE = 0.6;
/** Shares of the trials at which a proof is looked at, and shares of the error rate spent up to there. */
const LOOKS = [0.4, 0.7, 1] as const;
const SPENT = [0.25, 0.6, 1] as const;
/** Share of the calls that the looks may take; the rest settles single cases. */
const LOOKS_SHARE = 0.9;
/** Chance of a proof when the candidate is exactly as good, on which the number of trials rests. */
const POWER = 0.97;
/** Trials of a case at the first look, at least: to see a broken one. */
const LEAST = 6;
/**
 * Most trials a case and arm on average; more are not worth their price in an incident. Few cases may take more each, because all of
 * them together cost little, and no suite shows a small margin on fewer trials for having fewer cases.
 */
const MOST_MEAN = 32;
const MOST_OF_FEW = 400;
/** Most trials of one case: this, and where the average is high, twice the average. */
const MOST = 60;

export interface VerificationPlan {
  /** Trials of each case at the end of each look, in the candidate's arm and in the control's alike. */
  readonly looks: readonly ReadonlyMap<string, number>[];
  /** One-sided level of each look. */
  readonly levels: readonly number[];
}

export interface PlanInput {
  /** The blessed run first. */
  readonly pool: readonly SnapshotResults[];
  readonly sessions: RunVariance;
  readonly margin: number;
  /** Error budget of this proof. */
  readonly alpha: number;
  /** Is the last good release run beside the candidate? */
  readonly control: boolean;
  /** Calls that the limits leave; the last look then comes within them, at its full level, instead of being cut off before it. */
  readonly calls?: number | undefined;
  /** Trials of each case, where a person asked for a number: one look. */
  readonly trials?: number | undefined;
}

/** The error budget of the next proof, and what is left after it. `others`: more candidates that could still be proven. */
export function alphaOfProof(left: number, others: number): number {
  return others > 0 ? PROOF_SHARE * left : left;
}

/** Trials that show a candidate as good as the last good release to be so with 88% power; more of them where a case varies more. */
export function planVerification(input: PlanInput): VerificationPlan {
  const pools = input.pool.map(byId);
  const blessed = input.pool[0]?.cases ?? [];
  const stored = blessed.map((c) => ({
    id: c.id,
    counts: pools.map((pool) => countsOf(pool.get(c.id))).reduce(addCounts),
  }));
  if (input.trials !== undefined) {
    const { trials } = input;
    return { looks: [new Map(stored.map((c) => [c.id, trials]))], levels: [input.alpha] };
  }
  const rates = new CaseRates(caseRatePrior(stored.map(({ counts }) => ({ x: counts.x, k: counts.k }))));
  const moments = stored.map(({ counts }) => rates.moments(counts.x, counts.k));
  const n = Math.max(1, moments.length);
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / n;
  // The test holds the candidate's variance to be what it is when it is worse by the margin, also in cases that never failed.
  const kept = 1 - input.margin / Math.max(input.margin, mean(moments.map((m) => m.rate)));
  const own = moments.map((m) => Math.max(m.variance, m.rate * kept * (1 - m.rate * kept)));
  const variances = moments.map((m, i) => (own[i] ?? 0) + (input.control ? m.variance : 0));
  const spread = variances.map(Math.sqrt);
  const meanSpread = mean(spread);
  const reach = input.margin / (normalQuantile(1 - input.alpha) + normalQuantile(POWER));
  const trialsPerPool = mean(stored.map(({ counts }) => counts.k));
  const sensitivity = mean(moments.map((m) => m.variance));
  const fixed = input.control
    ? 0
    : sensitivity / (n * Math.max(1, trialsPerPool)) + variance(sessionsOf(input, sensitivity));
  // Where the stored runs alone leave no room, trials that add little to their noise are all that helps.
  const target = Math.max(reach * reach - fixed, fixed / 4);
  // With trials in proportion to a case's spread the variance of the mean is (mean spread)² / (n k).
  const mostMean = Math.max(MOST_MEAN, MOST_OF_FEW / n);
  const most = mostMean > MOST_MEAN ? Math.max(MOST, 2 * mostMean) : MOST;
  const afforded =
    input.calls === undefined
      ? Number.POSITIVE_INFINITY
      : (LOOKS_SHARE * input.calls) / (input.control ? 2 : 1) / n;
  const each = Math.min(
    mostMean,
    Math.max(LEAST, afforded),
    Math.max(LEAST, (meanSpread * meanSpread) / n / target),
  );
  const looks = LOOKS.map(
    (share) =>
      new Map(
        stored.map(({ id }, i) => {
          const wanted = (each * (spread[i] ?? 0)) / Math.max(1e-9, meanSpread);
          return [id, Math.max(Math.ceil(share * Math.min(most, wanted)), LEAST)] as const;
        }),
      ),
  );
  return { looks, levels: spendingLevels(input.alpha, SPENT, LOOKS) };
}

function sessionsOf(input: PlanInput, sensitivity: number): NoiseMixture {
  const days = input.pool.map((run) => Date.parse(run.summary.startedAt) / 86_400_000);
  return runDifference({ ...input.sessions, sensitivity }, 0, days);
}

function variance({ weights, variances }: NoiseMixture): number {
  return variances.reduce((sum, v, i) => sum + v * (weights[i] ?? 0), 0);
}

/** All trials of a look in one arm. */
export function trialsIn(look: ReadonlyMap<string, number>): number {
  return [...look.values()].reduce((sum, k) => sum + k, 0);
}
