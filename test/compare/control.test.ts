// The control of today: who is to blame, and that only it can call a release regressed.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareInDetail } from '../../src/compare/compare.ts';
import { causeOf, controlPairs, worldStands } from '../../src/compare/control.ts';
import { pairCases } from '../../src/compare/pairing.ts';
import type { Contrast } from '../../src/core/comparison.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import { block, type CaseSketch, caseResult, snapshot } from './world.ts';

const policy = resolvePolicy({});
const contrast = (p: number): Contrast => ({ delta: -0.1, interval: [-0.2, 0], p, cases: 40 });

function compare(
  stored: readonly CaseSketch[],
  candidate: readonly CaseSketch[],
  today: { baseline: readonly CaseSketch[]; candidate: readonly CaseSketch[] } | null,
  impossible: string | null = null,
) {
  const control = {
    baseline: today?.baseline.map(caseResult) ?? [],
    candidate: today?.candidate.map(caseResult) ?? [],
    impossible,
    level: 0.04,
    most: 4,
  };
  return compareInDetail(snapshot('s-1', stored), snapshot('s-2', candidate, { fingerprint: 'f2' }), {
    policy,
    replicates: 999,
    interleaved: false,
    control,
  }).comparison;
}

describe('cause', () => {
  it('is one of four, by the verdict on the change and by what the unchanged release does', () => {
    const of = (regressed: boolean, world: Contrast | null, worldCases: string[] = []) =>
      causeOf(regressed, { change: null, world, worldCases });
    expect(of(true, contrast(0.5))).toBe('change');
    expect(of(true, contrast(0.01))).toBe('both');
    expect(of(false, contrast(0.01))).toBe('world');
    expect(of(false, null, ['refund-01'])).toBe('world');
    expect(of(false, contrast(0.5))).toBe('neither');
    expect(of(false, null)).toBe('neither');
    expect([worldStands(null), worldStands(contrast(0.5)), worldStands(contrast(0.01))]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('pairs of the control', () => {
  const { paired } = pairCases(
    snapshot('s-1', block('refund', 3, 'ppp')),
    snapshot('s-2', block('refund', 3, 'ppp')),
    policy,
  );

  it('hold both releases of today, with the stored runs as history', () => {
    const pairs = controlPairs(
      paired,
      {
        baseline: block('refund', 2, 'pf').map(caseResult),
        candidate: block('refund', 2, 'ff').map(caseResult),
      },
      'missing',
    );
    expect(pairs.map((p) => [p.id, p.baseline.passed, p.candidate.passed, p.history])).toEqual([
      ['refund-000', 1, 0, { x: 3, k: 3 }],
      ['refund-001', 1, 0, { x: 3, k: 3 }],
    ]);
  });

  it('leave out what was graded by another exam, or not at all', () => {
    const other = block('refund', 3, 'pp', { exam: { gradersHash: 'other' } }).map(caseResult);
    const fine = block('refund', 3, 'pp').map(caseResult);
    const lost = block('refund', 3, 'tt').map(caseResult);
    for (const [baseline, candidate] of [
      [other, fine],
      [fine, other],
      [lost, fine],
      [fine, lost],
    ] as const)
      expect(controlPairs(paired, { baseline, candidate }, 'missing')).toEqual([]);
  });
});

describe('the verdict with a control', () => {
  const good = block('refund', 50, 'ppp');
  const bad = [...block('refund', 25, 'fff'), ...block('refund', 50, 'ppp').slice(25)];
  const both = (word: string) => block('refund', 50, word);

  it('a drop against stored runs is not called regressed before a control was run', () => {
    expect(compare(good, bad, null)).toMatchObject({ verdict: 'inconclusive', cause: null });
    expect(compare(good, bad, null, 'its model is retired').reason).toMatch(
      /^suspected, not proven: .*its model is retired$/,
    );
  });

  it('a control in which the baseline release does well convicts the change', () => {
    expect(compare(good, bad, { baseline: both('pppp'), candidate: both('pfff') })).toMatchObject({
      verdict: 'regressed',
      cause: 'change',
      gate: { outcome: 'fail' },
    });
  });

  it('a control in which both fail the same way acquits it and blames the world', () => {
    const half = [...block('refund', 25, 'ffff'), ...block('refund', 50, 'pppp').slice(25)];
    const c = compare(good, bad, { baseline: half, candidate: half });
    expect(c.verdict).not.toBe('regressed');
    expect(c.cause).toBe('world');
    expect(c.contrasts?.world?.delta).toBeCloseTo(-0.5, 12);
    expect(c.contrasts?.change?.delta).toBeCloseTo(0, 12);
    expect(c.gate.rules.map((r) => [r.rule, r.outcome])).toContainEqual(['world', 'warn']);
  });

  it('stored runs that the control contradicts cannot show that nothing changed', () => {
    const half = [...block('refund', 25, 'ff'), ...block('refund', 50, 'pp').slice(25)];
    const c = compare(good, good, { baseline: half, candidate: half });
    expect(c.cause).toBe('world');
    if (c.verdict === 'unchanged') expect(c.overall.baselineTrialsPerCase).toBeGreaterThan(0);
    expect(c.verdict).not.toBe('regressed');
  });

  it('whatever both releases do today, equal trials never show a regression', () => {
    const word = fc.string({ unit: fc.constantFrom('p', 'f'), minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 30, maxLength: 30 }), (words) => {
        const today = words.map((trials, i) => ({ id: `refund-${String(i).padStart(3, '0')}`, trials }));
        const c = compare(good, bad, { baseline: today, candidate: today });
        expect(c.verdict).not.toBe('regressed');
        expect(['world', 'neither', null]).toContain(c.cause);
      }),
      { numRuns: 40, seed: 20260315 },
    );
  });
});
