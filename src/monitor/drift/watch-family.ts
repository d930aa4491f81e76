// The monitors of one feature together: calibrates their limits on the reference, and judges each at a time.

import type { Monitor, MonitorOutcome } from '../../core/monitor.ts';
import { type CalibratedSeries, type CalibrationOptions, type ChartLimit, calibrate } from './calibrate.ts';
import { type ChartedSeries, type Followed, followMonitor, type MonitorEpisode } from './follow-monitor.ts';
import { type MixReport, mixReport } from './mix-report.ts';
import { movedLevel } from './moments.ts';
import { modelReference, type ReferenceModel } from './reference-model.ts';
import { leftOver, shiftSize } from './shift-size.ts';
import { type Delay, reachOf, sightOf } from './sight.ts';
import type { TemplateFinding } from './single-templates.ts';
import { type LaidSignal, layOut, type Series, type WatchedSignal } from './standardise.ts';

const HOUR_MS = 3_600_000;
const REPLICATES = 2000;
const SEED = 20_260_401;
/** Templates named beside an episode moved by at least so many standard deviations. */
const AFFECTED_Z = 3;
/** Live windows without enough answers, in a row, before a monitor cannot tell. */
const GAP_STEPS = 1;
/** Days whose level is reported beside a quiet verdict. */
const RECENT_DAYS = 7;

/** Finds the limits of monitors that are calibrated together; by series, then by chart. */
export type Calibrator = (
  family: readonly CalibratedSeries[],
  options: CalibrationOptions,
) => readonly (readonly ChartLimit[])[];

interface WatchOptions {
  /** Now, in milliseconds since 1970. */
  readonly at: number;
  readonly replicates?: number | undefined;
  readonly seed?: number | undefined;
  /** Instead of a calibration at once: limits that were found before. */
  readonly calibrator?: Calibrator | undefined;
}

/** A readable level with its 90% interval. */
interface Level {
  readonly value: number;
  readonly interval: readonly [number, number];
}

/** A time range in milliseconds since 1970. */
interface Since {
  readonly earliest: number;
  readonly best: number;
  readonly latest: number;
}

interface Drift {
  readonly chart: string;
  /** Template that opened the episode; null = all together. */
  readonly template: string | null;
  readonly openedAt: number;
  /** null for a single template. */
  readonly since: Since | null;
  /** Readable level before and since; null when nothing was measured. */
  readonly from: number;
  readonly to: number | null;
  /** 90% interval of `to`. */
  readonly interval: readonly [number, number] | null;
  /** Templates that moved, largest change first, with their levels. */
  readonly affected: readonly {
    readonly template: string | null;
    readonly from: number;
    readonly to: number;
  }[];
  readonly event: 'opened' | 'still';
}

export interface MonitorVerdict {
  readonly monitor: string;
  readonly outcome: MonitorOutcome;
  /** Why it cannot tell; null otherwise. */
  readonly reason: 'reference' | 'gap' | 'not-begun' | 'blunt' | null;
  /** The open episode. */
  readonly drift: Drift | null;
  /** End of the window in which an earlier episode was shown to be over, when it is the last one. */
  readonly recoveredAt: number | null;
  readonly mix: MixReport | null;
  readonly templates: readonly TemplateFinding[];
  /** The smallest change that is found within 28 days 4 times in 5, on the scale of comparison; null when not known. */
  readonly reach: number | null;
  /** The same as readable levels, downwards and upwards from the reference. */
  readonly reachLevels: readonly [number, number] | null;
  /** How long it takes until a change of the smallest size that matters is found. */
  readonly delay: Delay | null;
  /** Readable level of the reference; null when the reference cannot be used. */
  readonly level: number | null;
  /** Level of the last days within templates, at the mix of the reference. */
  readonly recent: Level | null;
  /** End of the last judged window; null when none has ended since the reference. */
  readonly through: number | null;
  /** Answers of that window. */
  readonly answers: number | null;
  /** Earlier episodes that are over. */
  readonly closed: readonly { readonly openedAt: number; readonly recoveredAt: number }[];
  readonly episodes: readonly MonitorEpisode[];
}

interface FamilyVerdict {
  readonly monitors: readonly MonitorVerdict[];
  /** Of each monitor whose reference can be used, by chart. */
  readonly limits: readonly { readonly monitor: string; readonly charts: readonly ChartLimit[] }[];
}

interface Prepared {
  readonly signal: WatchedSignal;
  readonly laid: LaidSignal | null;
  readonly models: readonly ReferenceModel[];
}

/** Judges all monitors of one feature. Pure and deterministic: the same windows, time and seed give the same verdicts. */
export function watchFamily(signals: readonly WatchedSignal[], options: WatchOptions): FamilyVerdict {
  const prepared = signals.map((signal) => prepare(signal, options.at));
  const limits = limitsOf(prepared, options);
  return {
    monitors: prepared.map((p, i) => verdictOf(p, limits[i]!, signals.length)),
    limits: prepared.flatMap((p, i) =>
      p.models.length === 0 ? [] : [{ monitor: p.signal.monitor.name, charts: limits[i]! }],
    ),
  };
}

function prepare(signal: WatchedSignal, at: number): Prepared {
  const laid = layOut(signal, at);
  if (laid === null) return { signal, laid, models: [] };
  const frame = { first: laid.first, reference: laid.reference, perDay: 24 / laid.hours };
  const [whole, ...templates] = laid.series.map((s) => modelReference(s, frame));
  if (whole === undefined || whole === null) return { signal, laid, models: [] };
  return { signal, laid, models: [whole, ...templates.filter((m) => m !== null)] };
}

/** Monitors with the same reference and window are calibrated together; groups share the budget by their number of monitors. */
function limitsOf(
  prepared: readonly Prepared[],
  { replicates, seed, calibrator = calibrate }: WatchOptions,
): (readonly ChartLimit[])[] {
  const out: (readonly ChartLimit[])[] = prepared.map(() => []);
  const usable = prepared.flatMap((p, i) => (p.models.length > 0 ? [i] : []));
  const groups = new Map<string, number[]>();
  for (const i of usable) {
    const { reference, windowHours } = prepared[i]!.signal.monitor;
    const key = `${reference.from} ${reference.to} ${windowHours}`;
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  for (const members of groups.values()) {
    const { laid } = prepared[members[0]!]!;
    if (laid === null) continue;
    const family: CalibratedSeries[] = members.map((i) => ({
      model: prepared[i]!.models[0]!,
      direction: prepared[i]!.signal.monitor.direction,
    }));
    const limits = calibrator(family, {
      ...{ first: laid.first, reference: laid.reference, perDay: 24 / laid.hours },
      share: members.length / usable.length,
      replicates: replicates ?? REPLICATES,
      seed: seed ?? SEED,
    });
    for (const [at, i] of members.entries()) out[i] = limits[at]!;
  }
  return out;
}

function verdictOf(
  { signal, laid, models }: Prepared,
  limits: readonly ChartLimit[],
  comparisons: number,
): MonitorVerdict {
  const { name, direction } = signal.monitor;
  const model = models[0];
  const nothing = {
    ...{ drift: null, recoveredAt: null, mix: null, templates: [], reach: null, reachLevels: null },
    ...{ delay: null, level: null, recent: null, through: null, answers: null, closed: [], episodes: [] },
  };
  if (laid === null || model === undefined)
    return { monitor: name, outcome: 'cannot-tell', reason: 'reference', ...nothing };
  const perDay = 24 / laid.hours;
  const whole: ChartedSeries = { model, limits };
  const followed = followMonitor(laid, whole, models, { direction, perDay, comparisons });
  const last = followed.episodes.at(-1);
  const open = last !== undefined && last.recoveredAt === null ? last : null;
  const reach = reachOf(whole, perDay);
  const { level } = model.series;
  const moved = (by: number): number => movedLevel(signal.scale, level, by);
  const common = {
    monitor: name,
    drift: open === null ? null : driftOf(open, laid, models, followed),
    recoveredAt: last?.recoveredAt == null ? null : stepEnd(laid, last.recoveredAt),
    mix: mixReport(laid, model, laid.steps),
    templates: followed.templates,
    reach,
    reachLevels: [moved(-reach), moved(reach)] as const,
    delay: sightOf(whole, laid, perDay, direction),
    level,
    recent: recentLevel(laid, model, moved),
    ...(laid.steps === laid.reference
      ? { through: null, answers: null }
      : { through: stepEnd(laid, laid.steps - 1), answers: answersAt(laid, laid.steps - 1) }),
    closed: followed.episodes.flatMap(({ openedAt, recoveredAt }) =>
      recoveredAt === null
        ? []
        : [{ openedAt: stepEnd(laid, openedAt), recoveredAt: stepEnd(laid, recoveredAt) }],
    ),
    episodes: followed.episodes,
  };
  if (open !== null) return { ...common, outcome: 'drift', reason: null };
  const reason = unsure(laid, model.series, reach, direction);
  return { ...common, outcome: reason === null ? 'quiet' : 'cannot-tell', reason };
}

/** Why no alarm does not mean quiet. */
function unsure(
  { steps, reference }: LaidSignal,
  { residual, change }: Series,
  reach: number,
  direction: Monitor['direction'],
): MonitorVerdict['reason'] {
  if (steps === reference) return 'not-begun';
  const recent = residual.subarray(Math.max(reference, steps - GAP_STEPS), steps);
  if (recent.every((r) => Number.isNaN(r))) return 'gap';
  const matters =
    direction === 'up' ? change.up : direction === 'down' ? change.down : Math.min(change.up, change.down);
  return reach > matters ? 'blunt' : null;
}

function recentLevel(laid: LaidSignal, model: ReferenceModel, moved: (by: number) => number): Level | null {
  const perDay = 24 / laid.hours;
  const from = Math.max(laid.reference, laid.steps - RECENT_DAYS * perDay);
  const size = shiftSize(model, { first: laid.first, perDay }, from, laid.steps);
  return size === null ? null : { value: moved(size.shift), interval: [moved(size.low), moved(size.high)] };
}

function answersAt({ cells }: LaidSignal, step: number): number {
  return [...cells.values()].reduce((sum, row) => sum + (row[step]?.n ?? 0), 0);
}

function driftOf(
  { alarm, openedAt, onset }: MonitorEpisode,
  laid: LaidSignal,
  models: readonly ReferenceModel[],
  { templates }: Followed,
): Drift {
  const common = {
    chart: alarm.chart,
    template: alarm.template,
    openedAt: stepEnd(laid, openedAt),
    event: openedAt === laid.steps - 1 ? ('opened' as const) : ('still' as const),
  };
  if (alarm.series === null || onset === null) {
    const found = templates.find((n) => n.template === alarm.template);
    return {
      ...common,
      since: null,
      from: found?.comparedWith ?? laid.series[0]!.level,
      to: found?.level ?? null,
      interval: null,
      affected: [],
    };
  }
  const place = { first: laid.first, perDay: 24 / laid.hours };
  const start = (step: number): number => (laid.first + step) * laid.hours * HOUR_MS;
  const size = shiftSize(alarm.series.model, place, onset.best, laid.steps);
  const moved = (by: number, level: number): number => movedLevel(laid.signal.scale, level, by);
  const { level } = alarm.series.model.series;
  return {
    ...common,
    since: { earliest: start(onset.earliest), best: start(onset.best), latest: start(onset.latest) },
    from: level,
    to: size === null ? null : moved(size.shift, level),
    interval: size === null ? null : [moved(size.low, level), moved(size.high, level)],
    affected: models
      .slice(1)
      .flatMap((model) => {
        const { mean, z } = meanSince(model, laid, onset.best);
        return alarm.sign * z < AFFECTED_Z ? [] : [{ model, mean }];
      })
      .sort((a, b) => Math.abs(b.mean) - Math.abs(a.mean))
      .map(({ model: { series }, mean }) => ({
        template: series.template,
        from: series.level,
        to: moved(mean, series.level),
      })),
  };
}

function meanSince(model: ReferenceModel, laid: LaidSignal, from: number): { mean: number; z: number } {
  let sum = 0;
  let variance = 0;
  let n = 0;
  for (let t = from; t < laid.steps; t++) {
    const r = leftOver(model, laid.first, t);
    if (Number.isNaN(r)) continue;
    sum += r;
    variance += model.series.variance[t]! + model.between;
    n++;
  }
  return n === 0 ? { mean: 0, z: 0 } : { mean: sum / n, z: sum / Math.sqrt(variance) };
}

/** End of a step's window, in milliseconds since 1970. */
function stepEnd({ first, hours }: LaidSignal, step: number): number {
  return (first + step + 1) * hours * HOUR_MS;
}
