// When did the level of a series change? Optimal partitioning under squared error, pruned (PELT).
import { medianAbsoluteDeviation } from 'simple-statistics';
import { meanOf } from './numeric.ts';

/** Change points as the index of the first value of each new segment; totalCost null when the series is too short. */
export interface ChangePoints {
  readonly changePoints: number[];
  readonly totalCost: number | null;
}

/**
 * The segmentation that minimises the sum over segments of squared deviations from the segment mean, plus `penalty` per
 * change point; segments have at least `minSegment` values. Exact, by PELT (Killick, Fearnhead & Eckley 2012); a candidate
 * is dropped only minSegment steps after it was beaten, which keeps the pruning exact under a minimal segment length.
 * Equal costs go to the earliest last change. A series shorter than minSegment has no segmentation: totalCost null.
 */
export function changePointL2(
  y: ArrayLike<number>,
  { penalty, minSegment = 2 }: { penalty: number; minSegment?: number },
): ChangePoints {
  if (!(penalty >= 0)) throw new RangeError(`changePointL2 requires penalty >= 0, got ${penalty}`);
  if (!(Number.isInteger(minSegment) && minSegment >= 1))
    throw new RangeError(`changePointL2 requires minSegment >= 1, got ${minSegment}`);
  const n = y.length;
  if (n < minSegment || n === 0) return { changePoints: [], totalCost: null };
  const centre = meanOf(y);
  const sum = new Float64Array(n + 1);
  const squares = new Float64Array(n + 1);
  for (let t = 0; t < n; t++) {
    const v = y[t]! - centre;
    sum[t + 1] = sum[t]! + v;
    squares[t + 1] = squares[t]! + v * v;
  }
  const segmentCost = (from: number, to: number): number => {
    const s = sum[to]! - sum[from]!;
    return Math.max(0, squares[to]! - squares[from]! - (s * s) / (to - from));
  };
  // Rounding of the running sums must not look like an improvement.
  const grain = 1e-12 * squares[n]!;
  const best = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
  const previous = new Int32Array(n + 1);
  best[0] = -penalty;
  let candidates: { from: number; expires: number }[] = [];
  for (let t = minSegment; t <= n; t++) {
    const opened = t - minSegment;
    if (opened === 0 || opened >= minSegment)
      candidates.push({ from: opened, expires: Number.POSITIVE_INFINITY });
    candidates = candidates.filter((c) => c.expires > t);
    for (const { from } of candidates) {
      const cost = best[from]! + segmentCost(from, t) + penalty;
      if (cost < best[t]! - grain) {
        best[t] = cost;
        previous[t] = from;
      }
    }
    for (const c of candidates)
      if (
        c.expires === Number.POSITIVE_INFINITY &&
        best[c.from]! + segmentCost(c.from, t) > best[t]! + 2 * grain
      )
        c.expires = t + minSegment;
  }
  const changePoints: number[] = [];
  for (let t = previous[n]!; t > 0; t = previous[t]!) changePoints.unshift(t);
  return { changePoints, totalCost: best[n]! };
}

/**
 * The usual penalty 2 sigma^2 ln n, with sigma = 1.4826 MAD(first differences)/sqrt(2), which a few level shifts do not
 * inflate. 0 for fewer than two values. The penalty is a convention, not a calibrated error rate.
 */
export function changePointPenalty(y: readonly number[]): number {
  if (y.length < 2) return 0;
  const differences = y.slice(1).map((v, i) => v - y[i]!);
  const sigma = (1.4826 * medianAbsoluteDeviation(differences)) / Math.SQRT2;
  return 2 * sigma * sigma * Math.log(y.length);
}
