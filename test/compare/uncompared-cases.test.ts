// Cases without a counterpart in the baseline: their first-run floors, and the headline that has to count them.

import { describe, expect, it } from 'vitest';
import { compareSnapshots, firstRunOf } from '../../src/compare/index.ts';
import type { Comparison } from '../../src/core/comparison.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import { headline } from '../../src/report/text/comparison-text.ts';
import { block, type CaseSketch, caseResult, options, snapshot } from './world.ts';

const steady = block('refund', 60, 'ppppp');
const half = block('tone', 60, 'ppppp');
const edited = { exam: { gradersHash: 'one more grader' } };

function compared(before: readonly CaseSketch[], now: readonly CaseSketch[]): Comparison {
  return compareSnapshots(snapshot('s-1', before), snapshot('s-2', now), options());
}

const rule = (c: Comparison, name: string) => c.gate.rules.find((r) => r.rule === name);

describe('a change that takes failing cases out of the comparison', () => {
  it('by editing their graders is not green, and the headline names the rate of the whole run', () => {
    const c = compared([...steady, ...half], [...steady, ...block('tone', 60, 'fffff', edited)]);
    expect(c.verdict).toBe('unchanged');
    expect(rule(c, 'first-run')).toMatchObject({ outcome: 'inconclusive', value: 60 });
    expect(c.gate.outcome).toBe('inconclusive');
    expect(c.candidate.run).toEqual({ passRate: 0.5, cases: 120, trials: 600, passed: 300 });
    expect(headline(c)).toContain('the run passes 50.0 % of all 120 cases; of the 60 compared cases: ');
  });

  it('or by adding failing ones is not green', () => {
    const c = compared(steady, [...steady, ...block('new', 20, 'fffff')]);
    expect(rule(c, 'first-run')?.message).toContain('20 of 20 new or edited cases');
    expect(c.gate.outcome).toBe('inconclusive');
  });

  it('cannot lower the floor of a case by editing it', () => {
    const c = compared(
      [...steady, { id: 'tone', trials: 'ppp' }],
      [...steady, { id: 'tone', trials: 'fff', minPassRate: 0, ...edited }],
    );
    expect(rule(c, 'first-run')?.outcome).toBe('inconclusive');
  });
});

describe('a critical case that was not compared is never green', () => {
  it.each([
    ['added', [...steady, { id: 'card', trials: 'ppp', critical: true }], steady],
    [
      'edited',
      [...steady, { id: 'card', trials: 'ppp', critical: true, ...edited }],
      [...steady, { id: 'card', trials: 'ppp', critical: true }],
    ],
    ['removed', steady, [...steady, { id: 'card', trials: 'ppp', critical: true }]],
    [
      'edited and no longer critical',
      [...steady, { id: 'card', trials: 'ppp', ...edited }],
      [...steady, { id: 'card', trials: 'ppp', critical: true }],
    ],
  ] as const)('%s', (_, now, before) => {
    const c = compared(before, now);
    expect(rule(c, 'critical:card')).toMatchObject({ outcome: 'inconclusive', limit: 'compared' });
    expect(c.gate.outcome).toBe('inconclusive');
  });
});

it('new cases that reach their floor hold nothing up and are named', () => {
  const c = compared(steady, [...steady, { id: 'new', trials: 'ppf' }]);
  expect(rule(c, 'first-run')).toMatchObject({ outcome: 'warn', value: 0 });
  expect(c.gate.outcome).toBe('pass');
});

it('a case that lost its floor or its criticality is named', () => {
  const c = compared(
    [...steady, { id: 'tone', trials: 'ppppp', critical: true, minPassRate: 0.9 }],
    [...steady, { id: 'tone', trials: 'ppppp' }],
  );
  expect(rule(c, 'weakened:critical')).toMatchObject({ outcome: 'warn', value: 1 });
  expect(rule(c, 'weakened:min-pass-rate')?.message).toContain('tone');
});

it('the first run of a case: its own floor fails, the general one leaves it open, nothing graded too', () => {
  const policy = resolvePolicy({});
  const outcome = (sketch: Omit<CaseSketch, 'id'>): string =>
    firstRunOf(caseResult({ id: 'new', ...sketch }), null, policy).outcome;
  expect(outcome({ trials: 'pf' })).toBe('pass');
  expect(outcome({ trials: 'pff' })).toBe('inconclusive');
  expect(outcome({ trials: 'ppf', minPassRate: 0.9 })).toBe('fail');
  expect(outcome({ trials: 'pff', minPassRate: 0.3 })).toBe('pass');
  expect(outcome({ trials: 'jjj' })).toBe('inconclusive');
  expect(outcome({ trials: 'ppp', critical: true })).toBe('inconclusive');
});
