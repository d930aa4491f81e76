// `nightly --spread`: the night's own run is spread, what confirms it is made at once, and the record says when the trials ran.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nightRecords } from '../../src/engine/records/night-records.ts';
import { nightlyText } from '../../src/report/text/nightly-text.ts';
import { lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { nightlyWorld } from './nightly-world.ts';

test('a spread night is green like any other; its second run and its single cases are not spread', async () => {
  await using dir = await temporaryFolder();
  await using world = await nightlyWorld(join(dir.path, 'world'), { cases: 24, trials: 2 });
  for (let night = 1; night <= 5; night++) await world.run(night);
  await world.bless('latest');
  const spread = await world.run(6, { spreadMs: 200 });
  expect(spread).toMatchObject({ state: 'green', record: { spreadMs: 200, number: 1 } });
  expect(spread.night.summary).toMatchObject({
    validity: 'valid',
    labels: { nightly: 'night', spread: '200ms' },
  });
  expect(world.warnings.map(({ code }) => code)).toContain('NIGHT_SPREAD');
  expect(nightlyText(spread)).toMatch(/trials spread from 2026-04-06 03:15 to 2026-04-06 03:15 UTC/);

  world.behave((_, caseNo) => (caseNo % 2 === 0 ? 0.05 : 0.97));
  const broken = await world.run(7, { spreadMs: 200 });
  expect(broken.state).toBe('alarm');
  expect(broken.night.rerun?.summary.labels).toMatchObject({ nightly: 'rerun' });
  for (const run of [broken.night.rerun?.summary, ...broken.night.fresh])
    expect(run?.labels['spread']).toBeUndefined();
  const [, last] = (await nightRecords(world.work.store, 'refund-bot')).slice(-2);
  expect(last).toMatchObject({ spreadMs: 200, finishedAt: broken.night.summary.finishedAt });
});

test('a spread that cannot be kept is refused before any call', async () => {
  await using dir = await temporaryFolder();
  const suite = join(ROOT, 'suites/support-triage');
  const night = (...more: string[]) =>
    lastgoodHere(['nightly', suite, '--release', join(suite, 'releases/triage.yaml'), ...more], {
      cwd: dir.path,
    });
  expect(await night('--spread', '11h')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--spread takes at most 10h, not 11h'),
  });
  expect(await night('--spread', '6h', '--deadline', '90m')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(
      '--deadline 90m would end the night before its last trials start (--spread 6h)',
    ),
  });
  const printed = await night('--spread', '6h', '--print-schedule', 'crontab');
  expect(printed.stdout).toContain('--spread 21600s');
});
