// A monitor of embeddings: other words of the same length are drift.

import { expect, test } from 'vitest';
import { temporaryFolder } from '../cli/lastgood.ts';
import { day, desk, iso, LENGTH } from './monitored-desk.ts';
import { REFERENCE } from './production-world.ts';

test('answers with other words of the same length drift in their embedding', async () => {
  await using dir = await temporaryFolder();
  const kind = [
    'thank',
    'you',
    'for',
    'your',
    'order',
    'the',
    'refund',
    'parcel',
    'arrives',
    'soon',
    'we',
    'will',
  ];
  const terse = [...kind.slice(0, 6), 'policy', 'section', 'denied', 'contact', 'department', 'form'];
  const embedding = {
    signal: 'embedding-distance',
    reference: REFERENCE,
    change: '10 points',
    direction: 'up',
  };
  const { check } = await desk(dir.path, [embedding, { ...LENGTH, change: '15%' }], {
    days: 37,
    perDay: 720,
    truth: (at) => ({ words: at >= day(32) ? terse : kind }),
  });
  const before = await check(32);
  expect(before.monitors.map((m) => [m.name, m.outcome])).toEqual([
    ['embedding-distance', 'quiet'],
    ['length.p50', 'quiet'],
  ]);
  const after = await check(36);
  expect(after.code).toBe(1);
  expect(after.monitors.map((m) => m.outcome)).toEqual(['drift', 'quiet']);
  const [found] = after.monitors;
  expect(found!.drift!.to! - found!.drift!.from).toBeGreaterThan(0.1);
  expect(found!.drift!.since!.best).toBe(iso(32));
});
