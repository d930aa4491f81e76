// The nightly decision: what it asks for, what it may spend, and how it does when the truth is known.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alphaSpent,
  decideNight,
  NIGHT_LEVELS,
  nightsNeeded,
  recoveryP,
  windowOf,
} from '../../src/compare/nights.ts';
import type { SnapshotResults } from '../../src/core/snapshot.ts';
import { liveNight, POLICY, poolOf } from './night-world.ts';
import { block, Mt19937, night, snapshot, trueRates } from './world.ts';

/** Ninety nights; `rates(day)` is the truth on each. Returns the first night with an alarm and how it was raised. */
function ninetyNights(
  seed: number,
  cases: number,
  truth: (rates: readonly number[], day: number) => readonly number[],
): { alarm: number | null; reason: string; extra: number; known: readonly number[] } {
  const rng = new Mt19937(seed);
  const known = trueRates(cases, rng);
  const world = { trials: 3, pool: poolOf(known, 5, 3, rng), rng };
  const series: SnapshotResults[] = [];
  let extra = 0;
  for (let day = 1; day <= 90; day++) {
    const lived = liveNight(world, series, truth(known, day));
    extra += lived.extra;
    if (lived.decision.outcome === 'alarm')
      return { alarm: day, reason: lived.decision.reason, extra, known };
  }
  return { alarm: null, reason: '', extra, known };
}

describe('with the truth known', () => {
  test('ninety unchanged nights raise no alarm, at less than half a run extra a night', () => {
    for (const seed of [1, 2, 3, 4]) {
      const { alarm, extra } = ninetyNights(seed, 40, (rates) => rates);
      expect(alarm, `seed ${seed}`).toBeNull();
      expect(extra / 90).toBeLessThan(60);
    }
  });

  test('three broken cases of a hundred are named the same night', () => {
    const { alarm, reason, known } = ninetyNights(11, 100, (rates, day) => {
      const steady = rates.flatMap((p, i) => (p > 0.85 ? [i] : [])).slice(0, 3);
      return day < 21 ? rates : rates.map((p, i) => (steady.includes(i) ? 0.03 : p));
    });
    expect(alarm).toBe(21);
    const broken = known.flatMap((p, i) => (p > 0.85 ? [i] : []))[0];
    expect(reason).toContain(`case-${String(broken).padStart(5, '0')}`);
  });

  test('a decay of a sixth of a point a night is caught within the ninety', () => {
    const { alarm } = ninetyNights(5, 60, (rates, day) => rates.map((p) => p * (1 - (0.15 * day) / 90)));
    expect(alarm).not.toBeNull();
    expect(alarm).toBeLessThan(60);
  });
});

describe('the budget', () => {
  test('all looks of ninety nights together stay below one in twenty, and every stretch starts anew', () => {
    expect(alphaSpent(90).spent).toBeLessThan(0.05);
    expect(alphaSpent(91)).toEqual({ period: 2, spent: alphaSpent(1).spent + NIGHT_LEVELS.week.alpha });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (number) => {
        const { period, spent } = alphaSpent(number);
        expect(spent).toBeGreaterThan(0);
        expect(spent).toBeLessThan(0.05);
        expect(period).toBe(Math.ceil(number / 90));
      }),
    );
  });

  test('windows are looked at every 7 and every 28 nights, and at no other time', () => {
    const rates = Array(24).fill(0.95);
    const rng = new Mt19937(3);
    const [baseline, ...pool] = poolOf(rates, 5, 3, rng);
    if (baseline === undefined) throw new Error('no baseline');
    const nights = Array.from({ length: 28 }, (_, i) => snapshot(`n${i}`, night(rates, { trials: 3 }, rng)));
    for (const number of [1, 6, 7, 8, 14, 27, 28]) {
      const decision = decideNight({
        baseline,
        pool,
        nights: nights.slice(0, number).slice(-nightsNeeded(number)),
        number,
        policy: POLICY,
      });
      const windows = decision.looks.filter((l) => l.look === 'week' || l.look === 'month');
      expect(windows.map((w) => [w.look, w.snapshots.length])).toEqual(
        number === 28
          ? [
              ['week', 7],
              ['month', 28],
            ]
          : number % 7 === 0
            ? [['week', 7]]
            : [],
      );
    }
  });
});

describe('one decision', () => {
  const pool = Array.from({ length: 5 }, (_, i) => snapshot(`b${i}`, block('refund', 30, 'ppp')));
  const [baseline, ...rest] = pool as [SnapshotResults, ...SnapshotResults[]];
  const bad = snapshot('bad', [...block('refund', 20, 'ppp'), ...block('refund', 30, 'ppf').slice(20)]);
  const base = { baseline, pool: rest, number: 1, policy: POLICY };

  test('a suspicious night asks for a second run and is no verdict until it has one', () => {
    const first = decideNight({ ...base, nights: [bad] });
    expect(first).toMatchObject({ outcome: 'unknown', wanted: { rerun: true } });
    expect(first.looks[0]?.outcome).toBe('suspicious');
    const cases = first.wanted.cases;
    const cleared = cases.flatMap((id) => {
      const result = snapshot('f', [{ id, trials: 'pppppppp' }]).cases[0];
      return result === undefined ? [] : [result];
    });
    const good = snapshot('good', block('refund', 30, 'ppp'));
    expect(decideNight({ ...base, nights: [bad], rerun: good, fresh: cleared }).outcome).toBe('green');
    const worse = snapshot('worse', [...block('refund', 20, 'ppp'), ...block('refund', 30, 'fff').slice(20)]);
    const alarm = decideNight({ ...base, nights: [worse], rerun: worse });
    expect(alarm).toMatchObject({ outcome: 'alarm', wanted: { rerun: false } });
    expect(alarm.reason).toMatch(/run again: 100\.0 % → 66\.7 %/);
  });

  test('a case that fails sixteen fresh trials raises the alarm by name; eight are not enough', () => {
    const one = snapshot('one', [...block('refund', 29, 'ppp'), { id: 'refund-029', trials: 'fff' }]);
    const first = decideNight({ ...base, nights: [one] });
    expect(first.wanted.cases).toEqual(['refund-029']);
    const fresh = snapshot('f', [{ id: 'refund-029', trials: 'ffffffff' }]).cases;
    const rerun = snapshot('again', block('refund', 30, 'ppp'));
    const second = decideNight({ ...base, nights: [one], rerun, fresh });
    expect(second).toMatchObject({ outcome: 'unknown', wanted: { cases: ['refund-029'] } });
    const third = decideNight({ ...base, nights: [one], rerun, fresh: [...fresh, ...fresh] });
    expect(third).toMatchObject({ outcome: 'alarm', affected: { tag: null, cases: ['refund-029'] } });
    expect(third.reason).toContain('refund-029 fails on 16 fresh trials');
  });

  test('an outage is could-not-tell, not a regression and not green', () => {
    const dark = snapshot('dark', [...block('refund', 20, 'ppp'), ...block('refund', 30, 'iii').slice(20)]);
    const decision = decideNight({ ...base, nights: [dark] });
    expect(decision).toMatchObject({ outcome: 'unknown', looks: [], wanted: { rerun: false } });
    expect(decision.reason).toContain('infra_error');
    const invalid = snapshot('inv', block('refund', 30, 'ppp'), {
      validity: 'invalid',
      validityReasons: ['40 % lost'],
    });
    expect(decideNight({ ...base, nights: [invalid] }).outcome).toBe('unknown');
    const other = snapshot('other', block('refund', 30, 'ppp', { exam: { gradersHash: 'new' } }));
    expect(decideNight({ ...base, nights: [other] }).reason).toContain('no case can be compared');
  });

  test('a drop whose whole interval lies within the margin is watched, unless the policy minds every drop', () => {
    const many = (letters: string, failing: number): SnapshotResults =>
      snapshot('s', [
        ...block('refund', 1000 - failing, 'pppppp'),
        ...block('refund', 1000, letters).slice(1000 - failing),
      ]);
    const [b, ...p] = Array.from({ length: 5 }, (_, i) => ({
      ...many('pppppp', 0),
      summary: { ...many('pppppp', 0).summary, id: `w${i}` },
    })) as [SnapshotResults, ...SnapshotResults[]];
    const down = many('ppppff', 60);
    const wide = { baseline: b, pool: p, nights: [down], number: 1, rerun: down, examineCases: false };
    expect(decideNight({ ...wide, policy: POLICY }).outcome).toBe('watch');
    expect(decideNight({ ...wide, policy: { ...POLICY, requireMargin: false } }).outcome).toBe('alarm');
  });

  test('is deterministic, does not mind the order of cases, and is never green while it wants something', () => {
    const letters = fc.array(fc.constantFrom('ppp', 'ppf', 'pff', 'fff', 'pp-', 'iii'), {
      minLength: 30,
      maxLength: 30,
    });
    fc.assert(
      fc.property(letters, fc.integer({ min: 1, max: 6 }), (rows, number) => {
        const cases = rows.map((trials, i) => ({ id: `refund-${String(i).padStart(3, '0')}`, trials }));
        const tonight = snapshot('t', cases);
        const e = { ...base, number, nights: [tonight], replicates: 199 };
        const decision = decideNight(e);
        expect(decideNight({ ...e, nights: [{ ...tonight, cases: [...tonight.cases].reverse() }] })).toEqual(
          decision,
        );
        if (decision.wanted.rerun || decision.wanted.cases.length > 0)
          expect(decision.outcome).toBe('unknown');
        // Nothing fresh has been run, so nothing may be called proven.
        expect(decision.outcome).not.toBe('alarm');
        JSON.stringify(decision, (_, value) => {
          if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
          return value;
        });
      }),
      { numRuns: 60 },
    );
  });
});

test('a window holds the trials of every night on which a case stood under the same exam', () => {
  const a = snapshot('a', [
    { id: 'x', trials: 'pf' },
    { id: 'y', trials: 'pp', exam: { contentHash: 'older' } },
  ]);
  const b = snapshot('b', [
    { id: 'x', trials: 'ff' },
    { id: 'y', trials: 'ff' },
    { id: 'z', trials: 'p' },
  ]);
  expect(windowOf([a, b]).cases.map((c) => [c.id, c.trials.length, c.plannedTrials])).toEqual([
    ['x', 4, 4],
    ['y', 2, 2],
    ['z', 1, 1],
  ]);
});

test('recovery has to be shown on the affected cases', () => {
  const incident = snapshot('i', [...block('refund', 10, 'fff'), ...block('order', 10, 'ppp')]);
  const well = snapshot('w', [...block('refund', 10, 'ppp'), ...block('order', 10, 'ppp')]);
  const named = { tag: null, cases: ['refund-000', 'refund-001'] };
  expect(recoveryP([incident], [well], named, POLICY)).toBeLessThan(0.01);
  expect(recoveryP([incident], [incident], named, POLICY)).toBe(1);
  expect(recoveryP([incident], [well], { tag: null, cases: ['order-001'] }, POLICY)).toBe(1);
  expect(recoveryP([], [well], named, POLICY)).toBe(1);
});
