// When a change began: the most likely step, and the steps that the data does not rule out.

export interface Onset {
  /** Steps: the change began between `earliest` and `latest`, most likely at `best`. */
  readonly earliest: number;
  readonly best: number;
  readonly latest: number;
}

/** Fall of twice the log likelihood that a step may have: 95% of a chi-square with one degree of freedom. */
const RANGE = 3.84;

/**
 * Likelihood of a step change of the mean at each step up to `now`, in the direction `sign` (Hinkley 1970). `correlation` from step to
 * step widens the range: correlated steps count for less.
 */
export function onsetOf(
  values: ArrayLike<number>,
  variances: ArrayLike<number>,
  now: number,
  sign: 1 | -1,
  correlation: number,
): Onset {
  const discount = (1 - correlation) / (1 + correlation);
  const gains: number[] = new Array<number>(now + 1).fill(Number.NEGATIVE_INFINITY);
  let sum = 0;
  let weight = 0;
  for (let t = now; t >= 0; t--) {
    const value = values[t]!;
    if (Number.isNaN(value)) continue;
    sum += (sign * value) / variances[t]!;
    weight += 1 / variances[t]!;
    if (sum > 0) gains[t] = (discount * sum * sum) / weight;
  }
  let best = now;
  for (let t = now; t >= 0; t--) if (gains[t]! > gains[best]!) best = t;
  const near = gains.flatMap((gain, t) => (gain >= gains[best]! - RANGE ? [t] : []));
  return { earliest: near[0] ?? now, best, latest: near.at(-1) ?? now };
}
