// Candidates, screen, ranking and the conditions of verification, on small worlds of the refund bot.

import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/index.ts';
import { compareSnapshots } from '../../src/compare/index.ts';
import {
  fingerprintLayers,
  type Layers,
  type Release,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../src/core/index.ts';
import {
  judgeVerification,
  listCandidates,
  type PastRelease,
  rankCandidates,
  regressedCases,
  screenCandidates,
} from '../../src/rollback/index.ts';
import { block, options, snapshot } from '../compare/world.ts';
import { CONDITIONS } from './conditions.ts';

function release(
  name: string,
  layers: { model?: string; prompt?: string; tools?: JsonObject; provider?: string },
  pin: Release['pin']['state'] = 'pinned',
): Release {
  const whole = {
    route: { provider: layers.provider ?? 'openai', model: layers.model ?? 'gpt-2026-03-01' },
    prompt: { system: layers.prompt ?? 'Answer refund requests.' },
    ...(layers.tools === undefined ? {} : { tools: layers.tools }),
  } as unknown as Layers;
  return {
    name,
    file: null,
    layers: whole,
    ...fingerprintLayers(whole),
    pin: { state: pin, reason: 'said so' },
    dependents: [],
    paths: {},
  };
}

/** 30 cases; `broken` of the refund ones fail. */
function run(id: string, r: Release, broken: number, more: Partial<SnapshotSummary> = {}): SnapshotResults {
  return snapshot(
    id,
    [
      ...block('refund', broken, 'fff'),
      ...block('refund', 10, 'ppp').slice(broken),
      ...block('tone', 20, 'ppp'),
    ],
    {
      fingerprint: r.fingerprint,
      release: r.name,
      ...more,
    },
  );
}

const good = release('steady', { prompt: 'Answer refund requests within policy.' });
const bad = release('generous', { prompt: 'Always refund.' });
const other = release('second-source', {
  model: 'claude-sonnet-4-6',
  provider: 'anthropic',
  prompt: 'Answer refund requests within policy.',
});

const baseline = run('sgood', good, 0, { startedAt: '2026-03-01T03:00:00.000Z' });
const incident = run('sbad', bad, 6, { startedAt: '2026-03-15T03:00:00.000Z' });
const comparison = compareSnapshots(baseline, incident, options());
const regressed = regressedCases(comparison);
const input = {
  current: bad,
  goodFingerprint: good.fingerprint,
  incident,
  regressed,
  onset: { at: '2026-03-15T03:00:00.000Z' },
  alpha: 0.05,
};

/** Passes the cases to cure now and then: no proof that it is better than the incident, nor that it is as bad. */
const shaky = snapshot('s1', [...block('refund', 2, 'ppf'), ...block('refund', 10, 'ppp').slice(2)], {
  fingerprint: good.fingerprint,
});

const past = (r: Release, results: SnapshotResults): PastRelease => ({ release: r, results });
const candidatesOf = (history: readonly PastRelease[], named: readonly Release[] = []) =>
  listCandidates({ current: bad, baseline: good, history, named });
const screened = (history: readonly PastRelease[], more: Partial<typeof input> = {}) =>
  screenCandidates(candidatesOf(history), { ...input, ...more });

test('the broken cases are the ones to cure, worst first', () => {
  expect(regressed.slice(0, 6).sort()).toEqual([
    'refund-000',
    'refund-001',
    'refund-002',
    'refund-003',
    'refund-004',
    'refund-005',
  ]);
});

describe('candidates', () => {
  test('one per fingerprint, with the newest valid snapshot: a later invalid run hides nothing', () => {
    const history = [
      past(good, baseline),
      past(good, run('sbroken', good, 0, { validity: 'invalid', startedAt: '2026-03-10T03:00:00.000Z' })),
    ];
    const [only] = candidatesOf(history);
    expect(only?.snapshot?.summary.id).toBe('sgood');
    expect(candidatesOf(history)).toHaveLength(1);
  });

  test('with several layers changed, single layers put back are hybrids that nobody has run', () => {
    const both = release('both', { model: 'gpt-2026-03-14', prompt: 'Always refund.' });
    const list = listCandidates({
      current: both,
      baseline: good,
      history: [past(good, baseline)],
      named: [],
    });
    const hybrids = list.filter((c) => c.hybrid);
    expect(hybrids.map((c) => c.layersRestored)).toEqual([['route'], ['prompt']]);
    expect(hybrids.every((c) => c.snapshot === null && c.evidence === 0)).toBe(true);
  });

  test('the smallest change ranks first, tested before untested, recent before old', () => {
    const old = release('old', { prompt: 'An older wording.' });
    const list = rankCandidates(
      candidatesOf([
        past(other, run('s1', other, 0)),
        past(old, run('s2', old, 0, { startedAt: '2026-02-01T03:00:00.000Z' })),
        past(good, baseline),
      ]),
    );
    expect(list.map((c) => c.release.name)).toEqual(['steady', 'old', 'second-source']);
  });
});

describe('screen', () => {
  test('a good earlier release passes', () => {
    expect(screened([past(good, baseline)]).passed.map((c) => c.release.name)).toEqual(['steady']);
  });

  test.each([
    ['same_as_current', past(bad, incident), {}],
    [
      'invalid_snapshot',
      past(good, run('s1', good, 0, { validity: 'invalid', validityReasons: ['40 % failed'] })),
      {},
    ],
    [
      'degraded_snapshot',
      past(good, run('s1', good, 0, { validity: 'degraded', validityReasons: ['cut by the budget'] })),
      {},
    ],
    ['contained_regression', past(good, run('s1', good, 6)), {}],
    ['not_better', past(good, shaky), { regressed: ['refund-000'] }],
    ['after_onset', past(good, run('s1', good, 6, { startedAt: '2026-03-16T03:00:00.000Z' })), {}],
    ['not_pinned', past(release('floating', {}, 'floating'), run('s1', release('floating', {}), 0)), {}],
    [
      'recording',
      past(release('tape', { provider: 'replay' }), run('s1', release('tape', { provider: 'replay' }), 0)),
      {},
    ],
  ] as [string, PastRelease, Partial<typeof input>][])(
    '%s is refused with a sentence',
    (reason, candidate, more) => {
      const { passed, rejected } = screened([candidate], more);
      expect(passed).toEqual([]);
      expect(rejected.map((r) => r.reason)).toEqual([reason]);
      expect(rejected[0]?.detail.length).toBeGreaterThan(30);
    },
  );

  test('graded by another exam is refused, and the way out is named', () => {
    const elsewhere = snapshot('s1', block('refund', 10, 'ppp', { exam: { judge: 'another' } }), {
      fingerprint: good.fingerprint,
    });
    const { rejected } = screened([past(good, elsewhere)]);
    expect(rejected[0]).toMatchObject({ reason: 'other_exam' });
    expect(rejected[0]?.detail).toContain('judge');
    expect(rejected[0]?.detail).toContain('lastgood regrade s1');
  });

  test('the failing release is said to have changed nothing only where it did not change', () => {
    const failing = past(bad, incident);
    expect(screened([failing]).rejected[0]?.detail).toBe('this is the release that is failing now');
    const { rejected } = screened([failing], { goodFingerprint: bad.fingerprint });
    expect(rejected[0]?.detail).toContain('its configuration did not change');
    expect(rejected[0]?.detail).toContain('only another route can help');
  });

  test('the two-week-old snapshot that already had it is not a target', () => {
    const before = run('stwoweeks', good, 6, { startedAt: '2026-03-01T03:00:00.000Z' });
    const { rejected } = screened([past(good, before)]);
    expect(rejected[0]?.detail).toMatch(/already fails 6 of the 6 regressed cases/);
  });
});

describe('verification', () => {
  const fresh = (broken: number, trials: string, more: Partial<SnapshotSummary> = {}): SnapshotResults =>
    snapshot(
      'sfresh',
      [
        ...block('refund', broken, trials.replaceAll('p', 'f')),
        ...block('refund', 10, trials).slice(broken),
        ...block('tone', 20, trials),
      ],
      { fingerprint: other.fingerprint, ...more },
    );
  const judged = (results: SnapshotResults, alpha = 0.05) =>
    judgeVerification({
      ...CONDITIONS,
      fresh: results,
      pool: [baseline, run('spool', good, 0), run('spool2', good, 0)],
      incident,
      regressed,
      level: alpha,
    }).verification;

  test('a release that passes everything, often enough, is verified', () => {
    const v = judged(fresh(0, 'pppppppppp'));
    expect(v).toMatchObject({ outcome: 'verified', recovered: 6, stillFailing: [] });
    expect(v.nonInferiority?.holds).toBe(true);
  });

  test('too few trials to rule out a drop within the margin are inconclusive, never verified', () => {
    const v = judged(fresh(0, 'p'));
    expect(v.outcome).toBe('inconclusive');
    expect(v.reason).toMatch(/cannot be ruled out/);
  });

  test('one that still fails the regressed cases has failed', () => {
    expect(judged(fresh(6, 'pppppppppp')).outcome).toBe('failed');
  });

  test('an invalid fresh run proves nothing', () => {
    expect(judged(fresh(0, 'pppppppppp', { validity: 'invalid', validityReasons: ['outage'] })).outcome).toBe(
      'inconclusive',
    );
  });

  test('a degraded fresh run is not called verified', () => {
    expect(
      judged(fresh(0, 'pppppppppp', { validity: 'degraded', validityReasons: ['budget'] })).outcome,
    ).toBe('inconclusive');
  });
});
