// Correcting a rate measured with an imperfect instrument, and combining a few true labels with many measured ones.
import { binomialTails } from './binomial.ts';
import { normalQuantile, twoSidedZ } from './normal.ts';
import {
  clamp,
  meanOf,
  requireCount,
  requireOpenUnit,
  requireSameLength,
  requireUnit,
  varianceOf,
} from './numeric.ts';
import { type Interval, wilson } from './proportion.ts';

/** A rate p measured on n items by an instrument with specificity q0 (from m0 items) and sensitivity q1 (from m1 items). */
export interface ImperfectRate {
  readonly p: number;
  readonly q0: number;
  readonly q1: number;
  readonly n: number;
  readonly m0: number;
  readonly m1: number;
}

/**
 * Rogan-Gladen estimate theta = (p + q0 - 1)/(q0 + q1 - 1) (Rogan & Gladen 1978) with the adjusted Wald interval of Lee et
 * al. 2025 (arXiv 2511.21140), which carries the uncertainty of q0 and q1. Estimate and limits are held in [0, 1].
 * An instrument no better than chance (q0 + q1 <= 1) says nothing: null.
 */
export function roganGladen(
  { p, q0, q1, n, m0, m1 }: ImperfectRate,
  alpha = 0.05,
): (Interval & { readonly theta: number; readonly thetaUnclipped: number }) | null {
  for (const [name, value] of Object.entries({ p, q0, q1 })) requireUnit(value, name);
  requireOpenUnit(alpha, 'alpha');
  if (q0 + q1 <= 1) return null;
  const thetaUnclipped = (p + q0 - 1) / (q0 + q1 - 1);
  const z = normalQuantile(1 - alpha / 2);
  const size = n + z * z;
  const rate = (n * p + (z * z) / 2) / size;
  const spec = (m0 * q0 + 1) / (m0 + 2);
  const sens = (m1 * q1 + 1) / (m1 + 2);
  const youden = spec + sens - 1;
  const theta = (rate + spec - 1) / youden;
  const specVar = (spec * (1 - spec)) / (m0 + 2);
  const sensVar = (sens * (1 - sens)) / (m1 + 2);
  const shift = 2 * z * z * (theta * sensVar - (1 - theta) * specVar);
  const se =
    Math.sqrt((rate * (1 - rate)) / size + (1 - theta) ** 2 * specVar + theta ** 2 * sensVar) / youden;
  return {
    theta: clamp(thetaUnclipped, 0, 1),
    thetaUnclipped,
    lower: clamp(theta + shift - z * se, 0, 1),
    upper: clamp(theta + shift + z * se, 0, 1),
  };
}

/** Youden's J = sensitivity + specificity - 1 with a MOVER-Wilson interval (Newcombe 1998); null when a class is empty. */
export function youdenJ(
  counts: { truePositive: number; positives: number; trueNegative: number; negatives: number },
  conf = 0.95,
): (Interval & { readonly J: number }) | null {
  const sens = wilson(counts.truePositive, counts.positives, conf);
  const spec = wilson(counts.trueNegative, counts.negatives, conf);
  if (sens === null || spec === null) return null;
  const a = counts.truePositive / counts.positives;
  const b = counts.trueNegative / counts.negatives;
  const J = a + b - 1;
  return {
    J,
    lower: J - Math.hypot(a - sens.lower, b - spec.lower),
    upper: J + Math.hypot(sens.upper - a, spec.upper - b),
  };
}

/** A prediction-powered mean: estimate, standard error and limits at one lambda. */
export interface PpiEstimate extends Interval {
  readonly lambda: number;
  readonly estimate: number;
  readonly se: number;
}

/**
 * Prediction-powered mean (Angelopoulos et al. 2023): y true and f measured on the same n items, F measured on N others.
 * estimate = lambda mean(F) + mean(y - lambda f); ppi uses lambda = 1, ppipp (PPI++) the variance-minimising lambda, held in
 * [0, 1]. RangeError with fewer than two labelled or measured items.
 */
export function ppiMean(
  y: ArrayLike<number>,
  f: ArrayLike<number>,
  F: ArrayLike<number>,
  conf = 0.95,
): { ppi: PpiEstimate; ppipp: PpiEstimate } {
  requireSameLength(y, f, 'ppiMean');
  const n = y.length;
  const N = F.length;
  if (n < 2 || N < 2) throw new RangeError('ppiMean requires at least two labelled and two measured items');
  const z = twoSidedZ(conf);
  const at = (lambda: number): PpiEstimate => {
    const rectifier = Float64Array.from(y, (v, i) => v - lambda * f[i]!);
    const estimate = lambda * meanOf(F) + meanOf(rectifier);
    const se = Math.sqrt(varianceOf(rectifier) / n + (lambda * lambda * varianceOf(F)) / N);
    return { lambda, estimate, se, lower: estimate - z * se, upper: estimate + z * se };
  };
  const meanY = meanOf(y);
  const meanF = meanOf(f);
  let covariance = 0;
  for (let i = 0; i < n; i++) covariance += (y[i]! - meanY) * (f[i]! - meanF);
  covariance /= n - 1;
  const spread = varianceOf(Float64Array.from([...Array.from(f), ...Array.from(F)]));
  const best = spread === 0 ? 0 : clamp(covariance / ((1 + n / N) * spread), 0, 1);
  return { ppi: at(1), ppipp: at(best) };
}

/** Two-sided exact binomial p that "the first wins" half of the decided pairs. No decided pair gives 1. */
export function positionBias(firstWins: number, decided: number): number {
  requireCount(firstWins, 'firstWins');
  requireCount(decided, 'decided');
  if (firstWins > decided) throw new RangeError('positionBias requires firstWins <= decided');
  const { pLess, pGreater } = binomialTails(firstWins, decided);
  return Math.min(1, 2 * Math.min(pLess, pGreater));
}
