// What a flag is for a request: percentages that are uniform and never move anyone out, conditions, and bounds.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Flag, FlagCondition, FlagRule } from '../../src/core/index.ts';
import { bucketOf } from '../../src/rollout/bucket.ts';
import { conditionText, flagProblem, flagValue, parseCondition } from '../../src/rollout/flag-values.ts';
import { evaluateFlag } from '../../src/rollout/flags.ts';
import { chiSquareSf } from '../../src/stats/index.ts';

const flag = (rules: readonly FlagRule[], more: Partial<Flag> = {}): Flag => ({
  ...{ key: 'new-summary', feature: '*', environment: 'production', no: 1, at: '', by: '', why: '' },
  ...{ type: 'boolean', value: false, rules, ...more },
});
const share = (percent: number, when: readonly FlagCondition[] = []): FlagRule => ({
  ...{ when, percent, value: true },
});
const asked = (targetingKey: string | null, properties: Record<string, unknown> = {}) => ({
  targetingKey,
  properties,
});
const when = (...texts: string[]): FlagCondition[] =>
  texts.map((text) => {
    const condition = parseCondition(text);
    if (condition === null) throw new Error(text);
    return condition;
  });

describe('a percentage', () => {
  it('never moves anyone out while it grows, whatever the flag, the key and the conditions', () => {
    // Doubles would lie near 0 and 100 most of the time, where nobody could be moved.
    const percent = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 100);
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), percent, percent, (key, user, a, b) => {
        const [small, large] = a < b ? [a, b] : [b, a];
        const at = (p: number): unknown => evaluateFlag(flag([share(p)], { key }), asked(user));
        const inSmall = (at(small) as { value: boolean }).value;
        if (inSmall) expect(at(large)).toMatchObject({ value: true });
      }),
      { numRuns: 500 },
    );
  });

  it('is what it says: 100 equal parts hold equally many of 20,000 keys', () => {
    for (const name of ['new-summary', 'ai.rollout.percent', 'support/ai.rollout.percent']) {
      const counts = new Array<number>(100).fill(0);
      for (let i = 0; i < 20_000; i++) {
        const part = Math.floor(bucketOf(name, `user-${i}`));
        counts[part] = (counts[part] ?? 0) + 1;
      }
      const statistic = counts.reduce((sum, n) => sum + (n - 200) ** 2 / 200, 0);
      // The keys are fixed, so this either holds for ever or never.
      expect(chiSquareSf(statistic, 99)).toBeGreaterThan(0.001);
    }
  });

  it('divides two flags, and one flag of two features, independently', () => {
    const users = Array.from({ length: 10_000 }, (_, i) => `u${i}`);
    const half = (f: Flag) => users.map((u) => (evaluateFlag(f, asked(u)) as { value: boolean }).value);
    const one = half(flag([share(50)]));
    for (const other of [flag([share(50)], { key: 'other' }), flag([share(50)], { feature: 'desk' })]) {
      const both = half(other).filter((v, i) => v && one[i]).length;
      expect(both).toBeGreaterThan(2300);
      expect(both).toBeLessThan(2700);
    }
  });

  it('keeps each key where it was since the first release', () => {
    // Changing the hash would move every user of every rollout under way.
    expect(bucketOf('ai.rollout.percent', 'user-1')).toBeCloseTo(BUCKET_OF_USER_1, 9);
  });

  it('needs a targeting key only where the key decides', () => {
    expect(evaluateFlag(flag([share(20)]), asked(null))).toEqual({ missing: 'targetingKey' });
    expect(evaluateFlag(flag([share(0)]), asked(null))).toMatchObject({ value: false });
    expect(evaluateFlag(flag([share(100)]), asked(null))).toMatchObject({ value: true });
    const beta = flag([share(20, when('segment=beta'))]);
    expect(evaluateFlag(beta, asked(null, { segment: 'pro' }))).toMatchObject({ value: false });
    expect(evaluateFlag(beta, asked(null, { segment: 'beta' }))).toEqual({ missing: 'targetingKey' });
  });
});

/** Worked out by hand: `printf '["ai.rollout.percent","user-1"]' | sha256sum`, the first 12 digits over 16^12. */
const BUCKET_OF_USER_1 = (0x150dd090e0d6 / 16 ** 12) * 100;

describe('a condition', () => {
  it.each([
    ['segment=beta,internal', { segment: 'internal' }, true],
    ['segment=beta,internal', { segment: ['pro', 'beta'] }, true],
    ['segment=beta', { segment: 'Beta' }, false],
    ['segment=beta', {}, false],
    ['region!=eu', { region: 'us' }, true],
    ['region!=eu', { region: 'eu' }, false],
    ['input-length>2000', { 'input-length': 2001 }, true],
    ['input-length>2000', { 'input-length': 2000 }, false],
    ['input-length>=2000', { 'input-length': 2000 }, true],
    ['input-length>2000', { 'input-length': '9999' }, false],
    ['confidence<0.5', { confidence: 0.4 }, true],
    ['confidence<=0.5', { confidence: Number.NaN }, false],
    ['email$=@example.com', { email: 'a@example.com' }, true],
    ['email^=test-', { email: 'a@example.com' }, false],
    ['trial=true', { trial: true }, true],
    ['trial=true', { trial: 'true' }, true],
    ['order=5', { order: '5' }, true],
    ['order!=5', { order: '5' }, false],
    ['order=5', { order: '05' }, false],
    ['trial=true', { trial: 1 }, false],
    ['targetingKey=vip', {}, true],
    ['toString=x', {}, false],
    ['constructor^=f', {}, false],
  ])('%s of %j is %s', (text, properties, expected) => {
    const rules: FlagRule[] = [{ when: when(text), percent: null, value: true }];
    expect(evaluateFlag(flag(rules), asked('vip', properties))).toMatchObject({ value: expected });
  });

  it.each([
    'segment',
    '=beta',
    'a b=c',
    'x>many',
    'x>1,2',
    'segment=',
    '__proto__=1',
    `x=${'y'.repeat(300)}`,
  ])('is refused: %s', (text) => {
    expect(parseCondition(text)).toBeNull();
  });

  it('is written as it is read', () => {
    for (const text of ['segment=beta,internal', 'n>=5', 'n<-0.5', 'email$=@x.org', 'a!=b'])
      expect(when(text).map(conditionText)).toEqual([text]);
  });
});

describe('rules', () => {
  it('are gone through in order, and the first that fits decides', () => {
    const f = flag(
      [
        { when: when('segment=internal'), percent: null, value: 'new' },
        { when: [], percent: 10, value: 'some' },
      ],
      { type: 'string', value: 'old' },
    );
    expect(evaluateFlag(f, asked('u', { segment: 'internal' }))).toEqual({
      value: 'new',
      reason: 'TARGETING_MATCH',
    });
    const others = Array.from({ length: 1000 }, (_, i) => evaluateFlag(f, asked(`u${i}`)));
    const some = others.filter((o) => 'value' in o && o.value === 'some').length;
    expect(some).toBeGreaterThan(60);
    expect(some).toBeLessThan(140);
    expect(others.every((o) => 'reason' in o && o.reason === 'SPLIT')).toBe(true);
    expect(evaluateFlag(flag([]), asked(null))).toEqual({ value: false, reason: 'STATIC' });
  });
});

describe('values', () => {
  it('of the six flags are checked, the team has its own', () => {
    expect(flagProblem('ai.action.mode', 'draft')).toBeNull();
    expect(flagProblem('ai.action.mode', 'drafts')).toMatch(/one of auto/);
    expect(flagProblem('ai.rollout.percent', 101)).not.toBeNull();
    expect(flagProblem('ai.tools.enabled', 'false')).not.toBeNull();
    expect(flagProblem('ai.tool.enabled', true)).toMatch(/unknown flag/);
    expect(flagProblem('new-summary', 3)).toBeNull();
  });

  it('are read by their type', () => {
    expect(flagValue('1e5', null)).toBe('1e5');
    expect(flagValue('Infinity', 'number')).toBeUndefined();
    expect(flagValue('5.5', null)).toBe(5.5);
    expect(flagValue('5', 'string')).toBe('5');
    expect(flagValue('yes', 'boolean')).toBeUndefined();
  });
});
