// The series: onset with what changed there, slow decay that no single night shows, and what tells nothing.

import { expect, test } from 'vitest';
import { historyOfSuite } from '../../src/jobs/history/history.ts';
import { historyText } from '../../src/report/text/history-text.ts';
import { botRelease, nights } from './nights.ts';

const steady = botRelease('steady');

test('a change of the prompt is named at the onset, with the cases, the night before it and the level on both sides', async () => {
  const kind = botRelease('kind', {
    prompt: { system: 'Answer kindly.', messages: [{ role: 'user', content: '{{ q }}' }] },
  });
  const world = await nights({
    cases: 20,
    rate: (i, _, release) => (release.name === 'kind' && i < 6 ? 0.05 : 0.98),
    served: () => 'gpt-kettle-2026-01-10',
  });
  const ids: string[] = [];
  for (let n = 0; n < 6; n++) ids.push(await world.night(steady));
  await world.bless(ids[2] ?? '');
  for (let n = 0; n < 4; n++) ids.push(await world.night(kind));
  const h = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(h.points.map((p) => p.snapshot)).toEqual(ids);
  expect(h.onsets).toHaveLength(1);
  expect(h.onsets[0]).toMatchObject({
    direction: 'fell',
    snapshot: ids[6],
    after: { snapshot: ids[5] },
    change: { layersChanged: ['prompt'], release: { before: 'steady', after: 'kind' }, servedModels: null },
    diagnosis: 'prompt change',
  });
  expect([...(h.onsets[0]?.cases ?? [])].sort()).toEqual([0, 1, 2, 3, 4, 5].map((i) => `case-00${i}`));
  expect(h.onsets[0]?.p).toBeLessThan(1e-6);
  expect(h.shifts.map((s) => s.snapshot)).toEqual([ids[6]]);

  const one = await historyOfSuite(world.work, { suite: 'refund-bot', caseId: 'case-003' });
  expect(one.onsets[0]).toMatchObject({ snapshot: ids[6], cases: ['case-003'] });
  const innocent = await historyOfSuite(world.work, { suite: 'refund-bot', caseId: 'case-013' });
  expect(innocent.onsets).toEqual([]);

  const text = historyText(h);
  expect(text).toMatch(/[▁▂▃▄▅▆▇█]{10}/);
  expect(text).toContain('release steady → kind; layers prompt');
});

test('a served model that changes under the same fingerprint is the evidence at the onset', async () => {
  const world = await nights({
    cases: 20,
    rate: (i, night) => (night >= 6 && i < 8 ? 0.1 : 0.98),
    served: (night) => (night >= 6 ? 'gpt-kettle-2026-03-05' : 'gpt-kettle-2026-01-10'),
  });
  const ids: string[] = [];
  for (let n = 0; n < 9; n++) ids.push(await world.night(steady));
  await world.bless(ids[0] ?? '');
  const h = await historyOfSuite(world.work, { suite: 'refund-bot', tag: 'refund' });
  expect(h.onsets[0]).toMatchObject({
    snapshot: ids[6],
    change: {
      layersChanged: [],
      servedModels: { before: ['gpt-kettle-2026-01-10'], after: ['gpt-kettle-2026-03-05'] },
    },
    diagnosis: 'served model changed',
  });
  expect(h.points.every((p) => p.cases === 10)).toBe(true);
});

test('a point a night: no step anywhere, and still called decay against the anchor, with its pace', async () => {
  const world = await nights({ cases: 40, rate: (_, night) => 0.97 - 0.01 * night });
  const first = await world.night(steady);
  await world.bless(first);
  for (let n = 1; n < 30; n++) await world.night(steady);
  const { trend } = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(trend).toMatchObject({ state: 'decaying', nights: 30 });
  if (trend.state === 'not-tested') return;
  expect(trend.per30).toBeGreaterThan(-0.45);
  expect(trend.per30).toBeLessThan(-0.15);
  expect(trend.sinceAnchor).toBeLessThan(-0.1);
  expect(trend.reason).toContain('slow decay');
});

test('a quiet series shows no onset, no shift and no drift; without a baseline it says what it cannot tell', async () => {
  const world = await nights({ cases: 20, rate: () => 0.9 });
  const first = await world.night(steady);
  for (let n = 1; n < 15; n++) await world.night(steady);
  const before = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(before.anchor).toBeNull();
  expect(before.trend.state).toBe('not-tested');
  expect(before.notes.join(' ')).toContain('no baseline');
  await world.bless(first);
  const h = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(h.onsets).toEqual([]);
  expect(h.shifts).toEqual([]);
  expect(h.changes).toEqual([]);
  expect(h.trend.state).toBe('no-trend');
});

test('a case or tag that no snapshot knows is an error with the nearest name', async () => {
  const world = await nights({ cases: 4, rate: () => 1 });
  await world.night(steady);
  await expect(historyOfSuite(world.work, { suite: 'refund-bot', caseId: 'case-02' })).rejects.toMatchObject({
    code: 'HISTORY_UNKNOWN_CASE',
    hint: 'did you mean "case-002"?',
  });
  await expect(historyOfSuite(world.work, { suite: 'refund-bot', tag: 'refunds' })).rejects.toMatchObject({
    code: 'HISTORY_UNKNOWN_TAG',
  });
  await expect(historyOfSuite(world.work, { suite: 'nobody' })).rejects.toMatchObject({
    code: 'HISTORY_EMPTY',
  });
});

test('runs of a part of the suite are marked, and make no onset, no shift and no change', async () => {
  // The four cases of the filter are the hard ones: joined with the others, their rate would look like a fall.
  const world = await nights({ cases: 42, trials: 1, rate: (i) => (i < 4 ? 0 : 1) });
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push(await world.night(steady));
  await world.bless(ids[0] ?? '');
  for (let n = 0; n < 2; n++) ids.push(await world.night(steady, 'case-000,case-001,case-002,case-003'));
  ids.push(await world.night(steady, 'case-000,case-001,case-002,case-003,case-004,case-005'));
  ids.push(await world.night(steady));
  ids.push(await world.night(steady, 'case-000'));
  const h = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(h.points.map((p) => [p.cases, p.subset])).toEqual([
    ...Array.from({ length: 4 }, () => [42, false]),
    [4, true],
    [4, true],
    [6, true],
    [42, false],
    [1, true],
  ]);
  expect(new Set(h.points.flatMap((p) => (p.subset ? [] : [p.passRate])))).toEqual(new Set([38 / 42]));
  expect(h).toMatchObject({ onsets: [], shifts: [], changes: [], common: { cases: 42, of: 42 } });
  expect(h.notes.join(' ')).toContain('4 of 9 runs measured a part of the cases only');
  expect(historyText(h)).toMatch(/ 6 +subset/);
});

test('a suite that grew is one series over the cases that its runs have in common', async () => {
  const world = await nights({ cases: 20, trials: 1, rate: (i) => (i < 15 ? 1 : 0) });
  for (let n = 0; n < 4; n++)
    await world.night(steady, 'case-00*,case-010,case-011,case-012,case-013,case-014');
  for (let n = 0; n < 4; n++) await world.night(steady);
  const h = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(h.common).toEqual({ cases: 15, of: 20 });
  expect(h.points.map((p) => p.passRate)).toEqual(Array.from({ length: 8 }, () => 1));
  expect(h.points.some((p) => p.subset)).toBe(false);
  expect(h.shifts).toEqual([]);
  expect(h.notes.join(' ')).toContain('over the 15 cases that the runs have in common, of 20 in all');
});

test('a dip of one run is no lasting change; at the end of the series it is told as what one run shows', async () => {
  const dip = (night: number) => (i: number, at: number) => (at === night && i < 10 ? 0 : 1);
  for (const at of [4, 8]) {
    const world = await nights({ cases: 20, trials: 3, rate: dip(at) });
    const first = await world.night(steady);
    await world.bless(first);
    for (let n = 1; n < 9; n++) await world.night(steady);
    const h = await historyOfSuite(world.work, { suite: 'refund-bot' });
    expect(h.shifts).toEqual([]);
    if (at === 4) {
      expect(h.onsets).toEqual([]);
      continue;
    }
    expect(h.onsets).toMatchObject([{ runs: 1 }]);
    const text = historyText(h);
    expect(text).toContain('Worse than the baseline in the newest run only');
    expect(text).not.toContain('still there');
  }
});

test('two runs at a new level are a change', async () => {
  const world = await nights({ cases: 20, trials: 3, rate: (i, at) => (at >= 6 && i < 10 ? 0 : 1) });
  await world.bless(await world.night(steady));
  for (let n = 1; n < 8; n++) await world.night(steady);
  const h = await historyOfSuite(world.work, { suite: 'refund-bot' });
  expect(h.shifts).toMatchObject([{ direction: 'fell', index: 6, runs: 2 }]);
  expect(h.onsets).toMatchObject([{ index: 6, runs: 2 }]);
  expect(historyText(h)).toContain('Regressions that are still there');
});
