// Floors of a policy are claims about true rates: no unlucky run of a release that reaches them fails, and what is clearly below does.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLOOR_ALPHA, floorRules, floorsAtRisk } from '../../src/compare/floors.ts';
import { type PolicyFile, resolvePolicy } from '../../src/core/policy.ts';
import { block, type CaseSketch, Mt19937, night, snapshot } from './world.ts';

const rulesOf = (cases: readonly CaseSketch[], policy: PolicyFile = {}) =>
  floorRules(snapshot('s-1', cases), resolvePolicy(policy));
const outcomes = (cases: readonly CaseSketch[], policy: PolicyFile = {}) =>
  rulesOf(cases, policy).map((r) => [r.rule, r.outcome]);

describe('the floor of a suite', () => {
  it('passes at or above, warns just below, fails where the true rate is shown to be below', () => {
    const floor = { 'min-pass-rate': 0.9 };
    expect(outcomes([...block('good', 45, 'ppp'), ...block('bad', 5, 'fff')], floor)).toEqual([
      ['min-pass-rate', 'pass'],
    ]);
    const near = rulesOf([...block('good', 44, 'ppp'), ...block('bad', 6, 'fff')], floor);
    expect(near.map((r) => r.outcome)).toEqual(['warn']);
    expect(near[0]?.message).toContain('at risk');
    expect(outcomes([...block('good', 20, 'ppp'), ...block('bad', 30, 'fff')], floor)).toEqual([
      ['min-pass-rate', 'fail'],
    ]);
  });

  it('a release whose true rate is exactly the floor, or a point above, hardly ever fails', () => {
    const rng = new Mt19937(4);
    let failed = 0;
    const worlds = 200;
    for (let w = 0; w < worlds; w++) {
      const rates = Array.from({ length: 60 }, (_, i) => (i % 5 === 4 ? 0.65 : 0.96));
      const truth = rates.reduce((s, r) => s + r, 0) / rates.length;
      const floor = w % 2 === 0 ? truth : truth - 0.01;
      const rules = rulesOf(night(rates, { trials: 3 }, rng), { 'min-pass-rate': floor });
      if (rules.some((r) => r.outcome === 'fail')) failed++;
    }
    // P(Bin(200, .005) > 5) < 0.001.
    expect(failed).toBeLessThanOrEqual(5);
  });

  it('what was not graded, or has no case, cannot be checked and is not green', () => {
    expect(outcomes(block('lost', 4, 'tt'), { 'min-pass-rate': 0.9 })).toEqual([
      ['min-pass-rate', 'inconclusive'],
    ]);
    expect(outcomes(block('good', 4, 'pp'), { tags: { refund: { 'min-pass-rate': 0.9 } } })).toEqual([
      ['min-pass-rate:tag:refund', 'inconclusive'],
    ]);
  });
});

describe('floors of single cases', () => {
  const floored = (id: string, trials: string): CaseSketch => ({ id, trials, minPassRate: 0.9 });

  it('one bad trial of three is at risk and settled by more trials; a broken case fails', () => {
    const cases = [floored('fine', 'ppp'), floored('doubt', 'ppf'), { id: 'free', trials: 'fff' }];
    expect(outcomes(cases)).toEqual([
      ['min-pass-rate:case:doubt', 'warn'],
      ['min-pass-rate:cases', 'pass'],
    ]);
    expect(floorsAtRisk(snapshot('s-1', cases), resolvePolicy({}))).toEqual(['doubt']);
    expect(outcomes([floored('broken', 'fff')])).toEqual([['min-pass-rate:case:broken', 'fail']]);
  });

  it('many floors share one rate: the release is healthy, and one of a hundred cases fails by chance', () => {
    const cases = Array.from({ length: 100 }, (_, i) => floored(`c-${i}`, i === 7 ? 'pff' : 'ppp'));
    expect(rulesOf(cases).filter((r) => r.outcome === 'fail')).toEqual([]);
    const alone = [floored('c', 'pff')];
    // P(Bin(3, .9) <= 1) = .028: also alone no proof at the rate of floors.
    expect(outcomes(alone)).toEqual([['min-pass-rate:case:c', 'warn']]);
    expect(FLOOR_ALPHA).toBe(0.005);
  });

  it('whatever the trials: each case with a floor is counted once, and only what is below its floor can fail', () => {
    const word = fc.string({ unit: fc.constantFrom('p', 'f', 't'), minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (words, limit) => {
          const cases = words.map((trials, i): CaseSketch => ({ id: `c-${i}`, trials, minPassRate: limit }));
          const rules = rulesOf(cases);
          const held = rules.find((r) => r.rule === 'min-pass-rate:cases');
          const named = rules.filter((r) => r.rule.startsWith('min-pass-rate:case:'));
          expect(named.length + Number(held?.value ?? 0)).toBe(cases.length);
          for (const r of named) if (r.outcome === 'fail') expect(Number(r.value)).toBeLessThan(limit);
          expect(JSON.parse(JSON.stringify(rules))).toStrictEqual(rules);
          const reversed = floorRules(snapshot('s-1', [...cases].reverse()), resolvePolicy({}));
          expect(new Map(reversed.map((r) => [r.rule, r.outcome]))).toEqual(
            new Map(rules.map((r) => [r.rule, r.outcome])),
          );
        },
      ),
      { numRuns: 60, seed: 20260315 },
    );
  });
});
