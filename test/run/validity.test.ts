import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolvePolicy } from '../../src/core/index.ts';
import { judgeValidity, type TrialOutcomes } from '../../src/run/index.ts';
import { failure } from './scripted-provider.ts';

const policy = resolvePolicy(undefined);

function judge(own: Partial<TrialOutcomes>) {
  const base = { planned: 100, failed: 0, skipped: 0, ungraded: 0, policy, ...own };
  const answered = own.answered ?? base.planned - base.failed - base.skipped;
  return judgeValidity({ ...base, answered });
}

describe('how far a run can be trusted', () => {
  it('fully, when everything was measured', () => {
    expect(judge({})).toEqual({ validity: 'valid', reasons: [], notes: [] });
  });

  it('fully, with a note, when as little is missing as the policy lets pass', () => {
    const { validity, reasons, notes } = judge({ failed: 2 });
    expect(validity).toBe('valid');
    expect(reasons).toEqual([]);
    expect(notes).toEqual(['2 of 100 trials failed (provider, network or time limit)']);
  });

  it('partly, when more is missing', () => {
    expect(judge({ failed: 3 })).toMatchObject({
      validity: 'degraded',
      reasons: [expect.stringContaining('3 %'), expect.stringContaining('3 of 100')],
    });
    expect(judge({ failed: 2, ungraded: 1 }).validity).toBe('degraded');
  });

  it.each([
    ['max-cost', 'the cost limit was reached'],
    ['max-calls', 'the limit of calls was reached'],
    ['deadline', 'deadline passed'],
    ['cancelled', 'was cancelled'],
  ] as const)('partly, when a single trial was skipped: %s', (stoppedBy, words) => {
    const { validity, reasons } = judge({ skipped: 1, stoppedBy });
    expect(validity).toBe('degraded');
    expect(reasons.join()).toContain(words);
  });

  it('partly, when planned trials never ran', () => {
    expect(judge({ answered: 99 })).toMatchObject({
      validity: 'degraded',
      reasons: ['1 of 100 trials never ran'],
    });
  });

  it('not at all, when provider, network or judge failed too often', () => {
    expect(judge({ failed: 30 }).validity).toBe('degraded');
    expect(judge({ failed: 31 }).validity).toBe('invalid');
    expect(judge({ ungraded: 31 }).validity).toBe('invalid');
    expect(judge({ failed: 16, ungraded: 15 }).validity).toBe('invalid');
  });

  it('not at all, when that is true of the few trials that were tried', () => {
    expect(judge({ skipped: 90, failed: 4, stoppedBy: 'deadline' }).validity).toBe('invalid');
  });

  it('not at all, when nothing was measured or planned', () => {
    expect(judge({ skipped: 100, stoppedBy: 'cancelled' }).validity).toBe('invalid');
    expect(judge({ ungraded: 100 }).validity).toBe('invalid');
    expect(judge({ planned: 0 })).toMatchObject({ validity: 'invalid', reasons: ['no trial was planned'] });
  });

  it('names what stopped the run', () => {
    const fatal = failure({ code: 'quota', message: 'insufficient_quota' });
    const { validity, reasons } = judge({ failed: 1, skipped: 40, stoppedBy: 'fatal', fatal });
    expect(validity).toBe('degraded');
    expect(reasons[0]).toBe('the run was stopped by quota: insufficient_quota');
  });

  it('takes errors of the user’s application as missing or as measured, as the policy says', () => {
    const errors = { failed: 40, appErrors: 40 };
    expect(judge(errors)).toMatchObject({ validity: 'degraded' });
    expect(judge({ ...errors, policy: { ...policy, appError: 'fail' } })).toMatchObject({
      validity: 'valid',
      notes: [],
    });
    const all = { failed: 100, appErrors: 100 };
    expect(judge(all).validity).toBe('invalid');
    expect(judge({ ...all, policy: { ...policy, appError: 'fail' } }).validity).toBe('valid');
  });

  it('never gets better by losing one more trial, and always says why it is not valid', () => {
    const rank = { valid: 0, degraded: 1, invalid: 2 };
    const counts = fc.record({
      answered: fc.integer({ min: 1, max: 60 }),
      failed: fc.nat(60),
      skipped: fc.nat(60),
    });
    fc.assert(
      fc.property(
        counts,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ answered, failed, skipped }, share) => {
          const planned = answered + failed + skipped;
          const ungraded = Math.floor(share * (answered - 1));
          const before = judgeValidity({ planned, answered, failed, skipped, ungraded, policy });
          const after = judgeValidity({ planned, answered, failed, skipped, ungraded: ungraded + 1, policy });
          expect(rank[after.validity]).toBeGreaterThanOrEqual(rank[before.validity]);
          expect(before.reasons.length > 0).toBe(before.validity !== 'valid');
        },
      ),
    );
  });
});
