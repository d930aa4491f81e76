// Anytime-valid evidence that one arm is worse than another, from counts of blocks of any two sizes.

import { logHypergeomPmf } from './hypergeometric.ts';

/** Of one arm in one block: how many were seen, and how many of them were bad. */
export interface ArmBlock {
  readonly n: number;
  readonly hits: number;
}

/**
 * ln of the e-variable of one block for H0 "the odds of the first arm are at most those of the second", against an odds ratio > 1: the
 * likelihood ratio of how the hits fell to the arms, given how many there were (Fisher's conditional distribution). The common rate drops
 * out, so that a rate which moves for both arms is no evidence, and arms of 1% and 99% are as valid as equal ones. The odds ratio may
 * depend on earlier blocks only.
 */
export function twoArmLogE(first: ArmBlock, second: ArmBlock, oddsRatio: number): number {
  const total = first.n + second.n;
  const hits = first.hits + second.hits;
  if (first.n === 0 || second.n === 0 || hits === 0 || hits === total) return 0;
  return first.hits * Math.log(oddsRatio) - logTiltedSum(total, hits, first.n, Math.log(oddsRatio));
}

/** ln E exp(tilt X) of a hypergeometric X: n drawn from `total` of which `hits` are marked. Summed outward from the largest term. */
function logTiltedSum(total: number, hits: number, n: number, tilt: number): number {
  const least = Math.max(0, n + hits - total);
  const most = Math.min(n, hits);
  // Where the share of the arm meets its odds ratio: near enough to the largest term.
  const odds = (n / (total - n)) * Math.exp(tilt);
  const top = Math.min(most, Math.max(least, Math.round((hits * odds) / (1 + odds))));
  const ratio = (k: number): number =>
    (((hits - k) * (n - k)) / ((k + 1) * (total - hits - n + k + 1))) * Math.exp(tilt);
  let sum = 1;
  for (let k = top, term = 1; k < most && term > 0; k++) {
    term *= ratio(k);
    sum += term;
    if (term < sum * 1e-17 && ratio(k + 1) < 1) break;
  }
  for (let k = top, term = 1; k > least && term > 0; k--) {
    term /= ratio(k - 1);
    sum += term;
    if (term < sum * 1e-17 && ratio(k - 2) > 1) break;
  }
  return logHypergeomPmf(top, total, hits, n) + top * tilt + Math.log(sum);
}

/** ln of the e-variable of one block for H0 "the share is at most `limit`" (`theta` > limit) or "at least `limit`" (`theta` < limit). */
export function oneArmLogE({ n, hits }: ArmBlock, limit: number, theta: number): number {
  return hits * Math.log(theta / limit) + (n - hits) * Math.log((1 - theta) / (1 - limit));
}

/** ln of the weighted mean of e-values that are given as logarithms. Weights sum to 1. */
export function logMixture(logs: readonly number[], weights: readonly number[]): number {
  const top = Math.max(...logs);
  if (top === Number.NEGATIVE_INFINITY) return top;
  return top + Math.log(logs.reduce((sum, log, i) => sum + (weights[i] ?? 0) * Math.exp(log - top), 0));
}

/**
 * e-values of a family, adjusted so that rejecting those of at least 1/alpha makes any false rejection with probability alpha or less,
 * however they depend on each other (e-Holm: closed testing with the mean; Vovk & Wang 2021, Algorithm 1). Given and returned as ln.
 */
export function closedLogEValues(logs: readonly number[]): number[] {
  const order = logs.map((_, i) => i).sort((a, b) => (logs[a] ?? 0) - (logs[b] ?? 0));
  const adjusted = new Array<number>(logs.length).fill(0);
  order.forEach((index, k) => {
    const own = logs[index] ?? 0;
    let least = own;
    const with_: number[] = [own];
    // The smallest mean over the sets that hold this one and the i smallest of all.
    for (let i = 0; i < k; i++) {
      with_.push(logs[order[i] as number] ?? 0);
      const weight = 1 / with_.length;
      least = Math.min(least, logMixture(with_, new Array<number>(with_.length).fill(weight)));
    }
    adjusted[index] = least;
  });
  return adjusted;
}
