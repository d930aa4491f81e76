// The verdict on the whole suite: one test a rule, each a small world of the refund bot.

import { describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import { block, caseResult, Mt19937, night, options, snapshot, trueRates } from './world.ts';

describe('one trial each: exact McNemar', () => {
  // The flips of gpt-4-0314 → gpt-4-0613 on 1000 primality questions (Chen, Zaharia & Zou 2023); p from R's binom.test.
  const groups = [
    ['prime-lost', 476, 'p', 'f', 'prime'],
    ['prime-kept', 12, 'p', 'p', 'prime'],
    ['prime-never', 12, 'f', 'f', 'prime'],
    ['composite-won', 147, 'f', 'p', 'composite'],
    ['composite-kept', 352, 'p', 'p', 'composite'],
    ['composite-never', 1, 'f', 'f', 'composite'],
  ] as const;
  const before = groups.flatMap(([theme, n, a, , tag]) => block(theme, n, a, { tags: [tag] }));
  const after = groups.flatMap(([theme, n, , b, tag]) => block(theme, n, b, { tags: [tag] }));
  const comparison = compareSnapshots(snapshot('s-march', before), snapshot('s-june', after), options());

  it('reproduces the published collapse: flips, p, interval and verdict', () => {
    expect(comparison.flips).toEqual({ passToFail: 476, failToPass: 147, bothPass: 364, bothFail: 13 });
    expect(comparison.overall.p).toBeCloseTo(2.106277478606487e-41, 50);
    expect(comparison.overall.log10p).toBeCloseTo(-40.676, 3);
    expect(comparison.overall.delta).toBeCloseTo(-0.329, 12);
    expect(comparison.overall.method).toContain('exact McNemar');
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.reason).toContain('84.0 % → 51.1 %');
    expect(comparison.reason).toContain('1.0e-143');
    const [lower, upper] = comparison.overall.interval ?? [0, 0];
    expect(lower).toBeLessThan(-0.329);
    expect(upper).toBeGreaterThan(-0.329);
    // Two runs made at different times: what sessions add is in the interval.
    expect(upper).toBeLessThan(-0.24);
  });

  it('shows the slices that the average hides', () => {
    const [composite, prime] = comparison.slices;
    expect(prime).toMatchObject({ tag: 'prime', cases: 500, verdict: 'regressed' });
    expect(prime?.baseline.passed).toBe(488);
    expect(prime?.candidate.passed).toBe(12);
    expect(prime?.log10p).toBeCloseTo(-142.989, 3);
    expect(composite).toMatchObject({ tag: 'composite', verdict: 'improved' });
    expect(composite?.candidate.passed).toBe(499);
  });

  it('does not call any single case regressed on one flip', () => {
    expect(comparison.counts).toMatchObject({ regressed: 0, improved: 0, unchanged: 377, inconclusive: 623 });
  });
});

describe('several trials: within-case permutation', () => {
  it('finds a uniform drop', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 60, 'ppp')),
      snapshot('s-2', [...block('refund', 40, 'ppp'), ...block('refund', 60, 'pff').slice(40)]),
      options(),
    );
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.overall.method).toContain('within-case permutation');
    expect(comparison.overall.pRegression).toBeLessThan(1e-6);
    expect(comparison.overall.p).toBeCloseTo(2 * (comparison.overall.pRegression ?? 0), 12);
    expect(comparison.gate.outcome).toBe('fail');
  });

  it('finds the one tag that broke while the suite as a whole did not move', () => {
    const steady = [
      ...block('tone', 45, 'fff', { tags: ['tone'] }),
      ...block('format', 45, 'pfp', { tags: ['format'] }),
    ];
    const better = [...block('tone', 3, 'ppp', { tags: ['tone'] }), ...steady.slice(3)];
    const comparison = compareSnapshots(
      snapshot('s-1', [...steady, ...block('refund', 8, 'ppp', { tags: ['refund'] })]),
      snapshot('s-2', [...better, ...block('refund', 8, 'fpf', { tags: ['refund'] })]),
      options(),
    );
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.overall.drivenBy).toBe('refund');
    expect(comparison.reason).toContain('`refund`');
    expect(comparison.slices.find((s) => s.tag === 'refund')?.verdict).toBe('regressed');
    expect(comparison.slices.find((s) => s.tag === 'format')?.verdict).not.toBe('regressed');
  });

  it('calls a clear gain improved', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 40, 'ffp')),
      snapshot('s-2', block('refund', 40, 'ppp')),
      options(),
    );
    expect(comparison.verdict).toBe('improved');
    expect(comparison.gate.outcome).toBe('pass');
  });

  it('calls it unchanged only when the interval has been shown to lie inside the margin', () => {
    const many = compareSnapshots(
      snapshot('s-1', block('refund', 60, 'ppppp')),
      snapshot('s-2', block('refund', 60, 'ppppp')),
      options(),
    );
    expect(many.verdict).toBe('unchanged');
    expect(many.gate.outcome).toBe('pass');
    const noisy = new Mt19937(4);
    const rates = trueRates(40, noisy);
    const few = compareSnapshots(
      snapshot('s-1', night(rates, { trials: 2 }, noisy)),
      snapshot('s-2', night(rates, { trials: 2 }, noisy)),
      options({}, { interleaved: true }),
    );
    expect(few.verdict).toBe('inconclusive');
    expect(few.gate.outcome).toBe('inconclusive');
    expect(few.overall.trialsNeeded).toBeGreaterThan(2);
    expect(few.overall.minimumDetectable).toBeGreaterThan(0.05);
    expect(few.reason).toMatch(/about \d+ trials per case and arm/);
  });

  it('never claims "unchanged" on fewer than twenty cases, however many trials', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 19, 'p'.repeat(60))),
      snapshot('s-2', block('refund', 19, 'p'.repeat(60))),
      options(),
    );
    // A drop that matters would have been seen, which is another claim.
    expect(comparison.verdict).toBe('no-regression-found');
    expect(comparison.reason).toContain('would have been seen');
    const asked = compareSnapshots(
      snapshot('s-1', block('refund', 19, 'p'.repeat(60))),
      snapshot('s-2', block('refund', 19, 'p'.repeat(60))),
      options({ undecided: 'fail' }),
    );
    expect(asked.verdict).toBe('inconclusive');
    expect(asked.reason).toContain('at least 20');
    expect(asked.gate.outcome).toBe('fail');
  });

  it('does not test tags below five cases and says so', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...block('refund', 30, 'ppp'), ...block('tone', 4, 'ppp', { tags: ['tone'] })]),
      snapshot('s-2', [...block('refund', 30, 'ppp'), ...block('tone', 4, 'ppf', { tags: ['tone'] })]),
      options(),
    );
    expect(comparison.slices).toHaveLength(1);
    expect(comparison.slices[0]).toMatchObject({ tag: 'tone', q: null, verdict: 'inconclusive' });
    expect(comparison.slices[0]?.p).not.toBeNull();
  });

  it('lists a tag on every case but does not test the suite twice', () => {
    const tagged = (trials: string) => block('refund', 30, trials, { tags: ['all', 'all'] });
    const comparison = compareSnapshots(
      snapshot('s-1', tagged('pppp')),
      snapshot('s-2', tagged('pfff')),
      options(),
    );
    expect(comparison.overall.method).not.toContain('Westfall');
    expect(comparison.slices).toHaveLength(1);
    expect(comparison.slices[0]).toMatchObject({ tag: 'all', cases: 30, verdict: 'regressed' });
  });
});

describe('confirmed cases', () => {
  const before = snapshot('s-1', block('refund', 60, 'ppp'));
  const after = snapshot('s-2', [...block('refund', 1, 'fff'), ...block('refund', 60, 'ppp').slice(1)]);
  const fresh = (letters: string) => [caseResult({ id: 'refund-000', trials: letters })];

  it('one case confirmed on fresh trials is enough for red', () => {
    const alone = compareSnapshots(before, after, options());
    expect(alone.verdict).not.toBe('regressed');
    const confirmed = compareSnapshots(
      before,
      after,
      options({}, { confirmation: { baseline: fresh('pppppppp'), candidate: fresh('ffffffff') } }),
    );
    expect(confirmed.verdict).toBe('regressed');
    expect(confirmed.reason).toContain('refund-000');
    expect(confirmed.reason).toContain('8/8 → 0/8');
    expect(confirmed.gate.outcome).toBe('fail');
  });

  it('a suspicion that fresh trials refute is no regression', () => {
    const cleared = compareSnapshots(
      before,
      after,
      options({}, { confirmation: { baseline: fresh('pppppppp'), candidate: fresh('pppppppp') } }),
    );
    expect(cleared.verdict).not.toBe('regressed');
    expect(cleared.cases[0]).toMatchObject({ verdict: 'inconclusive', evidence: 'suspected' });
  });
});

describe('require-margin', () => {
  // Enough trials to detect a drop of one point, which nobody minds.
  const cases = (failing: number) => [
    ...block('refund', failing, `${'p'.repeat(30)}${'f'.repeat(10)}`),
    ...block('refund', 60, 'p'.repeat(40)).slice(failing),
  ];
  const pair = [snapshot('s-1', cases(0)), snapshot('s-2', cases(2))] as const;

  it('switched off, a detectable drop within the margin is red and says that it is small', () => {
    const comparison = compareSnapshots(...pair, options({ 'require-margin': false }));
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.reason).toContain('lies within the margin');
    expect(comparison.gate.outcome).toBe('fail');
  });

  it('by default it is unchanged, says that it was detected, and the gate warns', () => {
    const comparison = compareSnapshots(...pair, options());
    expect(comparison.verdict).toBe('unchanged');
    expect(comparison.reason).toMatch(/fell by .*detectable .*within the margin/);
    expect(comparison.gate.outcome).toBe('pass');
    expect(comparison.gate.rules.find((r) => r.rule === 'verdict')?.outcome).toBe('warn');
  });

  it('a tag that fell beyond the margin stays red, however small the drop of the whole suite', () => {
    const tagged = (failing: number) => [
      ...block('refund', failing, 'f'.repeat(10), { tags: ['refund'] }),
      ...block('refund', 8, 'p'.repeat(10), { tags: ['refund'] }).slice(failing),
      ...block('tone', 192, 'p'.repeat(10), { tags: ['tone'] }),
    ];
    const comparison = compareSnapshots(snapshot('s-1', tagged(0)), snapshot('s-2', tagged(4)), options());
    expect(comparison.overall.interval?.[0]).toBeGreaterThan(-0.05);
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.gate.outcome).toBe('fail');
  });
});

describe('what cannot be compared', () => {
  it('an invalid snapshot gives no verdict on anything, and the gate could not tell', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 30, 'ppp')),
      snapshot('s-2', block('refund', 30, 'fff'), {
        validity: 'invalid',
        validityReasons: ['41 % of the trials were lost to the infrastructure'],
      }),
      options({ 'min-pass-rate': 0.9 }),
    );
    expect(comparison.verdict).toBe('invalid');
    expect(comparison.reason).toContain('41 %');
    expect(comparison.gate.outcome).toBe('inconclusive');
    expect(comparison.counts.regressed).toBe(0);
  });

  it('a degraded snapshot is compared and noted', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 60, 'ppppp')),
      snapshot('s-2', block('refund', 60, 'ppppp'), {
        validity: 'degraded',
        validityReasons: ['3 timeouts'],
      }),
      options(),
    );
    expect(comparison.verdict).toBe('unchanged');
    expect(comparison.notes.join()).toContain('3 timeouts');
    expect(comparison.gate.rules.find((r) => r.rule === 'validity:candidate')?.outcome).toBe('warn');
  });

  it('two suites are not comparable even where ids collide', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 30, 'ppp')),
      snapshot('s-2', block('refund', 30, 'ppp'), { suite: 'release-notes' }),
      options(),
    );
    expect(comparison.verdict).toBe('invalid');
    expect(comparison.reason).toContain('release-notes');
  });

  it('no case in common fails closed', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 3, 'ppp')),
      snapshot('s-2', block('tone', 3, 'ppp')),
      options(),
    );
    expect(comparison.verdict).toBe('invalid');
    expect(comparison.gate.outcome).toBe('inconclusive');
    expect(comparison.overall.delta).toBeNull();
  });

  it('nothing at all fails closed', () => {
    const comparison = compareSnapshots(snapshot('s-1', []), snapshot('s-2', []), options());
    expect(comparison.verdict).toBe('invalid');
    expect(comparison.gate.outcome).toBe('inconclusive');
  });
});

describe('the baseline pool', () => {
  const nights = (n: number, shift: number, seed: number) => {
    const rng = new Mt19937(seed);
    const rates = trueRates(80, rng);
    return Array.from({ length: n }, (_, i) =>
      snapshot(
        `s-night-${i}`,
        night(
          rates.map((r) => Math.max(0, r - (i % 2) * shift)),
          { trials: 3 },
          rng,
        ),
      ),
    );
  };

  it('adds the trials of earlier nights of the same fingerprint and says how many', () => {
    const [first, ...rest] = nights(5, 0, 3);
    const last = rest.pop();
    if (first === undefined || last === undefined) throw new Error('no nights');
    const comparison = compareSnapshots(first, last, options({}, { pool: rest }));
    expect(comparison.overall.baselineTrialsPerCase).toBe(12);
    expect(comparison.overall.candidateTrialsPerCase).toBe(3);
    expect(comparison.notes.join()).toContain('pooled over 4 snapshots');
    const alone = compareSnapshots(first, last, options());
    expect(comparison.overall.minimumDetectable ?? 1).toBeLessThan(alone.overall.minimumDetectable ?? 0);
  });

  it('leaves out snapshots of another fingerprint and invalid ones, by name', () => {
    const [first, last] = nights(2, 0, 3);
    if (first === undefined || last === undefined) throw new Error('no nights');
    const other = snapshot('s-other', [], { fingerprint: 'f2' });
    const broken = snapshot('s-broken', [], { validity: 'invalid' });
    const comparison = compareSnapshots(first, last, options({}, { pool: [other, broken, first] }));
    expect(comparison.overall.baselineTrialsPerCase).toBe(3);
    expect(comparison.notes.join()).toContain('s-other');
    expect(comparison.notes.join()).toContain('s-broken');
  });

  it('a pool of restless nights widens the interval, a pool of calm ones narrows it', () => {
    const width = (shift: number): { width: number; sd: number } => {
      const [first, ...rest] = nights(9, shift, 5);
      const last = rest.pop();
      if (first === undefined || last === undefined) throw new Error('no nights');
      const { overall, betweenRuns } = compareSnapshots(first, last, options({}, { pool: rest }));
      const [lower, upper] = overall.interval ?? [0, 0];
      return { width: upper - lower, sd: betweenRuns?.sd ?? 0 };
    };
    const [calm, restless] = [width(0), width(0.25)];
    expect(restless.sd).toBeGreaterThan(2 * calm.sd);
    expect(restless.width).toBeGreaterThan(1.5 * calm.width);
  });
});
