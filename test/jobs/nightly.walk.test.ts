// Thirty nights as a scheduler runs them: one command a night, simulated models, a silent change before night 21.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { json, lastgood, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { alertServer } from './nightly-world.ts';

const SUITE = join(ROOT, 'suites/support-triage');
const DAY_MS = 86_400_000;
/** Night 1; the provider changes its model on 2026-05-12 at 06:00, so night 21 is the first to meet it. */
const FIRST_NIGHT = Date.parse('2026-04-23T03:15:00Z');

/** These nights have a process of their own, as every night has at a user's. */
const ALONE = new Set([1, 21, 22]);

interface NightJson {
  readonly state: string;
  readonly alarm: boolean;
  readonly alerts: readonly { readonly delivered: boolean }[];
}

test('quiet until the change, alarm the same night, one alert for the whole episode', async () => {
  await using dir = await temporaryFolder();
  await using hook = await alertServer();
  const simulator = await startSimulator({
    scenario: parseScenario(readFileSync(join(SUITE, 'scenario.yaml'), 'utf8')),
    date: '2026-04-22T03:15:00Z',
  });
  const env = {
    LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
    OPENAI_API_KEY: 'none-needed',
    LASTGOOD_WEBHOOK_URL: hook.url.href,
  };
  const work = [
    SUITE,
    '--release',
    join(SUITE, 'releases/triage.yaml'),
    '--concurrency',
    '16',
    '--filter',
    'tag:refund,tag:escalation',
    '--json',
    '--quiet',
  ];
  try {
    const baseline = await lastgood(['run', ...work, '--trials', '10', '--at', '2026-04-22T03:15:00Z'], {
      cwd: dir.path,
      env,
    });
    expect(baseline.code).toBe(0);
    const { id, startedAt } = json<{ snapshot: { id: string; startedAt: string } }>(baseline).snapshot;
    expect(startedAt.slice(0, 10)).toBe('2026-04-22');
    const blessed = await lastgood(['bless', id, '--by', 'Ada', '--why', 'outputs read by hand'], {
      cwd: dir.path,
    });
    expect(blessed.code).toBe(0);

    const nights: { state: string; code: number | null; posts: number }[] = [];
    for (let n = 1; n <= 30; n++) {
      const at = new Date(FIRST_NIGHT + (n - 1) * DAY_MS).toISOString();
      simulator.setDate(at);
      const command = ALONE.has(n) ? lastgood : lastgoodHere;
      const night = await command(['nightly', ...work, '--trials', '1', '--sentinel', '0', '--at', at], {
        cwd: dir.path,
        env,
      });
      nights.push({ state: json<NightJson>(night).state, code: night.code, posts: hook.taken.length });
    }
    const before = nights.slice(0, 20);
    expect(before.filter((n) => n.code === 1 || n.posts > 0)).toEqual([]);
    expect(nights[20]).toEqual({ state: 'alarm', code: 1, posts: 1 });
    expect(nights.slice(21).map((n) => n.state)).toEqual(Array.from({ length: 9 }, () => 'still'));
    expect(nights.at(-1)?.posts).toBe(1);
  } finally {
    await simulator.close();
  }
}, 300_000);
