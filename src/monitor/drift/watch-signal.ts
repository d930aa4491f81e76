// From counted windows of production to what a monitor watches: the sums of its signal by window and template.

import type { Monitor } from '../../core/monitor.ts';
import { bucketValue } from '../../stats/log-histogram.ts';
import { type EventsOnly, eventsOnly } from '../signal-values.ts';
import type { Moments, SignalScale } from './moments.ts';
import type { DriftWindow, WatchedSignal } from './standardise.ts';

/** What is needed of a monitor; a timeline has windows of other lengths. */
export type WatchedMonitor = Omit<Monitor, 'windowHours'> & { readonly windowHours: number };

/** Counts of one window by name: `X` hits, `X.n` known, `X.s` sum, `X.q` sum of squares, `X:B` values in bucket B. */
export interface CountedAnswers {
  readonly start: number;
  readonly template: string | null;
  readonly counts: ReadonlyMap<string, number>;
}

type Reader =
  | { readonly kind: 'share'; readonly hits: string }
  | { readonly kind: 'score'; readonly name: string }
  | { readonly kind: 'per-unit'; readonly sum: string; readonly units: string }
  | { readonly kind: 'middle' | 'tail'; readonly name: string };

const READERS: Readonly<Record<string, Reader>> = {
  errors: { kind: 'share', hits: 'failed' },
  'schema-failures': { kind: 'share', hits: 'schema' },
  blocks: { kind: 'share', hits: 'blocked' },
  refusals: { kind: 'share', hits: 'refusal' },
  edits: { kind: 'share', hits: 'edited' },
  overrides: { kind: 'share', hits: 'overridden' },
  dismissals: { kind: 'share', hits: 'dismissed' },
  retries: { kind: 'share', hits: 'retried' },
  restarts: { kind: 'share', hits: 'restarted' },
  abandonment: { kind: 'share', hits: 'abandoned' },
  'manual-path': { kind: 'share', hits: 'manual_path' },
  complaints: { kind: 'share', hits: 'complaint' },
  'review-rejection': { kind: 'share', hits: 'rejected' },
  completion: { kind: 'share', hits: 'completed' },
  'edit-distance': { kind: 'score', name: 'edit' },
  'output-tokens': { kind: 'per-unit', sum: 'tokens.s', units: 'tokens.n' },
  'cost-per-call': { kind: 'per-unit', sum: 'cost.s', units: 'cost.n' },
  'cost-per-completed': { kind: 'per-unit', sum: 'completed.cost', units: 'completed' },
  'length.p50': { kind: 'middle', name: 'length' },
  'length.p95': { kind: 'tail', name: 'length' },
  'latency.p50': { kind: 'middle', name: 'latency' },
  'latency.p95': { kind: 'tail', name: 'latency' },
};

/** Counts that are per answer rather than per known outcome. */
const OF_ALL = new Set(['failed']);
const P95 = 0.95;
const HOUR_MS = 3_600_000;
/** None of so many expected outcomes comes by chance in one window of 20,000. */
const EXPECTED_OUTCOMES = 10;
/** Smaller lengths and latencies count as this: one character, one millisecond. */
const SMALLEST = 1;

function readerOf(signal: string): Reader | null {
  if (signal.startsWith('judge-score:'))
    return { kind: 'score', name: `score/${signal.slice('judge-score:'.length)}` };
  if (signal.startsWith('kpi:')) {
    const name = `kpi/${signal.slice('kpi:'.length)}`;
    return { kind: 'per-unit', sum: `${name}.s`, units: `${name}.n` };
  }
  return Object.hasOwn(READERS, signal) ? (READERS[signal] ?? null) : null;
}

/** Does this signal read the count of this name? The others need not be kept. */
export function readsCount(signal: string): (name: string) => boolean {
  const reader = readerOf(signal);
  if (reader === null) return () => false;
  const wanted = plainCounts(reader);
  return (name) => wanted.includes(name) || (hasBuckets(reader) && name.startsWith(`${reader.name}:`));
}

function hasBuckets(reader: Reader): reader is Extract<Reader, { readonly kind: 'middle' | 'tail' }> {
  return reader.kind === 'middle' || reader.kind === 'tail';
}

function plainCounts(reader: Reader): readonly string[] {
  switch (reader.kind) {
    case 'share':
      return ['n', 'outcome', reader.hits, `${reader.hits}.n`];
    case 'score':
      return ['n', 's', 'q'].map((part) => `${reader.name}.${part}`);
    case 'per-unit':
      return [reader.sum, reader.units];
    case 'middle':
    case 'tail':
      return [];
  }
}

/** Answers of the reference, and those after it. */
function partsOf(
  { reference: { from, to } }: Pick<Monitor, 'reference'>,
  windows: readonly CountedAnswers[],
): { readonly reference: readonly CountedAnswers[]; readonly live: readonly CountedAnswers[] } {
  return {
    reference: windows.filter(({ start }) => start >= from && start < to),
    live: windows.filter(({ start }) => start >= to),
  };
}

/**
 * Was a fact that the reference only has when it is true also sent as `false` since then? Its share then has another base, and the two
 * times cannot be compared.
 */
export function hasOtherBase(monitor: WatchedMonitor, windows: readonly CountedAnswers[]): boolean {
  const reader = readerOf(monitor.signal);
  if (reader?.kind !== 'share') return false;
  const { reference, live } = partsOf(monitor, windows);
  if (!eventsOnly(...reference.map((w) => w.counts)).has(reader.hits)) return false;
  const total = (name: string): number => live.reduce((sum, w) => sum + (w.counts.get(name) ?? 0), 0);
  return total(`${reader.hits}.n`) > total(reader.hits);
}

/**
 * What a monitor watches. A `p50` is watched by the geometric mean, which uses every value. A `p95` is watched by the share of answers
 * above the reference's p95 of their template: 5% in the reference by construction. null when the signal cannot be watched.
 */
export function watchSignal(
  monitor: WatchedMonitor,
  windows: readonly CountedAnswers[],
): WatchedSignal | null {
  const reader = readerOf(monitor.signal);
  if (reader === null) return null;
  if (reader.kind === 'tail') return watchTail(monitor, reader.name, windows);
  const scale = SCALES[reader.kind];
  const only = eventsOnly(...partsOf(monitor, windows).reference.map((w) => w.counts));
  const silent =
    reader.kind === 'share' && only.has(reader.hits) ? silentSteps(monitor, windows) : new Set<number>();
  return {
    ...{ monitor, scale },
    windows: windows.flatMap(({ start, template, counts }): DriftWindow[] => {
      if (silent.has(stepOf(monitor, start))) return [];
      const moments = momentsOfCounts(reader, counts, only);
      return moments.n > 0 ? [{ at: start, template, moments }] : [];
    }),
  };
}

function stepOf({ windowHours }: WatchedMonitor, at: number): number {
  return Math.floor(at / (windowHours * HOUR_MS));
}

/**
 * Windows in which outcomes were expected and none came. Where silence means no, a source of outcomes that stopped would look like a
 * share of 0.
 */
function silentSteps(monitor: WatchedMonitor, windows: readonly CountedAnswers[]): ReadonlySet<number> {
  const sum = (list: readonly CountedAnswers[], name: string): number =>
    list.reduce((total, w) => total + (w.counts.get(name) ?? 0), 0);
  const { reference } = partsOf(monitor, windows);
  const usual = sum(reference, 'outcome') / Math.max(1, sum(reference, 'n'));
  const bySteps = Map.groupBy(windows, (w) => stepOf(monitor, w.start));
  return new Set(
    [...bySteps]
      .filter(([, list]) => sum(list, 'outcome') === 0 && usual * sum(list, 'n') >= EXPECTED_OUTCOMES)
      .map(([step]) => step),
  );
}

const SCALES: Readonly<Record<Exclude<Reader['kind'], 'tail'>, SignalScale>> = {
  share: 'share',
  score: 'score',
  'per-unit': 'ratio',
  middle: 'log',
};

function momentsOfCounts(
  reader: Exclude<Reader, { readonly kind: 'tail' }>,
  counts: ReadonlyMap<string, number>,
  only: EventsOnly,
): Moments {
  const at = (name: string): number => counts.get(name) ?? 0;
  switch (reader.kind) {
    case 'share': {
      const { hits } = reader;
      const n = OF_ALL.has(hits) || only.has(hits) ? at('n') : at(`${hits}.n`);
      return { n, sum: at(hits), squares: at(hits) };
    }
    case 'score':
      return { n: at(`${reader.name}.n`), sum: at(`${reader.name}.s`), squares: at(`${reader.name}.q`) };
    case 'per-unit':
      return { n: at(reader.units), sum: at(reader.sum), squares: 0 };
    default: {
      let [n, sum, squares] = [0, 0, 0];
      for (const [value, count] of valuesOf(reader.name, counts)) {
        const ln = Math.log(value);
        n += count;
        sum += count * ln;
        squares += count * ln * ln;
      }
      return { n, sum, squares };
    }
  }
}

/** Values of buckets with their counts. */
function valuesOf(name: string, counts: ReadonlyMap<string, number>): (readonly [number, number])[] {
  return [...counts].flatMap(([key, count]) =>
    key.startsWith(`${name}:`)
      ? [[Math.max(SMALLEST, bucketValue(Number(key.slice(name.length + 1)))), count] as const]
      : [],
  );
}

function watchTail(monitor: WatchedMonitor, name: string, windows: readonly CountedAnswers[]): WatchedSignal {
  const reference = new Map<string | null, (readonly [number, number])[]>();
  for (const { template, counts } of partsOf(monitor, windows).reference) {
    const list = reference.get(template) ?? [];
    reference.set(template, list.concat(valuesOf(name, counts)));
  }
  const limits = new Map([...reference].map(([template, values]) => [template, quantileOf(values, P95)]));
  const every = [...reference.values()].flat();
  // A template that the reference does not know is held against all of them together.
  const common = quantileOf(every, P95);
  const above = (
    values: readonly (readonly [number, number])[],
    template: string | null,
    times: number,
  ): Moments => {
    const limit = (limits.get(template) ?? common) / times;
    const n = values.reduce((sum, [, count]) => sum + count, 0);
    const hits = values.reduce((sum, [value, count]) => sum + (value > limit ? count : 0), 0);
    return { n, sum: hits, squares: hits };
  };
  const share = (times: number): number => {
    const all = [...reference].map(([template, values]) => above(values, template, times));
    return (
      all.reduce((s, m) => s + m.sum, 0) /
      Math.max(
        1,
        all.reduce((s, m) => s + m.n, 0),
      )
    );
  };
  // If every value were larger by the change that matters, so many more would lie above the limit.
  const change = Math.max(0.001, share(1 + monitor.change.value) - share(1));
  return {
    monitor: { ...monitor, change: { kind: 'points', value: change } },
    scale: 'share',
    windows: windows.flatMap(({ start, template, counts }): DriftWindow[] => {
      const values = valuesOf(name, counts);
      return values.length > 0 ? [{ at: start, template, moments: above(values, template, 1) }] : [];
    }),
  };
}

/** The value below which the share q of the counts lies; 0 without any. */
function quantileOf(values: readonly (readonly [number, number])[], q: number): number {
  const sorted = [...values].sort((a, b) => a[0] - b[0]);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [value, count] of sorted) {
    below += count;
    if (below >= q * total) return value;
  }
  return 0;
}
