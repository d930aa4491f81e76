// Plays one monitor step by step from the end of its reference to now: alarms, the episode they open, and its proven end.

import type { MonitorDirection } from '../../core/monitor.ts';
import type { ChartLimit } from './calibrate.ts';
import { badness, CHARTS, type Chart, type ChartName, createChart } from './charts.ts';
import { type Onset, onsetOf } from './onset.ts';
import { perStep, type ReferenceModel } from './reference-model.ts';
import { hasRecovered, leftOver } from './shift-size.ts';
import { type TemplateFinding, templateRule } from './single-templates.ts';
import type { LaidSignal } from './standardise.ts';

/** A series with its model and the limits of its charts. */
export interface ChartedSeries {
  readonly model: ReferenceModel;
  readonly limits: readonly ChartLimit[];
}

interface Alarm {
  /** null = a single template. */
  readonly series: ChartedSeries | null;
  readonly chart: ChartName | 'template';
  readonly template: string | null;
  readonly sign: 1 | -1;
  /** z as a multiple of its limit: 1 or more is an alarm. */
  readonly strength: number;
}

/** An episode: opened by an alarm, closed when the series is shown to be back. Steps count from the start of the reference. */
export interface MonitorEpisode {
  readonly alarm: Alarm;
  readonly openedAt: number;
  /** null for a single template. */
  readonly onset: Onset | null;
  /** null = open. */
  readonly recoveredAt: number | null;
}

export interface Followed {
  readonly episodes: readonly MonitorEpisode[];
  readonly templates: readonly TemplateFinding[];
}

/** Part of an interval that reaches the smallest change that matters, in standard deviations. */
const NOT_WITHIN = 1.645;

interface Rules {
  readonly direction: MonitorDirection;
  readonly perDay: number;
  /** Monitors of the feature, for the level of new templates. */
  readonly comparisons: number;
}

export function followMonitor(
  laid: LaidSignal,
  whole: ChartedSeries,
  models: readonly ReferenceModel[],
  rules: Rules,
): Followed {
  const { perDay } = rules;
  const { model } = whole;
  const charts = warmCharts(model, laid, perDay);
  const judge = templateRule(laid, models, rules.comparisons);
  const episodes: MonitorEpisode[] = [];
  let templates: readonly TemplateFinding[] = [];
  let open: MonitorEpisode | null = null;
  /** Charts begin anew here after a recovery; no onset lies before it. */
  let start = laid.reference;
  for (let t = laid.reference; t < laid.steps; t++) {
    if (!Number.isNaN(model.series.residual[t])) {
      const residual = leftOver(model, laid.first, t);
      for (const chart of charts) chart.add(residual, model.series.variance[t]! + model.between);
    }
    templates = judge(t + 1);
    if (open === null) {
      const alarm = alarmOf(whole, charts, templates, rules.direction, t);
      if (alarm === null) continue;
      open = { alarm, openedAt: t, onset: onsetFor(laid, alarm, start, t, perDay), recoveredAt: null };
      episodes.push(open);
    } else if (isOver(open, laid, templates, t, perDay)) {
      episodes[episodes.length - 1] = { ...open, recoveredAt: t };
      open = null;
      start = t + 1;
      for (const chart of charts) chart.restart();
    }
  }
  return { episodes, templates };
}

function warmCharts(model: ReferenceModel, { first }: LaidSignal, perDay: number): readonly Chart[] {
  const charts = CHARTS.map((shape) => createChart(shape, perDay));
  for (const t of model.season.used)
    for (const chart of charts)
      chart.learn(leftOver(model, first, t), model.series.variance[t]! + model.between);
  return charts;
}

/** The strongest alarm of a step; null when there is none. */
function alarmOf(
  series: ChartedSeries,
  charts: readonly Chart[],
  templates: readonly TemplateFinding[],
  direction: MonitorDirection,
  step: number,
): Alarm | null {
  let best: Alarm | null = null;
  const { residual, change } = series.model.series;
  for (const [c, { name }] of CHARTS.entries()) {
    if (Number.isNaN(residual[step])) break;
    const chart = charts[c]!;
    const { limit, spread } = series.limits[c]!;
    const strength = badness(direction, chart.z) / limit;
    if (strength < 1 || strength <= (best?.strength ?? 0)) continue;
    const sign = chart.z > 0 ? 1 : -1;
    const reach = Math.abs(chart.value) + NOT_WITHIN * Math.max(1, spread) * chart.sd;
    // Detectable, and shown to be smaller than what matters.
    if (reach < (sign > 0 ? change.up : change.down)) continue;
    best = { series, chart: name, template: null, sign, strength };
  }
  if (best !== null) return best;
  const worse = templates.find((n) => n.worse);
  if (worse === undefined) return null;
  return { series: null, chart: 'template', template: worse.template, sign: worse.sign, strength: 1 };
}

function onsetFor(
  laid: LaidSignal,
  { series, sign }: Alarm,
  start: number,
  step: number,
  perDay: number,
): Onset | null {
  if (series === null) return null;
  const { model } = series;
  const { movement } = model;
  const steps = Array.from({ length: step + 1 - start }, (_, i) => start + i);
  const onset = onsetOf(
    steps.map((t) => leftOver(model, laid.first, t)),
    steps.map((t) => model.series.variance[t]! + model.between),
    step - start,
    sign,
    perStep(movement.correlation, perDay),
  );
  return { earliest: start + onset.earliest, best: start + onset.best, latest: start + onset.latest };
}

function isOver(
  { alarm, openedAt }: MonitorEpisode,
  laid: LaidSignal,
  templates: readonly TemplateFinding[],
  step: number,
  perDay: number,
): boolean {
  if (alarm.series === null) {
    const now = templates.find((n) => n.template === alarm.template);
    return now?.fine ?? false;
  }
  const place = { first: laid.first, perDay };
  return hasRecovered(alarm.series.model, place, openedAt + 1, step + 1, alarm.sign);
}
