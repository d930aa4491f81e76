// One story of a playbook: written while a candidate is on its way, checked command by command, and rehearsed by a drill.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Playbook, PlaybookCheck } from '../../src/core/index.ts';
import { playbookSchema } from '../../src/report/json/playbook-schema.ts';
import { checkDesk, contents, MESSAGES, PEOPLE, WHOLE } from './playbook-world.ts';
import { atHalf, rolloutWorld } from './rollout-world.ts';

test('the whole playbook has names, texts and commands that work, and its check changes nothing', async () => {
  const d = await rolloutWorld(WHOLE);
  await d.bless(await d.run('desk'));
  await d.run('brief');
  const drilled = await d.cli('drill', 'suite.yaml', '--release', 'releases/desk.yaml');
  expect(drilled.code).toBe(0);
  expect(drilled.stdout).toMatch(
    /broken {2}playbook of desk in production {2}\d+ commands in [\d.]+ m?s, the slowest/,
  );
  const kept = await d.cli<{ playbooks: PlaybookCheck[] }>('drill', 'suite.yaml', '--last', '--json');
  expect(kept.json.playbooks).toMatchObject([{ feature: 'desk', outcome: 'broken' }]);
  expect(kept.json.playbooks[0]?.lines.some((l) => l.command !== null && l.elapsedMs > 0)).toBe(true);
  await atHalf(d);
  const made = await d.cli<Playbook>('playbook', 'desk', '--json', '--url', 'https://lg.example/ops');
  const p = made.json;
  expect(playbookSchema.safeParse(p).error, made.stderr).toBeUndefined();
  expect(p).toMatchObject({
    feature: 'desk',
    environment: 'production',
    release: { name: 'desk', fingerprint: d.fingerprint.control },
    rollout: { status: 'running', percent: 50 },
    target: { fingerprint: d.fingerprint.control, by: 'drill', simulated: true },
    drill: { outcome: 'passed', where: 'simulator' },
    rehearsal: { outcome: 'broken' },
    firstRollback: { restore: ['prompt'], flags: { 'ai.action.mode': 'draft' } },
    fallbacks: [{ name: 'the brief release' }, { name: 'people', step: null }],
  });
  expect(p.signals?.observations).toBe(3000);
  expect(p.authority.map((a) => a.who)).toEqual(Object.values(PEOPLE));
  expect(p.messages.map((m) => m.text)).toEqual(Object.values(MESSAGES));
  expect(p.links.map((l) => l.url)).toContain('https://lg.example/ops/features/desk?since=7d');
  expect(new Set(p.steps.map((s) => s.section)).size).toBe(6);

  const short = await d.cli('playbook', 'desk');
  expect(short.code).toBe(0);
  expect(short.stdout.split('\n').length).toBeLessThanOrEqual(26);
  for (const section of [
    '1 detect',
    '2 triage',
    '3 roll back',
    '4 communicate',
    '5 investigate',
    '6 post-mor',
  ])
    expect(short.stdout).toContain(section);
  expect(short.stdout).toContain('rehearsed on a simulator');
  expect(short.stdout).toContain('lastgood rollout abort desk --environment production');

  await d.cli('playbook', 'desk', '--out', 'playbook.md');
  const page = await readFile(join(d.dir, 'playbook.md'), 'utf8');
  for (const step of p.steps) expect(page).toContain(`\`\`\`sh\n${step.command}`);
  for (const text of [...Object.values(PEOPLE), ...Object.values(MESSAGES), 'the long answers are wrong'])
    expect(page).toContain(text);

  const before = contents(d);
  const checked = await checkDesk(d);
  expect(contents(d)).toEqual(before);
  const { lines } = checked.json;
  expect(lines.filter((l) => l.step !== null).map((l) => l.step)).toEqual(
    expect.arrayContaining(p.steps.map((s) => s.id)),
  );
  const faulty = lines.filter((l) => l.state !== 'works').map((l) => [l.state, l.step ?? l.what]);
  // No monitor, no webhook, a simulator is not the provider, and a rollout is under way.
  expect(faulty).toEqual([
    ['broken', 'monitors'],
    ['open', 'alerts reach a person'],
    ['open', 'verified rollback target'],
    ['open', 'roll-back.apply'],
  ]);
  expect(checked.code).toBe(1);
});
