// What a feature file may say under `monitors`.

import { expect, test } from 'vitest';
import { monitorsSchema } from '../../src/core/monitor-schema.ts';

const REFERENCE = { from: '2026-01-05', to: '2026-02-01' };
const edits = { signal: 'edits', reference: REFERENCE, change: '4 points', direction: 'up' };

test('a monitor is read with its defaults; the last day of the reference is part of it', () => {
  expect(monitorsSchema.parse([edits])).toEqual([
    {
      name: 'edits',
      signal: 'edits',
      by: 'template',
      segment: null,
      windowHours: 24,
      reference: { from: Date.UTC(2026, 0, 5), to: Date.UTC(2026, 1, 2) },
      change: { kind: 'points', value: 0.04 },
      direction: 'up',
      action: 'warn',
      settleHours: 0,
    },
  ]);
  const full = {
    ...{ ...edits, signal: 'latency.p95', name: 'e', change: '12.5%' },
    ...{ window: '6h', settle: '24h', action: 'alert' },
  };
  expect(monitorsSchema.parse([full])[0]).toMatchObject({
    ...{ name: 'e', windowHours: 6, settleHours: 24, action: 'alert' },
    change: { kind: 'ratio', value: 0.125 },
  });
});

test.each([
  ['an unknown key', { ...edits, threshold: 3 }, /Unrecognized key/],
  ['a change without a unit', { ...edits, change: '4' }, /5 points/],
  ['a change of nothing', { ...edits, change: '0 points' }, /more than 0/],
  ['a share that changes by a ratio', { ...edits, change: '20%' }, /5 points/],
  ['a length that changes by points', { ...edits, signal: 'length.p50' }, /20%/],
  ['a signal that does not exist', { ...edits, signal: 'vibes' }, /a signal: errors/],
  ['a change of 100 points', { ...edits, change: '100 points' }, /less than 100/],
  ['a short reference', { ...edits, reference: { from: '2026-01-05', to: '2026-01-15' } }, /14 to 120 days/],
  [
    'a reference that ends first',
    { ...edits, reference: { from: '2026-02-01', to: '2026-01-05' } },
    /14 to 120 days/,
  ],
  ['a day that does not exist', { ...edits, reference: { from: '2026-02-30', to: '2026-03-31' } }, /date/i],
  ['a window that does not divide a day', { ...edits, window: '5h' }, /6h/],
])('%s is refused', (_what, monitor, message) => {
  const result = monitorsSchema.safeParse([monitor]);
  expect(result.success).toBe(false);
  expect(result.error?.issues.map((i) => i.message).join()).toMatch(message);
});

test('names of monitors are unique; two monitors of one signal need names', () => {
  expect(monitorsSchema.safeParse([edits, edits]).success).toBe(false);
  expect(monitorsSchema.safeParse([edits, { ...edits, name: 'edits slowly' }]).success).toBe(true);
  expect(monitorsSchema.parse([edits, { ...edits, segment: 'pro', by: 'segment' }])[1]).toMatchObject({
    ...{ name: 'edits of pro', segment: 'pro', by: 'segment' },
  });
});
