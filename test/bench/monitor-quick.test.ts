// Some simulated quarters with fixed seeds and wide bounds: do monitors still keep their promise?
// The whole form is `npm run bench:monitor`.

import { expect, test } from 'vitest';
import { delayOf, playQuarter } from '../../bench/monitor/play.ts';
import { CHANGE_DAY } from '../../bench/monitor/streams.ts';
import { CHANGE_WORLDS, CHANGES, JUDGE_WORLDS } from '../../bench/monitor/worlds-judge.ts';

const OPTIONS = { replicates: 100, rivals: false, windowHours: 24 } as const;

test('unchanged quarters are mostly quiet, in each world', () => {
  const played = JUDGE_WORLDS.map((world) => playQuarter(world, null, 41, OPTIONS));
  const alarms = played.filter((q) => q.lastgood.length > 0);
  // At 5%, four of twelve quarters would have an alarm twice in a thousand times.
  expect(alarms.length, alarms.flatMap((q) => q.by).join('; ')).toBeLessThan(4);
});

test('each change is found by its monitor, most of them within days', () => {
  const world = CHANGE_WORLDS[0]!;
  const delays = CHANGES.map((change) => {
    const quarter = playQuarter(world, change, 61, OPTIONS);
    if (change.added !== undefined) expect(quarter.named).toBe(true);
    expect(quarter.lastgood.filter((a) => a.day < CHANGE_DAY).length).toBeLessThan(2);
    return delayOf(quarter.lastgood, change);
  });
  expect(delays.filter((d) => d !== null).length).toBeGreaterThanOrEqual(CHANGES.length - 1);
  expect(delays.filter((d) => d !== null && d <= 10).length).toBeGreaterThanOrEqual(4);
});
