// One axis for signals, releases, events, monitors and nights, and the order in which signals moved.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FeatureTimeline } from '../../src/core/index.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { timelineSchema } from '../../src/report/json/timeline-schema.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { DAY, START, sendDesk } from './production-world.ts';

const MINUTE = 60_000;
const NOTICE = START + 21 * DAY + 13.75 * 60 * MINUTE;
const LENGTH_AT = NOTICE + 15 * MINUTE;
const EDITS_AT = NOTICE + 4 * 60 * MINUTE;
const iso = (ms: number): string => new Date(ms).toISOString();

test('a provider notice, the length after it and the edits hours later stand in this order, on one page and in JSON', async () => {
  await using dir = await temporaryFolder();
  const run = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
  await sendDesk(dir.path, {
    days: 24,
    perDay: 1000,
    truth: (at, template) => ({
      ...(at >= LENGTH_AT ? { length: template === 'refund' ? 1.6 : 1.3 } : {}),
      ...(at >= EDITS_AT ? { edits: 0.25 } : {}),
    }),
    servedModel: (at) => (at >= LENGTH_AT ? 'model-2026-01-26' : 'model-2026-01-01'),
  });
  const text = '<img src=x onerror=alert(1)> behaviour tuned';
  await run('event', 'add', '--kind', 'provider-notice', '--text', text, '--at', iso(NOTICE));
  await run('event', 'add', '--kind', 'deploy', '--text', 'long ago', '--at', iso(START));
  const log = await openShippingLog(join(dir.path, 'snapshots/lastgood.db'));
  for (const feature of ['desk', 'other'])
    await log.append({
      ...{ kind: 'flag', feature, environment: 'production', name: 'ai.rollout.percent' },
      ...{ at: iso(NOTICE - 3 * 60 * MINUTE), by: 'ana', why: `${feature} goes to 20`, body: { value: 20 } },
    });
  await log.close();
  await mkdir(join(dir.path, 'features'));
  await writeFile(
    join(dir.path, 'features/desk.yaml'),
    JSON.stringify({
      feature: 'desk',
      monitors: [
        { signal: 'length.p50', reference: { from: '2026-01-05', to: '2026-01-20' }, change: '10%' },
      ],
    }),
  );
  expect((await run('monitor', 'desk', '--at', iso(START + 24 * DAY))).code).toBe(1);

  const range = ['--since', '7d', '--until', iso(START + 24 * DAY)];
  const printed = await run('timeline', 'desk', ...range, '--json', '--html', 'page.html');
  const t = json<FeatureTimeline>(printed);
  expect(timelineSchema.strict().parse(t)).toEqual(t);
  const signals = t.order.map((o) => o.signal);
  const moved = (signal: string) => t.items.find((i) => i.move?.signal === signal)!;
  const length = moved('length.p50');
  expect(Math.abs(Date.parse(length.at) - LENGTH_AT)).toBeLessThanOrEqual(45 * MINUTE);
  expect(length.move!.to / length.move!.from).toBeGreaterThan(1.35);
  expect(length.move!.templates[0]?.template).toBe('refund');
  expect(length.move!.until).toBeNull();
  expect(Math.abs(Date.parse(moved('edits').at) - EDITS_AT)).toBeLessThanOrEqual(60 * MINUTE);
  expect(signals.indexOf('length.p50')).toBeLessThan(signals.indexOf('edits'));
  expect(t.order.find((o) => o.signal === 'edits')?.uncertain).toBe(false);
  // What did not move is not named, and what was is: the release stayed, the model changed.
  expect(signals).not.toContain('errors');
  expect(signals).not.toContain('latency.p50');
  expect(t.items.map((i) => i.kind)).toEqual(
    expect.arrayContaining(['provider-notice', 'first seen', 'last seen', 'drift opened', 'moved']),
  );
  expect(t.items.map((i) => i.text).join()).not.toContain('long ago');
  expect(t.items.filter((i) => i.source === 'shipping').map((i) => i.text)).toEqual([
    'ai.rollout.percent: desk goes to 20 (ana)',
  ]);
  expect(t.before.map((i) => t.items[i]?.kind)).toContain('provider-notice');
  expect(t.items.map((i) => i.at)).toEqual([...t.items.map((i) => i.at)].sort());
  expect(t.series.find((s) => s.signal === 'length.p50')?.values).toHaveLength(7 * 24);

  const page = await readFile(join(dir.path, 'page.html'), 'utf8');
  expect(page).toContain('&lt;img src=x onerror=alert(1)&gt; behaviour tuned');
  expect(page).not.toContain('<img');
  expect(page).toContain('length.p50');

  const shown = await lastgood(['timeline', 'desk', ...range], { cwd: dir.path });
  expect(shown.code).toBe(0);
  const lines = shown.stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(25);
  expect(shown.stdout).toMatch(/provider-notice {2}<img src=x/);
  expect(shown.stdout).toMatch(/signal {2}length\.p50 \+\d\d\.\d % \(\d+ → \d+\)/);
  expect(shown.stdout).toMatch(/Moved first: \S*length\.p\d\d /);
  expect(shown.stdout).toMatch(/Before it: shipping flag \S+ h earlier, .*provider-notice/);
});

test('a timeline without a usual, without moves and without a feature says so', async () => {
  await using dir = await temporaryFolder();
  const run = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
  await sendDesk(dir.path, { days: 24, perDay: 200 });
  const early = await run('timeline', 'desk', '--since', '7d', '--until', iso(START + 10 * DAY));
  expect(early.stdout).toContain('0 signals moved');
  expect(early.stdout).toMatch(
    /Not judged \(14 days of answers before the timeline are needed\): .*length\.p50/,
  );
  const calm = await run('timeline', 'desk', '--since', '7d', '--until', iso(START + 24 * DAY));
  expect(calm.code).toBe(0);
  expect(calm.stdout).toContain('nothing was recorded, and no signal moved');
  const unknown = await run('timeline', 'dsek', '--until', iso(START + 24 * DAY));
  expect(unknown).toMatchObject({ code: 2, stdout: '' });
  expect(unknown.stderr).toMatch(/did you mean desk\?/);
  const wrong = await run('timeline', 'desk', '--since', iso(START), '--until', iso(START - DAY));
  expect(wrong.stderr).toMatch(/SINCE_RANGE/);
});
