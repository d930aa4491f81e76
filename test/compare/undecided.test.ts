// When an open answer is good enough to pass: nothing looks worse, and a drop that matters would have been seen.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import { LOOKS_WORSE, noRegressionFound, type Undecided } from '../../src/compare/undecided.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import { block, type CaseSketch, options, snapshot } from './world.ts';

const open: Undecided = {
  p: 0.6,
  suspected: [],
  sensitivity: { minimumDetectable: 0.07, trialsNeeded: 9 },
  policy: resolvePolicy({}),
  rates: { baseline: 0.9, candidate: 0.91 },
  repeated: null,
  cases: 42,
};

describe('no-regression-found', () => {
  it('says which drop would have been seen', () => {
    expect(noRegressionFound(open)).toContain(
      'a drop of 7.0 points or more would have been seen 4 times in 5',
    );
  });

  it.each<[string, Partial<Undecided>]>([
    ['the suite or a tag looks worse', { p: LOOKS_WORSE }],
    ['a case still looks worse', { suspected: ['refund-01'] }],
    [
      'a drop that matters could have gone unseen',
      { sensitivity: { minimumDetectable: 0.11, trialsNeeded: 9 } },
    ],
    ['no drop at all would have been seen', { sensitivity: { minimumDetectable: null, trialsNeeded: null } }],
    ['the policy wants a proof', { policy: resolvePolicy({ undecided: 'fail' }) }],
    ['the policy asks for more', { policy: resolvePolicy({ sensitivity: 0.05 }) }],
  ])('is not said where %s', (_why, change) => {
    expect(noRegressionFound({ ...open, ...change })).toBeNull();
  });
});

describe('in a comparison', () => {
  const before = [...block('steady', 36, 'ppp'), ...block('flaky', 6, 'ppf')];
  const after = [...block('steady', 36, 'ppp'), ...block('flaky', 6, 'pfp')];
  const compare = (b: readonly CaseSketch[], policy = {}) =>
    compareSnapshots(
      snapshot('s-1', before),
      snapshot('s-2', b, { fingerprint: 'f2' }),
      options(policy, { interleaved: true }),
    );

  it('the gate follows the policy where the answer is open', () => {
    // So narrow that nothing is ever shown to be unchanged.
    const narrow = { margin: 0.001 };
    expect(compare(after, narrow)).toMatchObject({
      verdict: 'no-regression-found',
      gate: { outcome: 'pass' },
    });
    expect(compare(after, { ...narrow, undecided: 'fail' })).toMatchObject({
      verdict: 'inconclusive',
      gate: { outcome: 'fail' },
    });
    expect(compare(after, { ...narrow, undecided: 'pass' })).toMatchObject({
      verdict: 'inconclusive',
      gate: { outcome: 'pass' },
    });
    expect(compare(after, { ...narrow, sensitivity: 0.01 })).toMatchObject({
      verdict: 'inconclusive',
      gate: { outcome: 'inconclusive' },
    });
  });

  it('is never said over a case that flipped on a single trial, or of a suite that looks worse', () => {
    const word = fc.string({ unit: fc.constantFrom('p', 'p', 'p', 'f'), minLength: 3, maxLength: 3 });
    let seen = 0;
    fc.assert(
      fc.property(fc.array(word, { minLength: 42, maxLength: 42 }), (words) => {
        const drawn = [...before].map((c, i) => ({ ...c, trials: i < 8 ? (words[i] ?? 'ppp') : c.trials }));
        const c = compare(drawn);
        if (c.verdict !== 'no-regression-found') return;
        seen += 1;
        expect(c.overall.pRegression).toBeGreaterThan(LOOKS_WORSE);
        expect(c.overall.minimumDetectable).toBeLessThanOrEqual(0.1);
        for (const one of c.cases)
          expect([one.verdict, 'evidence' in one && one.evidence]).not.toEqual(['regressed', 'suspected']);
      }),
      { numRuns: 60, seed: 20260315 },
    );
    expect(seen).toBeGreaterThan(0);
  });
});
