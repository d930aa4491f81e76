// The course of a check: what it may say on which evidence, and what it comes to in whole worlds.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHECK_DESIGNS, type CheckEvidence, checkStep, screeningTrials } from '../../src/compare/index.ts';
import type { Comparison } from '../../src/core/comparison.ts';
import { resolvePolicy } from '../../src/core/policy.ts';
import type { CaseResult, SnapshotResults } from '../../src/core/snapshot.ts';
import { playCheck } from './check-world.ts';
import { block, type CaseSketch, caseResult, snapshot } from './world.ts';

const RUNS = { numRuns: 30, seed: 20260315 };
const word = (min: number, max: number) =>
  fc.string({ unit: fc.constantFrom('p', 'p', 'p', 'f', 'f', 'j', 't'), minLength: min, maxLength: max });

/** One case in every part of the evidence. */
const evidenceCase = fc.record({
  number: fc.integer({ min: 0, max: 60 }),
  stored: word(1, 6),
  candidate: word(1, 4),
  sorted: fc.option(word(3, 3), { nil: null }),
  confirm: fc.oneof(
    fc.constant(null),
    fc.tuple(word(8, 8), word(8, 8)),
    fc.constant(['pppppppp', 'ffffffff'] as [string, string]),
  ),
  control: fc.option(fc.tuple(word(2, 4), word(2, 4)), { nil: null, freq: 2 }),
  tags: fc.subarray(['refund', 'tone']),
  critical: fc.boolean(),
  group: fc.option(fc.constantFrom('ticket-1', 'ticket-2'), { nil: undefined }),
});
type EvidenceCase = typeof evidenceCase extends fc.Arbitrary<infer T> ? T : never;
const drawnEvidence = fc.record({
  cases: fc.uniqueArray(evidenceCase, { selector: (c) => c.number, minLength: 1, maxLength: 40 }),
  rounds: fc.constantFrom(0, 2, 4),
  look: fc.constantFrom(1, 2),
});
type Drawn = typeof drawnEvidence extends fc.Arbitrary<infer T> ? T : never;

function sketchOf({ number, tags, critical, group }: EvidenceCase, trials: string): CaseSketch {
  return { id: `case-${number}`, trials, tags, critical, ...(group === undefined ? {} : { group }) };
}

function evidenceOf(drawn: Drawn, more: Partial<CheckEvidence> = {}): CheckEvidence {
  const { cases, rounds, look } = drawn;
  const part = (of: (c: EvidenceCase) => string | null | undefined): CaseResult[] =>
    cases.flatMap((c) => {
      const trials = of(c);
      return trials === null || trials === undefined ? [] : [caseResult(sketchOf(c, trials))];
    });
  return {
    stored: snapshot(
      's-1',
      cases.map((c) => sketchOf(c, c.stored)),
    ),
    pool: [],
    candidate: snapshot(
      's-2',
      cases.map((c) => sketchOf(c, c.candidate)),
      { fingerprint: 'f2', startedAt: '2026-03-20T02:00:00.000Z' },
    ),
    sorted: part((c) => c.sorted),
    confirm: { baseline: part((c) => c.confirm?.[0]), candidate: part((c) => c.confirm?.[1]) },
    control:
      rounds === 0
        ? { baseline: [], candidate: [] }
        : { baseline: part((c) => c.control?.[0]), candidate: part((c) => c.control?.[1]) },
    rounds,
    policy: resolvePolicy(undefined),
    design: CHECK_DESIGNS.std,
    look,
    impossible: null,
    options: { seed: 1, replicates: 99 },
    ...more,
  };
}

const confirmedIn = ({ cases }: Comparison): string[] =>
  cases.flatMap((c) => ('evidence' in c && c.evidence === 'confirmed' ? [c.id] : []));

const NONE = { baseline: [], candidate: [] } as const;

describe('whatever the evidence', () => {
  it('a case that is confirmed as regressed never ends in pass', () => {
    let seen = 0;
    fc.assert(
      fc.property(drawnEvidence, (drawn) => {
        const { comparison } = checkStep(evidenceOf(drawn));
        const confirmed = comparison.cases.some(
          (c) => c.verdict === 'regressed' && c.evidence === 'confirmed',
        );
        if (!confirmed) return;
        seen += 1;
        expect(comparison.gate.outcome).not.toBe('pass');
      }),
      { ...RUNS, numRuns: 60 },
    );
    expect(seen).toBeGreaterThan(10);
  });

  it('nothing is called regressed where the baseline release was not run today', () => {
    fc.assert(
      fc.property(drawnEvidence, fc.boolean(), (drawn, possible) => {
        const impossible = possible ? null : 'no control was run (--no-control)';
        const { comparison } = checkStep(
          evidenceOf(drawn, { confirm: NONE, control: NONE, rounds: 0, impossible }),
        );
        expect(comparison.verdict).not.toBe('regressed');
        expect(confirmedIn(comparison)).toEqual([]);
        const verdict = comparison.gate.rules.find((r) => r.rule === 'verdict');
        expect(verdict?.outcome).not.toBe('fail');
      }),
      RUNS,
    );
  });

  it('candidate trials alone confirm nothing, however bad they are', () => {
    const bad = block('refund', 30, 'ffffffff').map(caseResult);
    const { comparison } = checkStep({
      ...evidenceOf({ cases: [], rounds: 0, look: 1 }),
      stored: snapshot('s-1', block('refund', 30, 'pppppppp')),
      candidate: snapshot('s-2', block('refund', 30, 'ff'), { fingerprint: 'f2' }),
      confirm: { baseline: [], candidate: bad },
    });
    expect(comparison.verdict).not.toBe('regressed');
    expect(comparison.gate.outcome).toBe('inconclusive');
  });

  it('the cause agrees with the verdict', () => {
    fc.assert(
      fc.property(drawnEvidence, (drawn) => {
        const { verdict, cause } = checkStep(evidenceOf(drawn)).comparison;
        if (verdict === 'regressed') expect(['change', 'both']).toContain(cause);
        else expect(['world', 'neither', null]).toContain(cause);
      }),
      RUNS,
    );
  });

  it('the result is plain JSON, and the order of the cases does not matter', () => {
    fc.assert(
      fc.property(drawnEvidence, (drawn) => {
        const there = checkStep(evidenceOf(drawn));
        expect(JSON.parse(JSON.stringify(there.comparison))).toStrictEqual(there.comparison);
        const back = checkStep(evidenceOf({ ...drawn, cases: [...drawn.cases].reverse() }));
        expect(back.comparison).toStrictEqual(there.comparison);
        expect(back.wanted).toStrictEqual(there.wanted);
      }),
      RUNS,
    );
  });

  it('it asks only for what can be run', () => {
    fc.assert(
      fc.property(drawnEvidence, (drawn) => {
        const impossible = checkStep(
          evidenceOf(drawn, { confirm: NONE, control: NONE, rounds: 0, impossible: 'gone' }),
        );
        expect(['sort', 'screen', undefined]).toContain(impossible.wanted?.kind);
        const recorded = checkStep(
          evidenceOf(drawn, { confirm: NONE, control: NONE, rounds: 0, impossible: 'gone', frozen: true }),
        );
        expect(['screen', undefined]).toContain(recorded.wanted?.kind);
      }),
      RUNS,
    );
  });
});

/** Most cases nearly always pass, every fifth passes four times in five. */
const steady = (i: number): number => (i % 5 === 4 ? 0.8 : 0.99);

describe('whole checks', () => {
  it('a broken case is red, named, and the change is to blame: 42 cases', () => {
    const { comparison, steps } = playCheck({
      cases: 42,
      stored: steady,
      candidate: (i) => (i === 0 ? 0 : steady(i)),
    });
    expect(comparison).toMatchObject({ verdict: 'regressed', cause: 'change', gate: { outcome: 'fail' } });
    expect(confirmedIn(comparison)).toEqual(['case-0000']);
    expect(steps).toContain('confirm');
  });

  it('one broken case among 1,500 with one trial each is red', () => {
    for (const seed of [1, 2]) {
      const { comparison, calls } = playCheck({
        cases: 1500,
        poolTrials: 1,
        tier: 'smoke',
        stored: steady,
        candidate: (i) => (i === 0 ? 0 : steady(i)),
        seed,
      });
      expect(comparison.gate.outcome).toBe('fail');
      expect(comparison.cases.find((c) => c.id === 'case-0000')).toMatchObject({ evidence: 'confirmed' });
      expect(calls).toBeLessThan(6 * 1500);
    }
  });

  it('a drop everywhere is settled by a control of today', () => {
    const { comparison, steps } = playCheck({ cases: 60, stored: steady, candidate: (i) => 0.9 * steady(i) });
    expect(comparison).toMatchObject({ verdict: 'regressed', cause: 'change' });
    expect(comparison.contrasts?.change?.delta).toBeLessThan(-0.05);
    expect(steps).toContain('control');
  });

  it('without a control a collapse of an application that both releases share is regressed, a smaller fall is not', () => {
    const why = 'both releases run the application as it is now';
    const play = (candidate: (i: number) => number): Comparison =>
      playCheck({ cases: 60, stored: steady, candidate, impossible: why, sharedApplication: true })
        .comparison;
    for (const collapse of [() => 0, (i: number) => 0.5 * steady(i)]) {
      const comparison = play(collapse);
      expect(comparison).toMatchObject({ verdict: 'regressed', cause: null, gate: { outcome: 'fail' } });
      expect(comparison.reason).toMatch(/the pass rate collapsed by .*both releases run the application/);
    }
    // A fifth of the cases lose half of their passes: a bad hour.
    const badHour = play((i) => (i % 5 === 0 ? 0.5 : 1) * steady(i));
    expect(badHour).toMatchObject({ verdict: 'inconclusive', gate: { outcome: 'inconclusive' } });
  });

  it('a control that can clear nothing still shows a change that made things worse', () => {
    const clearsNothing = 'both releases run the application as it is now';
    const { comparison, steps } = playCheck({
      ...{ cases: 60, stored: steady, clearsNothing },
      candidate: (i) => 0.75 * steady(i),
    });
    expect(comparison).toMatchObject({ verdict: 'regressed', cause: 'change', gate: { outcome: 'fail' } });
    expect(steps).toContain('confirm');
  });

  it('an application that broke behind both releases is suspected: the control clears nothing', () => {
    const clearsNothing = 'both releases run the application as it is now';
    let blamed = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const { comparison, steps } = playCheck({
        ...{ cases: 60, pool: 3, stored: steady, clearsNothing, seed },
        today: (i) => 0.7 * steady(i),
      });
      if (comparison.verdict === 'regressed') {
        blamed += 1;
        continue;
      }
      // With the world to blame, the same evidence would pass.
      expect(comparison).toMatchObject({ verdict: 'inconclusive', gate: { outcome: 'inconclusive' } });
      expect(comparison.cause).toBeNull();
      expect(comparison.reason).toContain(clearsNothing);
      if (steps.includes('control')) expect(comparison.reason).toContain('side by side today');
    }
    // P(Bin(12, .05) > 2) = .02.
    expect(blamed).toBeLessThanOrEqual(2);
  });

  it('a single case broken in both is suspected too', () => {
    const clearsNothing = 'both releases run the application as it is now';
    const { comparison } = playCheck({
      ...{ cases: 60, pool: 3, stored: () => 1, clearsNothing },
      today: (i) => (i === 7 ? 0 : 1),
    });
    expect(comparison.gate.outcome).not.toBe('pass');
    expect(comparison.cases.find((c) => c.id === 'case-0007')).toMatchObject({ evidence: 'suspected' });
  });

  it('without a control the same drop is suspected, and never called regressed', () => {
    const why = 'no control was run (--no-control)';
    for (const candidate of [(i: number) => 0.7 * steady(i), () => 0]) {
      const { comparison, steps } = playCheck({ cases: 60, stored: steady, candidate, impossible: why });
      expect(comparison).toMatchObject({ verdict: 'inconclusive', gate: { outcome: 'inconclusive' } });
      expect(comparison.reason).toContain('suspected, not proven');
      expect(comparison.reason).toContain(why);
      expect(steps.filter((s) => s === 'confirm' || s === 'control')).toEqual([]);
    }
  });

  it('the world moved: the unchanged release falls as far, and the change is not called regressed', () => {
    let world = 0;
    let blamed = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const { comparison } = playCheck({
        cases: 60,
        pool: 3,
        stored: steady,
        today: (i) => 0.7 * steady(i),
        seed,
      });
      if (comparison.verdict === 'regressed') {
        blamed += 1;
        continue;
      }
      expect(comparison.gate.rules.filter((r) => r.outcome === 'fail')).toEqual([]);
      if (comparison.cause !== 'world') continue;
      world += 1;
      expect(comparison.contrasts?.world?.delta).toBeLessThan(-0.1);
      expect(comparison.gate.rules).toContainEqual(
        expect.objectContaining({ rule: 'world', outcome: 'warn' }),
      );
    }
    // P(Bin(12, .05) > 2) = .02.
    expect(blamed).toBeLessThanOrEqual(2);
    expect(world).toBeGreaterThanOrEqual(9);
  });

  it('both: the world moved, and the change made it worse', () => {
    const { comparison } = playCheck({
      cases: 60,
      pool: 3,
      stored: steady,
      today: (i) => 0.75 * steady(i),
      candidate: (i) => 0.3 * steady(i),
    });
    expect(comparison).toMatchObject({ verdict: 'regressed', cause: 'both', gate: { outcome: 'fail' } });
  });

  it('answers that never vary pass on two trials a case and are shown to be unchanged on three: 38 cases, no flip', () => {
    const still = { cases: 38, poolTrials: 2, stored: () => 1 } as const;
    const { comparison, steps, calls } = playCheck(still);
    expect(comparison).toMatchObject({ verdict: 'unchanged', gate: { outcome: 'pass' } });
    expect(steps).toEqual(['screen']);
    expect(calls).toBe(114);
    // The look after two trials: good enough to pass.
    expect(playCheck({ ...still, policy: { margin: 0.001 } }).comparison.verdict).toBe('no-regression-found');
  });

  it('an innocent edit mostly passes, and is hardly ever red', () => {
    let red = 0;
    let green = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const { gate } = playCheck({ cases: 42, pool: 5, poolTrials: 3, stored: steady, seed }).comparison;
      if (gate.outcome === 'fail') red += 1;
      if (gate.outcome === 'pass') green += 1;
    }
    // P(Bin(40, .05) > 6) < 0.004.
    expect(red).toBeLessThanOrEqual(6);
    expect(green).toBeGreaterThanOrEqual(30);
  });
});

describe('screening trials', () => {
  const stored = (cases: readonly CaseSketch[]): SnapshotResults => snapshot('s-1', cases);
  const policy = resolvePolicy(undefined);

  it('every case gets two, and what is left goes where the next trial tells most', () => {
    const base = stored([...block('steady', 30, 'pppppppp'), ...block('flaky', 10, 'pfpfpfpp')]);
    const trials = screeningTrials(base, [], base, policy, 3);
    const of = (theme: string): number[] =>
      [...trials].filter(([id]) => id.startsWith(theme)).map(([, n]) => n);
    expect(Math.min(...trials.values())).toBe(2);
    expect([...trials.values()].reduce((a, b) => a + b)).toBe(120);
    expect(Math.min(...of('flaky'))).toBeGreaterThan(Math.max(...of('steady')));
  });

  it('a case without a history gets as many as the average', () => {
    const base = stored(block('refund', 30, 'ppp'));
    const candidate = snapshot('s-2', [...block('refund', 30, 'p'), { id: 'new', trials: 'p' }]);
    const none = screeningTrials(stored([]), [], candidate, policy, 3);
    expect(new Set(none.values())).toEqual(new Set([3]));
    expect(screeningTrials(base, [], candidate, policy, 3).get('new')).toBeGreaterThanOrEqual(1);
  });
});
