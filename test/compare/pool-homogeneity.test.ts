// Homogeneity of the baseline pool: ordinary sessions stay, another level falls out, and a drift since the blessing falls out whole.

import { expect, test } from 'vitest';
import { homogeneousPool } from '../../src/compare/pool-homogeneity.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import { Mt19937, night, snapshot, trueRates } from './world.ts';

const POLICY = resolvePolicy({});
const TAGS = ['refund', 'delivery', 'invoice', 'order'];

function logit(p: number): number {
  return Math.log(p / (1 - p));
}

function gauss(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

/** One night of a release; the whole run is shifted on the logit scale. */
function run(id: number, rates: readonly number[], shift: number, rng: Mt19937) {
  const moved = rates.map((p) => 1 / (1 + Math.exp(-(logit(Math.min(0.999, p)) + shift))));
  const startedAt = new Date(Date.parse('2026-03-01T02:00:00Z') + id * 86_400_000).toISOString();
  return snapshot(`s${String(id).padStart(4, '0')}`, night(moved, { trials: 3, tags: TAGS }, rng), {
    startedAt,
  });
}

test.each([
  [0.2, 0.05],
  [0.3, 0.08],
])('ordinary sessions of sd %d lose at most a share of %d of their runs', (sd, limit) => {
  const rng = new Mt19937(5);
  let lost = 0;
  let all = 0;
  for (let world = 0; world < 25; world++) {
    const rates = trueRates(60, rng);
    const blessed = run(10, rates, sd * gauss(rng), rng);
    const others = Array.from({ length: 6 }, (_, i) => run(i, rates, sd * gauss(rng), rng));
    lost += homogeneousPool(blessed, others, POLICY).leftOut.length;
    all += others.length;
  }
  expect(lost / all).toBeLessThanOrEqual(limit);
});

test('a run in which one tag is broken falls out and the tag is named, though the suite as a whole hardly moves', () => {
  const rng = new Mt19937(6);
  const rates = Array.from({ length: 80 }, () => 0.95);
  const broken = rates.map((p, i) => (i % 4 === 2 && i < 40 ? 0.2 : p));
  const pool = homogeneousPool(
    run(10, rates, 0, rng),
    [run(1, rates, 0, rng), run(2, broken, 0, rng)],
    POLICY,
  );
  expect(pool.runs.map((r) => r.summary.id)).toEqual(['s0010', 's0001']);
  expect(pool.leftOut[0]).toMatchObject({ snapshot: 's0002', reason: expect.stringContaining('invoice') });
});

test('runs since the blessing that sink slowly do not pull the baseline down with them', () => {
  const rng = new Mt19937(7);
  const rates = Array.from({ length: 200 }, () => 0.85);
  const until = Array.from({ length: 5 }, (_, i) => run(i, rates, 0, rng));
  const since = Array.from({ length: 14 }, (_, i) => run(20 + i, rates, -0.06 * (i + 1), rng));
  const { runs, leftOut } = homogeneousPool(run(10, rates, 0, rng), [...until, ...since], POLICY);
  expect(runs.every((r) => r.summary.startedAt <= '2026-03-11T02:00:00.000Z')).toBe(true);
  expect(leftOut).toHaveLength(since.length);
});
