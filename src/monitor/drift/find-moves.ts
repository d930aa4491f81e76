// Which stretches of a signal left their usual level, and when each began: for a timeline, without a monitor.

import { normalQuantile } from '../../stats/normal.ts';
import { studentTQuantile } from '../../stats/student-t.ts';
import { movedLevel } from './moments.ts';
import { modelReference, type ReferenceModel } from './reference-model.ts';
import { leftOver } from './shift-size.ts';
import { type LaidSignal, layOut, type WatchedSignal } from './standardise.ts';

const HOUR_MS = 3_600_000;
/** Chance that a timeline on which nothing moved names any move. */
const ALPHA = 0.05;
/** Moves of one signal that are looked for. */
const MOST_MOVES = 3;
/** Fall of twice the log likelihood within which the change lies, 95% (Hansen 2000: a change point has no chi-square). */
const RANGE = 7.35;

/** A stretch off the usual level. Times in milliseconds since 1970. */
export interface SignalMove {
  readonly start: number;
  /** The change began between these. */
  readonly earliest: number;
  readonly latest: number;
  /** null = it lasts until the end of the timeline. */
  readonly end: number | null;
  /** Readable levels at the mix of the reference. */
  readonly from: number;
  readonly to: number;
  /** On the scale of comparison. */
  readonly shift: number;
  /** Answers of the stretch. */
  readonly answers: number;
}

interface Moves {
  readonly moves: readonly SignalMove[];
  /** The usual level. */
  readonly level: number;
}

/**
 * Stretches after the reference whose mean differs from the usual profile of hours and weekdays by more than chance and the movement
 * of ordinary days explain. `signals` = how many are looked at together: they share the chance of a false move. null = the time before
 * does not show what is usual.
 */
export function findMoves(signal: WatchedSignal, at: number, signals: number): Moves | null {
  const laid = layOut(signal, at);
  if (laid === null) return null;
  const perDay = 24 / laid.hours;
  const [whole] = laid.series;
  if (whole === undefined) return null;
  const model = modelReference(whole, { first: laid.first, reference: laid.reference, perDay });
  if (model === null) return null;
  const sums = prefixSums(laid, model);
  const bar = barOf(laid, model, signals);
  const found: Stretch[] = [];
  search(sums, bar, { from: 0, to: laid.steps - laid.reference }, found);
  return {
    level: model.series.level,
    moves: found
      .slice(0, MOST_MOVES)
      .map((stretch) => moveOf(laid, model, sums, stretch))
      .sort((a, b) => a.start - b.start),
  };
}

interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Sums of residual / variance and of 1 / variance up to each live step. */
interface Sums {
  readonly residual: Float64Array;
  readonly weight: Float64Array;
}

function prefixSums(laid: LaidSignal, model: ReferenceModel): Sums {
  const n = laid.steps - laid.reference;
  const [residual, weight] = [new Float64Array(n + 1), new Float64Array(n + 1)];
  for (let i = 0; i < n; i++) {
    const t = laid.reference + i;
    const value = leftOver(model, laid.first, t);
    const variance = model.series.variance[t]! + model.between;
    const known = !Number.isNaN(value);
    residual[i + 1] = residual[i]! + (known ? value / variance : 0);
    weight[i + 1] = weight[i]! + (known ? 1 / variance : 0);
  }
  return { residual, weight };
}

/** The least difference that counts, squared, for a stretch of this weight and of so many steps. */
type Bar = (weight: number, steps: number) => number;

/**
 * Days move on their own, so a stretch counts as the mean of its correlated days, at a level for all days (the spread of days is
 * estimated, hence t); what sampling adds is held to a level for all stretches.
 */
function barOf({ reference, steps, hours }: LaidSignal, { movement }: ReferenceModel, signals: number): Bar {
  const perDay = 24 / hours;
  const n = Math.max(1, steps - reference);
  const days = Math.max(1, n / perDay);
  const known = reference / perDay;
  const memory = (1 + movement.correlation) / (1 - movement.correlation);
  const ofDays = (length: number): number => Math.min(1, memory / Math.max(1, length));
  const day = movement.sd * movement.sensitivity;
  const t = studentTQuantile(1 - ALPHA / 4 / signals / days, Math.max(4, known - 8));
  const z = normalQuantile(1 - ALPHA / 4 / signals / ((n * (n + 1)) / 2));
  return (weight, length) => (t * day) ** 2 * (ofDays(length / perDay) + ofDays(known)) + (z * z) / weight;
}

/** The likeliest stretch within a part, then those before and after it. */
function search(sums: Sums, bar: Bar, part: Stretch, found: Stretch[]): void {
  if (found.length >= MOST_MOVES) return;
  const best = likeliest(sums, bar, part);
  if (best === null) return;
  found.push(best);
  search(sums, bar, { from: part.from, to: best.from }, found);
  search(sums, bar, { from: best.to, to: part.to }, found);
}

function likeliest({ residual, weight }: Sums, bar: Bar, part: Stretch): Stretch | null {
  let best: Stretch | null = null;
  let most = 0;
  for (let from = part.from; from < part.to; from++)
    for (let to = from + 1; to <= part.to; to++) {
      const w = weight[to]! - weight[from]!;
      if (w <= 0) continue;
      const s = residual[to]! - residual[from]!;
      const gain = (s * s) / w;
      if (gain <= most || (s / w) ** 2 < bar(w, to - from)) continue;
      [most, best] = [gain, { from, to }];
    }
  return best === null ? null : widest(residual, weight, best, part);
}

/** The likeliest edges of a stretch, also where the whole is not as far off as its middle: a move that lasts has no end. */
function widest(residual: Float64Array, weight: Float64Array, { from, to }: Stretch, part: Stretch): Stretch {
  const gain = (a: number, b: number): number => {
    const w = weight[b]! - weight[a]!;
    return w <= 0 ? 0 : (residual[b]! - residual[a]!) ** 2 / w;
  };
  let [start, end] = [from, to];
  for (let b = to + 1; b <= part.to; b++) if (gain(start, b) >= gain(start, end)) end = b;
  // An end that the data does not show is none.
  if (gain(start, part.to) >= gain(start, end) - RANGE) end = part.to;
  for (let a = from - 1; a >= part.from; a--) if (gain(a, end) > gain(start, end)) start = a;
  return { from: start, to: end };
}

function moveOf(laid: LaidSignal, model: ReferenceModel, sums: Sums, { from, to }: Stretch): SignalMove {
  const n = laid.steps - laid.reference;
  const { residual, weight } = sums;
  const gain = (start: number): number => {
    const w = weight[to]! - weight[start]!;
    return w <= 0 ? 0 : (residual[to]! - residual[start]!) ** 2 / w;
  };
  const near = Array.from({ length: to }, (_, i) => i).filter((i) => gain(i) >= gain(from) - RANGE);
  const time = (step: number): number => (laid.first + laid.reference + step) * laid.hours * HOUR_MS;
  const shift = (residual[to]! - residual[from]!) / (weight[to]! - weight[from]!);
  const { level } = model.series;
  let answers = 0;
  for (const row of laid.cells.values())
    for (let i = from; i < to; i++) answers += row[laid.reference + i]?.n ?? 0;
  return {
    start: time(from),
    earliest: time(near[0] ?? from),
    // It may have begun at any time of its first window.
    latest: time((near.at(-1) ?? from) + 1),
    end: to === n ? null : time(to),
    ...{ from: level, to: movedLevel(laid.signal.scale, level, shift), shift, answers },
  };
}
