// What a number of passes of one case says for a fall of the whole suite, in three ways that see different shapes of it.

import { posteriorWeights, type RatePrior, type Successes } from '../stats/empirical-bayes.ts';
import { caseRatePrior } from '../stats/mean-change.ts';
import type { PairedCase } from './pairing.ts';

/** Per case, a score for each number of passes the candidate may have; the smaller the worse. */
export interface ShapeScores {
  /** Share of the suite's mean. */
  readonly mean: readonly Float64Array[];
  /**
   * Log likelihood ratio of both arms at one rate against a uniform drop in the candidate's. It rises with every pass, and by less
   * each time, so that an even split of the failures never looks like a drop.
   */
  readonly likelihood: readonly Float64Array[];
  /** Minus the squared fall below the case's own rate, in units of its noise. */
  readonly falls: readonly Float64Array[];
}

/** The uniform drop the likelihood ratio is built for, as a share of each case's rate. */
const UNIFORM_DROP = 0.07;
/** Keeps a case that never fails from weighing without limit in the squared falls; variance of a rate. */
const FALL_FLOOR = 0.02;

interface Scores {
  readonly mean: Float64Array;
  readonly likelihood: Float64Array;
  readonly falls: Float64Array;
}

/**
 * Scores of every case. What is known of a case is its stored history, where the two arms were run beside it, and its passes in both
 * arms together, which an exchange of labels leaves as they are: so the permutation stays exact.
 */
export function shapeScores(pairs: readonly PairedCase[]): ShapeScores {
  const seen = pairs.map(({ history, baseline: a, candidate: b }): Seen => {
    const today = { x: a.passed + b.passed, k: a.graded + b.graded };
    return {
      before: history ?? today,
      all: history === undefined ? today : { x: history.x + today.x, k: history.k + today.k },
    };
  });
  const prior = caseRatePrior(seen.map(({ before }) => before));
  const known = new Map<string, Scores>();
  const all = pairs.map(({ candidate }, i) => {
    const { before, all } = seen[i] as Seen;
    const key = `${before.x}/${before.k}/${all.x}/${all.k}/${candidate.graded}`;
    let scores = known.get(key);
    if (scores === undefined) {
      scores = scoresOf(prior, { before, all }, candidate.graded, pairs.length);
      known.set(key, scores);
    }
    return scores;
  });
  return {
    mean: all.map((s) => s.mean),
    likelihood: all.map((s) => s.likelihood),
    falls: all.map((s) => s.falls),
  };
}

interface Seen {
  /** The stored history; without one, both arms together. */
  readonly before: Successes;
  /** Everything, both arms together included. */
  readonly all: Successes;
}

function scoresOf(prior: RatePrior, { before, all }: Seen, k: number, cases: number): Scores {
  let rate = 0;
  let variance = 0;
  for (const [j, w] of posteriorWeights(prior, before).entries()) {
    const p = prior.grid[j] ?? 0;
    rate += w * p;
    variance += w * p * (1 - p);
  }
  // Per rate: its weight, and what each failure adds where the rate has dropped.
  const rates = [...posteriorWeights(prior, all).entries()]
    .filter(([, w]) => w > 0)
    .map(([j, w]) => {
      const p = prior.grid[j] ?? 0;
      return { log: Math.log(w), worse: Math.log((1 - (1 - UNIFORM_DROP) * p) / (1 - p)) };
    });
  const mean = new Float64Array(k + 1);
  const likelihood = new Float64Array(k + 1);
  const falls = new Float64Array(k + 1);
  for (let x = 0; x <= k; x++) {
    mean[x] = x / k / cases;
    // Given the passes of both arms together, their likelihood without a drop is the same for every split.
    likelihood[x] = -logSum(
      rates.map(({ log, worse }) => log + x * Math.log1p(-UNIFORM_DROP) + (k - x) * worse),
    );
    const fall = Math.max(0, rate - x / k);
    falls[x] = -(fall * fall) / (variance / k + FALL_FLOOR);
  }
  return { mean, likelihood, falls };
}

/** ln of the sum of e to these powers, which may be too large to compute one by one. */
function logSum(powers: readonly number[]): number {
  const most = Math.max(...powers);
  return most + Math.log(powers.reduce((sum, power) => sum + Math.exp(power - most), 0));
}
