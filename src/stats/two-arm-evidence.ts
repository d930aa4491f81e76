// Anytime-valid evidence that one arm is worse than another, from counts of blocks of any two sizes.

/** Of one arm in one block: how many were seen, and how many of them were bad. */
export interface ArmBlock {
  readonly n: number;
  readonly hits: number;
}

/**
 * ln of the e-variable of one block for H0 "the share of the first arm is at most that of the second", against the shares `high` and
 * `low` < `high` (Turner, Ly & Grünwald 2024, Theorem 1). Both shares under H0 are p0, the mean weighted by the sizes of the arms, so
 * that arms of 1% and 99% are as valid as equal ones. `low` and `high` may depend on earlier blocks only. Exact for every pair of true
 * shares, also for shares that change from block to block.
 */
export function twoArmLogE(first: ArmBlock, second: ArmBlock, low: number, high: number): number {
  const total = first.n + second.n;
  if (total === 0 || !(low > 0 && high > low && high < 1)) return 0;
  const p0 = (first.n * high + second.n * low) / total;
  return (
    first.hits * Math.log(high / p0) +
    (first.n - first.hits) * Math.log((1 - high) / (1 - p0)) +
    second.hits * Math.log(low / p0) +
    (second.n - second.hits) * Math.log((1 - low) / (1 - p0))
  );
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
