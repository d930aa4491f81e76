// The pages of snapshots and comparisons, and their JSON twins.

import type { SnapshotStore, SnapshotSummary } from '../core/index.ts';
import { siteFrame } from '../report/pages/site.ts';
import { compareFormPage, type SnapshotList, snapshotsPage } from '../report/pages/snapshots-page.ts';
import type { AppContext, AppParts } from './app.ts';
import { HttpError } from './http-error.ts';
import { pageAnswer, reportAnswer, streamOf } from './page-answer.ts';
import { CLOCK, given, type PageRoute, type Turn } from './page-sources.ts';

const MOST_SNAPSHOTS = 200;
const RECENT = 50;

export function snapshotRoutes(parts: AppParts, turn: Turn): PageRoute[] {
  const resolved = async (c: AppContext) => {
    const store = await parts.ledger.store();
    const ref = c.req.param('ref') ?? '';
    return { store, summary: await store.resolve(ref, { suite: given(c, 'suite'), now: CLOCK.now() }) };
  };
  const pairOf = (c: AppContext) => ({
    baseline: given(c, 'a') ?? '',
    candidate: given(c, 'b') ?? '',
    suite: given(c, 'suite'),
  });
  return [
    {
      path: '/snapshots',
      html: async (c, { viewer }) => pageAnswer(c, snapshotsPage(await listOf(c, parts), viewer)),
      json: async (c) => {
        const { snapshots, more } = await listOf(c, parts);
        return c.json({ schemaVersion: 1, kind: 'list', snapshots, more });
      },
    },
    {
      path: '/snapshots/:ref',
      html: (c, { viewer }) =>
        turn(async () => {
          const { store, summary } = await resolved(c);
          const { snapshotPage } = await import('../jobs/ledger/snapshot-page.ts');
          const frame = siteFrame(viewer, '/snapshots');
          return reportAnswer(c, await snapshotPage(store, await store.results(summary.id), { frame }));
        }),
      json: (c) =>
        turn(async () => {
          const { store, summary } = await resolved(c);
          const { cases } = await store.results(summary.id);
          return jsonAnswer(c, { schemaVersion: 1, kind: 'snapshot', snapshot: summary, cases });
        }),
    },
    {
      path: '/compare',
      async html(c, { viewer }) {
        const store = await parts.ledger.store();
        const pair = pairOf(c);
        if (pair.baseline === '' || pair.candidate === '') {
          const recent = await store.list({ suite: pair.suite, purposes: ['run'], limit: RECENT });
          const form = { a: pair.baseline, b: pair.candidate, suite: pair.suite ?? null, recent };
          return pageAnswer(c, compareFormPage({ ...form, suites: await suitesOf(store) }, viewer));
        }
        return turn(async () => {
          const { comparePage } = await import('../jobs/pages/compare-page.ts');
          const frame = siteFrame(viewer, '/compare');
          return reportAnswer(c, await comparePage({ store, clock: CLOCK }, pair, frame));
        });
      },
      json: (c) =>
        turn(async () => {
          const pair = pairOf(c);
          if (pair.baseline === '' || pair.candidate === '')
            throw new HttpError(400, 'name two snapshots: ?a=BASELINE&b=CANDIDATE');
          const { comparePair } = await import('../jobs/pages/compare-page.ts');
          const store = await parts.ledger.store();
          return jsonAnswer(c, (await comparePair({ store, clock: CLOCK }, pair)).comparison);
        }),
    },
  ];
}

async function jsonAnswer(c: AppContext, value: unknown): Promise<Response> {
  const { jsonPieces } = await import('../report/json/json-document.ts');
  return c.body(streamOf(jsonPieces(value)), 200, { 'Content-Type': 'application/json; charset=utf-8' });
}

async function listOf(c: AppContext, parts: AppParts): Promise<SnapshotList> {
  const store = await parts.ledger.store();
  const suite = given(c, 'suite') ?? null;
  const all = c.req.query('all') === '1';
  const found = await store.list({
    suite: suite ?? undefined,
    limit: MOST_SNAPSHOTS + 1,
    ...(all ? {} : { purposes: ['run'] as const }),
  });
  const newest = new Map((await store.blessings()).map((b) => [b.suite, b.snapshot]));
  return {
    snapshots: found.slice(0, MOST_SNAPSHOTS),
    more: found.length > MOST_SNAPSHOTS,
    suites: await suitesOf(store),
    suite,
    all,
    baselines: new Set(newest.values()),
  };
}

async function suitesOf(store: SnapshotStore): Promise<readonly string[]> {
  const all: readonly SnapshotSummary[] = await store.list();
  return [...new Set(all.map((s) => s.suite))].sort();
}
