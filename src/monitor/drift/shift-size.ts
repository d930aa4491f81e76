// How far a series moved since a step, with an interval; and the proof that it has come back.

import { meanOf } from '../../stats/numeric.ts';
import { mixtureCdf, mixtureQuantile, type NoiseMixture, runDifference } from '../../stats/run-variance.ts';
import type { ReferenceModel } from './reference-model.ts';

export interface ShiftSize {
  /** On the scale of comparison. */
  readonly shift: number;
  readonly low: number;
  readonly high: number;
}

const CONFIDENCE = 0.9;
/** Chance that an episode that goes on is ever called recovered. */
const RECOVERY_ALPHA = 0.05;
/** Days that are compared with the reference together; each window spends an equal part. */
const RECOVERY_DAYS = [2, 4, 8, 16, 28] as const;
/** Over 90 days a moving mean of so many days is worth at most this many independent ones. */
const INDEPENDENT_LOOKS: Readonly<Record<(typeof RECOVERY_DAYS)[number], number>> = {
  2: 70,
  4: 50,
  8: 28,
  16: 16,
  28: 10,
};
/** The first 90 days spend this share of the error, each later stretch the same share of what is left. */
const FIRST_SHARE = 0.8;
const STRETCH_DAYS = 90;
/** Windows this detectably off the reference have not come back, however small the difference. */
const STILL_OFF = 0.05;

/** Residual of a live step, with the profile of the week taken out. */
export function leftOver(model: ReferenceModel, first: number, step: number): number {
  return model.series.residual[step]! - model.levels[(first + step) % model.season.period]!;
}

interface Place {
  readonly first: number;
  readonly perDay: number;
}

/** Mean of the steps from `from` to `to` (not included) with the noise it has while nothing changes. null without a value. */
function meanOver(model: ReferenceModel, { first, perDay }: Place, from: number, to: number) {
  const steps: number[] = [];
  for (let t = from; t < to; t++) if (!Number.isNaN(model.series.residual[t])) steps.push(t);
  if (steps.length === 0) return null;
  const { used } = model.season;
  const variances = (list: ArrayLike<number>): number[] =>
    Array.from({ length: list.length }, (_, i) => model.series.variance[list[i]!]!);
  const sampling = meanOf(variances(steps)) / steps.length + meanOf(variances(used)) / used.length;
  const days = (list: ArrayLike<number>): number[] =>
    Array.from({ length: list.length }, (_, i) => list[i]! / perDay);
  return {
    shift: meanOf(steps.map((t) => leftOver(model, first, t))),
    noise: (): NoiseMixture => runDifference(model.movement, sampling, days(used), days(steps)),
    steps: steps.length,
  };
}

export function shiftSize(model: ReferenceModel, place: Place, from: number, to: number): ShiftSize | null {
  const mean = meanOver(model, place, from, to);
  if (mean === null) return null;
  const half = mixtureQuantile(mean.noise(), (1 + CONFIDENCE) / 2);
  return { shift: mean.shift, low: mean.shift - half, high: mean.shift + half };
}

/**
 * Has the series come back? Shown when some stretch of the last days is no further off on the bad side than the smallest change that
 * matters, at a level that is spent over the episode, and is not detectably off. `opened` is the step after the one that opened it.
 */
export function hasRecovered(
  model: ReferenceModel,
  place: Place,
  opened: number,
  now: number,
  sign: 1 | -1,
): boolean {
  const margin = sign > 0 ? model.series.change.up : model.series.change.down;
  const day = Math.floor((now - opened) / place.perDay);
  const spent = FIRST_SHARE * (1 - FIRST_SHARE) ** Math.floor(day / STRETCH_DAYS);
  return RECOVERY_DAYS.some((window) => {
    const steps = window * place.perDay;
    if (now - opened < steps) return false;
    const mean = meanOver(model, place, now - steps, now);
    // A window with gaps proves nothing.
    if (mean === null || mean.steps < 0.75 * steps) return false;
    const bad = sign * mean.shift;
    if (bad >= margin) return false;
    const level = (RECOVERY_ALPHA * spent) / RECOVERY_DAYS.length / INDEPENDENT_LOOKS[window];
    const noise = mean.noise();
    return mixtureCdf(noise, bad - margin) <= level && mixtureCdf(noise, -bad) > STILL_OFF;
  });
}
