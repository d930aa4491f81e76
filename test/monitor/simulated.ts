// Small streams with a known truth for the tests of monitors.

import type { Monitor } from '../../src/core/index.ts';
import type { DriftWindow, Moments, SignalScale, WatchedSignal } from '../../src/monitor/drift/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';

export const DAY = 86_400_000;
export const START = Date.UTC(2026, 0, 5);
export const REFERENCE_DAYS = 28;

export const dayAt = (live: number): number => START + (REFERENCE_DAYS + live) * DAY;

export function normal(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

interface Shape {
  readonly name?: string;
  readonly scale?: SignalScale;
  readonly change?: Monitor['change'];
  readonly direction?: Monitor['direction'];
  readonly days: number;
  readonly referenceDays?: number;
  readonly templates?: readonly string[];
  /** null = no answers. Day 0 is the first live day. */
  readonly cell: (live: number, template: string) => Moments | null;
}

export function watched(shape: Shape): WatchedSignal {
  const { referenceDays = REFERENCE_DAYS, templates = ['a'] } = shape;
  const windows: DriftWindow[] = [];
  for (let live = -referenceDays; live < shape.days; live++)
    for (const template of templates) {
      const moments = shape.cell(live, template);
      if (moments !== null) windows.push({ at: dayAt(live) + 3_600_000, template, moments });
    }
  return {
    scale: shape.scale ?? 'score',
    windows,
    monitor: {
      ...{ name: shape.name ?? 'judge', windowHours: 24, settleHours: 0 },
      change: shape.change ?? { kind: 'points', value: 0.05 },
      direction: shape.direction ?? 'down',
      reference: { from: dayAt(-referenceDays), to: dayAt(0) },
    },
  };
}

/** Moments of `n` values around `mean`, whose own mean strays as chance has it. */
export function scores(rng: Mt19937, n: number, mean: number, spread = 0.15): Moments {
  const drawn = mean + (spread / Math.sqrt(n)) * normal(rng);
  return { n, sum: n * drawn, squares: n * (drawn * drawn + spread * spread) };
}
