// Naming a baseline: who defaults to git's user, everything missing is told at once, and nobody is sent to it after every green run.

import { expect, test } from 'vitest';
import { deskCases, helpDesk, openaiRelease } from './help-desk.ts';

const releases = { desk: openaiRelease() };

test('git says who blesses; without a name and a reason both are asked for in one error', async () => {
  const desk = await helpDesk({ releases, cases: deskCases().slice(0, 4) });
  const id = await desk.run('desk');
  const bare = await desk.cli('bless', id);
  expect(bare.code).toBe(2);
  expect(bare.stderr).toContain('--by NAME');
  expect(bare.stderr).toContain('--why TEXT');
  expect((await desk.cli('bless', id, '--by', ' ', '--why', '')).stderr).toMatch(/--by NAME.*--why TEXT/);
  // The home of this command line is the desk's folder.
  await desk.write('.gitconfig', '[user]\n\tname = Grace Hopper\n');
  const reasonless = await desk.cli('bless', id);
  expect(reasonless.stderr).toContain('--why TEXT');
  expect(reasonless.stderr).not.toContain('--by NAME');
  const done = await desk.cli('bless', id, '--why', 'read by hand', '--json');
  expect(done).toMatchObject({ code: 0, json: { by: 'Grace Hopper', why: 'read by hand' } });
  const named = await desk.cli('bless', id, '--by', 'ada', '--why', 'read again', '--json');
  expect(named.json.by).toBe('ada');
});

test('after "unchanged" no new baseline is suggested', async () => {
  const desk = await helpDesk({ releases });
  const first = await desk.cli('run', 'suite.yaml', '--release', 'releases/desk.yaml');
  expect(first.stdout).toMatch(/next: lastgood show s\w+/);
  const id = (await desk.cli('list', '--json')).json.snapshots[0].id;
  await desk.bless(id);
  const again = await desk.cli('run', 'suite.yaml', '--release', 'releases/desk.yaml');
  expect(again.stdout).toMatch(/^UNCHANGED/m);
  expect(again.stdout).not.toContain('bless');
  expect(again.stdout).not.toContain('next:');
  const both = await desk.cli(
    ...['compare', 'suite.yaml', '--baseline-release', 'releases/desk.yaml'],
    ...['--release', 'releases/desk.yaml'],
  );
  expect(both.stdout).toMatch(/^UNCHANGED/m);
  expect(both.stdout).not.toContain('bless');
});
