// Single cases: suspected, confirmed, flaky, or nothing at all.

import { describe, expect, it } from 'vitest';
import { compareSnapshots, flagCases } from '../../src/compare/index.ts';
import type { PairedDelta } from '../../src/core/comparison.ts';
import { block, caseResult, options, snapshot } from './world.ts';

function deltaOf(comparison: ReturnType<typeof compareSnapshots>, id: string): PairedDelta {
  const found = comparison.cases.find((c) => c.id === id);
  if (found === undefined || !('evidence' in found)) throw new Error(`no paired case ${id}`);
  return found;
}

describe('without fresh trials', () => {
  it('a flip of single trials is inconclusive and says why', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [
        ...block('refund', 30, 'p'),
        { id: 'angry', trials: 'p' },
        { id: 'calm', trials: 'f' },
      ]),
      snapshot('s-2', [
        ...block('refund', 30, 'p'),
        { id: 'angry', trials: 'f' },
        { id: 'calm', trials: 'p' },
      ]),
      options(),
    );
    expect(deltaOf(comparison, 'angry')).toMatchObject({
      verdict: 'inconclusive',
      evidence: 'suspected',
      delta: -1,
      interval: null,
      p: null,
      q: null,
      flaky: false,
      reason: 'flipped pass → fail once; one trial each cannot tell a flip from noise',
    });
    expect(deltaOf(comparison, 'calm').reason).toContain('fail → pass');
    expect(deltaOf(comparison, 'refund-000')).toMatchObject({ verdict: 'unchanged', evidence: null });
  });

  it('a collapse that stands out of a steady suite is regressed, but only suspected', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...block('refund', 60, 'ppppp'), { id: 'angry', trials: 'ppppp' }]),
      snapshot('s-2', [...block('refund', 60, 'ppppp'), { id: 'angry', trials: 'fffff' }]),
      options(),
    );
    const angry = deltaOf(comparison, 'angry');
    expect(angry).toMatchObject({
      verdict: 'regressed',
      evidence: 'suspected',
      delta: -1,
      confirmation: null,
    });
    expect(angry.q).toBeLessThanOrEqual(0.1);
    expect(angry.interval?.[1]).toBeLessThan(0);
    expect(comparison.counts.regressed).toBe(1);
  });

  it('the mirror image is improved', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...block('refund', 60, 'fffff'), { id: 'angry', trials: 'fffff' }]),
      snapshot('s-2', [...block('refund', 60, 'fffff'), { id: 'angry', trials: 'ppppp' }]),
      options(),
    );
    expect(deltaOf(comparison, 'angry')).toMatchObject({ verdict: 'improved', evidence: 'suspected' });
  });

  it('in a handful of cases even 3/3 → 0/3 stays a suspicion: there is no prior to lean on', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 6, 'ppp')),
      snapshot('s-2', [...block('refund', 1, 'fff'), ...block('refund', 6, 'ppp').slice(1)]),
      options(),
    );
    const lost = deltaOf(comparison, 'refund-000');
    expect(lost).toMatchObject({ verdict: 'inconclusive', evidence: 'suspected' });
    // Fisher's exact test, 3/3 against 0/3, one-sided: 1/20.
    expect(lost.p).toBeCloseTo(0.05, 12);
    expect(lost.q).toBeCloseTo(0.3, 12);
  });

  it('a case that comes and goes in both snapshots is flaky, not regressed', () => {
    const flaky = block('coin', 40, 'pfpfpf');
    const comparison = compareSnapshots(
      snapshot('s-1', flaky),
      snapshot('s-2', [...block('coin', 20, 'ffpfpf'), ...flaky.slice(20)]),
      options(),
    );
    expect(comparison.counts.regressed).toBe(0);
    expect(deltaOf(comparison, 'coin-000').flaky).toBe(true);
    expect(deltaOf(comparison, 'coin-030')).toMatchObject({ verdict: 'unchanged', flaky: true });
  });

  it('shrinks displayed rates towards the suite', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...block('refund', 50, 'ppp'), { id: 'angry', trials: 'fff' }]),
      snapshot('s-2', [...block('refund', 50, 'ppp'), { id: 'angry', trials: 'fff' }]),
      options(),
    );
    expect(deltaOf(comparison, 'refund-001').baseline.shrunkRate).toBeGreaterThan(0.95);
    expect(deltaOf(comparison, 'angry').baseline.shrunkRate).toBeLessThan(0.3);
  });
});

describe('the screen', () => {
  it('flags drops only, most surprising first, and never more than max(5, a tenth)', () => {
    const before = snapshot('s-1', block('refund', 100, 'pppp'));
    const after = snapshot('s-2', [
      ...block('refund', 20, 'pfff'),
      ...block('refund', 22, 'ffff').slice(20),
      ...block('refund', 100, 'pppp').slice(22),
    ]);
    const { flagged, exceeding } = flagCases(before, after, options());
    expect(flagged).toHaveLength(10);
    expect(exceeding).toBe(12);
    expect(flagged.slice(0, 2).sort()).toEqual(['refund-020', 'refund-021']);
    expect(flagCases(before, after, options())).toEqual({ flagged, exceeding });
    expect(flagCases(after, before, options())).toEqual({ flagged: [], exceeding: 0 });
  });

  it('flags every pass → fail flip of single trials', () => {
    const { flagged } = flagCases(
      snapshot('s-1', block('refund', 30, 'p')),
      snapshot('s-2', [...block('refund', 3, 'f'), ...block('refund', 30, 'p').slice(3)]),
      options(),
    );
    expect([...flagged].sort()).toEqual(['refund-000', 'refund-001', 'refund-002']);
  });

  it('flags nothing where nothing is paired', () => {
    expect(flagCases(snapshot('s-1', []), snapshot('s-2', []), options())).toEqual({
      flagged: [],
      exceeding: 0,
    });
  });
});

describe('with fresh trials', () => {
  const before = snapshot('s-1', block('refund', 60, 'ppp'));
  const after = snapshot('s-2', [...block('refund', 3, 'fff'), ...block('refund', 60, 'ppp').slice(3)]);
  const fresh = (trials: readonly string[]) =>
    trials.map((letters, i) => caseResult({ id: `refund-00${i}`, trials: letters }));

  it('tells the confirmed from the merely suspected', () => {
    const comparison = compareSnapshots(
      before,
      after,
      options(
        {},
        {
          confirmation: {
            baseline: fresh(['pppppppp', 'pppppppp', 'pppppppp']),
            candidate: fresh(['pfffffff', 'pppppppf', 'jjjjjjjj']),
          },
        },
      ),
    );
    const [lost, cleared, unheard] = ['refund-000', 'refund-001', 'refund-002'].map((id) =>
      deltaOf(comparison, id),
    );
    expect(lost).toMatchObject({ verdict: 'regressed', evidence: 'confirmed' });
    expect(lost?.reason).toContain('8/8 → 1/8 on fresh trials');
    expect(lost?.confirmation).toEqual({
      baseline: { passed: 8, trials: 8 },
      candidate: { passed: 1, trials: 8 },
    });
    expect(cleared).toMatchObject({ verdict: 'inconclusive', evidence: 'suspected' });
    expect(cleared?.reason).toContain('did not confirm');
    expect(unheard).toMatchObject({ verdict: 'inconclusive', evidence: 'suspected', p: null });
    expect(unheard?.reason).toContain('gave no grade');
    // No case of the baseline ever failed; that must not explain ten failures of eleven away, nor be forgotten for three of eleven.
    expect(lost?.baseline.shrunkRate).toBeGreaterThan(0.95);
    expect(lost?.candidate.shrunkRate).toBeLessThan(0.3);
    expect(cleared?.candidate.shrunkRate).toBeGreaterThan(lost?.candidate.shrunkRate ?? 1);
    expect(comparison.counts.regressed).toBe(1);
  });

  it('against a stored baseline, uses the history instead of fresh baseline trials', () => {
    const comparison = compareSnapshots(
      before,
      after,
      options(
        {},
        { confirmation: { baseline: [], candidate: fresh(['f'.repeat(24), 'pppppppp', 'pppppppp']) } },
      ),
    );
    expect(deltaOf(comparison, 'refund-000')).toMatchObject({ verdict: 'regressed', evidence: 'confirmed' });
    expect(deltaOf(comparison, 'refund-000').confirmation?.baseline).toEqual({ passed: 0, trials: 0 });
    expect(deltaOf(comparison, 'refund-001')).toMatchObject({ verdict: 'inconclusive' });
    expect(comparison.verdict).toBe('regressed');
  });

  it('does not take fresh trials of another exam for evidence', () => {
    const other = [caseResult({ id: 'refund-000', trials: 'ffffffff', exam: { judge: 'judge-2' } })];
    const comparison = compareSnapshots(
      before,
      after,
      options({}, { confirmation: { baseline: fresh(['pppppppp']), candidate: other } }),
    );
    expect(deltaOf(comparison, 'refund-000')).toMatchObject({ verdict: 'inconclusive', confirmation: null });
  });

  it('says which suspected cases were beyond the cap', () => {
    const many = snapshot('s-2', [...block('refund', 9, 'fff'), ...block('refund', 60, 'ppp').slice(9)]);
    const { flagged, exceeding } = flagCases(before, many, options());
    expect(flagged).toHaveLength(6);
    expect(exceeding).toBe(3);
    const all = (letters: string) => flagged.map((id) => caseResult({ id, trials: letters }));
    const comparison = compareSnapshots(
      before,
      many,
      options({}, { confirmation: { baseline: all('pppppppp'), candidate: all('ffffffff') } }),
    );
    expect(comparison.counts.regressed).toBe(6);
    expect(comparison.notes.join()).toContain('3 suspected cases beyond the 6');
    const beyond = comparison.cases.filter((c) => c.reason.includes('more cases were suspected'));
    expect(beyond).toHaveLength(3);

    // A caller may retry more cases than the screen's cap.
    const nine = (letters: string) => block('refund', 9, letters).map(caseResult);
    const whole = compareSnapshots(
      before,
      many,
      options({}, { confirmation: { baseline: nine('pppppppp'), candidate: nine('ffffffff') } }),
    );
    expect(whole.counts.regressed).toBe(9);
    expect(whole.notes.join()).not.toContain('beyond the');
  });
});
