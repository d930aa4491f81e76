// Counts of windows → signals. Every signal is known by one name here; the counts are described in window-counts.ts.

import type { WindowCounts } from '../core/observation.ts';
import type { SignalBase, SignalValue } from '../core/signals.ts';
import { bucketQuantile, QUANTILE_ERROR } from '../stats/log-histogram.ts';
import { wilson } from '../stats/proportion.ts';
import { NANO } from './window-counts.ts';

/** Facts that some applications only send when they are true. */
export const USER_EVENTS = [
  ['overrides', 'overridden'],
  ['dismissals', 'dismissed'],
  ['retries', 'retried'],
  ['restarts', 'restarted'],
  ['abandonment', 'abandoned'],
  ['manual-path', 'manual_path'],
  ['complaints', 'complaint'],
] as const;

/** Facts of which `false` was never seen: their share is of all observations, since silence means no. */
export type EventsOnly = ReadonlySet<string>;

/**
 * Which facts are only ever sent when true, by all counts of a feature. Decided once, so that two times are read alike. A fact that was
 * never sent is not among them: nothing is known of it.
 */
export function eventsOnly(...counts: readonly ReadonlyMap<string, number>[]): EventsOnly {
  const total = (name: string): number => counts.reduce((sum, c) => sum + (c.get(name) ?? 0), 0);
  return new Set(
    USER_EVENTS.map(([, name]) => name).filter(
      (name) => total(name) > 0 && total(`${name}.n`) === total(name),
    ),
  );
}

/** All signals of these counts; one of which nothing is known has the value null. */
export function signalsOf(counts: WindowCounts, only: EventsOnly): SignalValue[] {
  const at = (name: string): number => counts.get(name) ?? 0;
  const n = at('n');
  const plain = { interval: null, error: 0, lagging: false, partial: false } as const;
  const share = (
    signal: string,
    hits: number,
    known: number,
    of: SignalBase,
    lagging = false,
  ): SignalValue => {
    const range = wilson(hits, known);
    return {
      ...plain,
      signal,
      unit: 'share',
      value: known === 0 ? null : hits / known,
      n: known,
      of,
      interval: range === null ? null : [range.lower, range.upper],
      lagging,
    };
  };
  const quantiles = (name: 'length' | 'latency', unit: 'characters' | 'ms'): SignalValue[] => {
    const buckets = bucketsOf(counts, name);
    return [50, 95].map((q) => ({
      ...plain,
      signal: `${name}.p${q}`,
      unit,
      value: name === 'length' ? whole(bucketQuantile(buckets, q / 100)) : bucketQuantile(buckets, q / 100),
      n: at(`${name}.n`),
      of: 'observations',
      error: QUANTILE_ERROR,
    }));
  };
  const mean = (
    signal: string,
    name: string,
    unit: SignalValue['unit'],
    of: SignalBase,
    lagging: boolean,
  ): SignalValue => {
    const known = at(`${name}.n`);
    const value = known === 0 ? null : at(`${name}.s`) / known;
    return { ...plain, signal, unit, value, n: known, of, interval: meanInterval(counts, name), lagging };
  };
  const events = USER_EVENTS.map(([signal, name]) =>
    only.has(name)
      ? share(signal, at(name), at('outcome') === 0 ? 0 : n, 'observations', true)
      : share(signal, at(name), at(`${name}.n`), 'outcomes', true),
  );
  const named = (prefix: string): string[] =>
    [...counts.keys()]
      .filter((key) => key.startsWith(`${prefix}/`) && key.endsWith('.n') && at(key) > 0)
      .map((key) => key.slice(prefix.length + 1, -2))
      .sort();
  return [
    { ...plain, signal: 'count', unit: 'count', value: n, n, of: 'observations' },
    share('errors', at('failed'), n, 'observations'),
    share('schema-failures', at('schema'), at('schema.n'), 'observations'),
    share('blocks', at('blocked'), at('blocked.n'), 'observations'),
    share('refusals', at('refusal'), at('refusal.n'), 'answers'),
    ...quantiles('length', 'characters'),
    mean('output-tokens', 'tokens', 'tokens', 'observations', false),
    ...quantiles('latency', 'ms'),
    {
      ...plain,
      signal: 'cost-per-call',
      unit: 'usd',
      value: at('cost.n') === 0 ? null : at('cost.s') / NANO / at('cost.n'),
      n: at('cost.n'),
      of: 'observations',
    },
    costPerCompleted(counts),
    ...named('score').map((name) => mean(`judge-score:${name}`, `score/${name}`, 'share', 'sample', true)),
    share('edits', at('edited'), at('edited.n'), 'outcomes', true),
    mean('edit-distance', 'edit', 'share', 'outcomes', true),
    ...events,
    share('review-rejection', at('rejected'), at('rejected.n'), 'reviews', true),
    share('completion', at('completed'), at('completed.n'), 'outcomes', true),
    ...named('kpi').map((name) => mean(`kpi:${name}`, `kpi/${name}`, 'number', 'outcomes', true)),
  ];
}

/** Lengths are whole: below 50 their bucket has only one, and the value is exact. */
function whole(length: number | null): number | null {
  return length !== null && length < 50 ? Math.round(length) : length;
}

/** What was spent on tasks with a known end, by those that were completed. Calls of unknown cost make it a lower bound. */
function costPerCompleted(counts: WindowCounts): SignalValue {
  const at = (name: string): number => counts.get(name) ?? 0;
  const [ended, unpriced, completed] = [at('completed.n'), at('completed.unpriced'), at('completed')];
  return {
    signal: 'cost-per-completed',
    unit: 'usd',
    value: completed === 0 || unpriced === ended ? null : at('completed.cost') / NANO / completed,
    n: completed,
    of: 'completed tasks',
    interval: null,
    error: 0,
    lagging: true,
    partial: unpriced > 0,
  };
}

/** Two standard errors around the mean; null under two values. */
function meanInterval(counts: WindowCounts, name: string): readonly [number, number] | null {
  const n = counts.get(`${name}.n`) ?? 0;
  if (n < 2) return null;
  const mean = (counts.get(`${name}.s`) ?? 0) / n;
  const variance = Math.max(0, ((counts.get(`${name}.q`) ?? 0) / n - mean * mean) * (n / (n - 1)));
  const half = 1.96 * Math.sqrt(variance / n);
  return [mean - half, mean + half];
}

function bucketsOf(counts: WindowCounts, name: string): ReadonlyMap<number, number> {
  const buckets = new Map<number, number>();
  for (const [key, count] of counts)
    if (key.startsWith(`${name}:`)) buckets.set(Number(key.slice(name.length + 1)), count);
  return buckets;
}

/** Answers by served model. */
export function servedModelsOf(counts: WindowCounts): Record<string, number> {
  return Object.fromEntries(
    [...counts]
      .filter(([key, count]) => key.startsWith('served:') && count > 0)
      .map(([key, count]) => [key.slice('served:'.length), count] as const)
      .sort(([, a], [, b]) => b - a),
  );
}
