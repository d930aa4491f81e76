// The course of a check: what leaves the answer open is given the trials that settle it, and the world is not blamed for a flaky case.

import { expect, test } from 'vitest';
import { compareInDetail } from '../../src/compare/compare.ts';
import { CHECK_DESIGNS, type CheckEvidence, checkStep, compareSnapshots } from '../../src/compare/index.ts';
import { resolvePolicy } from '../../src/core/index.ts';
import { caseResult, snapshot } from './world.ts';

const idOf = (i: number): string => `case-${String(i).padStart(3, '0')}`;

/** A check at its second look. `letters(i)`: the trials of case i, stored and of the candidate. */
function evidence(
  cases: number,
  letters: (i: number) => readonly [stored: string, candidate: string],
  more: Partial<CheckEvidence> = {},
): CheckEvidence {
  const arm = (id: string, side: 0 | 1) =>
    snapshot(
      id,
      Array.from({ length: cases }, (_, i) => ({ id: idOf(i), trials: letters(i)[side] })),
    );
  return {
    stored: arm('sstored', 0),
    pool: [],
    candidate: arm('scandidate', 1),
    sorted: [],
    confirm: { baseline: [], candidate: [] },
    control: { baseline: [], candidate: [] },
    rounds: 0,
    policy: resolvePolicy(undefined),
    design: CHECK_DESIGNS.std,
    look: 2,
    impossible: null,
    options: { seed: 1, replicates: 499 },
    ...more,
  };
}

const fresh = (count: number, letters: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => caseResult({ id: idOf(i), trials: letters(i) }));

test('a suite that looks worse at the last look is given a control, however little it looks worse', () => {
  let tried = 0;
  for (let step = 0; step <= 120 && tried < 2; step++) {
    const [worse, failing] = [10 + (step % 11), Math.floor(step / 11) * 2];
    const e = evidence(
      42,
      (i) => [i < worse ? 'pppppppppppppff' : 'ppppppppppppppp', i < failing ? 'fpp' : 'ppp'],
      { sorted: fresh(20, () => 'ppp') },
    );
    const { findings } = compareInDetail(e.stored, e.candidate, { ...e.options, policy: e.policy });
    const p = findings?.evidence.permuted.less ?? 1;
    if (p <= 0.05 || p > 0.1) continue;
    tried += 1;
    const { comparison, wanted } = checkStep(e);
    expect(comparison.gate.outcome).toBe('inconclusive');
    expect(wanted).toMatchObject({ kind: 'control' });
  }
  expect(tried).toBeGreaterThan(0);
});

test('a case that still looks worse on its first fresh trials is given the second batch', () => {
  const { comparison, wanted } = checkStep(
    evidence(42, (i) => ['p'.repeat(15), i < 6 ? 'fpp' : 'ppp'], {
      sorted: fresh(6, () => 'ffp'),
      confirm: {
        baseline: fresh(6, () => 'pppppppp'),
        candidate: fresh(6, (i) => (i === 0 ? 'ffffpppp' : 'pppppppp')),
      },
    }),
  );
  expect(comparison.cases[0]).toMatchObject({ id: idOf(0), evidence: 'suspected' });
  expect(wanted).toEqual({ kind: 'confirm', cases: [idOf(0)] });
});

test('a flaky case whose one stored trial passed is no sign that the world moved; a broken one of fifteen is', () => {
  const after = (stored: (i: number) => string, baseline: string) =>
    checkStep(
      evidence(100, (i) => [stored(i), i === 0 ? 'ff' : 'pp'], {
        sorted: fresh(1, () => 'ffp'),
        confirm: { baseline: fresh(1, () => baseline), candidate: fresh(1, () => baseline) },
      }),
    ).comparison;
  const flaky = after((i) => (i === 1 ? 'f' : 'p'), 'ppffpfpf');
  expect(flaky.contrasts?.worldCases).toEqual([]);
  expect(flaky.cause).not.toBe('world');
  const broken = after(() => 'p'.repeat(15), 'ffffffff');
  expect(broken.contrasts?.worldCases).toEqual([idOf(0)]);
});

test('flagged cases of two declared groups are two units, and cannot show a drop of their set', () => {
  const sketch = (letters: string, declared: boolean) => (_: unknown, i: number) => ({
    id: idOf(i),
    trials: letters,
    ...(declared && i < 10 ? { group: `group-${i % 2}` } : {}),
  });
  const verdictOf = (declared: boolean): string => {
    const arm = (id: string) => snapshot(id, Array.from({ length: 42 }, sketch('ppp', declared)));
    const confirmed = (letters: string) =>
      Array.from({ length: 10 }, (_, i) => caseResult(sketch(letters, declared)(_, i)));
    const { verdict, reason } = compareSnapshots(arm('sbaseline'), arm('scandidate'), {
      policy: resolvePolicy(undefined),
      seed: 1,
      replicates: 499,
      interleaved: true,
      confirmation: { baseline: confirmed('pppppppp'), candidate: confirmed('pppppffp') },
    });
    return verdict === 'regressed' ? reason : verdict;
  };
  expect(verdictOf(false)).toContain('worse together on fresh trials');
  expect(verdictOf(true)).not.toContain('worse together');
});
