// Thirty nights with a change on the 21st: the alarm comes that night, once, and the end is told once; nights without a change stay quiet.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SnapshotSummary } from '../../src/core/index.ts';
import { alertStates } from '../../src/engine/records/alerts.ts';
import { addEvents } from '../../src/engine/records/events.ts';
import { nightRecords } from '../../src/engine/records/night-records.ts';
import { episodesOf } from '../../src/jobs/nightly/episodes.ts';
import { nightlyText } from '../../src/report/text/nightly-text.ts';
import { temporaryFolder } from '../cli/lastgood.ts';
import { alertServer, DAY_MS, FIRST_NIGHT, nightlyWorld } from './nightly-world.ts';

const NO_WAIT = { sleep: async () => {} };

test('thirty nights: broken on night 21, alarmed the same night, told once, healed on night 26, quiet otherwise', async () => {
  await using dir = await temporaryFolder();
  await using world = await nightlyWorld(join(dir.path, 'world'));
  await using server = await alertServer();
  world.behave((night, caseNo) => (night >= 21 && night < 26 && caseNo % 6 === 0 ? 0.05 : 0.97));
  const states: string[] = [];
  for (let night = 1; night <= 30; night++) {
    if (night === 21) {
      world.goTo(night);
      await addEvents(world.work, [
        {
          kind: 'provider-notice',
          at: new Date(FIRST_NIGHT + 20 * DAY_MS - 3_600_000).toISOString(),
          text: 'model behaviour tuned',
          suite: null,
        },
      ]);
    }
    const result = await world.run(night, { webhook: server.url, post: NO_WAIT });
    states.push(result.state);
    const text = nightlyText(result);
    if (result.state === 'green') {
      expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(7);
      expect(text).toMatch(/^green {2}refund-bot/);
    }
    if (night === 21) {
      expect(text).toMatch(/^REGRESSED/);
      expect(text).toContain('provider-notice: model behaviour tuned');
      expect(text).toContain('refund-06');
      expect(text).toMatch(/next: lastgood rollback refund-bot --from s/);
      // The night's cost is that of its calls: fresh trials and the run again cost money, too.
      const { night: n } = result;
      const at = (costUsd: number) => (s: SnapshotSummary) => ({ ...s, costUsd });
      const again = n.rerun === null ? null : { ...n.rerun, summary: at(0.5)(n.rerun.summary) };
      const fresh = n.fresh.map(at(0.25));
      const total = 1 + (again === null ? 0 : 0.5) + 0.25 * fresh.length;
      expect(total).toBeGreaterThan(1);
      const priced = { ...n, summary: at(1)(n.summary), rerun: again, fresh };
      expect(nightlyText({ ...result, night: priced })).toContain(`cost $${total.toFixed(2)}`);
    }
    if (night === 22) expect(text).toContain('already alerted');
    if (night === 5) await world.bless('latest');
  }
  expect(states.slice(0, 5)).toEqual(Array(5).fill('no-baseline'));
  expect(states.slice(5, 20)).toEqual(Array(15).fill('green'));
  expect(states.slice(20, 25)).toEqual(['alarm', 'still', 'still', 'still', 'still']);
  expect(states.slice(25)).toContain('recovered');
  const well = states.indexOf('recovered');
  expect(states.slice(25, well).filter((s) => s !== 'still')).toEqual([]);
  expect(states.slice(well + 1).filter((s) => s !== 'green')).toEqual([]);

  expect(server.taken.map((b) => b['event'])).toEqual(['regression.opened', 'regression.recovered']);
  const [opened] = server.taken;
  expect(opened).toMatchObject({
    schemaVersion: 1,
    kind: 'alert',
    suite: 'refund-bot',
    release: 'refund-bot',
    diagnosis: 'provider-side drift suspected',
  });
  expect(opened?.['text']).toContain('refund-bot regressed');
  expect(opened?.['regressed']).toContain('refund-00');
  expect(JSON.stringify(opened)).not.toContain('Please wait');
  const [episode] = await episodesOf(world.work.store, 'refund-bot');
  expect(episode).toMatchObject({ status: 'recovered', openedAt: expect.stringMatching(/^2026-04-21/) });
  const records = await nightRecords(world.work.store, 'refund-bot');
  expect(records.map((r) => r.number)).toEqual([
    ...Array(5).fill(null),
    ...Array.from({ length: 25 }, (_, i) => i + 1),
  ]);
});

test('a slow decay that no single step shows is caught against the pinned baseline', async () => {
  await using dir = await temporaryFolder();
  await using world = await nightlyWorld(join(dir.path, 'world'), { trials: 2 });
  world.behave((night) => 0.97 - Math.max(0, night - 5) * 0.008);
  let alarmed: number | null = null;
  for (let night = 1; night <= 40 && alarmed === null; night++) {
    const result = await world.run(night);
    if (night === 5) await world.bless('latest');
    if (result.state === 'alarm') {
      alarmed = night;
      expect(result.trend?.per30Nights).toBeLessThan(-0.05);
      expect(result.budget?.spent).toBeLessThan(0.05);
    }
  }
  expect(alarmed).not.toBeNull();
  expect(alarmed).toBeGreaterThan(8);
});

test('a webhook that fails loses nothing: the alert waits, is listed, and goes out with the next night', async () => {
  await using dir = await temporaryFolder();
  await using world = await nightlyWorld(join(dir.path, 'world'), { cases: 24 });
  await using server = await alertServer();
  for (let night = 1; night <= 3; night++) await world.run(night);
  await world.bless('latest');
  world.behave((_, caseNo) => (caseNo < 8 ? 0.1 : 0.97));
  server.status = 503;
  const bad = await world.run(4, { webhook: server.url, post: { ...NO_WAIT, attempts: 3 } });
  expect(bad.state).toBe('alarm');
  expect(server.posts).toBe(3);
  expect(bad.alerts).toMatchObject([{ delivered: false, attempts: 3, lastError: 'it answered 503' }]);
  expect(world.warnings.map((w) => w.code)).toEqual(['WEBHOOK_FAILED']);
  expect(nightlyText(bad)).toContain('alert NOT sent (it answered 503), kept: regression.opened');
  server.status = 200;
  const next = await world.run(5, { webhook: server.url, post: NO_WAIT });
  expect(next.state).toBe('still');
  expect(server.taken.map((b) => b['event'])).toEqual(['regression.opened']);
  expect(await alertStates(world.work.store)).toMatchObject([{ delivered: true, attempts: 4 }]);
  await world.run(6, { webhook: server.url, post: NO_WAIT });
  expect(server.taken).toHaveLength(1);
});

test('a night that measured nothing is neither green nor an end of the episode', async () => {
  await using dir = await temporaryFolder();
  await using world = await nightlyWorld(join(dir.path, 'world'), { cases: 24 });
  for (let night = 1; night <= 3; night++) await world.run(night);
  await world.bless('latest');
  world.behave(null);
  const dark = await world.run(4);
  expect(dark.state).toBe('unknown');
  expect(dark.record.number).toBeNull();
  expect(dark.reason).toMatch(/invalid/);
  world.behave((_, caseNo) => (caseNo < 8 ? 0.1 : 0.97));
  expect((await world.run(5)).state).toBe('alarm');
  world.behave(null);
  expect((await world.run(6)).state).toBe('unknown');
  expect((await episodesOf(world.work.store)).map((e) => e.status)).toEqual(['open']);
});

test('a new baseline closes the open episode; a limit that forbids the second run leaves the night untold', async () => {
  await using dir = await temporaryFolder();
  await using world = await nightlyWorld(join(dir.path, 'world'), { cases: 24 });
  for (let night = 1; night <= 3; night++) await world.run(night);
  await world.bless('latest');
  world.behave((_, caseNo) => (caseNo < 8 ? 0.1 : 0.97));
  const capped = await world.run(4, { settings: { maxCalls: 72, maxAttempts: 1 } });
  expect(capped.state).toBe('unknown');
  expect(capped.reason).toContain('has not been run a second time');
  expect((await world.run(5)).state).toBe('alarm');
  await world.bless('latest');
  const after = await world.run(6);
  expect(after.state).toBe('green');
  expect((await episodesOf(world.work.store)).map((e) => e.status)).toEqual(['superseded']);
  expect((await alertStates(world.work.store)).map((a) => a.alert.event)).toEqual([
    'regression.opened',
    'regression.superseded',
  ]);
});
