// Evidence by user: clusters are no proof, harm is found, and what cannot be known is not taken for independent.

import { describe, expect, it } from 'vitest';
import type { ArmCounts, RolloutArm, RolloutGateSpec } from '../../src/core/rollout.ts';
import { learnUnits, logEValue, NO_EVIDENCE, UNIT_WEIGHTS } from '../../src/rollout/gate-evidence.ts';
import { ASSUMED_CALLS, UnitTable } from '../../src/rollout/unit-table.ts';
import { Mt19937 } from '../../src/stats/rng.ts';

const rejection: RolloutGateSpec = {
  ...{ signal: 'review-rejection', over: { count: 200, unit: 'reviewed' }, forMs: null, action: 'pause' },
  rule: { kind: 'worse-by', share: 0.05 },
  measure: { kind: 'share', of: 'known' },
  ...{ flags: {}, reference: null, history: { n: 2000, hits: 200, sum: 0 } },
};
const cost: RolloutGateSpec = {
  ...rejection,
  signal: 'cost-per-call',
  rule: { kind: 'times', times: 1.25, of: { approvedUsd: 0.01 } },
  measure: { kind: 'ratio', bounded: false },
  ...{ reference: 0.01, history: { n: 0, hits: 0, sum: 0 } },
};
const answer = (bad: boolean): ArmCounts => ({ n: 1, hits: bad ? 1 : 0, sum: 0 });
const priced = (usd: number): ArmCounts => ({ n: 1, hits: 1, sum: usd });

/** Highest ln of the e-value over all looks, as calls of users come in; each user is bad as a whole. */
function highest(
  gate: RolloutGateSpec,
  seed: number,
  call: (rng: Mt19937, user: number, arm: RolloutArm) => ArmCounts,
): number {
  const rng = new Mt19937(seed);
  const table = new UnitTable([gate]);
  const arms = Array.from({ length: 300 }, (): RolloutArm => (rng.next() < 0.1 ? 'candidate' : 'control'));
  let [top, next] = [0, 50];
  for (let i = 1; i <= 3000; i++) {
    // A few users call much.
    const user = Math.floor(300 * rng.next() ** 3);
    table.add(`u${user}`, arms[user] as RolloutArm, [call(rng, user, arms[user] as RolloutArm)]);
    if (i < next) continue;
    next = i * 1.1;
    const logs = table.look('user').gates[0]?.logs ?? [];
    top = Math.max(top, logEValue(gate, learnUnits(NO_EVIDENCE, logs, 0), 1, UNIT_WEIGHTS));
  }
  return top;
}
const over20 = (logs: readonly number[]): number => logs.filter((log) => log >= Math.log(20)).length;
const seeds = Array.from({ length: 60 }, (_, i) => 300 + i);

describe('the evidence by user', () => {
  it('keeps its level over all looks where all calls of a user share an outcome', () => {
    const luck = (seed: number): number[] => {
      const rng = new Mt19937(seed * 1000);
      return Array.from({ length: 300 }, () => rng.next());
    };
    const isBad = (seed: number) => {
      const users = luck(seed);
      return (_: Mt19937, user: number): ArmCounts => answer((users[user] as number) < 0.1);
    };
    // The seeds are fixed, so this holds always or never.
    expect(over20(seeds.map((seed) => highest(rejection, seed, isBad(seed))))).toBeLessThanOrEqual(3);
    const dear = (seed: number) => {
      const users = luck(seed);
      return (_: Mt19937, user: number): ArmCounts => priced(0.003 * Math.exp(2 * (users[user] as number)));
    };
    expect(over20(seeds.map((seed) => highest(cost, seed, dear(seed))))).toBeLessThanOrEqual(3);
  });

  it('finds a candidate that is worse for each of its users', () => {
    const worse = (rng: Mt19937, _: number, arm: RolloutArm): ArmCounts =>
      answer(rng.next() < (arm === 'candidate' ? 0.35 : 0.1));
    expect(over20(seeds.slice(0, 20).map((seed) => highest(rejection, seed, worse)))).toBeGreaterThanOrEqual(
      18,
    );
    const dearer = (rng: Mt19937, _: number, arm: RolloutArm): ArmCounts =>
      priced((arm === 'candidate' ? 0.02 : 0.01) * (0.5 + rng.next()));
    expect(over20(seeds.slice(0, 20).map((seed) => highest(cost, seed, dearer)))).toBeGreaterThanOrEqual(18);
  });

  it('does not take it for harm that users call the candidate less often', () => {
    const table = new UnitTable([rejection]);
    for (let i = 0; i < 4000; i++) {
      table.add(`a${i % 1000}`, 'control', [answer(i % 40 === 0)]);
      if (i < 2000) table.add(`b${i % 1000}`, 'candidate', [answer(i % 40 === 0)]);
    }
    for (const log of table.look('user').gates[0]?.logs ?? []) expect(log).toBeLessThan(1);
  });

  it('does not blame the candidate for a price that the control exceeds too', () => {
    const dear = (rng: Mt19937): ArmCounts => priced(0.03 * (0.5 + rng.next()));
    expect(over20(seeds.slice(0, 20).map((seed) => highest(cost, seed, dear)))).toBe(0);
  });
});

describe('the table of units', () => {
  const filled = (calls: readonly (readonly [string | null, RolloutArm])[], most?: number): UnitTable => {
    const table = new UnitTable([rejection], most);
    for (const [unit, arm] of calls) table.add(unit, arm, [answer(false)]);
    return table;
  };

  it('does not take users for the unit where they get both arms, or where calls name none', () => {
    const twice = (arms: readonly RolloutArm[]) =>
      filled(Array.from({ length: 30 }, (_, i) => arms.map((arm) => [`u${i}`, arm] as const)).flat());
    expect(twice(['candidate', 'candidate']).isUnit()).toBe(true);
    expect(twice(['candidate', 'candidate']).isProvenUnit()).toBe(true);
    expect(twice(['candidate', 'control']).isProvenUnit()).toBe(false);
    const mixed = twice(['candidate', 'control']);
    expect(mixed.isUnit()).toBe(false);
    expect(mixed.mixed).toBe(1);
    expect(
      filled([
        ['u1', 'control'],
        [null, 'control'],
        [null, 'candidate'],
      ]).isUnit(),
    ).toBe(false);
  });

  it('counts calls of unknown users for less, by as many as may share an outcome', () => {
    const table = new UnitTable([rejection]);
    for (let i = 0; i < 400; i++) table.add(`c${i}`, i < 100 ? 'candidate' : 'control', [answer(i < 40)]);
    const [known, unknown] = [table.look('request'), table.look('unknown', ASSUMED_CALLS)];
    expect(known.gates[0]?.logs[0]).toBeGreaterThan(10);
    expect(unknown.gates[0]?.logs[0]).toBeCloseTo((known.gates[0]?.logs[0] as number) / ASSUMED_CALLS, 10);
    expect(unknown).toMatchObject({ unit: 'unknown', assumed: ASSUMED_CALLS });
  });

  it('keeps the candidate and a part of the control where there are too many units', () => {
    const calls = Array.from(
      { length: 3000 },
      (_, i) => [`user-${i}`, i % 50 === 0 ? 'candidate' : 'control'] as const,
    );
    const look = filled(calls, 1000).look('user');
    expect(look.candidate).toBe(60);
    expect(look.every).toBeGreaterThan(1);
    expect((look.control * look.every) / 2940).toBeGreaterThan(0.8);
    expect((look.control * look.every) / 2940).toBeLessThan(1.25);
  });
});
