// What others do on the same streams: fixed thresholds, a test each day, and an EWMA chart that takes days for independent.

import { addMoments, type Moments, NO_MOMENTS } from '../../src/monitor/drift/moments.ts';
import { ks2, Mt19937, normalSf } from '../../src/stats/index.ts';
import { LIVE_DAYS, normal, REFERENCE_DAYS, SHAPES, type SignalName, START, type Stream } from './streams.ts';

const DAY_MS = 86_400_000;

/** First live day on which a rule raises an alarm, by signal; missing = never. */
export type Alarms = ReadonlyMap<SignalName, number>;

export const RIVALS = {
  '±10% of the reference mean, each day': fixedThreshold,
  'KS or proportion test each day, p < 0.05': dailyTest,
  'EWMA 0.2, 3 sigma, days independent': (stream: Stream) => ewma(stream, 3),
  'EWMA 0.2, limit tuned on the tuning worlds': (stream: Stream) => ewma(stream, TUNED_LIMIT),
} as const;
export type RivalName = keyof typeof RIVALS;

/** Found with `--tune-ewma`: at most 5% false alarms in 90 days over the tuning worlds together. */
export const TUNED_LIMIT = 8.5;

function fixedThreshold(stream: Stream): Alarms {
  return firstDays(stream, ({ name }, reference, day) => {
    const level = (m: Moments): number =>
      SHAPES[name].scale === 'log' ? Math.exp(m.sum / m.n) : m.sum / m.n;
    const before = level(reference.reduce(addMoments, NO_MOMENTS));
    return Math.abs(level(day) / before - 1) > 0.1;
  });
}

/** Two-sample Kolmogorov-Smirnov on single answers for numbers, a two-proportion z for shares. */
function dailyTest(stream: Stream, seed: number): Alarms {
  const rng = new Mt19937(seed);
  const samples = new Map<SignalName, number[]>();
  return firstDays(stream, ({ name }, reference, day) => {
    const all = reference.reduce(addMoments, NO_MOMENTS);
    if (SHAPES[name].scale === 'share') {
      const pooled = (all.sum + day.sum) / (all.n + day.n);
      const sd = Math.sqrt(pooled * (1 - pooled) * (1 / all.n + 1 / day.n));
      return 2 * normalSf(Math.abs(all.sum / all.n - day.sum / day.n) / sd) < 0.05;
    }
    let before = samples.get(name);
    if (before === undefined) {
      before = answers(rng, all, 1000);
      samples.set(name, before);
    }
    return ks2(before, answers(rng, day, 500), 'asymptotic').p < 0.05;
  });
}

/** Single answers with the mean and the spread of these sums. */
function answers(rng: Mt19937, { n, sum, squares }: Moments, most: number): number[] {
  const mean = sum / n;
  const sd = Math.sqrt(Math.max(0, squares / n - mean * mean));
  return Array.from({ length: Math.min(n, most) }, () => mean + sd * normal(rng));
}

export function ewma(stream: Stream, limit: number): Alarms {
  const weight = 0.2;
  const states = new Map<SignalName, { value: number; mean: number; sd: number }>();
  return firstDays(stream, ({ name }, reference, day) => {
    let state = states.get(name);
    if (state === undefined) {
      const levels = reference.map((m) => m.sum / m.n);
      const mean = levels.reduce((s, x) => s + x, 0) / levels.length;
      const sd = Math.sqrt(levels.reduce((s, x) => s + (x - mean) ** 2, 0) / (levels.length - 1));
      state = { value: mean, mean, sd };
      states.set(name, state);
    }
    state.value += weight * (day.sum / day.n - state.value);
    return Math.abs(state.value - state.mean) > limit * state.sd * Math.sqrt(weight / (2 - weight));
  });
}

function firstDays(
  { signals }: Stream,
  alarms: (signal: { readonly name: SignalName }, reference: readonly Moments[], day: Moments) => boolean,
): Alarms {
  const found = new Map<SignalName, number>();
  for (const signal of signals) {
    const days = Array.from({ length: REFERENCE_DAYS + LIVE_DAYS }, () => NO_MOMENTS);
    for (const { at, moments } of signal.windows) {
      const day = Math.floor((at - START) / DAY_MS);
      days[day] = addMoments(days[day] ?? NO_MOMENTS, moments);
    }
    const reference = days.slice(0, REFERENCE_DAYS);
    for (let d = 0; d < LIVE_DAYS; d++) {
      const day = days[REFERENCE_DAYS + d]!;
      if (day.n === 0 || !alarms(signal, reference, day) || found.has(signal.name)) continue;
      found.set(signal.name, d);
    }
  }
  return found;
}
