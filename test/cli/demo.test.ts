// The demo as a stranger runs it, and every command it prints at the end.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lastgood, temporaryFolder } from './lastgood.ts';

test('the demo tells the story, verifies a rollback target, and its closing commands work', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  const demo = await lastgood(['demo', '--quiet'], { cwd });
  expect(demo.stderr).toBe('');
  expect(demo.code).toBe(0);

  expect(demo.stdout).toMatch(/A SIMULATION/);
  const nights = demo.stdout.match(/^2026-\d\d-\d\d {2}s[0-9a-z]{11} /gm) ?? [];
  expect(nights.length).toBeGreaterThanOrEqual(21);
  const story = demo.stdout.slice(0, demo.stdout.indexOf('The alarm'));
  expect(story).toMatch(/a reworded prompt is tried: (unchanged|inconclusive)/);
  const alarms = story.match(/^(2026-\d\d-\d\d) .*REGRESSED/gm) ?? [];
  expect(alarms[0]).toContain('2026-05-13');
  expect(alarms.length).toBe(3);
  expect(demo.stdout).toMatch(/provider-side drift suspected/);
  expect(demo.stdout).toMatch(/before: category: escalate/);
  expect(demo.stdout).toMatch(/VERIFIED {2}triage-fallback/);

  const html = readFileSync(join(cwd, 'demo/report.html'), 'utf8');
  expect(html).toContain('This is a simulation');
  expect(html).toContain('Rollback');
  expect(html).not.toMatch(/<(link|img|iframe)\b|https?:\/\/(?!www\.w3\.org)/);
  expect(existsSync(join(cwd, 'demo/report.md'))).toBe(true);

  const commands = [...demo.stdout.matchAll(/^ {2}npx lastgood (.+)$/gm)].map((m) => (m[1] ?? '').split(' '));
  expect(commands.map((c) => c[0])).toEqual(['list', 'diff', 'show']);
  const outcomes = [];
  for (const command of commands) outcomes.push(await lastgood(command, { cwd }));
  expect(outcomes.map((o) => o.code)).toEqual([0, 1, 0]);
  expect(outcomes[0]?.stdout).toContain('baseline');
  expect(outcomes[1]?.stdout).toContain('REGRESSED');
  expect(outcomes[2]?.stdout).toMatch(/FAIL {2}/);
  expect(outcomes.map((o) => o.stderr)).toEqual(['', '', '']);

  // Re-runnable: the same seed tells the same story in the same ids.
  const again = await lastgood(['demo', '--quiet'], { cwd });
  // Which of two equal requests in flight is answered first is the machine's business: it decides only which output is quoted.
  const told = (text: string) => text.replace(/^ +(before|after|why): .*\n/gm, '');
  expect(told(again.stdout)).toBe(told(demo.stdout));
}, 240_000);
