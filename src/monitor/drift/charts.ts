// The charts of a series: two compare the last days with the days before, two compare smoothed means with the reference.

import type { MonitorDirection } from '../../core/monitor.ts';

/**
 * `jump` and `step` see a sudden change however much the level wanders: the last two windows, or the last four days, against a moving
 * average of the time before. A jump must show in both windows, or be outrageous in one. `days` and `weeks` see what stays or grows slowly: moving averages against the reference (EWMA; Roberts 1959).
 */
export const CHARTS = [
  { name: 'jump', kind: 'contrast', days: null, weight: 0.2 },
  { name: 'step', kind: 'contrast', days: 4, weight: 0.2 },
  { name: 'days', kind: 'level', weight: 0.35 },
  { name: 'weeks', kind: 'level', weight: 0.08 },
] as const;
export type ChartName = (typeof CHARTS)[number]['name'];
type ChartShape = (typeof CHARTS)[number];

/** The reference warms a contrast up before its scatter is measured. */
const WARM_UP_DAYS = 5;
const TWO = 2;
/** One window counts by this part where two are wanted: single bad days are common. */
const ALONE = 1 / 2.2;
/** A scatter as if days were independent, worth so many days. */
const PRIOR_DAYS = 5;

/** One chart, step by step. Values are means of residuals; z is standardised, and the limits know what correlation does to it. */
export interface Chart {
  /** A step of the reference; only contrasts learn from it. */
  learn(residual: number, variance: number): void;
  add(residual: number, variance: number): void;
  /** Begins anew after a recovery. */
  restart(): void;
  readonly value: number;
  readonly sd: number;
  readonly z: number;
}

export function createChart(shape: ChartShape, perDay: number): Chart {
  const weight = 1 - (1 - shape.weight) ** (1 / perDay);
  return shape.kind === 'level'
    ? new LevelChart(weight)
    : new ContrastChart(shape.days === null ? TWO : shape.days * perDay, weight, perDay, shape.days === null);
}

class LevelChart implements Chart {
  readonly weight: number;
  value = 0;
  variance = 0;

  constructor(weight: number) {
    this.weight = weight;
  }

  learn(): void {}

  add(residual: number, variance: number): void {
    const w = this.weight;
    this.value += w * (residual - this.value);
    this.variance = (1 - w) * (1 - w) * this.variance + w * w * variance;
  }

  restart(): void {
    this.value = 0;
    this.variance = 0;
  }

  get sd(): number {
    return Math.sqrt(this.variance);
  }

  get z(): number {
    return this.variance > 0 ? this.value / Math.sqrt(this.variance) : 0;
  }
}

class ContrastChart implements Chart {
  /** Steps that are not yet part of the average, in a ring. */
  readonly recent: Float64Array;
  readonly variances: Float64Array;
  readonly perDay: number;
  readonly before: LevelChart;
  seen = 0;
  squares = 0;
  measured = 0;
  value = 0;
  variance = 0;

  /** The weakest window counts, rather than their mean. */
  readonly each: boolean;

  constructor(steps: number, weight: number, perDay: number, each: boolean) {
    this.each = each;
    this.recent = new Float64Array(steps);
    this.variances = new Float64Array(steps);
    this.before = new LevelChart(weight);
    this.perDay = perDay;
  }

  learn(residual: number, variance: number): void {
    this.add(residual, variance);
    if (this.seen <= this.recent.length + WARM_UP_DAYS * this.perDay || this.variance === 0) return;
    this.squares += (this.value * this.value) / this.variance;
    this.measured++;
  }

  add(residual: number, variance: number): void {
    const size = this.recent.length;
    const at = this.seen % size;
    if (this.seen >= size) this.before.add(this.recent[at]!, this.variances[at]!);
    this.recent[at] = residual;
    this.variances[at] = variance;
    this.seen++;
    if (this.seen <= size) return;
    let sum = 0;
    let total = 0;
    for (let i = 0; i < size; i++) {
      sum += this.recent[i]!;
      total += this.variances[i]!;
    }
    const before = this.before.value;
    if (this.each) {
      this.value = this.#weakest(residual, before);
      this.variance = total / size + this.before.variance;
    } else {
      this.value = sum / size - before;
      this.variance = total / (size * size) + this.before.variance;
    }
  }

  /** The window nearest to the average before when all lie on one side of it, or a part of the newest when that is more. */
  #weakest(newest: number, before: number): number {
    const last = newest - before;
    const sign = last < 0 ? -1 : 1;
    let least = Number.POSITIVE_INFINITY;
    for (const value of this.recent) least = Math.min(least, sign * (value - before));
    return sign * Math.max(least, ALONE * Math.abs(last));
  }

  restart(): void {
    this.before.restart();
    this.seen = 0;
    this.value = 0;
    this.variance = 0;
  }

  get sd(): number {
    const prior = PRIOR_DAYS * this.perDay;
    return Math.sqrt((this.variance * (this.squares + prior)) / (this.measured + prior));
  }

  get z(): number {
    return this.variance > 0 ? this.value / this.sd : 0;
  }
}

/** z in the direction that is bad. */
export function badness(direction: MonitorDirection, z: number): number {
  return direction === 'up' ? z : direction === 'down' ? -z : Math.abs(z);
}
