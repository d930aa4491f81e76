// What nightly alarms about is a regression for rollback too, also where a single comparison does not show it.

import { expect, test } from 'vitest';
import type { Release } from '../../src/core/index.ts';
import { runNightly } from '../../src/jobs/nightly/nightly.ts';
import { findRollbackTarget } from '../../src/jobs/rollback/rollback.ts';
import { botRelease, nights } from './nights.ts';

const LIVE = botRelease('live');
const OTHER = botRelease('second-source', { params: { temperature: 0.5 } });

test('a single case that a night proved broken on fresh trials is cured, though three trials of it prove nothing', async () => {
  const state = { broken: false };
  const world = await nights({
    cases: 60,
    rate: (index, _, release: Release) =>
      state.broken && index === 7 && release.name === 'live' ? 0 : index % 12 === 3 ? 0.8 : 1,
  });
  await world.night(OTHER);
  for (let i = 0; i < 5; i++) await world.night(LIVE);
  await world.bless(await world.night(LIVE));
  state.broken = true;
  const assignment = { suite: world.suite, release: LIVE, judge: null, embedder: null };
  const night = await runNightly(world.work, assignment, { settings: {}, webhook: null, sentinel: 0 });
  expect(night.state).toBe('alarm');
  const { decision, comparison } = await findRollbackTarget(world.work, {
    suite: 'refund-bot',
    from: night.record.rerun ?? night.record.snapshot,
  });
  expect(comparison.verdict).not.toBe('regressed');
  expect(decision.regressedCases).toEqual(['case-007']);
  expect(decision).toMatchObject({
    decision: 'verified',
    target: { release: 'second-source' },
    verification: { control: { release: 'live', moved: true, fell: ['case-007'] }, brokenCases: [] },
  });
  expect(decision.verification?.conditions?.every((c) => c.state === 'holds')).toBe(true);
});
