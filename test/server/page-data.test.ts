// What the pages show, by their JSON twins; and the order of moves on the page of a feature.

import { expect, onTestFinished, test } from 'vitest';
import type { FeatureView, GuardOverview, Overview, TimelineItem } from '../../src/core/index.ts';
import { registrySchema } from '../../src/report/json/shipping-schema.ts';
import { featurePage } from '../../src/report/pages/feature-page.ts';
import { temporaryFolder } from '../cli/lastgood.ts';
import { HOSTILE } from '../report/hostile.ts';
import { pagesWorld } from './pages-world.ts';
import { running } from './running.ts';

test('every page has a twin in JSON that says the same', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const world = await pagesWorld(folder.path);
  const server = await running({ db: world.db });
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${server.url}/api${path}`);
    expect([path, answer.status]).toEqual([path, 200]);
    return (await answer.json()) as T;
  };
  const overview = await get<Overview & { kind: string }>('/overview');
  expect(overview.kind).toBe('overview');
  const of = (name: string) => overview.features.find((f) => f.feature === name);
  expect(of(HOSTILE[0])).toMatchObject({ state: 'stopped', current: null, lastGood: null });
  // The release in force fell; the one before it is the newest that is known to be good, by its newest run.
  expect(of('refunds')).toMatchObject({
    state: 'alert',
    current: { release: HOSTILE[3] },
    lastGood: { release: HOSTILE[1], snapshot: world.nights[6]?.id, passRate: 1 },
    episodes: [{ kind: 'nightly', of: 'refund-bot' }],
    stops: [{ agent: HOSTILE[2] }],
    pendingApprovals: 2,
  });
  const guard = await get<GuardOverview>('/guard');
  expect([guard.stops.length, guard.pending.length, guard.decisions.length]).toEqual([2, 2, HOSTILE.length]);
  const registry = registrySchema.safeParse(await get('/registry'));
  expect(registry.error).toBeUndefined();
  expect(await get('/snapshots?suite=refund-bot')).toMatchObject({ kind: 'list', more: false });
  expect(await get(`/snapshots/${world.bad}`)).toMatchObject({
    kind: 'snapshot',
    snapshot: { id: world.bad },
  });
  expect(await get(`/compare?a=${world.good}&b=${world.bad}`)).toMatchObject({
    verdict: 'regressed',
    candidate: { id: world.bad },
  });
  const feature = await get<FeatureView>('/features/refunds?since=7d');
  expect(feature.signals?.groups[0]?.observations).toBe(288);
  expect(feature.changes.map((c) => c.kind)).toEqual(['pointer', 'pointer', 'deprecation', 'flag', 'stop']);
  expect(feature.events).toMatchObject([{ kind: 'provider-notice' }]);
  for (const [path, status] of [
    ['/features/unknown', 404],
    ['/features/refunds?since=0d', 400],
    ['/features/refunds?since=93d', 400],
    ['/snapshots/sssss', 400],
    ['/compare?a=latest', 400],
  ] as const) {
    const answer = await fetch(`${server.url}/api${path}`);
    expect([path, answer.status, Object.keys((await answer.json()) as object)]).toEqual([
      path,
      status,
      ['error'],
    ]);
  }
}, 30_000);

test('the page of a feature tells what moved first, and what came before', () => {
  const at = (hour: number): string => `2026-05-12T${String(hour).padStart(2, '0')}:00:00.000Z`;
  const item = (hour: number, more: Partial<TimelineItem>): TimelineItem => ({
    ...{
      at: at(hour),
      source: 'event',
      kind: 'provider-notice',
      text: HOSTILE[0],
      ref: HOSTILE[10],
      move: null,
    },
    ...more,
  });
  const view: FeatureView = {
    ...{ environment: 'production', at: at(23), signals: null, changes: [], events: [] },
    overview: {
      ...{
        feature: 'refunds',
        state: 'steady',
        reason: 'fine',
        current: null,
        candidate: null,
        quality: null,
      },
      ...{ lastGood: null, episodes: [], stops: [], pendingApprovals: 0, rollout: null },
    },
    timeline: {
      ...{ schemaVersion: 1, kind: 'timeline', feature: 'refunds', from: at(1), to: at(23), observations: 9 },
      items: [
        item(13, {}),
        item(14, { source: 'monitor', kind: 'drift opened', text: HOSTILE[2], ref: null }),
      ],
      order: [
        { signal: 'length.p95', at: at(14), uncertain: false },
        { signal: 'judge', at: at(15), uncertain: true },
      ],
      before: [0],
      usualSince: null,
      judged: [{ signal: 'length.p95', windowHours: 1 }],
      unjudged: [{ signal: 'errors', why: 'few-answers' }],
      starts: [],
      series: [],
    },
  };
  const viewer = { token: null, operates: false, csrf: null, by: '', environment: 'production' };
  const page = featurePage(view, viewer, { since: '7d', stamp: '1.a' });
  const text = page
    .slice(page.indexOf('What moved first'))
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
  expect(text).toMatch(/14:00 length\.p95 2026-05-12 15:00 judge \(may have moved before the one above\)/);
  expect(text).toMatch(/Before the first move, or about then: 2026-05-12 13:00 event provider-notice/);
  expect(text).toContain('because there are too few answers: errors.');
  expect(text).toContain('drift opened');
  expect(page).not.toContain(HOSTILE[0]);
  expect(page).not.toContain('href="javascript:');
});
