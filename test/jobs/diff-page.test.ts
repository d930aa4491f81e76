import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storedSuite, storeRun } from '../../bench/kit/ledgers.ts';
import type { Case, Comparison, SnapshotStore, StoredTrial } from '../../src/core/index.ts';
import { compareStored, contentOf } from '../../src/engine/comparison/compare-stored.ts';
import {
  type Distributions,
  diffPage,
  distributionsOf,
  pageOptions,
  runHistory,
  valuesOf,
} from '../../src/engine/pages/diff-page.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { type CaseTrials, comparisonHtml, pageCases } from '../../src/report/index.ts';

let folder: string;
let store: SnapshotStore;
let comparison: Comparison;
let seen: Distributions;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lastgood-diff-page-'));
  store = await openLedger(join(folder, 'ledger.db'));
  const suite = storedSuite('night', 24, 2);
  const runs = [
    { id: 'sbefore', at: '2026-03-01T02:00:00Z', passes: (): boolean => true },
    { id: 'safter', at: '2026-03-02T02:00:00Z', passes: (c: number, t: number): boolean => (c + t) % 3 > 0 },
  ];
  for (const { id, at, passes } of runs)
    await storeRun(store, suite, { id, startedAt: at, trials: 2, passes });
  comparison = await compareStored({ store }, { id: 'sbefore' }, { id: 'safter' }, {}, (a, b) => {
    seen = distributionsOf(valuesOf(a), valuesOf(b));
  });
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function trialsOf(id: string, caseId: string): Promise<StoredTrial[]> {
  const trials: StoredTrial[] = [];
  for await (const trial of store.trials(id, caseId)) trials.push(trial);
  return trials;
}

test('a page written piece by piece is the page made from all trials at once', async () => {
  const details = new Map<string, CaseTrials>();
  for (const { id } of pageCases(comparison))
    details.set(id, {
      content: contentOf((await store.caseOf('safter', id)) as Case),
      baseline: await trialsOf('sbefore', id),
      candidate: await trialsOf('safter', id),
    });
  const { views: _views, ...options } = await pageOptions(store, comparison);
  const whole = comparisonHtml(comparison, { ...options, details, next: 'lastgood list' });
  const pieces = [...(await diffPage(store, comparison, { next: 'lastgood list', distributions: seen }))];
  expect(pieces.length).toBeGreaterThan(2 * 24);
  expect(pieces.join('')).toBe(whole);
  const block = (id: string): unknown =>
    JSON.parse(
      new RegExp(`<script type="application/json" id="${id}">(.*?)</script>`).exec(whole)?.[1] ?? '',
    );
  expect(Object.keys(block('case-details') as object).sort()).toEqual([...details.keys()].sort());
  const rows = block('case-data') as { id: string; checks: string[] }[];
  expect(
    rows
      .filter((r) => r.checks.includes('names-case'))
      .map((r) => r.id)
      .sort(),
  ).toEqual(
    comparison.cases
      .filter((d) => 'candidate' in d && d.candidate.passed < 2)
      .map((d) => d.id)
      .sort(),
  );
});

test('the distributions are those of the stored answers, read with the comparison or again', async () => {
  const { distributions } = await pageOptions(store, comparison);
  expect(seen).toEqual(distributions);
  expect(distributions?.length?.baseline.length).toBe(48);
  expect(Array.from(distributions?.latencyMs?.candidate ?? []).every((ms) => ms >= 400)).toBe(true);
});

test('answers that do not fit the budget are left out and counted', async () => {
  const { views, leftOut } = await pageOptions(store, comparison, { budget: 3000 });
  expect(views?.size).toBeGreaterThan(0);
  expect(views?.size).toBeLessThan(24);
  expect(leftOut).toContain(`answers of ${24 - (views?.size ?? 0)} cases`);
});

test('a run of a part of the suite is not drawn between the whole ones', async () => {
  await storeRun(store, storedSuite('night', 5, 2), {
    id: 'spart',
    startedAt: '2026-03-01T12:00:00Z',
    trials: 2,
    passes: () => false,
  });
  await storeRun(store, storedSuite('night', 20, 2), {
    id: 'slarge',
    startedAt: '2026-03-01T13:00:00Z',
    trials: 2,
    passes: () => true,
  });
  const { points } = await runHistory(store, comparison);
  expect(points.map((p) => p.label.split(' ')[2])).toEqual(['sbefore', 'slarge', 'safter']);
});
