// The nightly page's own commands, on the shipped suite, against simulated models whose provider changes them without a word.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { json, lastgood, lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { alertServer } from './nightly-world.ts';

const SUITE = join(ROOT, 'suites/support-triage');
const BEFORE = '2026-05-10T03:15:00Z';
const AFTER = '2026-05-13T03:15:00Z';

interface NightlyJson {
  readonly kind: string;
  readonly state: string;
  readonly alarm: boolean;
  readonly number: number | null;
  readonly snapshot: { readonly id: string };
  readonly sentinel: { readonly kind: string; readonly outputs: number; readonly agreed: number };
  readonly alerts: readonly { readonly delivered: boolean }[];
}

test('nights on the command line: quiet, alarm with exit 1 and one alert, open in status, recovered', async () => {
  await using dir = await temporaryFolder();
  await using hook = await alertServer();
  const simulator = await startSimulator({
    scenario: parseScenario(readFileSync(join(SUITE, 'scenario.yaml'), 'utf8')),
    date: BEFORE,
  });
  try {
    const db = join(dir.path, 'lastgood.db');
    const env = {
      LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
      OPENAI_API_KEY: 'none-needed',
      LASTGOOD_WEBHOOK_URL: hook.url.href,
    };
    const night = (...more: string[]): Promise<Outcome> =>
      lastgoodHere(
        [
          'nightly',
          SUITE,
          '--release',
          join(SUITE, 'releases/triage.yaml'),
          '--db',
          db,
          '--concurrency',
          '16',
          '--filter',
          'tag:refund,tag:escalation',
          '--confirm-after',
          '0s',
          ...more,
        ],
        { cwd: dir.path, env },
      );

    const first = await night();
    expect(first.stderr).toBe('');
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/^no baseline yet/);
    expect(first.stdout).toMatch(/next: lastgood bless s\w+ --why TEXT/);
    const blessed = await lastgoodHere(
      ['bless', 'latest', '--db', db, '--by', 'Ada', '--why', 'a quiet night, answers read'],
      { cwd: dir.path },
    );
    expect(blessed).toMatchObject({ code: 0, stderr: expect.stringContaining('BLESSED_SINGLE_RUN') });

    const quiet = json<NightlyJson>(await night('--json'));
    expect(quiet).toMatchObject({ kind: 'nightly', state: 'green', alarm: false, number: 1 });
    expect(quiet.sentinel.kind).toBe('judged');
    expect(quiet.sentinel.agreed).toBeGreaterThan(quiet.sentinel.outputs / 2);
    expect(hook.posts).toBe(0);

    simulator.setDate(AFTER);
    const alarm = await night();
    expect(alarm.code).toBe(1);
    expect(alarm.stdout).toMatch(/^REGRESSED {2}support-triage/);
    expect(alarm.stdout).toContain('alert sent: regression.opened');
    expect(alarm.stdout + alarm.stderr).not.toContain('secret-part');
    expect(hook.taken).toHaveLength(1);

    const open = await lastgoodHere(['status', '--db', db], { cwd: dir.path });
    expect(open.code).toBe(0);
    expect(open.stdout).toMatch(/open regression since .*, 1 night:/);

    simulator.setDate(BEFORE);
    // One good night is no proof; a few are.
    const states: string[] = [];
    while (states.length < 16 && states.at(-1) !== 'recovered')
      states.push(json<NightlyJson>(await night('--json')).state);
    expect(states[0]).toBe('still');
    expect(states.at(-1)).toBe('recovered');
    expect(hook.taken.map((b) => b['event'])).toEqual(['regression.opened', 'regression.recovered']);

    const status = ['status', SUITE, '--db', db, '--max-age'];
    const stale = await lastgoodHere([...status, '1ms', '--json'], { cwd: dir.path });
    expect(stale.code).toBe(3);
    expect(json<{ kind: string; ok: boolean }>(stale)).toMatchObject({ kind: 'status', ok: false });
  } finally {
    await simulator.close();
  }
}, 180_000);

test('wrong input is told before anything is run, and a secret address is never repeated', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  expect(await lastgoodHere(['init'], { cwd })).toMatchObject({ code: 0 });
  const base = ['nightly', 'first-suite', '--release', 'releases/recorded.yaml'];
  for (const [more, code] of [
    [['--webhook', 'hooks.example/s3cret-part'], 'WEBHOOK_URL'],
    [['--webhook', 'env:NOT_SET'], 'WEBHOOK_URL'],
    [['--cron', 'every night'], 'SCHEDULE_CRON'],
    [['--cron', '15 3 * * *', '--tz', 'Mars/Base'], 'SCHEDULE_TZ'],
  ] as const) {
    const refused = await lastgoodHere([...base, ...more], { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(code);
    expect(refused.stderr).not.toContain('s3cret');
  }
  expect(
    (await lastgoodHere(['nightly', 'first-suite', '--release', 'releases/none.yaml'], { cwd })).code,
  ).toBe(2);
  expect((await lastgoodHere(['status'], { cwd })).code).toBe(3);
});

test('the schedule is printed for each scheduler, and kept here until it is interrupted', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  await lastgoodHere(['init'], { cwd });
  const base = ['nightly', 'first-suite', '--release', 'releases/recorded.yaml'];
  const printed = async (scheduler: string): Promise<string> => {
    const out = await lastgoodHere(
      [...base, '--cron', '15 3 * * *', '--tz', 'Europe/Berlin', '--print-schedule', scheduler],
      { cwd },
    );
    expect(out).toMatchObject({ code: 0, stderr: '' });
    return out.stdout;
  };
  expect(await printed('crontab')).toContain(
    'npx lastgood nightly first-suite --release releases/recorded.yaml',
  );
  // Whatever the night was told here it is told there.
  const limits = [
    ...[
      '--trials',
      '3',
      '--concurrency',
      '2',
      '--filter',
      'capital-*',
      '--max-cost',
      '1.5',
      '--max-calls',
      '90',
    ],
    ...['--max-judge-calls', '7', '--max-judge-cost', '0.25', '--deadline', '90s', '--timeout', '1500ms'],
    ...['--max-attempts', '2', '--label', 'team=desk', '--judge', 'j.yaml', '--judge-votes', '3'],
    ...['--prices', 'prices.yaml', '--require-pinned'],
  ];
  const told = await lastgood([...base, ...limits, '--print-schedule', 'github'], { cwd });
  const line = told.stdout.split('\n').find((l) => l.includes('lastgood nightly')) ?? told.stdout;
  expect(line.replaceAll(/['"]/g, '')).toContain(limits.join(' '));
  expect(await printed('systemd')).toContain('OnCalendar=*-*-* 03:15:00 Europe/Berlin');
  expect(await printed('github')).toContain('schedule:');

  const kept = await lastgood([...base, '--cron', '15 3 * * *', '--tz', 'Europe/Berlin'], {
    cwd,
    onStart: (pid, output) => {
      const watch = setInterval(() => {
        if (!output.stderr().includes('next night:')) return;
        clearInterval(watch);
        process.kill(pid, 'SIGTERM');
      }, 50);
    },
  });
  expect(kept.code).toBe(130);
  expect(kept.stderr).toMatch(/next night: \d{4}-\d\d-\d\dT0[12]:15:00\.000Z/);
});
