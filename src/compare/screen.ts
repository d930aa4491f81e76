// Which cases look suspicious on the trials at hand, and how suspicious: the screen before fresh trials, and the p of a stored diff.

import type { SnapshotResults } from '../core/snapshot.ts';
import type { RatePrior } from '../stats/empirical-bayes.ts';
import { ebNpmle, ratePosterior, ratePredictive } from '../stats/empirical-bayes.ts';
import { fisherLess } from '../stats/fisher.ts';
import { Mt19937 } from '../stats/rng.ts';
import type { ArmTally } from './arm.ts';
import { rateOf } from './arm.ts';
import type { CompareOptions } from './options.ts';
import { settingsOf } from './options.ts';
import type { PairedCase } from './pairing.ts';
import { pairCases } from './pairing.ts';

/** A drop at least this surprising, given the suite's prior, is worth fresh trials. */
const SCREEN_P = 0.15;
/** Fewer cases than this say too little about the suite's prior to put a verdict on it. */
const MIN_CASES_FOR_PRIOR = 20;

/** p of one case's move in each direction on stage-one trials. */
export interface MoveP {
  readonly less: number;
  readonly greater: number;
}

/** The suite's prior of pass rates (from the baseline) and what it says of single cases. Answers are remembered by counts. */
export class CasePrior {
  readonly prior: RatePrior;
  /**
   * The prior for verdicts on fresh trials against a short stored history: n cases cannot show that a rate none of them seems
   * to have is rarer than one case in n + 1, so that much of every rate is mixed in. Without it three or five stored trials
   * a case are believed too well, and a case that always was poor is taken for broken several times as often as promised.
   */
  readonly cautious: RatePrior;
  readonly trusted: boolean;
  private readonly moves = new Map<CountKey, MoveP>();
  private readonly evidences = new Map<CountKey, MoveP>();
  private readonly posteriors = new Map<CountKey, { mean: number; mixed: number }>();

  constructor(pairs: readonly PairedCase[]) {
    this.prior = ebNpmle(pairs.map(({ baseline }) => ({ x: baseline.passed, k: baseline.graded })));
    const share = 1 / (pairs.length + 1);
    const flat = share / this.prior.weights.length;
    this.cautious = { ...this.prior, weights: this.prior.weights.map((w) => (1 - share) * w + flat) };
    this.trusted = pairs.length >= MIN_CASES_FOR_PRIOR;
  }

  /** Predictive p of the candidate's passes given the baseline's. */
  move(pair: PairedCase): MoveP {
    return remember(this.moves, keyOf(pair), () => {
      const { baseline, candidate } = pair;
      const p = ratePredictive(this.prior, counts(baseline), counts(candidate));
      return { less: p.pLess, greater: p.pGreater };
    });
  }

  /** The p a verdict may rest on: predictive where the prior can be trusted, else Fisher's exact. */
  evidence(pair: PairedCase): MoveP {
    if (this.trusted) return this.move(pair);
    return remember(this.evidences, keyOf(pair), () => {
      const { baseline: a, candidate: b } = pair;
      const less = fisherLess({ xA: a.passed, kA: a.graded, xB: b.passed, kB: b.graded }).p;
      const greater = fisherLess({ xA: b.passed, kA: b.graded, xB: a.passed, kB: a.graded }).p;
      return { less, greater };
    });
  }

  /**
   * Posterior mean rate, and the probability that the case sometimes passes and sometimes fails (rate in (0.1, 0.9)). The mean is under
   * the cautious prior: that no case of the baseline was broken must not explain away eleven failures of eleven.
   */
  posterior(passed: number, graded: number): { mean: number; mixed: number } {
    return remember(this.posteriors, countKey(passed, graded), () => {
      const seen = { x: passed, k: graded };
      const mixed = ratePosterior(this.prior, seen).probBetween(0.1, 0.9);
      return { mean: ratePosterior(this.cautious, seen).mean, mixed };
    });
  }
}

function remember<V>(known: Map<CountKey, V>, key: CountKey, make: () => V): V {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}

/** Counts as the key of a map: a number where they are small enough, because 100,000 short texts take longer than the tests they save. */
export type CountKey = number | string;

const MOST = 8192;

function countKey(passed: number, graded: number): CountKey {
  return graded < MOST ? passed * MOST + graded : `${passed}/${graded}`;
}

/** The four counts that decide everything about one pair. */
export function keyOf({ baseline: a, candidate: b }: PairedCase): CountKey {
  return a.graded < MOST && b.graded < MOST
    ? (a.passed * MOST + a.graded) * MOST * MOST + b.passed * MOST + b.graded
    : `${a.passed}/${a.graded}>${b.passed}/${b.graded}`;
}

function counts(tally: ArmTally): { x: number; k: number } {
  return { x: tally.passed, k: tally.graded };
}

/** One trial on each side: no p is worth printing. */
export function isSingle({ baseline, candidate }: PairedCase): boolean {
  return baseline.graded === 1 && candidate.graded === 1;
}

/** How far down (-1), up (+1) or not at all (0) a case looks moved. With one trial each every flip does. */
export function suspicion(pair: PairedCase, prior: CasePrior): -1 | 0 | 1 {
  const before = rateOf(pair.baseline);
  const after = rateOf(pair.candidate);
  if (before === after) return 0;
  const direction = after < before ? -1 : 1;
  if (isSingle(pair)) return direction;
  const p = prior.move(pair);
  return (direction === -1 ? p.less : p.greater) <= SCREEN_P ? direction : 0;
}

/** Cases to confirm on fresh trials, most suspicious first, and how many more there were than the cap allows. */
export interface Flagged {
  readonly flagged: string[];
  readonly exceeding: number;
}

/**
 * The screen: drops the suite's prior finds surprising, ties in seeded order; at most `most` of them, by default max(5, a tenth of
 * the cases).
 */
export function screenDrops(
  pairs: readonly PairedCase[],
  prior: CasePrior,
  seed: number,
  most = Math.max(5, Math.ceil(0.1 * pairs.length)),
): Flagged {
  const drops = pairs.filter((pair) => suspicion(pair, prior) === -1);
  const order = new Mt19937(seed).shuffle(drops);
  order.sort((a, b) => prior.move(a).less - prior.move(b).less);
  return {
    flagged: order.slice(0, most).map((pair) => pair.id),
    exceeding: Math.max(0, order.length - most),
  };
}

/** The screen on two snapshots, for the caller that runs the confirmation trials. Same options, same answer as inside the comparison. */
export function flagCases(
  baseline: SnapshotResults,
  candidate: SnapshotResults,
  options: CompareOptions,
): Flagged {
  const { paired } = pairCases(baseline, candidate, options.policy, options.pool);
  if (paired.length === 0) return { flagged: [], exceeding: 0 };
  const { seed } = settingsOf(baseline.summary, candidate.summary, options);
  return screenDrops(paired, new CasePrior(paired), seed);
}
