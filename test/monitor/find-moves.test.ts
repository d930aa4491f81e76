// Moves on a timeline: none where nothing moved, and where one was put, its edges and its size.

import { expect, test } from 'vitest';
import { findMoves, type Moments, refineOnset } from '../../src/monitor/drift/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { DAY, dayAt, normal, watched } from './simulated.ts';

const SIGNALS = 20;

/** A share with days that stray, and a profile of the week. */
function shares(seed: number, level: (live: number) => number, days = 7, perDay = 400) {
  const rng = new Mt19937(seed);
  return watched({
    ...{ days, scale: 'share', change: { kind: 'points', value: 0.01 }, direction: 'both' },
    templates: ['a', 'b'],
    cell: (live, template) => {
      const p = level(live) * (template === 'a' ? 1 : 0.5) * Math.exp(0.05 * normal(rng));
      const n = [5, 6].includes(((live % 7) + 7) % 7) ? perDay / 2 : perDay;
      let sum = 0;
      for (let i = 0; i < n; i++) if (rng.next() < p) sum++;
      return { n, sum, squares: sum };
    },
  });
}

test('nothing is named on timelines on which nothing moved', () => {
  let named = 0;
  // Each stands for a signal of a timeline: the chance of any move among 20 of them is 5%.
  for (let seed = 1; seed <= 60; seed++)
    named +=
      findMoves(
        shares(seed, () => 0.2),
        dayAt(7),
        SIGNALS,
      )?.moves.length ?? 0;
  expect(named).toBeLessThanOrEqual(1);
});

test('a move that lasts has no end, one that ends has both edges, and levels are like for like', () => {
  const lasting = findMoves(
    shares(3, (live) => (live >= 4 ? 0.35 : 0.2)),
    dayAt(7),
    SIGNALS,
  )!;
  expect(lasting.moves).toMatchObject([{ start: dayAt(4), end: null }]);
  const [move] = lasting.moves;
  expect(move!.earliest).toBeLessThanOrEqual(dayAt(4));
  expect(move!.latest).toBeGreaterThanOrEqual(dayAt(4));
  expect(move!.from).toBeCloseTo(0.15, 1);
  expect(move!.to / move!.from).toBeGreaterThan(1.5);
  const passing = findMoves(
    shares(4, (live) => (live >= 2 && live < 4 ? 0.4 : 0.2)),
    dayAt(7),
    SIGNALS,
  )!;
  expect(passing.moves).toMatchObject([{ start: dayAt(2), end: dayAt(4) }]);
});

test('two moves in one timeline are both found, in their order', () => {
  const level = (live: number): number => (live === 1 ? 0.45 : live === 5 ? 0.05 : 0.2);
  const { moves } = findMoves(shares(5, level), dayAt(7), SIGNALS)!;
  expect(moves.map((m) => [m.start, m.to > m.from])).toEqual([
    [dayAt(1), true],
    [dayAt(5), false],
  ]);
});

test('without a usual there is nothing to judge by', () => {
  const short = shares(6, () => 0.2);
  const from = short.monitor.reference.to - 3 * DAY;
  const signal = { ...short, monitor: { ...short.monitor, reference: { ...short.monitor.reference, from } } };
  expect(findMoves(signal, dayAt(7), SIGNALS)).toBeNull();
});

test('the beginning of a move is found among single answers', () => {
  const rng = new Mt19937(7);
  const minute = 60_000;
  const one = (p: number): Moments => {
    const sum = rng.next() < p ? 1 : 0;
    return { n: 1, sum, squares: sum };
  };
  const bin = (at: number, p: number) => ({ at, template: 'a', moments: one(p) });
  const usual = Array.from({ length: 500 }, (_, i) => bin(i * minute, 0.1));
  const begin = 1000 * minute;
  const bins = Array.from({ length: 200 }, (_, i) => bin(begin + (i - 100) * minute, i < 100 ? 0.1 : 0.8));
  const found = refineOnset({ usual, bins, from: begin - 60 * minute, to: begin + 60 * minute })!;
  expect(Math.abs(found.start - begin)).toBeLessThanOrEqual(4 * minute);
  expect(found.earliest).toBeLessThanOrEqual(begin);
  expect(found.latest).toBeGreaterThanOrEqual(begin);
  expect(refineOnset({ usual, bins: bins.slice(0, 8), from: 0, to: begin })).toBeNull();
});

test('a beginning among answers that were all alike is found too, and without answers it is a whole window', () => {
  const minute = 60_000;
  const bin = (at: number, value: number) => ({
    at,
    template: 'a',
    moments: { n: 1, sum: value, squares: value * value },
  });
  const usual = Array.from({ length: 100 }, (_, i) => bin(i * minute, 62));
  const begin = 1000 * minute;
  const bins = Array.from({ length: 60 }, (_, i) => bin(begin + (i - 30) * minute, i < 30 ? 62 : 90));
  const range = { from: begin - 60 * minute, to: begin + 60 * minute };
  expect(refineOnset({ usual, bins, ...range })).toEqual({ start: begin, earliest: begin, latest: begin });
  const [move] = findMoves(
    shares(3, (live) => (live >= 4 ? 0.35 : 0.2)),
    dayAt(7),
    SIGNALS,
  )!.moves;
  expect(move!.latest).toBeGreaterThan(move!.start);
});
