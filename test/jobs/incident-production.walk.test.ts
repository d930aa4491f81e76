// A post-mortem with what users saw: signals before notice, the users' reaction, and the monitor that would have called.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { IncidentReport } from '../../src/core/index.ts';
import { json, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { incidentWorld } from './incident-world.ts';
import { DAY, START, sendDesk } from './production-world.ts';

/** Evening before the first bad night. */
const BEGAN = START + 61 * DAY + 20 * 3_600_000;
const NOTICED = START + 65 * DAY;

test('signals that moved before notice, the reaction of users and the first monitor stand in the report', async () => {
  await using dir = await temporaryFolder();
  const world = await incidentWorld(dir.path);
  await world.store.close();
  await writeFile(join(dir.path, 'lastgood.yaml'), 'db: lastgood.db\n');
  await sendDesk(dir.path, {
    days: 66,
    perDay: 240,
    truth: (at) => (at >= BEGAN ? { length: 0.5, edits: 0.35 } : {}),
  });
  const run = (...more: string[]) =>
    lastgoodHere(
      [
        ...['incident', '--suite', 'refund-bot', '--good', world.nights[6]!.id, '--bad', world.nights[9]!.id],
        ...['--detected', new Date(NOTICED).toISOString(), ...more],
      ],
      { cwd: dir.path },
    );
  const without = await run('--feature', 'desk', '--json');
  expect(json<IncidentReport>(without).production?.drifts).toBeNull();

  await mkdir(join(dir.path, 'features'));
  const reference = { from: '2026-01-12', to: '2026-02-08' };
  const monitors = [
    { signal: 'length.p50', reference, change: '15%', action: 'alert' },
    { signal: 'errors', reference, change: '3 points', direction: 'up' },
  ];
  await writeFile(join(dir.path, 'features/desk.yaml'), JSON.stringify({ feature: 'desk', monitors }));
  const report = json<IncidentReport>(await run('--feature', 'desk', '--json'));
  const { moves, drifts } = report.production!;
  const length = moves.find((m) => m.move.signal === 'length.p50')!;
  expect(length.byUsers).toBe(false);
  expect(Date.parse(length.move.earliest)).toBeLessThanOrEqual(BEGAN);
  expect(Date.parse(length.move.latest)).toBeGreaterThanOrEqual(BEGAN);
  expect(length.move.to / length.move.from).toBeLessThan(0.7);
  expect(moves.find((m) => m.move.signal === 'edits')?.byUsers).toBe(true);
  expect(drifts?.map((d) => d.monitor)).toEqual(['length.p50']);
  expect(Date.parse(drifts![0]!.at)).toBeLessThan(NOTICED);
  // A report records nothing: no episode, no alert.
  const after = await lastgoodHere(['timeline', 'desk', '--until', '2026-03-11', '--json'], {
    cwd: dir.path,
  });
  expect(json<{ items: { source: string }[] }>(after).items.map((i) => i.source)).not.toContain('monitor');

  const markdown = (await run('--feature', 'desk', '--format', 'markdown')).stdout;
  expect(markdown).toContain('## What users saw');
  expect(markdown).toMatch(/The first signal that moved: \*\*\S+\*\* at 2026-03-0\d .*before it was noticed/);
  expect(markdown).toMatch(/Users reacted: .*edits from 2026-03-0/);
  expect(markdown).toMatch(/The monitor that calls first: \*\*length\.p50\*\* at 2026-03-\d\d /);
  const text = (await run('--feature', 'desk')).stdout;
  expect(text).toMatch(
    /^ {2}users {6}The first signal that moved: length\.p50 at [\s\S]*The monitor that calls first: length\.p50/m,
  );
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
  expect((await run()).stdout).not.toContain('The first signal that moved');
  expect((await run('--feature', 'dsek')).stderr).toMatch(/NO_FEATURE/);
});
