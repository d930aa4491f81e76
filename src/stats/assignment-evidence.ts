// Evidence of a difference between two arms to which whole units (users) were assigned at random.

/** Units by score, as parallel arrays. Scores may depend on all data of a unit, and on nothing that tells its arm. */
export interface ScoredUnits {
  /** ln of how much more likely the data of such a unit are under the harm; finite. */
  readonly scores: Float64Array;
  /** How many units of the first arm have this score. */
  readonly first: ArrayLike<number>;
  /** How many of both arms; null = one each. */
  readonly all: ArrayLike<number> | null;
}

/** Up to so many units all choices are summed. */
const FEW = 30;
const MOST_STEPS = 60;
const CLOSE = 1e-9;

/**
 * ln of the e-value for H0 "which units are in the first arm has nothing to do with their data": exp(sum of the scores of the first arm),
 * divided by its mean over all ways to choose as many units. Calls of a unit may depend on each other in any way, and hours may
 * differ for all units: only the assignment is random here. Exact for few units; for many the mean is approximated by its saddlepoint
 * (Robinson 1982). With units of one call it is the conditional test of `twoArmLogE`.
 */
export function assignmentLogE({ scores, first, all }: ScoredUnits): number {
  let [n, m, sum, top] = [0, 0, 0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] as number;
    const ofFirst = first[i] as number;
    n += all === null ? 1 : (all[i] as number);
    m += ofFirst;
    sum += ofFirst * score;
    if (score > top) top = score;
  }
  if (m === 0 || m === n) return 0;
  const weights = scores.map((score) => Math.exp(score - top));
  const logMean = n <= FEW ? logMeanOfFew(weights, all, m) : logMeanOfChoices(weights, all, n, m);
  return sum - m * top - logMean;
}

/** The same as below by elementary symmetric polynomials, each divided by its number of terms: no number overflows. */
function logMeanOfFew(weights: Float64Array, all: ArrayLike<number> | null, m: number): number {
  // means[k] = mean product of k of the units so far.
  const means = new Float64Array(m + 1);
  means[0] = 1;
  let seen = 0;
  for (let i = 0; i < weights.length; i++)
    for (let unit = all === null ? 1 : (all[i] as number); unit > 0; unit--) {
      seen += 1;
      for (let k = Math.min(m, seen); k > 0; k--)
        means[k] =
          ((seen - k) / seen) * (means[k] as number) +
          (k / seen) * (weights[i] as number) * (means[k - 1] as number);
    }
  return Math.log(means[m] as number);
}

/** ln of the mean product of the weights of m units drawn from n without replacement: the saddlepoint of independent draws that bring m. */
function logMeanOfChoices(
  weights: Float64Array,
  all: ArrayLike<number> | null,
  n: number,
  m: number,
): number {
  const share = m / n;
  let mean = 0;
  for (let i = 0; i < weights.length; i++) mean += ((all?.[i] ?? 1) / n) * (weights[i] as number);
  if (m === 1) return Math.log(mean);
  // ln of the factor that brings m units. For equal weights the first guess is right.
  let tilt = -Math.log(mean);
  let [low, high] = [tilt - 50, tilt + 50];
  let spread = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    let drawn = 0;
    spread = 0;
    const factor = share * Math.exp(tilt);
    for (let i = 0; i < weights.length; i++) {
      const odds = factor * (weights[i] as number);
      const chance = odds / (1 - share + odds);
      const units = all === null ? chance : chance * (all[i] as number);
      drawn += units;
      spread += units * (1 - chance);
    }
    if (Math.abs(drawn - m) <= CLOSE * m) break;
    if (drawn > m) high = tilt;
    else low = tilt;
    const newton = tilt - (drawn - m) / spread;
    tilt = newton > low && newton < high ? newton : (low + high) / 2;
  }
  const factor = share * Math.exp(tilt);
  let log = 0;
  for (let i = 0; i < weights.length; i++)
    log += (all?.[i] ?? 1) * Math.log1p(factor * (weights[i] as number) - share);
  return log - m * tilt + Math.log((n * share * (1 - share)) / spread) / 2;
}
