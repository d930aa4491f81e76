// What a monitor can see: the smallest change that it finds in four weeks, and how long it needs for the change that matters.

import type { MonitorDirection } from '../../core/monitor.ts';
import { CHARTS, createChart } from './charts.ts';
import type { ChartedSeries } from './follow-monitor.ts';
import { leftOver } from './shift-size.ts';
import type { LaidSignal } from './standardise.ts';

/** Standard normal quantile of 80% power. */
const POWER_Z = 0.842;
/** Days within which a change is to be found. */
const SIGHT_DAYS = 28;

/** Days until a change of the smallest size that matters is found 4 times in 5, upwards and downwards; null = not within 28. */
export interface Delay {
  readonly up: number | null;
  readonly down: number | null;
}

/** The least shift that one of the charts finds within 28 days with 80% probability, from what a chart's z would then be. */
export function reachOf({ model, limits }: ChartedSeries, perDay: number): number {
  const one = windowVariance(model);
  return Math.min(
    ...CHARTS.map((shape, c) => {
      const w = 1 - (1 - shape.weight) ** (1 / perDay);
      const average = w / (2 - w);
      const { limit, spread } = limits[c]!;
      const sd =
        shape.kind === 'level'
          ? Math.sqrt(one * average)
          : // A contrast's own scatter is not known here; correlation makes it smaller rather than larger.
            Math.sqrt(one * (average + (shape.days === null ? 1 : 1 / (shape.days * perDay))));
      return (limit + POWER_Z * spread) * sd;
    }),
  );
}

/** Delays for the smallest change that matters, as the charts follow a step of that size without noise. */
export function sightOf(
  whole: ChartedSeries,
  laid: LaidSignal,
  perDay: number,
  direction: MonitorDirection,
): Delay {
  const { change } = whole.model.series;
  return {
    up: direction === 'down' ? null : delayOf(whole, laid, perDay, change.up),
    down: direction === 'up' ? null : delayOf(whole, laid, perDay, change.down),
  };
}

function delayOf(
  { model, limits }: ChartedSeries,
  laid: LaidSignal,
  perDay: number,
  shift: number,
): number | null {
  const one = windowVariance(model);
  const charts = CHARTS.map((shape) => {
    const chart = createChart(shape, perDay);
    // The reference teaches a contrast its scatter; calm days then take its noise out of the average.
    for (const t of model.season.used)
      chart.learn(leftOver(model, laid.first, t), model.series.variance[t]! + model.between);
    for (let t = 0; t < SIGHT_DAYS * perDay; t++) chart.add(0, one);
    return chart;
  });
  for (let t = 1; t <= SIGHT_DAYS * perDay; t++) {
    for (const chart of charts) chart.add(shift, one);
    const found = charts.some((chart, c) => chart.z >= limits[c]!.limit + POWER_Z * limits[c]!.spread);
    if (found) return t / perDay;
  }
  return null;
}

/** Variance of one window of usual size. */
function windowVariance({ sampling, between }: ChartedSeries['model']): number {
  return sampling.reduce((s, v) => s + v, 0) / sampling.length + between;
}
