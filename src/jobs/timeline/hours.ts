// The hours of a feature before and within a timeline: counts by hour and template, and which releases and models answered.

import type { ObservationStore } from '../../core/index.ts';
import { DAY_MS, HOUR_MS, OTHER_VALUE, type WindowCounts } from '../../core/observation.ts';
import type { CountedAnswers } from '../../monitor/drift/index.ts';
import { addCounts } from '../../monitor/window-counts.ts';

/** How long the usual is learnt from, at most and at least. */
const USUAL_DAYS = 28;
const LEAST_DAYS = 14;
/** Templates that are kept apart, those with most answers first; the rest counts as one. */
const MOST_TEMPLATES = 40;

export interface Hours {
  readonly from: number;
  readonly to: number;
  /** Start of the usual, a whole day; null = too few days before. */
  readonly usualFrom: number | null;
  /** By hour and template, before and within the timeline. */
  readonly windows: readonly CountedAnswers[];
  /** All answers of each hour within the timeline. */
  readonly series: ReadonlyMap<number, WindowCounts>;
  /** Hours in which each release answered, oldest first, from the start of the usual on. */
  readonly releases: ReadonlyMap<string, readonly number[]>;
}

export async function readHours(
  store: ObservationStore,
  feature: string,
  from: number,
  to: number,
): Promise<Hours> {
  const first = Math.floor(from / DAY_MS) * DAY_MS - USUAL_DAYS * DAY_MS;
  const { templates, oldest } = await largestTemplates(store, feature, first, to);
  const usualFrom = Math.max(first, Math.ceil(oldest / DAY_MS) * DAY_MS);
  const windows = new Map<string, { start: number; template: string | null; counts: WindowCounts }>();
  const series = new Map<number, WindowCounts>();
  const releases = new Map<string, number[]>();
  for await (const { start, dimensions, counts } of store.windows({
    ...{ feature, from: first, to, span: 'hour' },
  })) {
    const { template, release } = dimensions;
    const group = templates.has(template) ? template : OTHER_VALUE;
    const key = `${start} ${JSON.stringify([group])}`;
    const window = windows.get(key) ?? { start, template: group, counts: new Map() };
    windows.set(key, window);
    addCounts(window.counts, counts);
    if (release !== null) {
      const hours = releases.get(release) ?? [];
      if (hours.at(-1) !== start) hours.push(start);
      releases.set(release, hours);
    }
    if (start < from) continue;
    const all = series.get(start) ?? new Map<string, number>();
    series.set(start, all);
    addCounts(all, counts);
  }
  return {
    ...{ from, to, series, releases },
    usualFrom: from - usualFrom >= LEAST_DAYS * DAY_MS ? usualFrom : null,
    windows: [...windows.values()],
  };
}

async function largestTemplates(
  store: ObservationStore,
  feature: string,
  from: number,
  to: number,
): Promise<{ readonly templates: ReadonlySet<string | null>; readonly oldest: number }> {
  const answers = new Map<string | null, number>();
  let oldest = to;
  for await (const { start, dimensions, counts } of store.windows({ feature, from, to, span: 'any' })) {
    oldest = Math.min(oldest, start);
    const { template } = dimensions;
    answers.set(template, (answers.get(template) ?? 0) + (counts.get('n') ?? 0));
  }
  const largest = [...answers].sort((a, b) => b[1] - a[1]).slice(0, MOST_TEMPLATES);
  return { templates: new Set(largest.map(([template]) => template)), oldest };
}

/** The same windows, longer. */
export function windowsOf(windows: readonly CountedAnswers[], hours: number): readonly CountedAnswers[] {
  if (hours === 1) return windows;
  const stepMs = hours * HOUR_MS;
  const merged = new Map<string, { start: number; template: string | null; counts: WindowCounts }>();
  for (const { start, template, counts } of windows) {
    const step = Math.floor(start / stepMs) * stepMs;
    const key = `${step} ${JSON.stringify([template])}`;
    const window = merged.get(key) ?? { start: step, template, counts: new Map() };
    merged.set(key, window);
    addCounts(window.counts, counts);
  }
  return [...merged.values()];
}
