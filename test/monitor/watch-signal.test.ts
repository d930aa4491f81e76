// From counted windows to what a monitor watches.

import { expect, test } from 'vitest';
import { GATE_SIGNALS, type Monitor } from '../../src/core/index.ts';
import { type CountedAnswers, hasOtherBase, readsCount, watchSignal } from '../../src/monitor/drift/index.ts';
import { bucketOf } from '../../src/stats/log-histogram.ts';
import { DAY, START } from './simulated.ts';

function monitor(signal: string): Monitor {
  return {
    ...{ name: signal, signal, windowHours: 24, direction: 'up', action: 'warn', settleHours: 0 },
    ...({ by: 'template', segment: null } as const),
    reference: { from: START, to: START + 28 * DAY },
    change: { kind: 'ratio', value: 0.2 },
  };
}

const window = (counts: Record<string, number>, day = 0): CountedAnswers => ({
  ...{ start: START + day * DAY, template: 'a' },
  counts: new Map(Object.entries(counts)),
});

const momentsFor = (signal: string, counts: Record<string, number>) =>
  watchSignal(monitor(signal), [window(counts)])?.windows[0]?.moments;

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
    [`length:${bucketOf(10)}`]: 1,
    [`length:${bucketOf(1000)}`]: 1,
    'length.n': 2,
    'latency:5': 9,
  });
  expect(moments?.n).toBe(2);
  expect(Math.exp(moments!.sum / 2)).toBeCloseTo(100, -0.5);
  // An empty answer counts as one character.
  expect(momentsFor('length.p50', { [`length:${bucketOf(0)}`]: 1 })).toMatchObject({ n: 1, sum: 0 });
});

test('a p95 is watched as the share above the reference of the template, with the change in points', () => {
  const values = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`latency:${i + 100}`, 1]));
  const signal = watchSignal(monitor('latency.p95'), [window(values), window({ 'latency:195': 10 }, 30)])!;
  expect(signal.scale).toBe('share');
  expect(signal.windows.map((w) => w.moments)).toEqual([
    { n: 100, sum: 5, squares: 5 },
    { n: 10, sum: 10, squares: 10 },
  ]);
  // Buckets are 2% apart: the limit and the 9 buckets below it, times 1.2, would lie above it as well.
  expect(signal.monitor.change.kind).toBe('points');
  expect(signal.monitor.change.value).toBeCloseTo(0.1);
});

test('every signal that a ticket may name can be watched; others cannot', () => {
  expect(GATE_SIGNALS.filter((signal) => watchSignal(monitor(signal), []) === null)).toEqual([]);
  expect(watchSignal(monitor('toString'), [])).toBeNull();
});

const outcomes = (day: number, counts: Record<string, number>) => window({ n: 1000, ...counts }, day);

test('days without the usual outcomes say nothing where silence means no', () => {
  const usual = { outcome: 50, complaint: 4, 'complaint.n': 4 };
  const windows = [outcomes(0, usual), outcomes(1, usual), outcomes(30, {}), outcomes(31, { outcome: 50 })];
  const days = watchSignal(monitor('complaints'), windows)!.windows.map(({ at }) => (at - START) / DAY);
  expect(days).toEqual([0, 1, 31]);
  // With so few answers no outcome was to be expected.
  const few = [outcomes(0, usual), window({ n: 30 }, 30)];
  expect(watchSignal(monitor('complaints'), few)!.windows).toHaveLength(2);
});

test('a fact that is also sent as false since the reference has another base', () => {
  const before = outcomes(0, { outcome: 50, complaint: 4, 'complaint.n': 4 });
  const after = outcomes(30, { outcome: 50, complaint: 4, 'complaint.n': 40 });
  expect(hasOtherBase(monitor('complaints'), [before, { ...before, start: after.start }])).toBe(false);
  expect(hasOtherBase(monitor('complaints'), [before, after])).toBe(true);
  expect(hasOtherBase(monitor('length.p50'), [before, after])).toBe(false);
});

test('a signal keeps the counts that it reads, and no others', () => {
  const all = [
    'n',
    'outcome',
    'complaint',
    'complaint.n',
    'length:3',
    'latency:3',
    'cost.s',
    'cost.n',
    'served:m',
  ];
  const kept = (signal: string) => all.filter(readsCount(signal));
  expect(kept('complaints')).toEqual(['n', 'outcome', 'complaint', 'complaint.n']);
  expect(kept('length.p95')).toEqual(['length:3']);
  expect(kept('cost-per-call')).toEqual(['cost.s', 'cost.n']);
});
