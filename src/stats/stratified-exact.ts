// Exact conditional test of yes/no outcomes in strata: the sum of independent hypergeometrics, at any number of strata.
import { binomialTails, logBinomPmf } from './binomial.ts';
import { convolve, logMarginPmf, power, type Window } from './count-sums.ts';
import type { TwoArms } from './fisher.ts';
import { clamp, LN10, requireCount } from './numeric.ts';

/** Result of the exact stratified test on S = total successes of arm b, all margins fixed. */
export interface StratifiedExact {
  /** P(S <= observed): small when arm b is worse. */
  readonly pLess: number;
  /** P(S >= observed): small when arm b is better. */
  readonly pGreater: number;
  /** P(S < observed) + P(S = observed) / 2. */
  readonly midpLess: number;
  /** Expected successes of arm b when the arms are exchangeable. */
  readonly expectedB: number;
  readonly log10Less: number;
  readonly log10Greater: number;
}

/** Strata with the same margins share one distribution; only those with more than one possible outcome matter. */
interface MarginGroup {
  readonly logPmf: Float64Array;
  count: number;
}

/** Exponential tilt of one group: cumulant, mean, variance and tilted probabilities at theta. */
function tilt(
  group: MarginGroup,
  theta: number,
): { cumulant: number; mean: number; variance: number; mass: Float64Array } {
  const { logPmf } = group;
  let peak = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < logPmf.length; j++) peak = Math.max(peak, logPmf[j]! + theta * j);
  const mass = new Float64Array(logPmf.length);
  let total = 0;
  for (let j = 0; j < mass.length; j++) {
    mass[j] = Math.exp(logPmf[j]! + theta * j - peak);
    total += mass[j]!;
  }
  let mean = 0;
  let second = 0;
  for (let j = 0; j < mass.length; j++) {
    mass[j]! /= total;
    mean += j * mass[j]!;
    second += j * j * mass[j]!;
  }
  return { cumulant: peak + Math.log(total), mean, variance: second - mean * mean, mass };
}

/** The theta at which the tilted mean of the excess over the smallest possible sum equals `target`. */
function solveTilt(groups: readonly MarginGroup[], target: number): number {
  let lo = -800;
  let hi = 800;
  let theta = 0;
  for (let i = 0; i < 200; i++) {
    let mean = 0;
    let variance = 0;
    for (const g of groups) {
      const t = tilt(g, theta);
      mean += g.count * t.mean;
      variance += g.count * t.variance;
    }
    const gap = mean - target;
    // The tilt only centres the window; it need not be exact.
    if (Math.abs(gap) < 1e-3 * Math.max(1, Math.sqrt(variance))) return theta;
    if (gap > 0) hi = theta;
    else lo = theta;
    const next = theta - gap / variance;
    theta = next > lo && next < hi ? next : (lo + hi) / 2;
  }
  return theta;
}

/** ln P(excess <= target) and ln P(excess = target) for a target at or below the mean. */
function logLowerTail(groups: readonly MarginGroup[], target: number): { tail: number; point: number } {
  if (target === 0) {
    let log = 0;
    for (const g of groups) log += g.count * g.logPmf[0]!;
    return { tail: log, point: log };
  }
  const theta = Math.min(0, solveTilt(groups, target));
  let cumulant = 0;
  const windows: Window[] = [];
  for (const g of groups) {
    const t = tilt(g, theta);
    cumulant += g.count * t.cumulant;
    windows.push(power({ offset: 0, mass: t.mass }, g.count));
  }
  windows.sort((a, b) => a.mass.length - b.mass.length);
  const sum = windows.reduce(convolve);
  // Undo the tilt relative to the target: weights exp(theta (target - j)) <= 1 for j <= target.
  let scaled = 0;
  const last = Math.min(target - sum.offset, sum.mass.length - 1);
  for (let i = 0; i <= last; i++) scaled += sum.mass[i]! * Math.exp(theta * (target - sum.offset - i));
  const at = target - sum.offset;
  const point = at >= 0 && at < sum.mass.length ? sum.mass[at]! : 0;
  const base = cumulant - theta * target;
  return { tail: base + Math.log(scaled), point: base + Math.log(point) };
}

function reversed(group: MarginGroup): MarginGroup {
  return { logPmf: group.logPmf.slice().reverse(), count: group.count };
}

function groupByMargins(strata: Iterable<TwoArms>): {
  groups: MarginGroup[];
  observed: number;
  expectedB: number;
} {
  const byMargins = new Map<string, MarginGroup>();
  const fastKeys = new Map<number, MarginGroup>();
  let observed = 0;
  let expectedB = 0;
  for (const { xA, kA, xB, kB } of strata) {
    requireCount(xA, 'xA');
    requireCount(xB, 'xB');
    requireCount(kA, 'kA');
    requireCount(kB, 'kB');
    if (xA > kA || xB > kB)
      throw new RangeError('stratifiedExact requires x <= k in both arms of every stratum');
    const total = kA + kB;
    const marked = xA + xB;
    if (total > 0) expectedB += (kB * marked) / total;
    const low = Math.max(0, marked - kA);
    const high = Math.min(kB, marked);
    if (low === high) continue;
    observed += xB - low;
    const small = total < 1024;
    const numericKey = (marked * 1024 + kA) * 1024 + kB;
    const key = small ? '' : `${marked}/${kA}/${kB}`;
    let group = small ? fastKeys.get(numericKey) : byMargins.get(key);
    if (group === undefined) {
      const logPmf = logMarginPmf(low, high, marked, kA, kB);
      group = { logPmf, count: 0 };
      if (small) fastKeys.set(numericKey, group);
      else byMargins.set(key, group);
    }
    group.count += 1;
  }
  return { groups: [...fastKeys.values(), ...byMargins.values()], observed, expectedB };
}

/**
 * Exact one-sided tests of "the arms are exchangeable inside every stratum" on S = sum of arm b's successes:
 * the conditional (exact) Cochran-Mantel-Haenszel test (Birch 1964; Mehta, Patel & Gray 1985), for k = 1 exact McNemar.
 *
 * The hypergeometric sum is convolved under the exponential tilt that centres it on the observed S (Esscher 1932), which
 * keeps every digit of a tail far below the smallest double and the work small at any number of strata.
 */
export function stratifiedExact(strata: Iterable<TwoArms>): StratifiedExact {
  const { groups, observed, expectedB } = groupByMargins(strata);
  if (groups.length === 0)
    return { pLess: 1, pGreater: 1, midpLess: 0.5, expectedB, log10Less: 0, log10Greater: 0 };
  const only = groups[0]!;
  if (groups.length === 1 && only.logPmf.length === 2 && only.logPmf[0] === only.logPmf[1]) {
    // Every undecided stratum is a fair coin: the sum is binomial.
    const tails = binomialTails(observed, only.count);
    const point = Math.exp(logBinomPmf(observed, only.count, 0.5));
    return { ...tails, midpLess: tails.pLess - point / 2, expectedB };
  }
  let meanExcess = 0;
  let maxExcess = 0;
  for (const g of groups) {
    meanExcess += g.count * tilt(g, 0).mean;
    maxExcess += g.count * (g.logPmf.length - 1);
  }
  const below = observed <= meanExcess;
  const side = below
    ? logLowerTail(groups, observed)
    : logLowerTail(groups.map(reversed), maxExcess - observed);
  const near = Math.min(1, Math.exp(side.tail));
  const point = Math.exp(side.point);
  const far = clamp(1 - near + point, 0, 1);
  const logNear = Math.min(0, side.tail) / LN10;
  const logFar = Math.log10(far);
  return below
    ? {
        pLess: near,
        pGreater: far,
        midpLess: near - point / 2,
        expectedB,
        log10Less: logNear,
        log10Greater: logFar,
      }
    : {
        pLess: far,
        pGreater: near,
        midpLess: far - point / 2,
        expectedB,
        log10Less: logFar,
        log10Greater: logNear,
      };
}
