// A nightly job that stopped is noticed by nobody but this command.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventTime } from '../../src/engine/records/events.ts';
import { keepTime, onCalendar, printSchedule, scheduleTimes } from '../../src/jobs/nightly/schedule.ts';
import { missedNights, suiteStatus } from '../../src/jobs/nightly/status.ts';
import { statusText } from '../../src/report/text/status-text.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';
import { DAY_MS, FIRST_NIGHT, nightlyWorld } from './nightly-world.ts';

describe('status', () => {
  test('fresh after a valid run, stale a day later, and an invalid run does not make it fresh', async () => {
    await using dir = await temporaryFolder();
    await using world = await nightlyWorld(join(dir.path, 'world'), { cases: 24 });
    const ask = async (): Promise<Awaited<ReturnType<typeof suiteStatus>>[number]> => {
      const [status] = await suiteStatus(world.work, { cwd: dir.path, maxAgeMs: 26 * 3_600_000 });
      if (status === undefined) throw new Error('no suite');
      return status;
    };
    for (let night = 1; night <= 6; night++) await world.run(night);
    expect(await ask()).toMatchObject({ suite: 'refund-bot', fresh: true, missed: [], baseline: null });
    world.goTo(8);
    const stale = await ask();
    expect(stale).toMatchObject({ fresh: false, missed: [{ nights: 1, before: null }] });
    world.behave(null);
    await world.run(9);
    const dark = await ask();
    expect(dark.fresh).toBe(false);
    expect(dark.lastRun?.validity).toBe('invalid');
    const text = statusText([dark], { maxAge: '26h' });
    expect(text).toMatch(/no valid run within 26h {2}refund-bot/);
    expect(text).toContain('is invalid');
    expect(text).toContain('2 nights missed between 2026-04-06');
  });

  test('gaps are counted against the usual distance, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 48 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 12, maxLength: 40 }),
        (hours, skips) => {
          // Mostly regular nights, with some left out in between.
          const quiet = skips.map((s, i) => (i % 4 === 1 ? s : 0));
          let at = FIRST_NIGHT;
          const nights = [at, ...quiet.map((s) => (at += (s + 1) * hours * 3_600_000))];
          const found = missedNights(
            nights.map((t) => new Date(t).toISOString()),
            at + hours * 1_800_000,
          );
          const expected = quiet.filter((s) => s > 0).slice(-5);
          expect(found.map((g) => g.nights)).toEqual(expected);
        },
      ),
    );
  });
});

describe('the schedule', () => {
  test('keeps time across the change of the clock, and refuses what it does not understand', async () => {
    const next = await scheduleTimes({ cron: '15 3 * * *', tz: 'Europe/Berlin' });
    expect(next(new Date('2026-03-28T12:00:00Z'))?.toISOString()).toBe('2026-03-29T01:15:00.000Z');
    expect(next(new Date('2026-03-27T12:00:00Z'))?.toISOString()).toBe('2026-03-28T02:15:00.000Z');
    await expect(scheduleTimes({ cron: 'every night', tz: 'UTC' })).rejects.toMatchObject({
      code: 'SCHEDULE_CRON',
    });
    await expect(scheduleTimes({ cron: '15 3 * * *', tz: 'Mars/Base' })).rejects.toMatchObject({
      code: 'SCHEDULE_TZ',
    });
  });

  test('runs each night once, tells those it slept through, and stops when asked', async () => {
    let now = Date.parse('2026-04-01T12:00:00Z');
    const stop = new AbortController();
    const ran: string[] = [];
    const told: [string, number][] = [];
    await keepTime({
      next: await scheduleTimes({ cron: '15 3 * * *', tz: 'UTC' }),
      clock: { now: () => new Date(now) },
      signal: stop.signal,
      sleep: async (ms) => {
        now += ms;
      },
      onWait: (due, missed) => told.push([due.toISOString().slice(0, 10), missed]),
      runOnce: async () => {
        ran.push(new Date(now).toISOString());
        // The second night takes two and a half days.
        now += ran.length === 2 ? 2.5 * DAY_MS : 3_600_000;
        if (ran.length === 3) stop.abort();
      },
    });
    expect(ran).toEqual(['2026-04-02T03:15:00.000Z', '2026-04-03T03:15:00.000Z', '2026-04-06T03:15:00.000Z']);
    expect(told).toEqual([
      ['2026-04-02', 0],
      ['2026-04-03', 0],
      ['2026-04-06', 2],
    ]);
  });

  test('is printed for systemd and GitHub', () => {
    expect(onCalendar({ cron: '15 3 * * *', tz: 'Europe/Berlin' })).toBe('*-*-* 03:15:00 Europe/Berlin');
    expect(onCalendar({ cron: '*/30 2-4 * * 1-5', tz: 'UTC' })).toBe('Mon..Fri *-*-* 02..04:00/30:00 UTC');
    const print = (cron: string, tz: string): string =>
      printSchedule({
        schedule: { cron, tz },
        scheduler: 'github',
        command: ['lastgood', 'nightly', 'refund bot'],
        cwd: '/srv/bot',
        now: new Date('2026-01-10T00:00:00Z'),
      });
    expect(print('15 3 * * *', 'Europe/Berlin')).toContain('- cron: "15 2 * * *"');
    expect(print('15 3 * * *', 'UTC')).toContain("npx lastgood nightly 'refund bot'");
    expect(() => print('15 0 * * 1', 'Europe/Berlin')).toThrow(
      expect.objectContaining({ code: 'SCHEDULE_GITHUB' }),
    );
  });
});

describe('the timeline', () => {
  test('times are read as a person writes them, and nonsense is refused', () => {
    expect(eventTime('2026-05-12')).toBe('2026-05-12T00:00:00.000Z');
    expect(eventTime('2026-05-12 06:00')).toBe('2026-05-12T06:00:00.000Z');
    expect(eventTime('2026-05-12T08:00:00+02:00')).toBe('2026-05-12T06:00:00.000Z');
    for (const text of ['yesterday', '2026-13-01', '12.05.2026', ''])
      expect(() => eventTime(text)).toThrow(expect.objectContaining({ code: 'EVENT_TIME' }));
  });

  test('events are added, imported once from JSONL, CSV and YAML, listed by suite, and shown by nightly', async () => {
    await using dir = await temporaryFolder();
    const cwd = dir.path;
    await mkdir(join(cwd, 'events'));
    await writeFile(
      join(cwd, 'events/a.jsonl'),
      '{"kind":"deploy","at":"2026-05-12T06:00:00Z","text":"prompt v14","ref":"abc123"}\n\n{"kind":"note","at":"2026-05-13","text":"=HYPERLINK(1) \\u001b[31mred"}\n',
    );
    await writeFile(
      join(cwd, 'events/b.csv'),
      'kind,at,text,suite\ndeploy,2026-05-12T06:00:00Z,"prompt v14, again",refund-bot\n',
    );
    await writeFile(
      join(cwd, 'events/c.yaml'),
      '- { kind: provider-notice, at: 2026-05-11, text: "model tuned" }\n',
    );
    for (const file of ['a.jsonl', 'b.csv', 'c.yaml']) {
      expect(await lastgood(['event', 'import', `events/${file}`], { cwd })).toMatchObject({ code: 0 });
      expect((await lastgoodHere(['event', 'import', `events/${file}`], { cwd })).stdout).toMatch(/^0 added/);
    }
    const added = await lastgoodHere(
      [
        'event',
        'add',
        '--kind',
        'incident',
        '--at',
        '2026-05-12T09:00:00+02:00',
        '--text',
        'refunds wrong',
        '--suite',
        'other',
      ],
      { cwd },
    );
    expect(added).toMatchObject({
      code: 0,
      stdout: 'added: 2026-05-12 07:00 UTC  incident  [other] refunds wrong\n',
    });
    const listed = json<{ kind: string; events: { text: string }[] }>(
      await lastgoodHere(['event', 'list', 'refund-bot', '--json'], { cwd }),
    );
    expect(listed.events.map((e) => e.text)).toEqual([
      'model tuned',
      'prompt v14',
      'prompt v14, again',
      '=HYPERLINK(1) \u001b[31mred',
    ]);
    const shown = await lastgoodHere(['event', 'list'], { cwd });
    expect(shown.stdout).not.toContain('\u001b');

    await writeFile(
      join(cwd, 'events/bad.jsonl'),
      '{"kind":"deploy","at":"2026-05-12","text":"ok"}\n{"kind":"deploi","at":"soon","text":""}\n',
    );
    const bad = await lastgoodHere(['event', 'import', 'events/bad.jsonl'], { cwd });
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('bad.jsonl:2');
  });
});
