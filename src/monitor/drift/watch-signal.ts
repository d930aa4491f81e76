// From counted windows of production to what a monitor watches: the sums of its signal by window and template.

import type { Monitor } from '../../core/monitor.ts';
import type { Moments, SignalScale } from './moments.ts';
import type { DriftWindow, WatchedSignal } from './standardise.ts';

/** Counts of one window by name: `X` hits, `X.n` known, `X.s` sum, `X.q` sum of squares, `X:B` values in bucket B. */
export interface CountedAnswers {
  readonly start: number;
  readonly template: string | null;
  readonly counts: ReadonlyMap<string, number>;
}

interface CountRules {
  /** The value that stands for a bucket. */
  readonly bucketValue: (bucket: number) => number;
  /** Facts that are only sent when they are true, by their count: for them silence means no. */
  readonly eventsOnly: ReadonlySet<string>;
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

/**
 * What a monitor watches. A `p50` is watched by the geometric mean, which uses every value. A `p95` is watched by the share of answers
 * above the reference's p95 of their template: 5% in the reference by construction. null when the signal cannot be watched.
 */
export function watchSignal(
  monitor: Monitor,
  windows: readonly CountedAnswers[],
  rules: CountRules,
): WatchedSignal | null {
  const reader = readerOf(monitor.signal);
  if (reader === null) return null;
  if (reader.kind === 'tail') return watchTail(monitor, reader.name, windows, rules);
  const scale = SCALES[reader.kind];
  return {
    ...{ monitor, scale },
    windows: windows.flatMap(({ start, template, counts }): DriftWindow[] => {
      const moments = momentsOfCounts(reader, counts, rules);
      return moments.n > 0 ? [{ at: start, template, moments }] : [];
    }),
  };
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
  rules: CountRules,
): Moments {
  const at = (name: string): number => counts.get(name) ?? 0;
  switch (reader.kind) {
    case 'share': {
      const { hits } = reader;
      const n = OF_ALL.has(hits) || rules.eventsOnly.has(hits) ? at('n') : at(`${hits}.n`);
      return { n, sum: at(hits), squares: at(hits) };
    }
    case 'score':
      return { n: at(`${reader.name}.n`), sum: at(`${reader.name}.s`), squares: at(`${reader.name}.q`) };
    case 'per-unit':
      return { n: at(reader.units), sum: at(reader.sum), squares: 0 };
    default: {
      let [n, sum, squares] = [0, 0, 0];
      for (const [value, count] of valuesOf(reader.name, counts, rules)) {
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
function valuesOf(
  name: string,
  counts: ReadonlyMap<string, number>,
  { bucketValue }: CountRules,
): (readonly [number, number])[] {
  return [...counts].flatMap(([key, count]) =>
    key.startsWith(`${name}:`)
      ? [[Math.max(SMALLEST, bucketValue(Number(key.slice(name.length + 1)))), count] as const]
      : [],
  );
}

function watchTail(
  monitor: Monitor,
  name: string,
  windows: readonly CountedAnswers[],
  rules: CountRules,
): WatchedSignal {
  const { from, to } = monitor.reference;
  const reference = new Map<string | null, (readonly [number, number])[]>();
  for (const { start, template, counts } of windows) {
    if (start < from || start >= to) continue;
    const list = reference.get(template) ?? [];
    reference.set(template, list.concat(valuesOf(name, counts, rules)));
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
      const values = valuesOf(name, counts, rules);
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
