// Quantiles from counts in logarithmic buckets: mergeable, and values can be taken back (DDSketch; Masson, Rim & Lee 2019).

/** Relative error of every quantile that comes out of the buckets. */
export const QUANTILE_ERROR = 0.01;

const LN_GAMMA = Math.log((1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR));
/** Smaller values are counted as 0. */
const SMALLEST = 1e-6;
/** Bucket of 0. */
const ZERO = -(2 ** 31);

/** The bucket of a value of at least 0. All its values lie within `QUANTILE_ERROR` of `bucketValue`. */
export function bucketOf(value: number): number {
  return value < SMALLEST ? ZERO : Math.ceil(Math.log(value) / LN_GAMMA);
}

/** The value that stands for a bucket. */
export function bucketValue(bucket: number): number {
  return bucket === ZERO ? 0 : Math.exp(bucket * LN_GAMMA) * (1 - QUANTILE_ERROR);
}

/** The quantile q of counts by bucket: the value of rank ⌈q n⌉ (nearest rank), within `QUANTILE_ERROR`. null without any. */
export function bucketQuantile(counts: ReadonlyMap<number, number>, q: number): number | null {
  const sorted = [...counts].filter(([, n]) => n > 0).sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, n]) => sum + n, 0);
  if (total === 0) return null;
  // Less a rounding error: 0.07 × 100 is a little more than 7.
  const rank = Math.max(0, Math.ceil(q * total - 1e-9) - 1);
  let below = 0;
  for (const [bucket, n] of sorted) {
    below += n;
    if (below > rank) return bucketValue(bucket);
  }
  return bucketValue((sorted.at(-1) as [number, number])[0]);
}
