// Simulated traffic: six signals of a feature in windows of six hours by template, with sessions, season, growth and mix.

import type { Monitor } from '../../src/core/index.ts';
import type { DriftWindow, SignalScale, WatchedSignal } from '../../src/monitor/drift/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';

export const REFERENCE_DAYS = 28;
export const LIVE_DAYS = 90;
/** A change, where there is one, begins on this live day. */
export const CHANGE_DAY = 30;
const SLOTS = 4;
const SLOT_MS = 6 * 3_600_000;
const DAY_MS = 86_400_000;
/** 2026-01-05, a Monday. */
export const START = Date.UTC(2026, 0, 5);

export const SIGNALS = ['length', 'latency', 'judge', 'refusals', 'edits', 'completion'] as const;
export type SignalName = (typeof SIGNALS)[number];

interface SignalShape {
  readonly scale: SignalScale;
  readonly change: Monitor['change'];
  readonly direction: Monitor['direction'];
  /** Mean by template: of logarithms, of a score, or a share. */
  readonly levels: readonly number[];
  /** Standard deviation of one value within a template; 0 for shares. */
  readonly spread: number;
  /** Share of the answers for which it is known. */
  readonly known: number;
  /** Standard deviation of a day, on the scale of the level (shares: logit). */
  readonly day: number;
}

export const SHAPES: Readonly<Record<SignalName, SignalShape>> = {
  length: {
    ...{ scale: 'log', change: { kind: 'ratio', value: 0.1 }, direction: 'both', spread: 0.6 },
    ...{ levels: [5, 5.6, 6.2, 4.5], known: 1, day: 0.03 },
  },
  latency: {
    ...{ scale: 'log', change: { kind: 'ratio', value: 0.25 }, direction: 'up', spread: 0.5 },
    ...{ levels: [7, 7.4, 7.8, 6.8], known: 1, day: 0.08 },
  },
  judge: {
    ...{ scale: 'score', change: { kind: 'points', value: 0.04 }, direction: 'down', spread: 0.18 },
    ...{ levels: [0.85, 0.8, 0.75, 0.88], known: 0.1, day: 0.01 },
  },
  refusals: {
    ...{ scale: 'share', change: { kind: 'points', value: 0.01 }, direction: 'up', spread: 0 },
    ...{ levels: [0.006, 0.01, 0.018, 0.01], known: 1, day: 0.15 },
  },
  edits: {
    ...{ scale: 'share', change: { kind: 'points', value: 0.04 }, direction: 'up', spread: 0 },
    ...{ levels: [0.18, 0.16, 0.28, 0.24], known: 0.4, day: 0.08 },
  },
  completion: {
    ...{ scale: 'share', change: { kind: 'points', value: 0.04 }, direction: 'down', spread: 0 },
    ...{ levels: [0.92, 0.9, 0.85, 0.93], known: 0.5, day: 0.1 },
  },
};

const TEMPLATES = ['summary', 'reply', 'report', 'title'] as const;
const NEW_TEMPLATE = 'translate';

/** What nothing-changed looks like. Multiples are of the signals' own day-to-day scatter. */
export interface World {
  readonly name: string;
  readonly answersPerDay: number;
  /** Correlation of a day with the next. */
  readonly correlation: number;
  /** Multiple of the signals' own scatter of days. */
  readonly scatter: number;
  /** Level by weekday (Monday first) and by quarter of the day, in scatters. */
  readonly week: readonly number[];
  readonly quarters: readonly number[];
  /** Traffic by weekday and quarter of the day. */
  readonly traffic: { readonly week: readonly number[]; readonly quarters: readonly number[] };
  /** Traffic on the last live day, as a multiple of the first. */
  readonly growth: number;
  /** Shares of the templates on a live day; negative days are the reference. */
  readonly mix: (day: number) => readonly number[];
  /** Degrees of freedom of a day's shock; Infinity = normal. */
  readonly tails: number;
  /** Share of quarters of a day in which the provider is slow and refuses more. */
  readonly badQuarters: number;
}

/** A change on or after `CHANGE_DAY`: added to the level (shares: to the share itself) by signal, template and days since. */
export interface Change {
  readonly name: string;
  /** The monitor that should say so. */
  readonly signals: readonly SignalName[];
  readonly effect: (signal: SignalName, template: number, days: number) => number;
  /** Share of a new template from `CHANGE_DAY` on, and its levels where they are not those of `reply`. */
  readonly added?: { readonly share: number; readonly levels: Partial<Record<SignalName, number>> };
}

/** Windows by signal, and the true means of each day for rivals that need single answers. */
export interface Stream {
  readonly signals: readonly (WatchedSignal & { readonly name: SignalName })[];
}

export function drawStream(
  world: World,
  change: Change | null,
  seed: number,
  windowHours: 6 | 24 = 24,
): Stream {
  const rng = new Mt19937(seed);
  const days = REFERENCE_DAYS + LIVE_DAYS;
  const windows = new Map<SignalName, DriftWindow[]>(SIGNALS.map((s) => [s, []]));
  const names = [...TEMPLATES, NEW_TEMPLATE];
  const sessions = new Map(SIGNALS.map((s) => [s, names.map(() => new Session(world, rng))]));
  const shared = new Session(world, rng);
  const common = new Map(SIGNALS.map((s) => [s, new Session(world, rng)]));
  for (let day = 0; day < days; day++) {
    const live = day - REFERENCE_DAYS;
    const since = live - CHANGE_DAY;
    const mix = [...world.mix(live), 0];
    const added = since >= 0 ? (change?.added ?? null) : null;
    const shares = mix.map((m, k) => (added === null ? m : k === 4 ? added.share : m * (1 - added.share)));
    for (let slot = 0; slot < SLOTS; slot++) {
      const at = START + day * DAY_MS + slot * SLOT_MS;
      const traffic =
        (world.answersPerDay *
          (world.traffic.week[day % 7] ?? 1) *
          (world.traffic.quarters[slot] ?? 1) *
          (1 + ((world.growth - 1) * Math.max(0, live)) / LIVE_DAYS)) /
        SLOTS;
      const season = (world.week[day % 7] ?? 0) + (world.quarters[slot] ?? 0);
      const bad = rng.next() < world.badQuarters;
      const mood = shared.next(slot);
      const moods = new Map(SIGNALS.map((s) => [s, common.get(s)!.next(slot)]));
      for (const [k, template] of names.entries()) {
        const n = poisson(rng, traffic * (shares[k] ?? 0));
        for (const name of SIGNALS) {
          const shape = SHAPES[name];
          const own = sessions.get(name)![k]!.next(slot);
          // Half of the variance is common to all templates, a part of that to all signals.
          const noise = 0.35 * mood + 0.65 * moods.get(name)! + 0.65 * own;
          const hit = bad && (name === 'latency' || name === 'refusals') ? 3 : 0;
          const moved = shape.day * (world.scatter * noise + season + hit);
          const effect = change !== null && since >= 0 && k < 4 ? change.effect(name, k, since) : 0;
          const base = k < 4 ? shape.levels[k]! : (added?.levels[name] ?? shape.levels[1]!);
          const answers = shape.known === 1 ? n : binomial(rng, n, shape.known);
          if (answers === 0) continue;
          windows
            .get(name)!
            .push({ at, template, moments: drawMoments(rng, shape, answers, base, effect, moved) });
        }
      }
    }
  }
  const reference = { from: START, to: START + REFERENCE_DAYS * DAY_MS };
  return {
    signals: SIGNALS.map((name) => ({
      name,
      scale: SHAPES[name].scale,
      windows: windows.get(name)!,
      monitor: {
        ...{ name, windowHours, reference, settleHours: 0 },
        ...{ change: SHAPES[name].change, direction: SHAPES[name].direction },
      },
    })),
  };
}

function drawMoments(
  rng: Mt19937,
  shape: SignalShape,
  n: number,
  base: number,
  effect: number,
  moved: number,
) {
  if (shape.scale === 'share') {
    const level = Math.min(0.999, Math.max(0.0005, base + effect));
    const sum = binomial(rng, n, 1 / (1 + Math.exp(-(Math.log(level / (1 - level)) + moved))));
    return { n, sum, squares: sum };
  }
  const mean = base + effect + moved;
  const drawn = mean + (shape.spread / Math.sqrt(n)) * normal(rng);
  const scatter = n * shape.spread ** 2 * (n > 1 ? 1 - normal(rng) * Math.sqrt(2 / n) * 0.5 : 0);
  return { n, sum: n * drawn, squares: n * drawn * drawn + Math.max(0, scatter) };
}

/** Mood of a day that carries over to the next, in standard deviations. */
class Session {
  readonly #rng: Mt19937;
  readonly #world: World;
  #value: number;

  constructor(world: World, rng: Mt19937) {
    this.#rng = rng;
    this.#world = world;
    this.#value = this.#shock();
  }

  next(slot: number): number {
    const { correlation } = this.#world;
    // Without correlation a day is drawn anew; otherwise it moves on by quarters.
    if (correlation === 0) {
      if (slot === 0) this.#value = this.#shock();
    } else {
      const step = correlation ** (1 / SLOTS);
      this.#value = step * this.#value + Math.sqrt(1 - step * step) * this.#shock();
    }
    return this.#value;
  }

  #shock(): number {
    const { tails } = this.#world;
    const z = normal(this.#rng);
    if (!Number.isFinite(tails)) return z;
    let chi = 0;
    for (let i = 0; i < tails; i++) chi += normal(this.#rng) ** 2;
    return (z / Math.sqrt(chi / tails)) * Math.sqrt((tails - 2) / tails);
  }
}

export function normal(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

function poisson(rng: Mt19937, mean: number): number {
  if (mean <= 0) return 0;
  if (mean > 40) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(rng)));
  const limit = Math.exp(-mean);
  let count = -1;
  for (let p = 1; p > limit; p *= rng.next()) count++;
  return Math.max(0, count);
}

function binomial(rng: Mt19937, n: number, p: number): number {
  if (p > 0.5) return n - binomial(rng, n, 1 - p);
  if (n * p > 40)
    return Math.min(n, Math.max(0, Math.round(n * p + Math.sqrt(n * p * (1 - p)) * normal(rng))));
  // Inversion (Devroye 1986).
  const ratio = p / (1 - p);
  let mass = (1 - p) ** n;
  let u = rng.next();
  let x = 0;
  while (u > mass && x < n) {
    u -= mass;
    mass *= (ratio * (n - x)) / (x + 1);
    x++;
  }
  return x;
}
