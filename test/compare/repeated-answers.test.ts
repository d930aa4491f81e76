// Answers that repeat word for word: decided at once, with the size that could still have gone unseen.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHECK_DESIGNS, checkStep, compareSnapshots } from '../../src/compare/index.ts';
import { changeUnseen } from '../../src/compare/repeated-answers.ts';
import type { Comparison } from '../../src/core/comparison.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import type { SnapshotResults } from '../../src/core/snapshot.ts';
import { type CaseSketch, options, snapshot } from './world.ts';

const word = (i: number): string => `The word ${i}.`;
const cases = (
  n: number,
  trials: string,
  own: (i: number) => Partial<CaseSketch> = () => ({}),
): CaseSketch[] =>
  Array.from({ length: n }, (_, i) => ({ id: `case-${i}`, trials, answer: word(i), ...own(i) }));

const OTHER = { fingerprint: 'f2', startedAt: '2026-03-20T02:00:00.000Z' };
const stored = (n: number, trials: string): SnapshotResults => snapshot('s-1', cases(n, trials));
const compared = (candidate: SnapshotResults, n = 24, trials = 'p'): Comparison =>
  compareSnapshots(stored(n, trials), candidate, options());

describe('answers that repeat word for word', () => {
  it('end as no-regression-found with the size that would have changed an answer 4 times in 5', () => {
    const comparison = compared(snapshot('s-2', cases(24, 'p'), OTHER));
    expect(comparison).toMatchObject({ verdict: 'no-regression-found', gate: { outcome: 'pass' } });
    expect(comparison.reason).toContain("every answer repeats the baseline's, word for word");
    expect(comparison.overall.minimumDetectable).toBeCloseTo(1 - 0.2 ** (1 / 24), 10);
  });

  it('are unchanged where a change of the margin would have changed an answer 19 times in 20', () => {
    const comparison = compared(snapshot('s-2', cases(24, 'ppp'), OTHER), 24, 'ppp');
    expect(comparison.verdict).toBe('unchanged');
    const [lower, upper] = comparison.overall.interval ?? [];
    expect(lower).toBeGreaterThanOrEqual(-(1 - 0.05 ** (1 / 72)));
    expect(upper).toBeLessThanOrEqual(1 - 0.05 ** (1 / 72));
  });

  it('decide a check of 38 cases at its first look, in every tier', () => {
    for (const design of Object.values(CHECK_DESIGNS)) {
      const trials = 'p'.repeat(design.screening[0] ?? 1);
      const { comparison, wanted } = checkStep({
        stored: stored(38, 'p'),
        pool: [],
        candidate: snapshot('s-2', cases(38, trials), OTHER),
        sorted: [],
        confirm: { baseline: [], candidate: [] },
        control: { baseline: [], candidate: [] },
        rounds: 0,
        policy: resolvePolicy(undefined),
        design,
        look: 1,
        impossible: null,
      });
      expect(comparison.gate.outcome).toBe('pass');
      expect(['unchanged', 'no-regression-found']).toContain(comparison.verdict);
      if (comparison.verdict === 'unchanged') expect(wanted).toBeNull();
    }
  });

  it('are not claimed where one answer differs, a trial is missing, or a grade differs', () => {
    const differing: Record<string, Partial<CaseSketch>> = {
      'another answer that passes': { answer: 'The word seven.' },
      'a lost trial': { trials: 'pe' },
      'the same answer graded otherwise': { trials: 'pf' },
    };
    for (const [what, own] of Object.entries(differing)) {
      const candidate = snapshot(
        's-2',
        cases(24, 'pp', (i) => (i === 7 ? own : {})),
        OTHER,
      );
      expect(compared(candidate, 24, 'pp').reason, what).not.toContain('word for word');
    }
  });

  it('pass at any number of cases where the release is the same, and not where it changed', () => {
    expect(compared(snapshot('s-2', cases(5, 'p')), 5).verdict).toBe('no-regression-found');
    expect(compared(snapshot('s-2', cases(5, 'p'), OTHER), 5).verdict).toBe('inconclusive');
  });

  it('stay undecided where the policy asks for proof', () => {
    const policy = resolvePolicy({ undecided: 'fail' });
    const comparison = compareSnapshots(stored(24, 'p'), snapshot('s-2', cases(24, 'p'), OTHER), { policy });
    expect(comparison).toMatchObject({ verdict: 'inconclusive', gate: { outcome: 'fail' } });
  });

  it('bound the mean change, however it is spread over the cases', () => {
    const drops = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(drops, (d) => {
        const allAgree = d.reduce((p, drop) => p * (1 - drop), 1);
        const mean = d.reduce((sum, drop) => sum + drop, 0) / d.length;
        const repeated = { pairs: d.length, sameRelease: false };
        expect(mean).toBeLessThanOrEqual(changeUnseen(repeated, allAgree) + 1e-9);
      }),
    );
  });
});

describe('--tier smoke', () => {
  it('decides 38 cases that never fail after one trial each, though every answer is worded anew', () => {
    const night = (day: number): SnapshotResults =>
      snapshot(`s-${day}`, cases(38, 'p'), { startedAt: `2026-03-1${day}T02:00:00.000Z` });
    const { comparison, wanted } = checkStep({
      stored: night(5),
      pool: [1, 2, 3, 4].map(night),
      candidate: snapshot(
        's-new',
        cases(38, 'p', (i) => ({ answer: `Word ${i} it is.` })),
        OTHER,
      ),
      sorted: [],
      confirm: { baseline: [], candidate: [] },
      control: { baseline: [], candidate: [] },
      rounds: 0,
      policy: resolvePolicy(undefined),
      design: CHECK_DESIGNS.smoke,
      look: 1,
      impossible: null,
    });
    expect(comparison).toMatchObject({ verdict: 'no-regression-found', gate: { outcome: 'pass' } });
    expect(comparison.reason).not.toContain('word for word');
    expect(wanted).toBeNull();
  });
});
