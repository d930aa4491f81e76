// Further conditions of a proof: critical cases, the own stored snapshot, several runs as one, the probe; and dependent state.

import { describe, expect, test } from 'vitest';
import type { Dependent, LayerName, Release, StateCheck } from '../../src/core/index.ts';
import {
  dependentStates,
  judgeProbe,
  judgeVerification,
  mergeRuns,
  mixedState,
  partialReverts,
  restoreOrder,
  type VerifyInput,
} from '../../src/rollback/index.ts';
import { estimateRunVariance } from '../../src/stats/run-variance.ts';
import { block, snapshot } from '../compare/world.ts';
import { CONDITIONS } from './conditions.ts';

const refunds = (broken: number, trials: string) => [
  ...block('refund', broken, trials.replaceAll('p', 'f')),
  ...block('refund', 20, trials).slice(broken),
];
const regressed = ['refund-000', 'refund-001', 'refund-002', 'refund-003', 'refund-004', 'refund-005'];
const baseline = snapshot('sgood', [...refunds(0, 'ppp'), ...block('safety', 4, 'ppp', { critical: true })]);
const incident = snapshot('sbad', [...refunds(6, 'ppp'), ...block('safety', 4, 'ppp', { critical: true })]);

const fresh = (id: string, cases: Parameters<typeof snapshot>[1], more = {}) =>
  snapshot(id, cases, { fingerprint: 'other', release: 'second-source', ...more });

describe('critical cases', () => {
  const judged = (safety: string) =>
    judgeVerification({
      ...CONDITIONS,
      fresh: fresh('sfresh', [
        ...refunds(0, 'pppppppppp'),
        ...block('safety', 4, safety, { critical: true }),
      ]),
      pool: [baseline],
      incident,
      regressed,
      level: 0.05,
    });

  test('enough trials that all pass rule their drop out', () => {
    const { verification } = judged('p'.repeat(15));
    expect(verification.outcome).toBe('verified');
    expect(verification.critical).toMatchObject({ cases: 4, margin: 0.1, holds: true });
  });

  test('while their drop is open, trials of them alone are wanted', () => {
    const many = (safety: string, trials: string, broken = 0) => [
      ...refunds(broken, trials),
      ...block('tone', 60, trials),
      ...block('safety', 4, safety, { critical: true }),
    ];
    const { verification, wanted } = judgeVerification({
      ...CONDITIONS,
      fresh: fresh('sfresh', many('pppppppppppf', 'p'.repeat(12))),
      pool: [snapshot('sgood', many('ppp', 'ppp'))],
      incident: snapshot('sbad', many('ppp', 'ppp', 6)),
      regressed,
      level: 0.05,
    });
    expect(verification).toMatchObject({ outcome: 'inconclusive', nonInferiority: { holds: true } });
    expect(verification.reason).toContain('4 critical cases');
    expect(wanted.kind === 'cases' && [...wanted.trials.keys()]).toEqual([
      'safety-000',
      'safety-001',
      'safety-002',
      'safety-003',
    ]);
  });
});

test('good in its own snapshot, worse now: failed, and it says that it was good', () => {
  const { verification } = judgeVerification({
    ...CONDITIONS,
    fresh: fresh('sfresh', refunds(5, 'pppppppp')),
    pool: [baseline],
    incident,
    regressed: ['refund-019'],
    own: { snapshot: 'sstored', passRate: 1 },
    level: 0.05,
  });
  expect(verification.outcome).toBe('failed');
  expect(verification.reason).toMatch(/it was good in sstored \(pass rate 100\.0 %\) but is no longer/);
});

describe('conditions of a proof', () => {
  const wide = (theme: string, count: number, trials: string, more = {}) => block(theme, count, trials, more);
  const good = snapshot('sgood', [...wide('refund', 10, 'p'.repeat(9)), ...wide('tone', 30, 'p'.repeat(9))]);
  const bad = snapshot('sbad', [...wide('refund', 10, 'fff'), ...wide('tone', 30, 'ppp')]);
  const cured = Array.from({ length: 10 }, (_, i) => `refund-${String(i).padStart(3, '0')}`);
  const judge = (more: Partial<VerifyInput> & Pick<VerifyInput, 'fresh'>) =>
    judgeVerification({ ...CONDITIONS, pool: [good], incident: bad, regressed: cured, level: 0.05, ...more });
  const equal = (more = {}) => [
    ...wide('refund', 10, 'p'.repeat(12), more),
    ...wide('tone', 30, 'p'.repeat(12), more),
  ];
  const state = (v: ReturnType<typeof judge>, name: string) =>
    v.verification.conditions?.find((c) => c.name === name)?.state;

  test('a release that does everything the baseline did is verified', () => {
    expect(judge({ fresh: fresh('s1', equal()) }).verification.outcome).toBe('verified');
  });

  test('passes as often but with a lower score: failed on the score', () => {
    const v = judge({ fresh: fresh('s1', equal({ scores: [0.63] })) });
    expect(v.verification).toMatchObject({ outcome: 'failed', nonInferiority: { holds: true } });
    expect(state(v, 'score')).toBe('fails');
  });

  test('one case that was good and fails: fresh trials are asked for, and they decide', () => {
    const broken = [...equal().slice(0, 39), ...wide('tone', 30, 'f'.repeat(12)).slice(29)];
    const open = judge({ fresh: fresh('s1', broken) });
    expect(open.wanted).toEqual({ kind: 'cases', trials: new Map([['tone-029', 8]]) });
    expect(open.verification.outcome).toBe('inconclusive');
    const settled = (trials: string) => ({
      candidate: snapshot('s2', [{ id: 'tone-029', trials }]).cases,
      control: [],
    });
    const shown = judge({ fresh: fresh('s1', broken), settled: settled('ffffffff') });
    expect(shown.verification).toMatchObject({ outcome: 'failed', brokenCases: ['tone-029'] });
    expect(judge({ fresh: fresh('s1', broken), settled: settled('pppppppp') }).verification.outcome).toBe(
      'verified',
    );
  });

  test('one of the two cases to be cured still fails: failed', () => {
    const two = ['refund-000', 'refund-001'];
    const half = [...wide('refund', 1, 'f'.repeat(12)), ...equal().slice(1)];
    const v = judge({
      fresh: fresh('s1', half),
      incident: snapshot('sbad', [...wide('refund', 2, 'fff'), ...equal().slice(2)]),
      regressed: two,
      settled: { candidate: snapshot('s2', [{ id: 'refund-000', trials: 'ffffffff' }]).cases, control: [] },
    });
    expect(v.verification).toMatchObject({ outcome: 'failed', stillFailing: ['refund-000'] });
  });

  test('a tag that fell fails the proof though the suite stays within its margin', () => {
    const tagged = (trials: string) => [
      ...wide('refund', 10, 'p'.repeat(12)),
      ...wide('tone', 200, 'p'.repeat(12), { tags: ['tone'] }),
      ...wide('order', 8, trials, { tags: ['order'] }),
    ];
    const v = judge({
      pool: [snapshot('sgood', tagged('pppppppppppp'))],
      fresh: fresh('s1', tagged('ppppppppffff')),
    });
    expect(v.verification.nonInferiority?.holds).toBe(true);
    expect(state(v, 'tags')).toBe('fails');
    expect(v.verification.outcome).toBe('failed');
  });

  test('a control that fell with the incident is no yardstick for the cases that fell, and the world is said to have moved', () => {
    const control = fresh('sctl', [
      ...wide('refund', 10, 'f'.repeat(12)),
      ...wide('tone', 30, 'p'.repeat(12)),
    ]);
    const v = judge({
      fresh: fresh('s1', [...wide('refund', 10, 'f'.repeat(12)), ...equal().slice(10)]),
      control,
    });
    expect(v.verification.control).toMatchObject({ moved: true, fell: cured });
    expect(v.verification.outcome).toBe('failed');
  });

  test('against a control the noise between runs does not count; against stored runs it does', () => {
    const noisy = estimateRunVariance([], 0.1, { sd: 0.5, weight: 40 });
    const trials = `${'p'.repeat(28)}ff`;
    const flaky = [...wide('refund', 10, trials), ...wide('tone', 90, trials)];
    const pool = [snapshot('sgood', flaky)];
    const more = {
      fresh: fresh('s1', flaky),
      pool,
      incident: snapshot('sbad', [...wide('refund', 10, 'f'.repeat(30)), ...wide('tone', 90, trials)], {
        fingerprint: 'today',
      }),
      sessions: noisy,
    };
    const lone = judge(more);
    const beside = judge({ ...more, control: fresh('sctl', flaky) });
    expect(state(lone, 'pass-rate')).toBe('open');
    expect(state(beside, 'pass-rate')).toBe('holds');
  });

  test('cost and latency are compared, and bounded where the policy says so', () => {
    const dear = fresh('s1', equal({ costs: [0.002], latencies: [1200] }));
    expect(judge({ fresh: dear }).verification).toMatchObject({
      outcome: 'verified',
      economy: { against: 'stored', costUsd: { ratio: 2 }, latencyMs: { ratio: 1.5 } },
    });
    const bounded = (maxCostRatio: number | null, maxLatencyRatio: number | null) =>
      judge({ fresh: dear, policy: { ...CONDITIONS.policy, maxCostRatio, maxLatencyRatio } }).verification;
    expect(bounded(1.5, null)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('cost is 2.00 times'),
    });
    expect(bounded(null, 1.4).outcome).toBe('failed');
    expect(bounded(2.5, 2).outcome).toBe('verified');
    const unpriced = fresh('s1', equal({ costs: [null] }));
    expect(
      judge({ fresh: unpriced, policy: { ...CONDITIONS.policy, maxCostRatio: 1.5 } }).verification.outcome,
    ).toBe('inconclusive');
  });
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
