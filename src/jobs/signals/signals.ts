// lastgood signals: what a feature's production looks like, beside the same time before.

import {
  type CountedWindow,
  DAY_MS,
  type Dimension,
  HOUR_MS,
  type ObservationStore,
  type WindowCounts,
} from '../../core/observation.ts';
import type { SignalGroup, SignalReport, SignalValue, SignalWindow } from '../../core/signals.ts';
import { timeRange } from '../../engine/production/time-range.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import { LEXICAL } from '../../monitor/lexical-embedding.ts';
import { type EventsOnly, eventsOnly, servedModelsOf, signalsOf } from '../../monitor/signal-values.ts';
import { VectorSums } from '../../monitor/vector-sums.ts';
import { addCounts } from '../../monitor/window-counts.ts';

export interface SignalsInput {
  readonly feature: string;
  readonly now: Date;
  /** How far back, or since when. */
  readonly since: number | Date;
  readonly by: Dimension | null;
}

const MOST_GROUPS = 50;
/** Vectors of one time: enough for a centroid, few enough for a second. */
const MOST_VECTORS = 20_000;
/** Up to this long a report has hourly windows, daily ones beyond. */
const HOURLY_MS = 2 * DAY_MS;

/** One time of one group. */
interface Tally {
  readonly counts: WindowCounts;
  readonly vectors: VectorSums;
}

const emptyTally = (): Tally => ({ counts: new Map(), vectors: new VectorSums() });

/** Reads windows that are up to date. Throws `NO_FEATURE` or `SINCE_RANGE`. */
export async function signalsJob(store: ObservationStore, input: SignalsInput): Promise<SignalReport> {
  const { from, to } = timeRange(input.now, input.since);
  const beforeFrom = from - (to - from);
  const { feature, by } = input;
  const now = new Map<string, Tally>();
  const before = new Map<string, Tally>();
  const windowMs = to - from <= HOURLY_MS ? HOUR_MS : DAY_MS;
  const series = new Map<number, WindowCounts>();
  const names = new Map<string, string | null>();
  const tallyOf = (into: Map<string, Tally>, dimensions: CountedWindow['dimensions']): readonly Tally[] => {
    const keys = ['all', ...(by === null ? [] : [keyOf(dimensions[by])])];
    if (by !== null) names.set(keyOf(dimensions[by]), dimensions[by]);
    return keys.map((key) => {
      const tally = into.get(key) ?? emptyTally();
      into.set(key, tally);
      return tally;
    });
  };
  for (const [into, start, end] of [
    [before, beforeFrom, from],
    [now, from, to],
  ] as const) {
    const span = windowMs === HOUR_MS && into === now ? 'hour' : 'any';
    for await (const w of store.windows({ feature, from: start, to: end, span })) {
      for (const tally of tallyOf(into, w.dimensions)) addCounts(tally.counts, w.counts);
      if (into !== now) continue;
      const slot = Math.floor(w.start / windowMs) * windowMs;
      const counts = series.get(slot) ?? new Map<string, number>();
      addCounts(counts, w.counts);
      series.set(slot, counts);
    }
    for await (const { dimensions, vector } of store.vectors({
      feature,
      from: start,
      to: end,
      most: MOST_VECTORS,
    }))
      for (const tally of tallyOf(into, dimensions)) tally.vectors.add(vector);
  }
  if (now.size + before.size === 0) await mustExist(store, feature);
  const only = eventsOnly(...[now, before].flatMap((m) => [...m.values()].map((t) => t.counts)));
  const keys = [...now.keys()]
    .filter((key) => key !== 'all')
    .sort((a, b) => count(now.get(b)) - count(now.get(a)) || (a < b ? -1 : 1));
  const groupOf = (key: string): SignalGroup => {
    const tally = now.get(key) ?? emptyTally();
    const earlier = before.get(key);
    return {
      key: key === 'all' || by === null ? {} : { [by]: names.get(key) ?? null },
      observations: count(tally),
      signals: [...signalsOf(tally.counts, only), ...embeddingSignals(tally.vectors, earlier?.vectors)],
      before:
        earlier === undefined || count(earlier) === 0
          ? null
          : [...signalsOf(earlier.counts, only), ...embeddingSignals(earlier.vectors, undefined)],
      servedModels: servedModelsOf(tally.counts),
    };
  };
  return {
    feature,
    from: iso(from),
    to: iso(to),
    beforeFrom: iso(beforeFrom),
    by,
    groups: ['all', ...keys.slice(0, MOST_GROUPS)].map(groupOf),
    moreGroups: Math.max(0, keys.length - MOST_GROUPS),
    windowMs,
    windows: [...series].sort(([a], [b]) => a - b).map(([start, counts]) => windowOf(start, counts, only)),
    embedding: LEXICAL,
  };
}

const keyOf = (name: string | null): string => JSON.stringify([name]);
const count = (tally: Tally | undefined): number => tally?.counts.get('n') ?? 0;
const iso = (ms: number): string => new Date(ms).toISOString();

function windowOf(start: number, counts: WindowCounts, only: EventsOnly): SignalWindow {
  const values = signalsOf(counts, only).flatMap(({ signal, value }) =>
    value === null ? [] : [[signal, value] as const],
  );
  return { start: iso(start), observations: counts.get('n') ?? 0, values: Object.fromEntries(values) };
}

function embeddingSignals(vectors: VectorSums, before: VectorSums | undefined): SignalValue[] {
  const plain = {
    unit: 'distance',
    of: 'sample',
    interval: null,
    error: 0,
    lagging: false,
    partial: false,
  } as const;
  return [
    {
      ...plain,
      signal: 'embedding-shift',
      value: before === undefined ? null : vectors.shiftFrom(before),
      n: vectors.n,
    },
    { ...plain, signal: 'embedding-spread', value: vectors.spread(), n: vectors.n },
  ];
}
