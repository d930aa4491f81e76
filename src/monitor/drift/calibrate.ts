// Finds the limits of all charts of a family of monitors together: reference and 90 days are resampled, and everything is estimated anew.

import type { MonitorDirection } from '../../core/monitor.ts';
import { Mt19937 } from '../../stats/rng.ts';
import { badness, CHARTS, createChart } from './charts.ts';
import { MaximaTail } from './maxima-tail.ts';
import { betweenWindows, perStep, type ReferenceModel } from './reference-model.ts';
import { seasonLevels } from './season.ts';

/** Days for which the budget holds. */
export const HORIZON_DAYS = 90;
/** Chance of any false alarm of the charts within them, set on the tuning worlds of bench/monitor; single templates have the rest of 5%. */
const CHART_BUDGET = 0.025;
/** How traffic may grow until the end of the horizon; each replicate draws one. */
const GROWTHS = [1, 2, 4] as const;

/** Days of the reference that are summed for one normal day. */
const SUMMED_DAYS = 12;

export interface CalibratedSeries {
  readonly model: ReferenceModel;
  readonly direction: MonitorDirection;
}

export interface ChartLimit {
  /** Drift at this z or beyond. */
  readonly limit: number;
  /** Standard deviation of z while nothing changes: above 1 where days are correlated. */
  readonly spread: number;
}

export interface CalibrationOptions {
  readonly first: number;
  readonly reference: number;
  readonly perDay: number;
  /** Part of the feature's budget that this family has. */
  readonly share: number;
  readonly replicates: number;
  readonly seed: number;
}

/** Limits by series, then by chart in the order of `CHARTS`. */
export function calibrate(
  family: readonly CalibratedSeries[],
  options: CalibrationOptions,
): readonly (readonly ChartLimit[])[] {
  const { replicates, perDay, share } = options;
  const rng = new Mt19937(options.seed);
  const maxima = family.map(() => CHARTS.map(() => new Float64Array(replicates)));
  const spreads = family.map(() => CHARTS.map(() => 0));
  const draw = new DayDraw(family, options, rng);
  const steps = options.reference + HORIZON_DAYS * perDay;
  const errors = family.map(() => new Float64Array(steps));
  const room = { path: new Float64Array(steps), variance: new Float64Array(steps) };
  for (let b = 0; b < replicates; b++) {
    draw.fill(errors);
    const growth = GROWTHS[Math.floor(rng.next() * GROWTHS.length)]!;
    for (const [i, member] of family.entries()) {
      const path = playOne(member, errors[i]!, growth, options, rng.next(), room);
      for (const c of CHARTS.keys()) {
        maxima[i]![c]![b] = path.maxima[c]!;
        spreads[i]![c]! += path.last[c]! ** 2 / replicates;
      }
    }
  }
  const tails = maxima.map((charts) => charts.map((values) => new MaximaTail(values)));
  const least = Float64Array.from({ length: replicates }, (_, b) => {
    let p = 1;
    for (const i of family.keys())
      for (const c of CHARTS.keys()) p = Math.min(p, tails[i]![c]!.p(maxima[i]![c]![b]!));
    return p;
  }).sort();
  const level = least[Math.floor(CHART_BUDGET * share * replicates)] ?? 0;
  return family.map((_, i) =>
    CHARTS.map((_, c) => ({
      limit: tails[i]![c]!.limit(Math.max(1e-9, level)),
      spread: Math.sqrt(spreads[i]![c]!),
    })),
  );
}

/**
 * Draws standardised errors for all series at once, by whole days: half of the days are days of the reference as they were, half are
 * sums of many of them with random signs: close to normal, with the same correlation between series and hours. The first keep heavy
 * tails, the second go beyond what was seen.
 */
class DayDraw {
  readonly #family: readonly CalibratedSeries[];
  readonly #perDay: number;
  readonly #days: number;
  readonly #rng: Mt19937;
  readonly #picked = new Int32Array(SUMMED_DAYS);
  readonly #signs = new Int32Array(SUMMED_DAYS);

  constructor(family: readonly CalibratedSeries[], { reference, perDay }: CalibrationOptions, rng: Mt19937) {
    this.#family = family;
    this.#perDay = perDay;
    this.#days = Math.floor(reference / perDay);
    this.#rng = rng;
  }

  fill(errors: readonly Float64Array[]): void {
    const perDay = this.#perDay;
    const steps = errors[0]?.length ?? 0;
    for (let from = 0; from < steps; from += perDay) {
      const asItWas = this.#rng.next() < 0.5;
      const day = Math.floor(this.#rng.next() * this.#days);
      if (!asItWas)
        for (let i = 0; i < SUMMED_DAYS; i++) {
          const u = 2 * this.#days * this.#rng.next();
          this.#picked[i] = Math.floor(u / 2);
          this.#signs[i] = (u & 1) === 0 ? 1 : -1;
        }
      for (const [i, { model }] of this.#family.entries()) {
        const own = model.innovations;
        const out = errors[i]!;
        for (let slot = 0; slot < perDay; slot++)
          out[from + slot] = asItWas ? this.#one(own, day * perDay + slot) : this.#mixed(own, slot);
      }
    }
  }

  #one(own: Float64Array, at: number): number {
    const value = own[at]!;
    return Number.isNaN(value) ? normal(this.#rng) : value;
  }

  #mixed(own: Float64Array, slot: number): number {
    let sum = 0;
    let seen = 0;
    for (let i = 0; i < SUMMED_DAYS; i++) {
      const value = own[this.#picked[i]! * this.#perDay + slot]!;
      if (Number.isNaN(value)) continue;
      sum += this.#signs[i]! * value;
      seen++;
    }
    return seen < 5 ? normal(this.#rng) : sum / Math.sqrt(seen);
  }
}

/** One resampled reference and the days after it: what every chart reaches when the reference is estimated anew. */
function playOne(
  { model, direction }: CalibratedSeries,
  errors: Float64Array,
  growth: number,
  { first, reference, perDay }: CalibrationOptions,
  chance: number,
  { path, variance }: { readonly path: Float64Array; readonly variance: Float64Array },
): { maxima: number[]; last: number[] } {
  const { season, sampling, movement } = model;
  const { period, used } = season;
  const point = pick(movement.points, chance);
  const tau2 = (point.tau * movement.sensitivity) ** 2;
  const rho = perStep(point.rho, perDay);
  let state = 0;
  let spread = tau2;
  for (let t = 0; t < errors.length; t++) {
    const grown = t < reference ? 1 : 1 + ((growth - 1) * (t - reference)) / (errors.length - reference);
    const v =
      t < reference
        ? model.series.variance[t]! || sampling[(first + t) % period]!
        : sampling[(first + t) % period]! / grown;
    variance[t] = v;
    const total = spread + v;
    const error = Math.sqrt(total) * errors[t]!;
    path[t] = state + error;
    const gain = total > 0 ? spread / total : 0;
    state = rho * (state + gain * error);
    spread = rho * rho * spread * (1 - gain) + (1 - rho * rho) * tau2;
  }
  const levels = seasonLevels(season, path, new Float64Array(period));
  let squares = 0;
  let noise = 0;
  for (const t of used) {
    squares += (path[t]! - levels[(first + t) % period]!) ** 2;
    noise += variance[t]!;
  }
  const between = betweenWindows(squares / (used.length - season.solve.length), noise / used.length);
  const charts = CHARTS.map((shape) => createChart(shape, perDay));
  const maxima = CHARTS.map(() => 0);
  for (const t of used)
    for (const chart of charts) chart.learn(path[t]! - levels[(first + t) % period]!, variance[t]! + between);
  for (let t = reference; t < path.length; t++) {
    const residual = path[t]! - levels[(first + t) % period]!;
    for (const [c, chart] of charts.entries()) {
      chart.add(residual, variance[t]! + between);
      maxima[c] = Math.max(maxima[c]!, badness(direction, chart.z));
    }
  }
  return { maxima, last: charts.map((m) => m.z) };
}

function pick<T extends { readonly weight: number }>(points: readonly T[], chance: number): T {
  let sum = 0;
  for (const point of points) {
    sum += point.weight;
    if (chance < sum) return point;
  }
  return points.at(-1)!;
}

/** Box & Muller 1958. */
function normal(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}
