// Confidence intervals for a mean difference between two arms over fixed strata.

import { twoSidedZ } from './normal.ts';
import {
  clamp,
  meanOf,
  requireCount,
  requireOpenUnit,
  requireSameLength,
  sumOf,
  varianceOf,
} from './numeric.ts';
import { type Interval, wilson } from './proportion.ts';

/** Interval of a difference b - a, with the effective sample sizes of both arms. */
export interface MoverDelta extends Interval {
  readonly delta: number;
  readonly nEffA: number;
  readonly nEffB: number;
}

/** Mean of stratum means of one arm, its within-stratum sampling variance, and its effective number of 0/1 values. */
function armSummary(
  arm: readonly ArrayLike<number>[],
  weights: ArrayLike<number> | undefined,
): { mean: number; nEff: number } {
  const n = arm.length;
  let weightSum = 0;
  let mean = 0;
  let variance = 0;
  let total = 0;
  for (let i = 0; i < n; i++) {
    const values = arm[i]!;
    const k = values.length;
    if (k === 0) throw new RangeError(`moverDelta requires at least one value in stratum ${i}`);
    for (let j = 0; j < k; j++)
      if (!(values[j]! >= 0 && values[j]! <= 1))
        throw new RangeError(`moverDelta requires values in [0, 1], got ${values[j]} in stratum ${i}`);
    const w = weights?.[i] ?? 1;
    weightSum += w;
    mean += w * meanOf(values);
    variance += (w * w * varianceOf(values)) / k;
    total += k;
  }
  mean = clamp(mean / weightSum, 0, 1);
  variance /= weightSum * weightSum;
  const spread = mean * (1 - mean);
  return { mean, nEff: variance === 0 || spread === 0 ? total : Math.max(total, spread / variance) };
}

/**
 * MOVER-Wilson interval for mean(b) - mean(a), values in [0, 1], one array a stratum and arm, trial noise only (the strata
 * are fixed). Per arm: Wilson limits at n_eff = max(N, p(1-p)/V), V = sum s_i^2/k_i / n^2; the two are combined by the
 * method of variance estimates recovery (Newcombe 1998, method 10; Zou & Donner 2008). Optional stratum weights.
 * Meant for at least 2 values a stratum and arm; with one each use pairedAdjustedWald. RangeError when empty.
 */
export function moverDelta(
  A: readonly ArrayLike<number>[],
  B: readonly ArrayLike<number>[],
  conf = 0.9,
  weights?: ArrayLike<number>,
): MoverDelta {
  requireSameLength(A, B, 'moverDelta');
  if (A.length === 0) throw new RangeError('moverDelta requires at least one stratum');
  const a = armSummary(A, weights);
  const b = armSummary(B, weights);
  const limitsA = wilson(a.mean * a.nEff, a.nEff, conf)!;
  const limitsB = wilson(b.mean * b.nEff, b.nEff, conf)!;
  const delta = b.mean - a.mean;
  return {
    delta,
    nEffA: a.nEff,
    nEffB: b.nEff,
    lower: delta - Math.hypot(b.mean - limitsB.lower, limitsA.upper - a.mean),
    upper: delta + Math.hypot(limitsB.upper - b.mean, a.mean - limitsA.lower),
  };
}

/**
 * Adjusted Wald interval for a mean of paired differences d_i in [-1, 1], each the difference of two means of k values
 * (Bonett & Price 2012 for k = 1): two pseudo-differences +1/k and -1/k are appended, the limits held in [-1, 1].
 */
export function pairedAdjustedWald(
  d: ArrayLike<number>,
  k: number,
  conf = 0.9,
): Interval & { readonly center: number } {
  requireOpenUnit(conf, 'confidence level');
  requireCount(k, 'k');
  if (k === 0) throw new RangeError('pairedAdjustedWald requires k >= 1');
  const n = d.length + 2;
  const center = sumOf(d) / n;
  let squares = 2 / (k * k);
  for (let i = 0; i < d.length; i++) squares += d[i]! * d[i]!;
  const variance = Math.max(0, squares / n - center * center);
  const half = twoSidedZ(conf) * Math.sqrt(variance / n);
  return { center, lower: clamp(center - half, -1, 1), upper: clamp(center + half, -1, 1) };
}

/**
 * Mean within-stratum variance of single values, over both arms and all strata with at least two values in an arm
 * (weights k-1): the v-bar of designPower. null when no arm of any stratum has two values.
 */
export function withinVariance(
  A: readonly ArrayLike<number>[],
  B: readonly ArrayLike<number>[],
): number | null {
  let squares = 0;
  let freedom = 0;
  for (const arm of [A, B])
    for (const values of arm) {
      if (values.length < 2) continue;
      squares += varianceOf(values) * (values.length - 1);
      freedom += values.length - 1;
    }
  return freedom === 0 ? null : squares / freedom;
}
