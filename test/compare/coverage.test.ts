// Which cases are compared, and what is said of the others. No case is lost in silence.

import { describe, expect, it } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import { block, options, snapshot } from './world.ts';

const steady = block('refund', 30, 'ppp');

describe('coverage states', () => {
  const comparison = compareSnapshots(
    snapshot('s-1', [
      ...steady,
      { id: 'gone', trials: 'ppp' },
      { id: 'reworded', trials: 'ppp' },
      { id: 'regraded', trials: 'ppp' },
      { id: 'silent', trials: 'ppp' },
    ]),
    snapshot('s-2', [
      ...steady,
      { id: 'new', trials: 'ppp' },
      { id: 'reworded', trials: 'fff', exam: { contentHash: 'other' } },
      { id: 'regraded', trials: 'fff', exam: { gradersHash: 'stricter', judge: 'judge-2' } },
      { id: 'silent', trials: 'jjt' },
    ]),
    options(),
  );
  const state = (id: string) => comparison.cases.find((c) => c.id === id);

  it('names every state with its reason', () => {
    expect(state('gone')).toMatchObject({ verdict: 'removed', reason: 'not in the candidate' });
    expect(state('new')).toMatchObject({ verdict: 'added', reason: 'not in the baseline' });
    expect(state('reworded')?.verdict).toBe('edited');
    expect(state('reworded')?.reason).toContain('case content');
    expect(state('regraded')).toMatchObject({
      verdict: 'edited',
      reason: expect.stringMatching(
        /^graded by another exam: graders, judge; re-grade with `lastgood regrade \S+ --suite FILE --judge FILE`$/,
      ),
    });
    expect(state('silent')).toMatchObject({
      verdict: 'ungraded',
      reason: 'the candidate has no graded trial (2 judge_error, 1 timeout)',
    });
  });

  it('counts them beside the verdicts and lists them', () => {
    expect(comparison.counts).toEqual({
      regressed: 0,
      improved: 0,
      unchanged: 30,
      inconclusive: 0,
      added: 1,
      removed: 1,
      edited: 2,
      ungraded: 1,
    });
    expect(comparison.coverage).toMatchObject({
      paired: 30,
      added: ['new'],
      removed: ['gone'],
      edited: ['regraded', 'reworded'],
      ungraded: ['silent'],
    });
    expect(comparison.coverage.sentence).toBe(
      '30 of 35 cases compared; 1 added, 1 removed, 2 edited, 1 ungraded',
    );
    expect(comparison.cases).toHaveLength(35);
  });

  it('warns in the gate about what was lost', () => {
    const warned = comparison.gate.rules.filter((r) => r.outcome === 'warn').map((r) => r.rule);
    expect(warned).toEqual(
      expect.arrayContaining(['coverage:removed', 'coverage:edited', 'coverage:ungraded']),
    );
  });

  it('keeps only compared cases in the rates', () => {
    expect(comparison.candidate).toMatchObject({ passRate: 1, cases: 30, trials: 90, passed: 90 });
  });
});

describe('another judge', () => {
  const judged = (judge: string, trials: string) => block('tone', 25, trials, { exam: { judge } });

  it('makes the whole comparison invalid when every case asked it', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', judged('judge-1', 'ppp'), { judge: 'judge-1' }),
      snapshot('s-2', judged('judge-2', 'ffp'), { judge: 'judge-2' }),
      options(),
    );
    expect(comparison.verdict).toBe('invalid');
    expect(comparison.reason).toContain('judge');
    expect(comparison.reason).toContain('regrade');
    expect(comparison.attribution.examChanged).toEqual(['judge']);
    expect(comparison.attribution.diagnosis).toBe('exam change (judge)');
    expect(comparison.gate.outcome).toBe('inconclusive');
    expect(comparison.counts).toMatchObject({ edited: 25, regressed: 0 });
  });

  it('leaves the cases that need no judge comparable', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', [...judged('judge-1', 'ppp'), ...block('refund', 40, 'ppppp')], { judge: 'judge-1' }),
      snapshot('s-2', [...judged('judge-2', 'fff'), ...block('refund', 40, 'ppppp')], { judge: 'judge-2' }),
      options(),
    );
    expect(comparison.coverage.paired).toBe(40);
    expect(comparison.coverage.edited).toHaveLength(25);
    expect(comparison.verdict).not.toBe('regressed');
    expect(comparison.verdict).not.toBe('invalid');
  });

  it('does not matter where no case asks it', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', block('refund', 40, 'ppppp'), { judge: 'judge-1' }),
      snapshot('s-2', block('refund', 40, 'ppppp'), { judge: 'judge-2' }),
      options(),
    );
    expect(comparison.coverage.paired).toBe(40);
  });
});

describe('missing trials', () => {
  const whole = block('refund', 100, 'ppp');

  it('an outage of the judge for 30 % of the cases is inconclusive with counts, and no case is regressed', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', whole),
      snapshot('s-2', [...block('refund', 30, 'jjj'), ...whole.slice(30)]),
      options(),
    );
    expect(comparison.verdict).toBe('inconclusive');
    expect(comparison.reason).toContain('availability');
    expect(comparison.reason).toContain('90 judge_error');
    expect(comparison.counts).toMatchObject({ regressed: 0, ungraded: 30 });
    expect(comparison.coverage.missing.candidate).toEqual({
      planned: 300,
      missing: 90,
      byReason: { judge_error: 90 },
    });
    expect(comparison.gate.outcome).toBe('inconclusive');
  });

  it('an outage spread over all cases is no regression either', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', whole),
      snapshot('s-2', block('refund', 100, 'pit')),
      options(),
    );
    expect(comparison.verdict).toBe('inconclusive');
    expect(comparison.reason).toMatch(/100 infra_error, 100 timeout/);
  });

  it('nothing graded at all is inconclusive, not invalid: the cases do match', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', whole),
      snapshot('s-2', block('refund', 100, 'bb-')),
      options(),
    );
    expect(comparison.verdict).toBe('inconclusive');
    expect(comparison.reason).toContain('200 budget');
    expect(comparison.reason).toContain('100 not_run');
    expect(comparison.gate.outcome).toBe('inconclusive');
  });

  it('a collapse that survives both extremes stays red', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', whole),
      snapshot('s-2', [...block('refund', 5, 'ttt'), ...block('refund', 100, 'ffp').slice(5)]),
      options(),
    );
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.notes.join()).toContain('15 timeout');
  });

  it('a single lost trial in three hundred changes nothing', () => {
    const comparison = compareSnapshots(
      snapshot('s-1', whole),
      snapshot('s-2', [...block('refund', 1, 'ppt'), ...whole.slice(1)]),
      options(),
    );
    expect(comparison.verdict).toBe('unchanged');
    expect(comparison.coverage.missing.candidate.missing).toBe(1);
  });

  it('an error of the application counts as the policy says', () => {
    const pair = [snapshot('s-1', whole), snapshot('s-2', block('refund', 100, 'pap'))] as const;
    const missing = compareSnapshots(...pair, options());
    expect(missing.verdict).toBe('inconclusive');
    expect(missing.candidate.passRate).toBe(1);
    const failing = compareSnapshots(...pair, options({ 'app-error': 'fail' }));
    expect(failing.verdict).toBe('regressed');
    expect(failing.candidate.passRate).toBeCloseTo(2 / 3, 12);
    expect(failing.coverage.missing.candidate.missing).toBe(0);
  });
});
