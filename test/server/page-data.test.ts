// What the pages show, by their JSON twins; and the order of moves on the page of a feature.

import { expect, onTestFinished, test } from 'vitest';
import type { FeatureView, TimelineItem } from '../../src/core/index.ts';
import { featurePage } from '../../src/report/pages/feature-page.ts';
import { temporaryFolder } from '../cli/lastgood.ts';
import { HOSTILE } from '../report/hostile.ts';
import { expectEveryPage } from './every-page.ts';
import { pagesWorld } from './pages-world.ts';
import { running } from './running.ts';

test('every page has a twin that its published schema describes', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const world = await pagesWorld(folder.path);
  await expectEveryPage(world, await running({ db: world.db }));
}, 60_000);

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
