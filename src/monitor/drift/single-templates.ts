// Single templates: is a new one worse than the worst one that the reference knows, and has a known one broken?

import { studentTQuantile } from '../../stats/student-t.ts';
import { HORIZON_DAYS } from './calibrate.ts';
import {
  addMoments,
  comparable,
  comparableChange,
  movedLevel,
  NO_MOMENTS,
  readable,
  withinVariance,
} from './moments.ts';
import type { ReferenceModel } from './reference-model.ts';
import { leftOver } from './shift-size.ts';
import { type LaidSignal, LEAST_ANSWERS } from './standardise.ts';

/** Chance of any false alarm about single templates in 90 days; the charts of all templates together have the rest of 5%. */
const TEMPLATE_BUDGET = 0.005;
/** New templates that the budget allows for, beside the known ones. */
const NEW_TEMPLATES = 5;
/** Days of a template that are judged together. */
const NEW_DAYS = 7;
const KNOWN_DAYS = 2;

export interface TemplateFinding {
  readonly template: string | null;
  readonly isNew: boolean;
  /** Answers of its last days. */
  readonly answers: number;
  /** Readable level of its last days, and what it is compared with: its own reference, or the worst template of the reference. */
  readonly level: number;
  readonly comparedWith: number;
  /** 1 = the direction is upwards. */
  readonly sign: 1 | -1;
  /** Detectably worse, by at least the smallest change that matters. */
  readonly worse: boolean;
  /** Shown to be worse by less than that change. */
  readonly fine: boolean;
}

/**
 * A rule that judges each template on its last days before `end`. Nothing is calibrated here: days count as one draw of the template's
 * own movement, at a level that bounds all comparisons of 90 days (Bonferroni), with the t quantile of the reference's days.
 * `comparisons`: monitors of the feature. `models`: all templates together first, then single ones.
 */
export function templateRule(
  laid: LaidSignal,
  models: readonly ReferenceModel[],
  comparisons: number,
): (end: number) => readonly TemplateFinding[] {
  const perDay = 24 / laid.hours;
  const templates = models.slice(1);
  const looks = HORIZON_DAYS * perDay * comparisons * (NEW_TEMPLATES + 2 * templates.length);
  const limit = studentTQuantile(1 - TEMPLATE_BUDGET / looks, Math.max(4, laid.reference / perDay - 8));
  return (end) => [
    ...templates.flatMap((model) => judgeKnown(laid, model, end, limit)),
    ...judgeNew(laid, models, end, limit),
  ];
}

/** Variance of a day's own movement. */
function movementOf({ movement: { sd, sensitivity } }: ReferenceModel): number {
  return (sd * sensitivity) ** 2;
}

function judgeKnown(laid: LaidSignal, model: ReferenceModel, end: number, limit: number): TemplateFinding[] {
  const { scale, monitor } = laid.signal;
  const { series } = model;
  const from = Math.max(laid.reference, end - (KNOWN_DAYS * 24) / laid.hours);
  let sum = 0;
  let sampling = 0;
  let n = 0;
  let answers = 0;
  for (let t = from; t < end; t++) {
    const r = leftOver(model, laid.first, t);
    if (Number.isNaN(r)) continue;
    sum += r;
    sampling += series.variance[t]!;
    answers += laid.cells.get(series.template)?.[t]?.n ?? 0;
    n++;
  }
  if (n === 0) return [];
  const mean = sum / n;
  const sign = monitor.direction === 'both' ? (mean < 0 ? -1 : 1) : monitor.direction === 'up' ? 1 : -1;
  // Twice: the reference's level is an estimate as well, and moves with its days.
  const sd = Math.sqrt(sampling / (n * n) + 2 * movementOf(model));
  const change = sign > 0 ? series.change.up : series.change.down;
  const shift = sign * mean;
  return [
    {
      ...{ template: series.template, isNew: false, answers, sign, comparedWith: series.level },
      level: movedLevel(scale, series.level, mean),
      worse: shift >= change && shift >= limit * sd,
      fine: shift + limit * sd < change,
    },
  ];
}

function judgeNew(
  laid: LaidSignal,
  models: readonly ReferenceModel[],
  end: number,
  limit: number,
): readonly TemplateFinding[] {
  const { scale, monitor } = laid.signal;
  if (monitor.direction === 'both') return [];
  const sign = monitor.direction === 'up' ? 1 : -1;
  const at = (n: number, sum: number): number => comparable(scale, n, sum);
  const worst = laid.known.reduce((a, b) =>
    sign * at(b.total.n, b.total.sum) > sign * at(a.total.n, a.total.sum) ? b : a,
  );
  const worstLevel = at(worst.total.n, worst.total.sum);
  const change = comparableChange(scale, monitor.change.value, worst.level, sign);
  // Nothing is known about the days of a new template. The largest one is measured best; twice its variance leaves room.
  const between = 2 * movementOf(models[1] ?? models[0]!);
  return laid.unseen.flatMap((template) => {
    const row = laid.cells.get(template) ?? [];
    const now = row
      .slice(Math.max(laid.reference, end - (NEW_DAYS * 24) / laid.hours), end)
      .reduce(addMoments, NO_MOMENTS);
    if (now.n < LEAST_ANSWERS || (scale === 'ratio' && !(now.sum > 0))) return [];
    const sampling = scale === 'share' ? 1 / (4 * now.n + 2) : withinVariance(scale, now, change) / now.n;
    const sd = Math.sqrt(sampling + between);
    const value = at(now.n, now.sum);
    const shift = sign * (value - worstLevel);
    return [
      {
        ...{ template, isNew: true, answers: now.n, sign },
        ...{ level: readable(scale, value), comparedWith: worst.level },
        worse: shift >= change && shift >= limit * sd,
        fine: shift + limit * sd < change,
      },
    ];
  });
}
