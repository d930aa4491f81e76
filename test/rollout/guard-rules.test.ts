// What the guard decides: stops before all else, a person above a threshold, rates that hold in any window.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Approval, GuardedAction, GuardRules, ShippingChange } from '../../src/core/index.ts';
import { type GuardSituation, ruleOn, stopFor, stopsOf } from '../../src/rollout/guard-rules.ts';

const ACTION: GuardedAction = {
  ...{
    feature: 'desk',
    environment: 'production',
    agent: 'a1',
    action: 'refund',
    key: 'order-1',
    impact: 80,
  },
};
const RULES: GuardRules = {
  ...{ rate: { refund: { count: 3, perMs: 1000 } }, approveAbove: { refund: 100 }, fail: 'closed' },
};
const CALM: GuardSituation = { rules: RULES, stop: null, toolsOff: false, mode: null, dryRun: false };
const STOP = { feature: 'desk', agent: null, at: '2026-03-15T09:00:00Z', by: 'ada', why: 'wrong refunds' };

const rule = (
  action: Partial<GuardedAction> = {},
  situation: Partial<GuardSituation> = {},
  facts: { taken?: readonly number[]; approval?: Approval | null; now?: number } = {},
) =>
  ruleOn(
    { ...ACTION, ...action },
    { ...CALM, ...situation },
    {
      now: facts.now ?? 10_000,
      taken: (most) => (facts.taken ?? []).slice(0, most),
      approval: facts.approval ?? null,
      generation: 0,
    },
  );

const approval = (state: Approval['state']): Approval => ({
  ...ACTION,
  ...{ id: 'a_1', at: 1, above: 100, impact: 500, state },
  answer: state === 'pending' ? null : { by: 'eve', why: 'checked', at: 2 },
});

describe('an action', () => {
  it('is stopped before anything else is looked at', () => {
    const granted = { approval: approval('granted') };
    expect(rule({ impact: 500 }, { stop: STOP }, granted)).toMatchObject({
      outcome: 'stopped',
      reason: expect.stringContaining('ada'),
    });
    expect(rule({}, { stop: STOP, dryRun: true })).toMatchObject({ outcome: 'stopped' });
    expect(rule({}, { toolsOff: true })).toMatchObject({ outcome: 'stopped' });
  });

  it('needs a person above the threshold, not at it, and where the impact is not known', () => {
    expect(rule({ impact: 100 })).toMatchObject({ outcome: 'allowed' });
    expect(rule({ impact: 100.01 })).toMatchObject({ outcome: 'approval-pending', ask: { above: 100 } });
    expect(rule({ impact: null })).toMatchObject({ outcome: 'approval-pending' });
    expect(rule({ impact: null, action: 'mail' })).toMatchObject({ outcome: 'allowed' });
    expect(rule({ impact: 1 }, { mode: 'human' })).toMatchObject({ ask: { above: null } });
    expect(rule({ impact: 1, action: 'constructor' })).toMatchObject({ outcome: 'allowed' });
  });

  it('follows the answer of the person, and asks once', () => {
    const big = { impact: 500 };
    const pending = rule(big, {}, { approval: approval('pending') });
    expect(pending).toMatchObject({ outcome: 'approval-pending', approval: 'a_1' });
    expect(pending.ask).toBeUndefined();
    expect(rule(big, {}, { approval: approval('granted') })).toMatchObject({
      outcome: 'allowed',
      approval: 'a_1',
    });
    expect(rule(big, {}, { approval: approval('denied') })).toMatchObject({ outcome: 'approval-denied' });
  });

  it('is only logged in a dry run and while answers are drafts', () => {
    expect(rule({ impact: 500 }, { dryRun: true })).toMatchObject({ outcome: 'dry-run' });
    expect(rule({}, { mode: 'draft' })).toMatchObject({ outcome: 'dry-run' });
    expect(rule({}, { mode: 'queued' })).toMatchObject({ outcome: 'dry-run' });
    expect(rule({}, { mode: 'auto' })).toMatchObject({ outcome: 'allowed' });
  });

  it('never exceeds its rate in any window, and is allowed as soon as the window has room', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }), (gaps) => {
        const allowed: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          const { outcome } = rule({}, {}, { now, taken: [...allowed].reverse() });
          const inWindow = allowed.filter((at) => at > now - 1000).length;
          expect(outcome).toBe(inWindow < 3 ? 'allowed' : 'rate-limited');
          if (outcome === 'allowed') allowed.push(now);
        }
      }),
    );
  });

  it('that a person approved still respects the rate, and keeps its approval', () => {
    const ruling = rule({ impact: 500 }, {}, { approval: approval('granted'), taken: [9990, 9980, 9970] });
    expect(ruling).toMatchObject({ outcome: 'rate-limited', approval: 'a_1' });
  });
});

describe('stops', () => {
  const change = (
    feature: string,
    name: string,
    stopped: boolean,
    environment = 'production',
  ): ShippingChange => ({
    ...{ no: 1, kind: 'stop', feature, environment, name, at: '', by: 'ada', why: '', body: { stopped } },
  });

  it('hold for a feature, an agent or everything, until they are ended themselves', () => {
    const holds = (changes: readonly ShippingChange[], agent: string | null = 'a1') =>
      stopFor(stopsOf(changes, 'production'), { feature: 'desk', agent }) !== null;
    expect(holds([])).toBe(false);
    expect(holds([change('desk', '', true)])).toBe(true);
    expect(holds([change('other', '', true)])).toBe(false);
    expect(holds([change('*', '', true)])).toBe(true);
    expect(holds([change('desk', 'a1', true)])).toBe(true);
    expect(holds([change('desk', 'a1', true)], 'a2')).toBe(false);
    expect(holds([change('desk', 'a1', true)], null)).toBe(false);
    expect(holds([change('*', '', true), change('desk', '', false)])).toBe(true);
    expect(holds([change('desk', '', true), change('desk', '', false)])).toBe(false);
    expect(holds([change('desk', '', true, 'staging')])).toBe(false);
  });
});
