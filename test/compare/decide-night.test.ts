// The nightly decision: what it asks for, what it may spend, and how it does when the truth is known.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHANGES, SessionWorld } from '../../bench/stat/session-worlds.ts';
import {
  alphaSpent,
  decideNight,
  type EarlierNight,
  proveRecovery,
  type TalliedRun,
  tallyRun,
} from '../../src/compare/decide-night.ts';
import { recoveryLevel } from '../../src/compare/night-recovery.ts';
import type { SnapshotResults } from '../../src/core/snapshot.ts';
import { dated, liveNight, POLICY, poolOf } from './night-world.ts';
import { block, Mt19937, snapshot, trueRates } from './world.ts';

/** Ninety nights; `rates(day)` is the truth on each. Returns the first night with an alarm and how it was raised. */
function ninetyNights(
  seed: number,
  cases: number,
  truth: (rates: readonly number[], day: number) => readonly number[],
): { alarm: number | null; reason: string; extra: number; known: readonly number[] } {
  const rng = new Mt19937(seed);
  const known = trueRates(cases, rng);
  const world = { trials: 3, pool: poolOf(known, 5, 3, rng), rng };
  const earlier: EarlierNight[] = [];
  let extra = 0;
  for (let day = 1; day <= 90; day++) {
    const lived = liveNight(world, earlier, day, truth(known, day));
    extra += lived.extra;
    if (lived.decision.outcome === 'alarm')
      return { alarm: day, reason: lived.decision.reason, extra, known };
  }
  return { alarm: null, reason: '', extra, known };
}

describe('with the truth known', () => {
  test('ninety unchanged nights raise no alarm, at less than half a run extra a night', () => {
    for (const seed of [1, 2]) {
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
    expect(alphaSpent(91)).toEqual({ period: 2, spent: alphaSpent(1).spent });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), (number) => {
        const { period, spent } = alphaSpent(number);
        expect(spent).toBeGreaterThan(0);
        expect(spent).toBeLessThan(0.05);
        expect(period).toBe(Math.ceil(number / 90));
      }),
    );
  });
});

describe('one decision', () => {
  const pool = Array.from({ length: 5 }, (_, i) =>
    dated(snapshot(`b${i}`, block('refund', 30, 'ppp')), i - 5),
  );
  const [baseline, ...rest] = pool as [SnapshotResults, ...SnapshotResults[]];
  const bad = snapshot('bad', [...block('refund', 20, 'ppp'), ...block('refund', 30, 'ppf').slice(20)]);
  const base = { baseline, pool: rest, earlier: [], number: 1, policy: POLICY };

  test('a suspicious night asks for a second run and is no verdict until it has one', () => {
    const first = decideNight({ ...base, tonight: bad });
    expect(first).toMatchObject({ outcome: 'unknown', wanted: { rerun: true } });
    expect(first.looks[0]?.outcome).toBe('suspicious');
    const cases = first.wanted.cases;
    const cleared = cases.flatMap((id) => {
      const result = snapshot('f', [{ id, trials: 'pppppppp' }]).cases[0];
      return result === undefined ? [] : [result];
    });
    const good = snapshot('good', block('refund', 30, 'ppp'));
    expect(decideNight({ ...base, tonight: bad, rerun: good, fresh: cleared }).outcome).toBe('green');
    const worse = snapshot('worse', [...block('refund', 20, 'ppp'), ...block('refund', 30, 'fff').slice(20)]);
    const alarm = decideNight({ ...base, tonight: worse, rerun: worse });
    expect(alarm).toMatchObject({ outcome: 'alarm', wanted: { rerun: false } });
    expect(alarm.reason).toMatch(/run again: 100\.0 % → 66\.7 %/);
  });

  test('a case that fails sixteen fresh trials raises the alarm by name; eight are not enough', () => {
    const one = snapshot('one', [...block('refund', 29, 'ppp'), { id: 'refund-029', trials: 'fff' }]);
    const first = decideNight({ ...base, tonight: one });
    expect(first.wanted.cases).toEqual(['refund-029']);
    const fresh = snapshot('f', [{ id: 'refund-029', trials: 'ffffffff' }]).cases;
    const rerun = snapshot('again', block('refund', 30, 'ppp'));
    const second = decideNight({ ...base, tonight: one, rerun, fresh });
    expect(second).toMatchObject({ outcome: 'unknown', wanted: { cases: ['refund-029'] } });
    const third = decideNight({ ...base, tonight: one, rerun, fresh: [...fresh, ...fresh] });
    expect(third).toMatchObject({ outcome: 'alarm', affected: { tag: null, cases: ['refund-029'] } });
    expect(third.reason).toContain('refund-029 fails on 16 fresh trials');
  });

  test('an outage is could-not-tell, not a regression and not green', () => {
    const dark = snapshot('dark', [...block('refund', 20, 'ppp'), ...block('refund', 30, 'iii').slice(20)]);
    const decision = decideNight({ ...base, tonight: dark });
    expect(decision).toMatchObject({ outcome: 'unknown', looks: [], wanted: { rerun: false } });
    expect(decision.reason).toContain('infra_error');
    const invalid = snapshot('inv', block('refund', 30, 'ppp'), {
      validity: 'invalid',
      validityReasons: ['40 % lost'],
    });
    expect(decideNight({ ...base, tonight: invalid }).outcome).toBe('unknown');
    const other = snapshot('other', block('refund', 30, 'ppp', { exam: { gradersHash: 'new' } }));
    expect(decideNight({ ...base, tonight: other }).reason).toContain('no case can be compared');
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
    const wide = {
      ...{ baseline: b, pool: p, earlier: [], tonight: down, number: 1 },
      ...{ rerun: down, examineCases: false },
    };
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
        const e = { ...base, number, tonight: tonight, replicates: 199 };
        const decision = decideNight(e);
        expect(decideNight({ ...e, tonight: { ...tonight, cases: [...tonight.cases].reverse() } })).toEqual(
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

describe('runs that differ by more than their trials explain', () => {
  const process = { kind: 'session', sd: 0.3 } as const;

  test('a collapse alarms at a pool of any size while sessions differ', () => {
    for (const size of [1, 4, 5]) {
      const world = new SessionWorld({ process, shape: 'typical', cases: 42 }, new Mt19937(size));
      const [baseline, ...pool] = Array.from({ length: size }, (_, at) => world.run({ at, trials: 3 }));
      if (baseline === undefined) throw new Error('no baseline');
      const rates = world.rates.map((p) => 0.5 * p);
      const tonight = world.run({ at: size + 1, trials: 3, rates });
      const rerun = world.run({ at: size + 1.01, trials: 3, rates });
      const e = { baseline, pool, tonight, earlier: [], number: 1, policy: POLICY, examineCases: false };
      expect(decideNight(e).wanted).toMatchObject({ rerun: true, later: { rerun: false } });
      expect(decideNight({ ...e, rerun }).outcome, `pool of ${size}`).toBe('alarm');
    }
  });

  test('a bad hour is run again later and does not alarm', () => {
    const bad = { kind: 'bad-hour', chance: 0 } as const;
    const world = new SessionWorld({ process: bad, shape: 'typical', cases: 100 }, new Mt19937(5));
    const [baseline, ...pool] = Array.from({ length: 5 }, (_, at) => world.run({ at, trials: 5 }));
    if (baseline === undefined) throw new Error('no baseline');
    const tonight = world.run({ at: 6, trials: 5, badHour: true });
    const e = { baseline, pool, tonight, earlier: [], number: 1, policy: POLICY, examineCases: false };
    expect(decideNight(e).wanted).toMatchObject({ rerun: true, later: { rerun: true } });
    const rerun = world.run({ at: 6.09, trials: 5, badHour: false });
    expect(decideNight({ ...e, rerun }).outcome).not.toBe('alarm');
  });

  test('the decision says what the variance between runs rests on', () => {
    const world = new SessionWorld({ process, shape: 'typical', cases: 42 }, new Mt19937(8));
    const [baseline, ...pool] = Array.from({ length: 5 }, (_, at) => world.run({ at, trials: 3 }));
    if (baseline === undefined) throw new Error('no baseline');
    const other = world.run({ at: 5, trials: 3, release: 'release-b' });
    const tonight = world.run({ at: 6, trials: 3 });
    const e = { baseline, pool: [...pool, other], tonight, earlier: [], number: 1, policy: POLICY };
    expect(decideNight(e).pool).toMatchObject({
      runs: 5,
      prior: { sd: 0.2, weight: 4 },
      leftOut: [{ snapshot: other.summary.id, reason: 'another fingerprint' }],
    });
  });
});

describe('recovery is a claim', () => {
  /** Nights after an alarm until recovery is shown; null = not within 30. */
  function recoversAfter(seed: number, fell: number, drop: number): number | null {
    const process = { kind: 'session', sd: 0.15 } as const;
    const world = new SessionWorld({ process, shape: 'typical', cases: 100 }, new Mt19937(seed));
    const [baseline, ...pool] = Array.from({ length: 10 }, (_, at) => world.run({ at, trials: 3 }));
    if (baseline === undefined) throw new Error('no baseline');
    const rates = CHANGES.uniform(world.rates, drop);
    const affected = { tag: null, cases: [] };
    const bad = world.run({ at: 20, trials: 3, rates: CHANGES.uniform(world.rates, fell) });
    const incident = [tallyRun(bad, POLICY.appError)];
    const since: TalliedRun[] = [];
    for (let night = 1; night <= 30; night++) {
      const tonight = world.run({ at: 20 + night, trials: 3, rates });
      const base = { baseline, pool, earlier: [], policy: POLICY, affected, incident };
      if (proveRecovery({ ...base, since: [...since], tonight }).shown) return night;
      since.push(tallyRun(tonight, POLICY.appError));
    }
    return null;
  }

  test('a drop of the margin that stays is not called over; a real recovery is, within some nights', () => {
    expect([1, 2, 3, 4, 5].map((seed) => recoversAfter(seed, 0.05, 0.05))).toEqual([
      null,
      null,
      null,
      null,
      null,
    ]);
    const nights = [1, 2, 3, 4, 5].map((seed) => recoversAfter(seed, 0.2, 0) ?? 99).sort((a, b) => a - b);
    expect(nights[2]).toBeLessThanOrEqual(8);
    expect(nights[3]).toBeLessThanOrEqual(30);
  });

  test("the level shrinks with every stretch of ninety nights and never grows with the window's looks", () => {
    expect(recoveryLevel(2, 1)).toBe(recoveryLevel(2, 90));
    expect(recoveryLevel(2, 91)).toBeCloseTo(0.2 * recoveryLevel(2, 90), 12);
    expect(recoveryLevel(16, 1)).toBeGreaterThan(recoveryLevel(2, 1));
    expect(16 * recoveryLevel(16, 1)).toBeCloseTo(0.01, 12);
  });
});
