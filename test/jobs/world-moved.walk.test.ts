// The provider moves on night 12; on night 13 an author opens a pull request with an innocent prompt edit. Each command says what happened.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CheckResult, RollbackDecision } from '../../src/core/index.ts';
import { anthropicRelease, FALLBACK, GOOD_PROMPT, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

interface NightJson {
  readonly state: string;
  readonly alarm: boolean;
}

const night = (n: number): string => `2026-04-${String(n).padStart(2, '0')}T03:15:00Z`;

test('check acquits the edit and blames the world, nightly alarms on the same drop, rollback finds the route that helps', async () => {
  const desk = await helpDesk({
    suite: { policy: { margin: 0.1 } },
    scenario: {
      date: '2026-03-31',
      versions: { steady: { skill: 0.97 }, shaken: { skill: { default: 0.97, refund: 0.2 } } },
      models: [
        // Between night 11 and night 12, without a word.
        {
          id: MODEL,
          provider: 'openai',
          version: 'steady',
          updates: [{ at: '2026-04-11T12:00:00Z', version: 'shaken' }],
        },
        { id: FALLBACK, provider: 'anthropic', version: 'steady' },
      ],
    },
    releases: {
      desk: openaiRelease(),
      'second-source': anthropicRelease(),
      'desk-edited': openaiRelease({
        prompt: {
          system: `${GOOD_PROMPT} Write in whole sentences.`,
          messages: [{ role: 'user', content: '{{ question }}' }],
        },
      }),
    },
  });
  await desk.run('second-source', '--at', '2026-03-30T03:15:00Z');
  await desk.bless(await desk.run('desk', '--at', '2026-03-31T03:15:00Z'));

  const nights: { code: number; state: string; alarm: boolean }[] = [];
  for (let n = 1; n <= 13; n++) {
    desk.simulator.setDate(night(n));
    const { code, json } = await desk.cli<NightJson>(
      'nightly',
      'suite.yaml',
      '--release',
      'releases/desk.yaml',
      '--sentinel',
      '0',
      '--at',
      night(n),
      '--json',
    );
    nights.push({ code, state: json.state, alarm: json.alarm });
  }
  expect(nights.slice(0, 11).filter((n) => n.alarm || n.code === 1)).toEqual([]);
  expect(nights[11]).toEqual({ code: 1, state: 'alarm', alarm: true });
  expect(nights[12]?.state).toBe('still');

  const check = await desk.cli(
    'check',
    'suite.yaml',
    '--release',
    'releases/desk-edited.yaml',
    '--json-file',
    'check.json',
  );
  const { suites, gate } = JSON.parse(await readFile(join(desk.dir, 'check.json'), 'utf8')) as CheckResult;
  const comparison = suites[0]?.comparison;
  expect(comparison?.cause).toBe('world');
  // 24 cases do not always show that the edit changed nothing; it is never called worse.
  const decided = comparison?.verdict !== 'inconclusive';
  expect(['unchanged', 'no-regression-found', 'inconclusive']).toContain(comparison?.verdict);
  // The edit does what the unchanged release does today; that release fell far below its stored runs.
  expect(Math.abs(comparison?.contrasts?.change?.delta ?? 1)).toBeLessThan(0.15);
  expect(comparison?.contrasts?.world?.delta).toBeLessThan(-0.3);
  expect(comparison?.contrasts?.worldCases.every((id) => id.startsWith('refund-'))).toBe(true);
  expect(gate.rules.map((r) => [r.rule, r.outcome])).toEqual([
    ['verdict', decided ? 'pass' : 'inconclusive'],
    ['world', 'warn'],
  ]);
  expect(check.code).toBe(decided ? 0 : 3);
  expect(check.stdout).toContain('the world moved, not your change');

  const { code, json } = await desk.cli<RollbackDecision>('rollback', 'help-desk', '--json');
  expect(json).toMatchObject({
    decision: 'verified',
    target: { release: 'second-source', hybrid: false, layersRestored: ['route', 'params'] },
    onset: { at: expect.stringMatching(/^2026-04-12/), layersChanged: [] },
    diagnosis: 'provider-side drift suspected',
  });
  expect(code).toBe(0);
  // Neither the release that fell nor the innocent edit of it is a way back.
  expect(json.rejected.map((r) => r.release)).toEqual(expect.arrayContaining(['desk', 'desk-edited']));
});
