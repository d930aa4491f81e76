// One pool for every command: what counts with the blessed run, what is left out and why, and that bad nights verify nothing.

import { expect, test } from 'vitest';
import type { Warning } from '../../src/base/index.ts';
import type { Release } from '../../src/core/index.ts';
import { runSuite } from '../../src/engine/arms/run-suite.ts';
import { findPool } from '../../src/engine/comparison/find-pool.ts';
import { diffPage } from '../../src/engine/pages/diff-page.ts';
import { blessSnapshot } from '../../src/jobs/baseline/bless.ts';
import { findBaseline } from '../../src/jobs/check/check-baseline.ts';
import { diffJob } from '../../src/jobs/compare/diff-job.ts';
import { runNightly } from '../../src/jobs/nightly/nightly.ts';
import { findRollbackTarget } from '../../src/jobs/rollback/rollback.ts';
import { comparisonSummary } from '../../src/report/text/comparison-summary.ts';
import { comparisonText } from '../../src/report/text/comparison-text.ts';
import { botRelease, type Nights, nights } from './nights.ts';

const LIVE = botRelease('live');
const HALF = botRelease('half', { params: { temperature: 0.5 } });

/** 36 cases; `live` is perfect, loses its refund cases (`drift`) or everything (`dead`); `half` always fails 5 of 36. */
type Mode = 'good' | 'drift' | 'dead';

interface Desk extends Nights {
  mode: Mode;
  nightly(release: Release): Promise<{ id: string; state: string }>;
}

async function desk(): Promise<Desk> {
  const state = { mode: 'good' as Mode };
  const world = await nights({
    cases: 36,
    rate: (index, _, release) => {
      if (release.name === 'half') return index % 8 === 0 ? 0 : 1;
      if (state.mode === 'dead') return 0;
      return state.mode === 'drift' && index % 2 === 0 ? 0 : 1;
    },
  });
  return Object.assign(state, world, {
    nightly: async (release: Release) => {
      const assignment = { suite: world.suite, release, judge: null, embedder: null };
      const { record } = await runNightly(world.work, assignment, {
        settings: {},
        webhook: null,
        sentinel: 0,
      });
      return { id: record.snapshot, state: record.state };
    },
  });
}

async function poolOf(d: Desk, id: string) {
  const { summary } = await d.work.store.results(id);
  const { runs, leftOut } = await findPool(d.work.store, summary);
  return {
    ids: runs.map((run) => run.summary.id),
    leftOut: new Map(leftOut.map((l) => [l.snapshot, l.reason])),
  };
}

test('nights in alarm never enter the pool, and a release as bad as their average is not verified', async () => {
  const d = await desk();
  await d.night(HALF);
  await d.bless(await d.night(LIVE));
  d.mode = 'drift';
  const bad = [await d.nightly(LIVE), await d.nightly(LIVE)];
  expect(bad.map((n) => n.state)).toEqual(['alarm', 'still']);
  d.mode = 'good';
  await d.nightly(LIVE);
  const { id } = await d.nightly(LIVE);
  await d.bless(id);
  d.mode = 'dead';
  await d.nightly(LIVE);

  const { decision } = await findRollbackTarget(d.work, { suite: 'refund-bot' });
  expect(decision.baseline).toMatchObject({ id, passRate: 1, pool: { passRate: 1 } });
  expect(decision.decision).toBe('none');
  const left = new Map(decision.baseline.pool?.leftOut.map((l) => [l.snapshot, l.reason]));
  for (const night of bad) expect(left.get(night.id)).toContain('in alarm');

  const found = await findBaseline(d.work, { suite: 'refund-bot', dir: '/nowhere', cwd: '/' });
  for (const night of bad) expect(found?.pool).not.toContain(night.id);
  expect(found?.about.leftOut?.length).toBeGreaterThan(1);
});

test('a regression splits the runs: what came before it does not count for a baseline blessed after it, nor the other way round', async () => {
  const d = await desk();
  const early = await d.night(LIVE);
  const first = await d.night(LIVE);
  await d.bless(first);
  const since = await d.nightly(LIVE);
  d.mode = 'drift';
  await d.nightly(LIVE);
  d.mode = 'good';
  const again = [await d.night(LIVE), await d.night(LIVE)];
  const before = await poolOf(d, first);
  expect(before.ids).toEqual([first, since.id, early]);
  for (const id of again) expect(before.leftOut.get(id)).toBe('after a regression began');
  const last = again.at(-1) ?? '';
  const after = await poolOf(d, last);
  expect(after.ids[0]).toBe(last);
  expect(after.ids).toEqual(expect.arrayContaining(again));
  expect(after.leftOut.get(early)).toBe('before a regression that ended before the baseline was made');
});

test('a plain run that fell is left out by its numbers alone', async () => {
  const d = await desk();
  const good = await d.night(LIVE);
  d.mode = 'drift';
  const fell = await d.night(LIVE);
  d.mode = 'good';
  const other = await d.night(LIVE);
  const { ids, leftOut } = await poolOf(d, good);
  expect(ids).toEqual([good, other]);
  expect(leftOut.get(fell)).toMatch(/differs from the blessed run .*suite 100\.0 % → 50\.0 %/);
});

test('runs of other purposes, of another exam, cut short or incomplete do not count', async () => {
  const d = await desk();
  const good = await d.night(LIVE);
  const assignment = { suite: d.suite, release: LIVE, judge: null, embedder: null };
  const compared = await runSuite(d.work, assignment, { purpose: 'compare' });
  const cut = await runSuite(d.work, assignment, { maxCalls: 40 });
  const { ids, leftOut } = await poolOf(d, good);
  expect(ids).toEqual([good]);
  expect(leftOut.has(compared.summary.id)).toBe(false);
  expect(leftOut.has(cut.summary.id)).toBe(true);
});

test('blessing a single run warns that one run may be lucky; with three good runs it does not', async () => {
  const d = await desk();
  const warnings: Warning[] = [];
  const work = { ...d.work, progress: { warn: (w: Warning) => warnings.push(w), step: () => {} } };
  const bless = (ref: string) => blessSnapshot(work, { ref, by: 'ada', why: 'read by hand' });
  await bless(await d.night(LIVE));
  expect(warnings).toMatchObject([
    { code: 'BLESSED_SINGLE_RUN', hint: expect.stringContaining('three nights') },
  ]);
  await d.night(LIVE);
  await bless(await d.night(LIVE));
  expect(warnings).toHaveLength(1);
});

test('diff compares with the pool of the baseline, and every report names the runs left out with the reason', async () => {
  const d = await desk();
  const lucky = await d.night(LIVE);
  const good = await d.night(LIVE);
  await d.bless(good);
  const since = await d.nightly(LIVE);
  d.mode = 'drift';
  const bad = await d.nightly(LIVE);
  d.mode = 'good';
  const candidate = await d.night(HALF);
  const later = await d.night(LIVE);

  const { comparison } = await diffJob(d.work, { baseline: good, candidate });
  expect(comparison.pool).toEqual({
    runs: [good, since.id, lucky],
    ownPassRate: 1,
    leftOut: [
      { snapshot: expect.any(String), reason: 'it is the second run of a night that was in alarm' },
      { snapshot: bad.id, reason: 'its night was in alarm' },
    ],
  });
  expect(comparison.betweenRuns?.runs).toBe(3);
  expect(comparison.baseline.trials).toBe(3 * 36 * 3);
  expect(comparison.pool?.runs).not.toContain(later);

  const text = comparisonText(comparison);
  expect(text).toContain(
    "pool: 3 runs of the baseline's release, 100.0 % together (this run 100.0 %); 2 runs left out",
  );
  expect(text).toContain(`left out: 1 run (${bad.id}): its night was in alarm`);
  expect(comparisonSummary(comparison)).toMatch(/pool +3 runs of the baseline's release.*2 runs left out/);
  const page = [...(await diffPage(d.work.store, comparison))].join('');
  expect(page).toContain(`left out: 1 run (${bad.id}): its night was in alarm`);
});

test('diff says that a baseline is a single run, never pools the candidate, and pools nothing for arms run together', async () => {
  const d = await desk();
  const first = await d.night(LIVE);
  const second = await d.night(LIVE);
  const alone = (await diffJob(d.work, { baseline: first, candidate: second })).comparison;
  expect(alone.pool).toEqual({ runs: [first], ownPassRate: 1, leftOut: [] });
  expect(alone.betweenRuns?.runs).toBeLessThan(2);
  expect(comparisonText(alone)).toContain('pool: a single run: no other run of its release counts');
  expect(comparisonSummary(alone)).not.toContain('single run');
  // Backwards: the baseline is the newer of the two.
  expect((await diffJob(d.work, { baseline: second, candidate: first })).comparison.pool?.runs).toEqual([
    second,
  ]);

  const assignment = { suite: d.suite, release: LIVE, judge: null, embedder: null };
  const beside = await runSuite(d.work, assignment, { labels: { 'compared-with': first } });
  const together = (await diffJob(d.work, { baseline: first, candidate: beside.summary.id })).comparison;
  expect(together.pool).toBeUndefined();
  expect(together.betweenRuns).toBeNull();
  expect(together.baseline.trials).toBe(36 * 3);
});
