// From counted windows to what a monitor watches.

import { expect, test } from 'vitest';
import { GATE_SIGNALS, type Monitor } from '../../src/core/index.ts';
import { type CountedAnswers, watchSignal } from '../../src/monitor/drift/index.ts';
import { DAY, START } from './simulated.ts';

/** Buckets are whole numbers here. */
const RULES = { bucketValue: (bucket: number): number => bucket, eventsOnly: new Set(['complaint']) };

function monitor(signal: string): Monitor {
  return {
    ...{ name: signal, signal, windowHours: 24, direction: 'up', action: 'warn', settleHours: 0 },
    reference: { from: START, to: START + 28 * DAY },
    change: { kind: 'ratio', value: 0.2 },
  };
}

const window = (counts: Record<string, number>, day = 0): CountedAnswers => ({
  ...{ start: START + day * DAY, template: 'a' },
  counts: new Map(Object.entries(counts)),
});

const momentsFor = (signal: string, counts: Record<string, number>) =>
  watchSignal(monitor(signal), [window(counts)], RULES)?.windows[0]?.moments;

test('a share counts hits among the answers for which it is known', () => {
  expect(momentsFor('edits', { n: 100, edited: 8, 'edited.n': 40 })).toMatchObject({ n: 40, sum: 8 });
  expect(momentsFor('errors', { n: 100, failed: 3 })).toMatchObject({ n: 100, sum: 3 });
  // Only ever sent when true: silence means no.
  expect(momentsFor('complaints', { n: 100, complaint: 2, 'complaint.n': 2 })).toMatchObject({
    n: 100,
    sum: 2,
  });
  // Not known is not 0.
  expect(momentsFor('edits', { n: 100 })).toBeUndefined();
});

test('scores, costs and KPIs use the sums that windows keep', () => {
  const score = { 'score/tone.n': 5, 'score/tone.s': 4, 'score/tone.q': 3.3 };
  expect(momentsFor('judge-score:tone', score)).toEqual({ n: 5, sum: 4, squares: 3.3 });
  expect(momentsFor('cost-per-completed', { completed: 4, 'completed.cost': 800 })).toMatchObject({
    n: 4,
    sum: 800,
  });
  expect(momentsFor('kpi:sales', { 'kpi/sales.n': 2, 'kpi/sales.s': 30 })).toMatchObject({ n: 2, sum: 30 });
});

test('the middle of a length is the mean of its logarithms', () => {
  const moments = momentsFor('length.p50', {
    'length:10': 1,
    'length:1000': 1,
    'length.n': 2,
    'latency:5': 9,
  });
  expect(moments?.n).toBe(2);
  expect(Math.exp(moments!.sum / 2)).toBeCloseTo(100);
  // An empty answer counts as one character.
  expect(momentsFor('length.p50', { 'length:0': 1 })).toMatchObject({ n: 1, sum: 0 });
});

test('a p95 is watched as the share above the reference of the template, with the change in points', () => {
  const values = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`latency:${i + 1}`, 1]));
  const signal = watchSignal(
    monitor('latency.p95'),
    [window(values), window({ 'latency:96': 10 }, 30)],
    RULES,
  )!;
  expect(signal.scale).toBe('share');
  expect(signal.windows.map((w) => w.moments)).toEqual([
    { n: 100, sum: 5, squares: 5 },
    { n: 10, sum: 10, squares: 10 },
  ]);
  // Values from 80 to 95, times 1.2, would lie above 95 as well.
  expect(signal.monitor.change).toEqual({ kind: 'points', value: 0.21 - 0.05 });
});

test('every signal that a ticket may name can be watched; others cannot', () => {
  expect(GATE_SIGNALS.filter((signal) => watchSignal(monitor(signal), [], RULES) === null)).toEqual([]);
  expect(watchSignal(monitor('toString'), [], RULES)).toBeNull();
});
