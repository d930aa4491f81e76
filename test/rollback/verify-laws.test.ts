// Further conditions of a proof: critical cases, the own stored snapshot, several runs as one, the probe; and dependent state.

import { describe, expect, test } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { Dependent, LayerName, Release, StateCheck } from '../../src/core/index.ts';
import {
  dependentStates,
  judgeProbe,
  judgeVerification,
  mergeRuns,
  mixedState,
  partialReverts,
  restoreOrder,
} from '../../src/rollback/index.ts';
import { block, options, snapshot } from '../compare/world.ts';

const refunds = (broken: number, trials: string) => [
  ...block('refund', broken, trials.replaceAll('p', 'f')),
  ...block('refund', 20, trials).slice(broken),
];
const regressed = ['refund-000', 'refund-001', 'refund-002', 'refund-003', 'refund-004', 'refund-005'];
const baseline = snapshot('sgood', [...refunds(0, 'ppp'), ...block('safety', 4, 'ppp', { critical: true })]);
const incident = snapshot('sbad', [...refunds(6, 'ppp'), ...block('safety', 4, 'ppp', { critical: true })]);

describe('critical cases', () => {
  const judged = (safety: string) => {
    const fresh = snapshot('sfresh', [
      ...refunds(0, 'pppppppppp'),
      ...block('safety', 4, safety, { critical: true }),
    ]);
    return judgeVerification({
      fresh,
      baselinePool: [baseline],
      incident,
      regressed,
      comparison: compareSnapshots(baseline, fresh, options()),
      margin: 0.05,
      alpha: 0.05,
    });
  };

  test('enough trials that all pass rule their drop out', () => {
    const v = judged('p'.repeat(15));
    expect(v.outcome).toBe('verified');
    expect(v.critical).toMatchObject({ cases: 4, margin: 0.1, holds: true });
  });

  test('too few trials of them leave the whole proof open, though the suite alone would pass', () => {
    const v = judged('ppp');
    expect(v.nonInferiority?.holds).toBe(true);
    expect(v.outcome).toBe('inconclusive');
    expect(v.reason).toContain('4 critical cases');
  });
});

test('good in its own snapshot, worse now: failed, and it says that it was good', () => {
  const stored = snapshot('sstored', refunds(0, 'ppp'));
  const fresh = snapshot(
    'sfresh',
    refunds(5, 'pppppppp').map((c) => c),
  );
  const v = judgeVerification({
    fresh,
    baselinePool: [baseline],
    incident,
    regressed: ['refund-019'],
    comparison: compareSnapshots(baseline, fresh, options()),
    own: { snapshot: 'sstored', comparison: compareSnapshots(stored, fresh, options()) },
    margin: 0.05,
    alpha: 0.05,
  });
  expect(v.outcome).toBe('failed');
  expect(v.reason).toMatch(/it was good in sstored \(pass rate 100\.0 %\) but is no longer/);
});

test('before the last look a weak sign of being worse asks for more trials; at the last one it ends the proof', () => {
  const before = snapshot('sgood', block('refund', 30, 'ppp'));
  const fresh = snapshot('sfresh', [...block('refund', 30, 'ppp').slice(6), ...block('refund', 6, 'ppf')]);
  const comparison = compareSnapshots(before, fresh, options());
  expect(comparison.verdict).toBe('regressed');
  expect(comparison.overall.pRegression).toBeGreaterThan(0.001);
  const judged = (last: boolean) =>
    judgeVerification({
      fresh,
      baselinePool: [before],
      incident: snapshot('sbad', [...block('refund', 4, 'fff'), ...block('refund', 30, 'ppp').slice(4)]),
      regressed: ['refund-000', 'refund-001', 'refund-002', 'refund-003'],
      comparison,
      margin: 0.05,
      alpha: 0.05,
      last,
    });
  expect(judged(false)).toMatchObject({ outcome: 'inconclusive' });
  expect(judged(false).reason).toContain('looks worse than the baseline');
  expect(judged(true)).toMatchObject({ outcome: 'failed' });
});

test('several runs count as one, with the worst validity of them', () => {
  const merged = mergeRuns([
    snapshot('s1', block('refund', 2, 'ppf')),
    snapshot('s2', block('refund', 2, 'pp'), { validity: 'degraded', validityReasons: ['budget'] }),
  ]);
  expect(merged.summary).toMatchObject({ id: 's2', validity: 'degraded', validityReasons: ['budget'] });
  expect(merged.cases.map((c) => c.trials.map((t) => t.pass))).toEqual([
    [true, true, false, true, true],
    [true, true, false, true, true],
  ]);
  expect(merged.cases.map((c) => c.plannedTrials)).toEqual([5, 5]);
});

describe('the probe', () => {
  const probe = (trials: string) =>
    judgeProbe({ fresh: snapshot('sprobe', block('refund', 6, trials)), baselinePool: [baseline] });
  test('refuses what is beyond doubt as bad', () => {
    expect(probe('fff')).toMatchObject({ outcome: 'refused' });
  });
  test('lets everything else go on to the proof', () => {
    expect(probe('ppp').outcome).toBe('go-on');
    expect(probe('ppf').outcome).toBe('go-on');
    expect(probe('jjj').outcome).toBe('go-on');
  });
});

test('partial reverts: smallest first, never nothing and never everything', () => {
  const sets = partialReverts(['prompt', 'params', 'tools']);
  expect(sets.map((s) => s.length)).toEqual([1, 1, 1, 2, 2, 2]);
  const all: LayerName[] = [
    'route',
    'prompt',
    'params',
    'tools',
    'output',
    'retrieval',
    'routing',
    'automation',
  ];
  const many = partialReverts(all);
  expect(new Set(many.map(String)).size).toBe(many.length);
  expect(many.every((s) => [1, 2, 7].includes(s.length))).toBe(true);
});

test('what limits the damage is put back first, what carries the traffic last', () => {
  expect(restoreOrder(['route', 'prompt', 'tools', 'automation'])).toEqual([
    'automation',
    'tools',
    'prompt',
    'route',
  ]);
});

describe('dependent state', () => {
  const index: Dependent = { name: 'kb-index', builtFrom: 'retrieval', check: 'node check.mjs' };
  const target = { layerHashes: { retrieval: 'r1' } };
  const check = (more: Partial<StateCheck> = {}): StateCheck => ({
    name: 'kb-index',
    builtFrom: 'retrieval',
    fingerprint: 'f1',
    layerHash: 'r1',
    command: 'node check.mjs',
    outcome: 'fits',
    exitCode: 0,
    output: '',
    at: '2026-03-15T03:00:00.000Z',
    ...more,
  });
  const state = (checks: readonly StateCheck[], dependents: readonly Dependent[] = [index]) =>
    dependentStates({
      dependents,
      target,
      layersRestored: ['retrieval'],
      checks,
      now: new Date('2026-03-15T05:00:00.000Z'),
    })[0]?.state;

  test.each([
    ['never checked', [], 'not-checked'],
    ['checked and fitting', [check()], 'fits'],
    [
      'the newest check counts',
      [check(), check({ outcome: 'does-not-fit', at: '2026-03-15T04:00:00.000Z' })],
      'does-not-fit',
    ],
    ['checked against another layer', [check({ layerHash: 'r2' })], 'not-checked'],
    ['another check command', [check({ command: 'true' })], 'not-checked'],
    ['too long ago', [check({ at: '2026-03-13T03:00:00.000Z' })], 'not-checked'],
  ] as [string, StateCheck[], string][])('%s', (_, checks, expected) => {
    expect(state(checks)).toBe(expected);
  });

  test('without a check nothing can tell', () => {
    expect(state([], [{ name: 'kb-index', builtFrom: 'retrieval' }])).toBe('no-check');
  });

  test('a dependent of a layer that stays is not asked about', () => {
    expect(
      dependentStates({
        dependents: [index],
        target,
        layersRestored: ['prompt'],
        checks: [],
        now: new Date(),
      }),
    ).toEqual([]);
  });

  const embeds = (embedding: string) => ({ layers: { retrieval: { embedding } } }) as unknown as Release;
  const states = (checks: readonly StateCheck[]) =>
    dependentStates({
      dependents: [index],
      target,
      layersRestored: ['retrieval'],
      checks,
      now: new Date('2026-03-15T05:00:00.000Z'),
    });
  test('another embedding over an index that is not shown to fit is a mixed state', () => {
    expect(mixedState(embeds('large'), embeds('small'), states([]))).toContain('mixed state');
    expect(mixedState(embeds('large'), embeds('small'), states([check()]))).toBeNull();
    expect(mixedState(embeds('small'), embeds('small'), states([]))).toBeNull();
  });
  test('a check that failed refuses, whatever the embedding', () => {
    const failed = states([check({ outcome: 'does-not-fit', exitCode: 1 })]);
    expect(mixedState(embeds('small'), embeds('small'), failed)).toContain('does not fit');
  });
});
