// The change of a suite's mean pass rate: tests against any size of change, its interval, and what size it could have shown.

import { binomCdf } from './binomial.ts';
import { ebNpmle, posteriorWeights, type RatePrior, type Successes } from './empirical-bayes.ts';
import type { TwoArms } from './fisher.ts';
import { normalCdf, normalQuantile } from './normal.ts';
import {
  mixtureCdf,
  mixtureQuantile,
  type NoiseMixture,
  type RunVariance,
  runDifference,
} from './run-variance.ts';

/** Rates a case may have: fine near 0 and 1, where most cases of a curated suite are. */
const RATE_GRID = Float64Array.from([
  0.001,
  0.004,
  ...Array.from({ length: 49 }, (_, j) => (j + 0.5) / 50),
  0.99,
  0.996,
  0.999,
]).sort();

/**
 * Prior of case pass rates from observed counts (nonparametric maximum likelihood), mixed with a little of every rate: n cases
 * cannot show that a rate none of them seems to have is rarer than one in n + 1.
 */
export function caseRatePrior(observations: readonly Successes[]): RatePrior {
  const fitted = ebNpmle(observations, { grid: RATE_GRID, iterations: 200 });
  const share = 1 / (observations.length + 1);
  const flat = share / fitted.weights.length;
  return { ...fitted, weights: fitted.weights.map((w) => (1 - share) * w + flat) };
}

/** Posterior mean of a case's rate p and of its trial variance p (1 - p). */
export interface CaseMoments {
  readonly rate: number;
  readonly variance: number;
}

/** Posterior moments by counts, computed once for equal counts. */
export class CaseRates {
  readonly prior: RatePrior;
  private readonly known = new Map<string, CaseMoments>();

  constructor(prior: RatePrior) {
    this.prior = prior;
  }

  moments(x: number, k: number): CaseMoments {
    const key = `${x}/${k}`;
    let moments = this.known.get(key);
    if (moments === undefined) {
      const weights = posteriorWeights(this.prior, { x, k });
      let rate = 0;
      let variance = 0;
      for (const [j, w] of weights.entries()) {
        const p = this.prior.grid[j] ?? 0;
        rate += w * p;
        variance += w * p * (1 - p);
      }
      moments = { rate, variance };
      this.known.set(key, moments);
    }
    return moments;
  }
}

interface Row extends TwoArms, CaseMoments {
  readonly count: number;
}

/**
 * Mean over cases of (rate in arm b - rate in arm a), tested against any change d by a score test: the variance is the one that
 * holds when the change is d (Miettinen & Nurminen 1985), with each case's trial variance estimated from all cases together.
 * Cases that never vary count with the small variance that so many equal outcomes leave possible, not with none and not
 * with that of a coin. `sessions` adds the noise of arms that were run at different times.
 */
export class MeanChange {
  /** Observed. */
  readonly delta: number;
  readonly cases: number;
  private readonly rows: readonly Row[];
  private readonly sessions: NoiseMixture | null;
  private readonly meanRate: number;

  /** RangeError without cases. */
  constructor(strata: readonly TwoArms[], sessions: NoiseMixture | null = null, prior?: RatePrior) {
    if (strata.length === 0) throw new RangeError('MeanChange requires at least one case');
    const distinct = new Map<string, { stratum: TwoArms; count: number }>();
    let sum = 0;
    for (const s of strata) {
      sum += s.xB / s.kB - s.xA / s.kA;
      const key = `${s.xA}/${s.kA}/${s.xB}/${s.kB}`;
      const entry = distinct.get(key);
      if (entry === undefined) distinct.set(key, { stratum: s, count: 1 });
      else entry.count += 1;
    }
    this.delta = sum / strata.length;
    this.cases = strata.length;
    this.sessions = sessions;
    const rates = new CaseRates(
      prior ?? caseRatePrior(strata.map(({ xA, kA, xB, kB }) => ({ x: xA + xB, k: kA + kB }))),
    );
    this.rows = [...distinct.values()].map(({ stratum, count }) => ({
      ...stratum,
      ...rates.moments(stratum.xA + stratum.xB, stratum.kA + stratum.kB),
      count,
    }));
    this.meanRate = this.rows.reduce((s, r) => s + r.count * r.rate, 0) / strata.length;
  }

  /** Trial-noise variance of the mean change when the true change is d, spread over the cases in proportion to what they can lose (or gain). */
  varianceAt(d: number): number {
    const room = d < 0 ? this.meanRate : 1 - this.meanRate;
    const share = Math.min(1, Math.abs(d) / Math.max(room, 1e-9));
    let sum = 0;
    for (const { kA, kB, rate, variance, count } of this.rows) {
      const moved = d < 0 ? rate * (1 - share) : rate + (1 - rate) * share;
      sum += count * (variance / kA + Math.max(variance, moved * (1 - moved)) / kB);
    }
    return sum / (this.cases * this.cases);
  }

  private noiseAt(d: number): NoiseMixture {
    const own = this.varianceAt(d);
    return this.sessions === null
      ? { weights: Float64Array.of(1), variances: Float64Array.of(own) }
      : { weights: this.sessions.weights, variances: this.sessions.variances.map((v) => v + own) };
  }

  /** One-sided p of "the change is at most d"; small = it is shown to be larger. */
  pAtMost(d: number): number {
    return mixtureCdf(this.noiseAt(d), d - this.delta);
  }

  /** One-sided p of "the change is at least d"; small = it is shown to be smaller. */
  pAtLeast(d: number): number {
    return mixtureCdf(this.noiseAt(d), this.delta - d);
  }

  /** The smallest change not refuted at this one-sided level. */
  lower(level: number): number {
    return this.limit((d) => this.pAtMost(d) > level, -1, this.delta);
  }

  /** The largest change not refuted at this one-sided level. */
  upper(level: number): number {
    return -this.limit((d) => this.pAtLeast(-d) > level, -1, -this.delta);
  }

  /** Where `kept` turns true between `from` (false, if anything is) and `to` (true). */
  private limit(kept: (d: number) => boolean, from: number, to: number): number {
    if (kept(from)) return from;
    let low = from;
    let high = to;
    for (let i = 0; i < 50; i++) {
      const middle = (low + high) / 2;
      if (kept(middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  /**
   * The smallest drop that a test of "no change" at this one-sided level shows with this power, given these trials; null when none
   * up to everything would be. Positive, as a share.
   */
  detectable(level: number, power: number): number | null {
    const critical = -this.quantileAt(0, level);
    let shares = 0;
    let fresh = 0;
    for (const { kA, kB, count } of this.rows) {
      shares += count * Math.log(kB / (kA + kB));
      fresh += count * kB;
    }
    const few = tooFewFailures(Math.ceil(Math.log(level) / (shares / this.cases)), fresh, power);
    for (let d = 0.0025; d < 1; d += 0.0025) {
      if (few(d)) continue;
      const sd = Math.sqrt(this.meanVariance(this.noiseAt(-d)));
      if (d - critical >= normalQuantile(power) * sd) return d;
    }
    return null;
  }

  /** Variance of the mean change for one trial a case in both arms run together, when the true change is -drop. */
  private perTrial(drop: number): number {
    const share = Math.min(1, drop / Math.max(this.meanRate, 1e-9));
    let sum = 0;
    for (const { rate, variance, count } of this.rows) {
      const moved = rate * (1 - share);
      sum += count * (variance + Math.max(variance, moved * (1 - moved)));
    }
    return sum / (this.cases * this.cases);
  }

  /** `detectable` for another design: so many trials a case in both arms, run together. */
  detectableWith(trials: number, level: number, power: number): number | null {
    const critical = normalQuantile(1 - level) * Math.sqrt(this.perTrial(0) / trials);
    const z = normalQuantile(power);
    const few = tooFewFailures(Math.ceil(Math.log(level) / Math.log(0.5)), this.cases * trials, power);
    for (let d = 0.0025; d < 1; d += 0.0025)
      if (!few(d) && d - critical >= z * Math.sqrt(this.perTrial(d) / trials)) return d;
    return null;
  }

  /**
   * Trials a case and arm with which "no change" would be shown within ±margin, both sides at this level, with this power when nothing
   * changed; null when more than `most`, or when sessions alone are too noisy.
   */
  trialsFor(margin: number, level: number, power: number, most: number): number | null {
    const sessions = this.sessions === null ? 0 : this.meanVariance(this.sessions);
    const reach = margin / (normalQuantile(1 - level) + normalQuantile((1 + power) / 2));
    const left = reach * reach - sessions;
    if (left <= 0) return null;
    const trials = Math.ceil(this.perTrial(margin) / left);
    return trials > most ? null : Math.max(1, trials);
  }

  /**
   * Trials a case in arm b alone, in a run of its own, with which "no change" would be shown within ±margin with this power when
   * nothing changed. Arm a stays as it is, and so does its error, of which the observed change tells a part. `runs`: runs in arm a.
   */
  freshTrialsFor(
    { margin, level, power }: { readonly margin: number; readonly level: number; readonly power: number },
    runs: number,
    most: number,
  ): number | null {
    const session = this.sessions === null ? 0 : this.meanVariance(this.sessions);
    const part = (at: (row: Row) => number): number =>
      this.rows.reduce((sum, row) => sum + row.count * at(row), 0) / (this.cases * this.cases);
    const share = Math.min(1, margin / Math.max(this.meanRate, 1e-9));
    const ofA = part((r) => r.variance / r.kA);
    const ofB = part((r) => r.variance);
    const ofMoved = part((r) => Math.max(r.variance, r.rate * (1 - share) * (1 - r.rate * (1 - share))));
    const before = ofA + session / (runs + 1);
    const seen = part((r) => r.variance / r.kB) + (session * runs) / (runs + 1);
    const centre = before + seen === 0 ? 0 : (this.delta * before) / (before + seen);
    const rest = before + seen === 0 ? 0 : (before * seen) / (before + seen);
    const enough = (trials: number): boolean => {
      const spread = Math.sqrt(rest + ofB / trials + (session * runs) / (runs + 1));
      const trial = ofA + ofMoved / trials;
      const noise =
        this.sessions === null
          ? { weights: Float64Array.of(1), variances: Float64Array.of(trial) }
          : { weights: this.sessions.weights, variances: this.sessions.variances.map((v) => v + trial) };
      const reach = margin + mixtureQuantile(noise, level);
      if (reach <= Math.abs(centre) || spread === 0) return reach > Math.abs(centre);
      const within = normalCdf((reach - centre) / spread) - normalCdf((-reach - centre) / spread);
      return within >= power;
    };
    if (!enough(most)) return null;
    let [low, high] = [0, most];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (enough(middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  private meanVariance({ weights, variances }: NoiseMixture): number {
    return variances.reduce((sum, v, i) => sum + v * (weights[i] ?? 0), 0);
  }

  private quantileAt(d: number, level: number): number {
    const noise = this.noiseAt(d);
    let low = -2;
    let high = 0;
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (mixtureCdf(noise, middle) < level) low = middle;
      else high = middle;
    }
    return low;
  }
}

/**
 * Is a drop of d too small to bring `needed` failures among `trials` trials with this power? A failure of a case that never failed
 * before multiplies the p of an exact test by its arm's share of the trials: on fewer failures no such test shows a drop.
 */
function tooFewFailures(needed: number, trials: number, power: number): (d: number) => boolean {
  return (d) => binomCdf(needed - 1, trials, d).cdf > 1 - power;
}

/**
 * One-sided p of "the mean of the true rates is at least `limit`" from one run: score test with the variance that holds at the limit,
 * each case moved towards it in proportion to its room, and the noise of the run's session. RangeError without cases.
 */
export function rateAtLeast(
  counts: readonly Successes[],
  limit: number,
  prior: RatePrior,
  sessions: ((sensitivity: number) => RunVariance) | null = null,
): number {
  if (counts.length === 0) throw new RangeError('rateAtLeast requires at least one case');
  const rates = new CaseRates(prior);
  const n = counts.length;
  const moments = counts.map(({ x, k }) => ({ ...rates.moments(x, k), k, seen: x / k }));
  const mean = moments.reduce((s, m) => s + m.seen, 0) / n;
  const expected = moments.reduce((s, m) => s + m.rate, 0) / n;
  const up = limit > expected;
  const share = up ? (limit - expected) / (1 - expected) : (expected - limit) / expected;
  let variance = 0;
  let sensitivity = 0;
  for (const { rate, k } of moments) {
    const moved = up ? rate + (1 - rate) * share : rate * (1 - share);
    const used = moved * (1 - moved);
    variance += used / k;
    sensitivity += used;
  }
  variance /= n * n;
  const trial: NoiseMixture = { weights: Float64Array.of(1), variances: Float64Array.of(variance) };
  if (sessions === null) return mixtureCdf(trial, mean - limit);
  const noise = runDifference(sessions(sensitivity / n), variance, []);
  return mixtureCdf(noise, mean - limit);
}
