// Reads the stored windows that the monitors of a feature need: counts by window and template or segment, and no more than they use.

import type { CountedWindow, Monitor, ObservationStore } from '../../core/index.ts';
import { DAY_MS, HOUR_MS, type WindowCounts } from '../../core/observation.ts';
import { type CountedAnswers, readsCount } from '../../monitor/drift/index.ts';
import { addCounts } from '../../monitor/window-counts.ts';

/** Windows of one monitor from the start of its reference to `at`. */
export type MonitorWindows = ReadonlyMap<Monitor, readonly CountedAnswers[]>;

interface Gathered {
  readonly monitor: Monitor;
  readonly reads: (name: string) => boolean;
  readonly windows: Map<
    string,
    { readonly start: number; readonly template: string | null; readonly counts: WindowCounts }
  >;
}

/** Monitors of whole days are read from the counts of days, which are fewer; the others from those of hours. */
export async function monitorWindows(
  store: ObservationStore,
  feature: string,
  monitors: readonly Monitor[],
  at: number,
): Promise<MonitorWindows> {
  const found = new Map<Monitor, readonly CountedAnswers[]>();
  const to = Math.floor(at / HOUR_MS) * HOUR_MS;
  for (const span of ['any', 'hour'] as const) {
    const group = monitors.filter(({ windowHours }) => (windowHours === 24) === (span === 'any'));
    if (group.length === 0) continue;
    const gathered = group.map(
      (monitor): Gathered => ({ monitor, reads: readsCount(monitor.signal), windows: new Map() }),
    );
    const from = Math.min(...group.map(({ reference }) => reference.from));
    for await (const window of store.windows({ feature, from: Math.min(from, to), to, span }))
      for (const one of gathered) gather(one, window);
    for (const { monitor, windows } of gathered) found.set(monitor, [...windows.values()]);
  }
  return found;
}

function gather({ monitor, reads, windows }: Gathered, { start, dimensions, counts }: CountedWindow): void {
  if (start < monitor.reference.from) return;
  if (monitor.segment !== null && dimensions.segment !== monitor.segment) return;
  const stepMs = monitor.windowHours === 24 ? DAY_MS : monitor.windowHours * HOUR_MS;
  const step = Math.floor(start / stepMs) * stepMs;
  const template = dimensions[monitor.by];
  const key = `${step} ${JSON.stringify([template])}`;
  let window = windows.get(key);
  if (window === undefined) {
    window = { start: step, template, counts: new Map() };
    windows.set(key, window);
  }
  addCounts(window.counts, new Map([...counts].filter(([name]) => reads(name))));
}
