// The noise between runs, and groups as units: estimated from the runs there are, and only ever making a claim harder.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeOf, deltaInterval, tagMembers, weigh } from '../../src/compare/evidence.ts';
import { groupNoise, groupUnits } from '../../src/compare/groups.ts';
import { type PairedCase, pairCases } from '../../src/compare/pairing.ts';
import { sessionNoise, sessionsOf } from '../../src/compare/sessions.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import type { SnapshotResults } from '../../src/core/snapshot.ts';
import { block, type CaseSketch, Mt19937, night, snapshot } from './world.ts';

const policy = resolvePolicy(undefined);

function paired(a: readonly CaseSketch[], b: readonly CaseSketch[]): readonly PairedCase[] {
  return pairCases(snapshot('s-1', a), snapshot('s-2', b), policy).paired;
}

/** Runs of one release, each a day later; `shift` moves all rates of a run on the logit scale. */
function runs(count: number, shift: (n: number) => number, seed = 3): SnapshotResults[] {
  const rng = new Mt19937(seed);
  return Array.from({ length: count }, (_, n) => {
    const rate = 1 / (1 + Math.exp(-(1.5 + shift(n))));
    return snapshot(`s-${n}`, night(Array(60).fill(rate), { trials: 5, tags: ['refund', 'tone'] }, rng), {
      startedAt: new Date(Date.UTC(2026, 2, 1 + n, 2)).toISOString(),
    });
  });
}

function noiseOf(
  all: readonly SnapshotResults[],
  of = policy,
): { sd: number; variance: number; runs: number } {
  const [first, ...rest] = all;
  const { paired: pairs, pooled } = pairCases(
    first as SnapshotResults,
    snapshot('s-new', night(Array(60).fill(0.8), { trials: 3, tags: ['refund', 'tone'] }, new Mt19937(8))),
    policy,
    rest,
  );
  const sessions = sessionsOf([first as SnapshotResults, ...pooled], pairs, tagMembers(pairs), of);
  const { weights, variances } = sessionNoise(sessions.suite, sessions);
  return {
    sd: sessions.suite.sd,
    runs: sessions.suite.runs,
    variance: variances.reduce((sum, v, i) => sum + v * (weights[i] ?? 0), 0),
  };
}

describe('sessions', () => {
  it('one run says nothing about how runs differ: the prior of the policy counts', () => {
    const one = noiseOf(runs(1, () => 0));
    expect(one.runs).toBe(0);
    expect(
      noiseOf(
        runs(1, () => 0),
        resolvePolicy({ 'session-sd': 0.6 }),
      ).sd,
    ).toBeGreaterThan(2 * one.sd);
    expect(
      noiseOf(
        runs(1, () => 0),
        resolvePolicy({ 'session-sd': 0.02 }),
      ).variance,
    ).toBeLessThan(one.variance);
  });

  it('runs that agree lower it, runs that disagree raise it', () => {
    const calm = noiseOf(runs(10, () => 0));
    const restless = noiseOf(runs(10, (n) => (n % 2 === 0 ? 0.8 : -0.8)));
    const one = noiseOf(runs(1, () => 0));
    expect(calm.variance).toBeLessThan(one.variance);
    expect(restless.sd).toBeGreaterThan(2 * calm.sd);
    expect(restless.variance).toBeGreaterThan(3 * calm.variance);
  });

  it('more runs in the pool make its mean steadier, never worse than one run', () => {
    expect(noiseOf(runs(5, () => 0)).variance).toBeLessThan(noiseOf(runs(2, () => 0)).variance);
  });

  it('a claim about runs of different times has to hold with the noise of trials and with that of sessions', () => {
    const word = fc.string({ unit: fc.constantFrom('p', 'p', 'f'), minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { minLength: 6, maxLength: 30 }), (words) => {
        const cases = (side: 0 | 1): CaseSketch[] =>
          words.map((w, i) => ({ id: `c-${i}`, trials: w[side], tags: i % 2 === 0 ? ['refund'] : [] }));
        const a = snapshot('s-1', cases(0));
        const pairs = paired(cases(0), cases(1));
        const tags = tagMembers(pairs);
        const how = { seed: 1, replicates: 199, confidence: 0.9 };
        const together = weigh(pairs, tags, how);
        const apart = weigh(pairs, tags, { ...how, sessions: sessionsOf([a], pairs, tags, policy) });
        expect(apart.pRegression).toBeGreaterThanOrEqual(together.pRegression);
        expect(apart.pImprovement).toBeGreaterThanOrEqual(together.pImprovement);
        expect(apart.permuted.less).toBe(together.pRegression);
        expect(apart.interval[0]).toBeLessThanOrEqual(together.interval[0] + 1e-9);
        expect(apart.interval[1]).toBeGreaterThanOrEqual(together.interval[1] - 1e-9);
      }),
      { numRuns: 40, seed: 20260315 },
    );
  });
});

describe('declared groups', () => {
  const grouped = (word: (i: number) => string): CaseSketch[] =>
    Array.from({ length: 40 }, (_, i) => ({
      id: `c-${String(i).padStart(2, '0')}`,
      trials: word(i),
      group: `ticket-${Math.floor(i / 10)}`,
    }));
  const alone = (cases: readonly CaseSketch[]): CaseSketch[] =>
    cases.map(({ group: _group, ...rest }) => rest);

  it('are numbered; a case without a group is a unit of its own; without groups there are no units', () => {
    const mixed: CaseSketch[] = [
      { id: 'a', trials: 'pp', group: 'x' },
      { id: 'b', trials: 'pp' },
      { id: 'c', trials: 'pp', group: 'y' },
      { id: 'd', trials: 'pp', group: 'x' },
    ];
    expect([...(groupUnits(paired(mixed, mixed)) ?? [])]).toEqual([0, -1, 1, 0]);
    expect(groupUnits(paired(alone(mixed), alone(mixed)))).toBeUndefined();
  });

  it('one group that fell is weaker evidence than ten cases that fell', () => {
    const before = grouped(() => 'ppp');
    const after = grouped((i) => (i < 10 ? 'fff' : 'ppp'));
    const how = { seed: 1, replicates: 999, confidence: 0.9 };
    const asGroups = paired(before, after);
    const asCases = paired(alone(before), alone(after));
    expect(weigh(asCases, [], how).pRegression).toBeLessThan(0.001);
    expect(weigh(asGroups, [], how).pRegression).toBeGreaterThan(0.1);
    const width = (pairs: readonly PairedCase[]): number => {
      const [lower, upper] = deltaInterval(pairs, 0.9);
      return upper - lower;
    };
    expect(width(asGroups)).toBeGreaterThan(1.5 * width(asCases));
  });

  it('add no noise where there are none, and never a negative one', () => {
    const word = fc.string({ unit: fc.constantFrom('p', 'f'), minLength: 2, maxLength: 2 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, word, fc.option(fc.constantFrom('x', 'y', 'z'), { nil: undefined })), {
          minLength: 2,
          maxLength: 30,
        }),
        (rows) => {
          const side = (s: 0 | 1): CaseSketch[] =>
            rows.map((r, i) => ({
              id: `c-${i}`,
              trials: r[s],
              ...(r[2] === undefined ? {} : { group: r[2] }),
            }));
          const pairs = paired(side(0), side(1));
          const noise = groupNoise(pairs, changeOf(paired(alone(side(0)), alone(side(1)))).varianceAt(0));
          expect(noise).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(noise)).toBe(true);
          if (pairs.every((p) => p.group === null)) expect(noise).toBe(0);
        },
      ),
      { numRuns: 60, seed: 20260315 },
    );
    const even = paired(block('refund', 10, 'pp'), block('refund', 10, 'ff'));
    expect(groupNoise(even, 0.01)).toBe(0);
  });
});
