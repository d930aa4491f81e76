// Monitors from stored observations to a verdict, an episode and one alert, by the command line.

import { expect, test } from 'vitest';
import { lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { day, desk, EDITS, iso, LENGTH } from './monitored-desk.ts';
import { alertServer } from './nightly-world.ts';
import { REFERENCE } from './production-world.ts';

test('a change is drift on the day it shows, one alert is posted for it, and one when it is proven to be over', async () => {
  await using dir = await temporaryFolder();
  await using server = await alertServer();
  const { check } = await desk(dir.path, [LENGTH, EDITS], {
    days: 75,
    truth: (at) => (at >= day(40) && at < day(52) ? { length: 1.35 } : {}),
  });
  const post = ['--webhook', server.url.href];
  const quiet = await check(40, ...post);
  expect(quiet.code).toBe(0);
  expect(quiet.monitors.map((m) => m.outcome)).toEqual(['quiet', 'quiet']);
  expect(quiet.report.calibration?.fresh).toBe(true);

  const found = [];
  for (let at = 41; at <= 44; at++) found.push(await check(at, ...post));
  const first = found.find((f) => f.code === 1)!;
  expect(first.report.outcome).toBe('drift');
  expect(first.report.calibration?.fresh).toBe(false);
  const [length, edits] = first.monitors;
  expect(edits?.outcome).toBe('quiet');
  expect(length?.episode?.event).toBe('opened');
  expect(length?.drift?.since?.best).toBe(iso(40));
  expect(length?.drift?.affected.map((a) => a.group).sort()).toEqual(['invoice', 'refund']);
  expect(found.at(-1)?.monitors[0]?.episode).toMatchObject({ id: length?.episode?.id, event: 'still' });
  expect(server.taken.map((b) => b['event'])).toEqual(['drift.opened']);
  expect(server.taken[0]).toMatchObject({ kind: 'alert', feature: 'desk', monitor: 'length.p50' });
  expect(String(server.taken[0]?.['text'])).toMatch(/desk: length.p50 drifted: length.p50 rose from \d+ /);

  // A time before the last check changes nothing and posts nothing.
  const earlier = await check(39, ...post);
  expect(earlier).toMatchObject({ code: 0, report: { recorded: false } });
  expect((await check(44, ...post)).monitors[0]?.episode?.event).toBe('still');

  const after = await check(74, ...post);
  expect(after.code).toBe(0);
  expect(after.monitors[0]?.episode).toMatchObject({ id: length?.episode?.id, event: 'recovered' });
  expect(server.taken.map((b) => b['event'])).toEqual(['drift.opened', 'drift.recovered']);
  expect((await check(75, ...post)).monitors[0]?.episode).toBeNull();
  expect(server.taken).toHaveLength(2);
});

test('an alert waits in the ledger until a webhook takes it, and a warning is never posted', async () => {
  await using dir = await temporaryFolder();
  await using server = await alertServer();
  const { check, write } = await desk(dir.path, [{ ...LENGTH, action: 'warn' }], {
    days: 50,
    truth: (at) => (at >= day(40) ? { length: 1.5 } : {}),
  });
  const warned = await check(44, '--webhook', server.url.href);
  expect(warned).toMatchObject({ code: 1, report: { alerts: [] } });
  expect(server.taken).toEqual([]);
  // The same episode is worth an alert from now on.
  await write([LENGTH]);
  const waiting = await check(45);
  expect(waiting.report.alerts).toMatchObject([{ event: 'drift.opened', delivered: false }]);
  expect(waiting.monitors[0]?.episode?.id).toBe(warned.monitors[0]?.episode?.id);
  const status = await lastgoodHere(['status'], { cwd: dir.path });
  expect(status.stdout).toMatch(
    /monitors {2}desk {2}last recorded check \S+ \S+ UTC: 1 drift\n {2}open drift since /,
  );
  expect(status.stdout).toContain('alert not sent yet: drift.opened of 2026-02-19 00:00 UTC');
  const sent = await check(46, '--webhook', server.url.href);
  expect(sent.report.alerts).toMatchObject([{ event: 'drift.opened', delivered: true }]);
  // A monitor that is taken out of the file ends its episode.
  await write([EDITS]);
  await check(47, '--webhook', server.url.href);
  expect(server.taken.map((b) => b['event'])).toEqual(['drift.opened', 'drift.superseded']);
});

test('another mix of templates is reported as mix, with the comparison within templates, and is not drift', async () => {
  await using dir = await temporaryFolder();
  const { check } = await desk(dir.path, [LENGTH], {
    days: 60,
    invoices: (at) => (at >= day(45) ? 0.85 : 0.4),
  });
  const { code, monitors } = await check(59);
  expect(code).toBe(0);
  const mix = monitors[0]?.mix;
  expect(mix!.to / mix!.from).toBeGreaterThan(1.2);
  expect(mix?.shares.map((s) => s.group)).toContain('invoice');
  expect(monitors[0]!.recent!.value / monitors[0]!.level!).toBeCloseTo(1, 1);
  const shown = await lastgoodHere(['monitor', 'desk', '--at', iso(60)], { cwd: dir.path });
  expect(shown.stdout).toMatch(/mix: other templates alone move the mean/);
  expect(shown.stdout).toMatch(/within each template: [+−]\d/);
  expect(shown.stdout).not.toMatch(/drift {2}/);
});

test('what cannot be told is exit 3 with its reason, never quiet', async () => {
  await using dir = await temporaryFolder();
  const monitors = [
    LENGTH,
    { ...LENGTH, name: 'free only', segment: 'free' },
    { ...EDITS, name: 'blunt', change: '1 point' },
    { ...LENGTH, name: 'later', reference: { from: '2026-02-01', to: '2026-02-28' } },
    { signal: 'judge-score:tone', reference: REFERENCE, change: '5 points' },
  ];
  const { check } = await desk(dir.path, monitors, { days: 45, gap: (at) => at >= day(43) && at < day(44) });
  const reasons = async (at: number) => {
    const { code, monitors: m } = await check(at);
    return { code, reasons: Object.fromEntries(m.map((s) => [s.name, s.reason])) };
  };
  expect(await reasons(43)).toEqual({
    code: 3,
    reasons: {
      'length.p50': null,
      'free only': null,
      blunt: 'blunt',
      later: 'reference',
      'judge-score:tone': 'reference',
    },
  });
  expect((await reasons(44)).reasons).toMatchObject({ 'length.p50': 'gap', 'free only': 'gap' });
  expect((await reasons(45)).reasons).toMatchObject({ 'length.p50': null });
  // Before the reference is over there is nothing to judge.
  expect((await reasons(20)).reasons['length.p50']).not.toBeNull();
  const text = await lastgood(['monitor', 'desk', '--at', iso(45), '--calibrate'], { cwd: dir.path });
  expect(text.code).toBe(3);
  expect(text.stdout).toContain(
    'CANNOT TELL  desk at 2026-02-19 00:00 UTC: 5 monitors, 3 cannot tell, 2 quiet',
  );
  expect(text.stdout).toMatch(/smallest change found within 28 days: −\d/);
  expect(text.stdout).toContain('Limits were calibrated now');
  expect(text.stdout.split('\n').length).toBeLessThan(25);
});

test('a feature without monitors, one that does not exist and a file with a mistake are wrong input', async () => {
  await using dir = await temporaryFolder();
  const { write } = await desk(dir.path, [], { days: 1 });
  const run = async (name = 'desk') => {
    const { code, stderr } = await lastgoodHere(['monitor', name], { cwd: dir.path });
    return `${code} ${stderr}`;
  };
  expect(await run()).toMatch(/^2 [\s\S]*NO_MONITORS/);
  expect(await run('dsk')).toMatch(/^2 [\s\S]*TICKET_NOT_FOUND/);
  await write([{ ...LENGTH, signal: 'lenght.p50' }]);
  expect(await run()).toMatch(/^2 [\s\S]*TICKET_BAD_VALUE/);
});
