// Verdicts of monitors on streams with a known truth: drift and its end, mix, new templates, and what cannot be told.

import { expect, test } from 'vitest';
import { type Moments, watchFamily } from '../../src/monitor/drift/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { DAY, dayAt, normal, scores, watched } from './simulated.ts';

const REPLICATES = 300;

function judgeAt(signal: ReturnType<typeof watched>, live: number) {
  const family = watchFamily([signal], { at: dayAt(live), replicates: REPLICATES });
  return family.monitors[0]!;
}

/** Judge score with days that stray by 0.01. */
function judged(
  level: (live: number, template: string) => number,
  days: number,
  seed = 1,
  templates?: readonly string[],
) {
  const rng = new Mt19937(seed);
  return watched({
    days,
    ...(templates === undefined ? {} : { templates }),
    cell: (live, template) => scores(rng, 200, level(live, template) + 0.008 * normal(rng)),
  });
}

test('a fall that ends is opened, goes on, and is closed once it is shown to be over', () => {
  const signal = judged((live) => (live >= 20 && live < 40 ? 0.7 : 0.8), 70);
  expect(judgeAt(signal, 20).outcome).toBe('quiet');
  const later = judgeAt(signal, 39);
  expect(later).toMatchObject({ outcome: 'drift', drift: { event: 'still', template: null } });
  const drift = later.drift!;
  expect(drift.openedAt - dayAt(20)).toBeLessThanOrEqual(3 * DAY);
  expect(judgeAt(signal, (drift.openedAt - dayAt(0)) / DAY).drift?.event).toBe('opened');
  expect(drift.since!.earliest).toBeLessThanOrEqual(dayAt(20));
  expect(drift.since!.latest).toBeGreaterThanOrEqual(dayAt(20));
  expect(drift.from).toBeCloseTo(0.8, 1);
  expect(drift.interval![0]).toBeLessThan(0.7);
  expect(drift.interval![1]).toBeGreaterThan(0.7);
  const end = judgeAt(signal, 70);
  expect(end).toMatchObject({ outcome: 'quiet', drift: null });
  expect(end.episodes).toHaveLength(1);
  expect(end.recoveredAt).toBeGreaterThan(dayAt(41));
});

test('a fall that stays is one episode and never recovered', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const { outcome, episodes } = judgeAt(
      judged((live) => (live >= 5 ? 0.72 : 0.8), 90, seed),
      90,
    );
    expect({ outcome, episodes: episodes.length }).toEqual({ outcome: 'drift', episodes: 1 });
  }
});

test('a slow fall is found', () => {
  const { outcome, drift } = judgeAt(
    judged((live) => 0.8 - 0.12 * Math.max(0, live / 90), 90),
    90,
  );
  expect(outcome).toBe('drift');
  expect(drift?.affected).toEqual([]);
});

test('a change that is shown to be smaller than what matters is no drift', () => {
  const rng = new Mt19937(3);
  const signal = watched({
    days: 60,
    change: { kind: 'points', value: 0.1 },
    cell: (live) => scores(rng, 2000, live >= 10 ? 0.77 : 0.8),
  });
  expect(judgeAt(signal, 60)).toMatchObject({ outcome: 'quiet', episodes: [] });
});

/** Two templates, one harder; the harder one's share grows from 0.2 to 0.7 on live day 15. */
function mixed(fall: number) {
  const rng = new Mt19937(4);
  return watched({
    days: 40,
    templates: ['easy', 'hard'],
    cell: (live, template) => {
      const hard = live >= 15 ? 0.7 : 0.2;
      const n = Math.round(400 * (template === 'hard' ? hard : 1 - hard));
      const level = (template === 'hard' ? 0.6 : 0.9) - (live >= 15 ? fall : 0);
      return scores(rng, n, level + 0.005 * normal(rng));
    },
  });
}

test('a shift of the mix is reported as mix, with the comparison within templates, and is no drift', () => {
  const { outcome, mix } = judgeAt(mixed(0), 40);
  expect(outcome).toBe('quiet');
  expect(mix!.mix).toBeCloseTo(-0.15, 1);
  expect(Math.abs(mix!.within)).toBeLessThan(0.01);
  expect(mix!.shares[0]).toMatchObject({ template: expect.stringMatching(/easy|hard/) });
  expect(mix!.from - mix!.to).toBeGreaterThan(0.1);
});

test('a fall within templates is drift whether or not the mix moves too', () => {
  const { outcome, drift, mix } = judgeAt(mixed(0.08), 40);
  expect(outcome).toBe('drift');
  expect(mix).not.toBeNull();
  expect(drift!.from - drift!.to!).toBeCloseTo(0.08, 1);
  expect(drift!.affected.map((t) => t.template).sort()).toEqual(['easy', 'hard']);
});

test('a new template that goes wrong is named, one that is like the others is not', () => {
  const withNew = (level: number) => {
    const rng = new Mt19937(5);
    return judgeAt(
      watched({
        days: 20,
        templates: ['a', 'b', 'new'],
        cell: (live, template) =>
          template === 'new'
            ? live < 10
              ? null
              : scores(rng, 60, level)
            : scores(rng, 200, (template === 'a' ? 0.85 : 0.75) + 0.008 * normal(rng)),
      }),
      20,
    );
  };
  expect(withNew(0.4)).toMatchObject({
    outcome: 'drift',
    drift: { template: 'new', chart: 'template' },
  });
  expect(withNew(0.76)).toMatchObject({ outcome: 'quiet', drift: null });
});

test('a known template that breaks is named', () => {
  const signal = judged((live, template) => (live >= 10 && template === 'e' ? 0.3 : 0.8), 14, 6, [
    'a',
    'b',
    'c',
    'd',
    'e',
  ]);
  const { outcome, drift } = judgeAt(signal, 14);
  expect(outcome).toBe('drift');
  expect([drift!.template, ...drift!.affected.map((t) => t.template)]).toContain('e');
});

test('missing answers, a thin reference and a signal too rare for the change cannot be told', () => {
  const rng = new Mt19937(7);
  const gap = watched({ days: 30, cell: (live) => (live >= 25 ? null : scores(rng, 200, 0.8)) });
  expect(judgeAt(gap, 25).outcome).toBe('quiet');
  expect(judgeAt(gap, 27)).toMatchObject({ outcome: 'cannot-tell', reason: 'gap' });
  const thin = watched({ days: 10, cell: () => scores(rng, 4, 0.8) });
  expect(judgeAt(thin, 10)).toMatchObject({ outcome: 'cannot-tell', reason: 'reference' });
  const blunt = watched({
    days: 10,
    scale: 'share',
    direction: 'up',
    change: { kind: 'points', value: 0.002 },
    cell: (): Moments => ({ n: 60, sum: rng.next() < 0.3 ? 1 : 0, squares: 0 }),
  });
  expect(judgeAt(blunt, 10)).toMatchObject({ outcome: 'cannot-tell', reason: 'blunt' });
  const early = watched({ days: 1, cell: () => scores(rng, 200, 0.8) });
  expect(judgeAt(early, 0)).toMatchObject({ outcome: 'cannot-tell', reason: 'not-begun' });
});

test('a window is judged once its outcomes have had time to settle', () => {
  const rng = new Mt19937(9);
  const signal = watched({ days: 20, cell: (live) => scores(rng, 200, live === 19 ? 0.2 : 0.8) });
  const settled = { ...signal, monitor: { ...signal.monitor, settleHours: 24 } };
  expect(judgeAt(signal, 20).outcome).toBe('drift');
  expect(judgeAt(settled, 20).outcome).toBe('quiet');
  expect(judgeAt(settled, 21).outcome).toBe('drift');
});

test('windows of six hours are compared with the same hours, and a fall is found on the day it begins', () => {
  const rng = new Mt19937(10);
  // Nights are worse than days by more than the fall.
  const quarter = (live: number, slot: number, fall: number) =>
    scores(rng, 80, (slot === 0 ? 0.6 : 0.8) - (live >= 10 ? fall : 0) + 0.01 * normal(rng));
  const of = (fall: number) => {
    const days = watched({ days: 0, cell: () => null });
    const windows = Array.from({ length: (28 + 12) * 4 }, (_, i) => ({
      at: dayAt(-28) + i * 6 * 3_600_000,
      template: 'a',
      moments: quarter(Math.floor(i / 4) - 28, i % 4, fall),
    }));
    return { ...days, windows, monitor: { ...days.monitor, windowHours: 6 as const } };
  };
  expect(judgeAt(of(0), 12)).toMatchObject({ outcome: 'quiet', episodes: [] });
  const { drift } = judgeAt(of(0.15), 12);
  expect(drift!.openedAt).toBeGreaterThan(dayAt(10));
  expect(drift!.openedAt).toBeLessThanOrEqual(dayAt(11));
});

test('a reference that lacks a weekday cannot be used', () => {
  const rng = new Mt19937(8);
  const signal = watched({
    days: 5,
    cell: (live) => ((live + 28) % 7 === 5 ? null : scores(rng, 200, 0.8)),
  });
  expect(judgeAt(signal, 4)).toMatchObject({ outcome: 'cannot-tell', reason: 'reference' });
});

test('an open episode is found on the same day, whenever one asks', () => {
  const signal = judged((live) => (live >= 20 ? 0.72 : 0.8), 60);
  const asked = [30, 45, 60].map((live) => judgeAt(signal, live).drift!.openedAt);
  expect(new Set(asked).size).toBe(1);
});
