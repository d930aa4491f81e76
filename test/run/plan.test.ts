import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interleaveJobs, type Job, planJobs } from '../../src/run/index.ts';
import { Mt19937 } from '../../src/stats/rng.ts';
import { refundCase, refundRelease } from './refund-bot.ts';
import { ScriptedProvider } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

const provider = new ScriptedProvider(new TestTime(), () => ({ do: 'answer' }));
const release = refundRelease();
const name = (j: Job): string => `${j.arm}:${j.case.id}#${j.trial}`;

function plan(
  arm: string,
  trials: readonly number[],
  done?: ReadonlyMap<string, ReadonlySet<number>>,
): Job[] {
  const cases = trials.map((n, i) => refundCase(`c${i}`, { trials: n }));
  return planJobs({ cases, release, provider, arm, done });
}

describe('planning', () => {
  it('runs every case’s first trial before any second one', () => {
    expect(plan('a', [1, 3, 2]).map(name)).toEqual([
      'a:c0#0',
      'a:c1#0',
      'a:c2#0',
      'a:c1#1',
      'a:c2#1',
      'a:c1#2',
    ]);
  });

  it('takes another number of trials for all cases, and leaves out what is done', () => {
    const cases = [refundCase('c0', { trials: 5 }), refundCase('c1')];
    const done = new Map([
      ['c0', new Set([0])],
      ['gone', new Set([0])],
    ]);
    expect(planJobs({ cases, release, provider, trials: 2, done }).map(name)).toEqual([
      'candidate:c1#0',
      'candidate:c0#1',
      'candidate:c1#1',
    ]);
  });
});

describe('interleaving two arms', () => {
  it('keeps every job once, pairs side by side, trial by trial', () => {
    const trials = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(trials, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (perCase, seed) => {
        const a = plan('a', perCase);
        const b = plan('b', perCase);
        const order = interleaveJobs([a, b], new Mt19937(seed));
        expect(order.map(name).sort()).toEqual([...a, ...b].map(name).sort());
        for (let i = 0; i < order.length; i += 2) {
          const [x, y] = [order[i] as Job, order[i + 1] as Job];
          expect([x.case.id, x.trial]).toEqual([y.case.id, y.trial]);
          expect(x.arm).not.toBe(y.arm);
          expect(x.trial).toBeGreaterThanOrEqual(order[i - 2]?.trial ?? 0);
        }
      }),
    );
  });

  it('lets either arm go first about as often', () => {
    const trials = Array.from({ length: 1000 }, () => 1);
    const order = interleaveJobs([plan('a', trials), plan('b', trials)], new Mt19937(42));
    const aFirst = order.filter((j, i) => i % 2 === 0 && j.arm === 'a').length;
    // 500 ± 5 standard deviations of a fair coin
    expect(aFirst).toBeGreaterThan(420);
    expect(aFirst).toBeLessThan(580);
  });

  it('keeps jobs that only one arm still has to do, in their trial’s round', () => {
    const a = plan('a', [2, 2], new Map([['c0', new Set([0])]]));
    const b = plan('b', [2, 2]);
    const order = interleaveJobs([a, b], { next: () => 0.99 });
    expect(order.map(name)).toEqual(['a:c1#0', 'b:c1#0', 'b:c0#0', 'a:c0#1', 'b:c0#1', 'a:c1#1', 'b:c1#1']);
  });
});
