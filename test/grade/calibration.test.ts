// Is the judge right? Numbers that can be worked out by hand, and a judge whose errors are known.

import { describe, expect, it } from 'vitest';
import { calibrate, type LabelledItem, majorityLabel } from '../../src/grade/index.ts';
import { drawsFrom } from '../../src/simulator/draws.ts';
import { judgeReply } from '../../src/simulator/judge.ts';
import type { JudgeRules } from '../../src/simulator/scenario.ts';

/** `n` items that people call `human` and the judge `judge`. */
const items = (
  n: number,
  human: string,
  judge: string | null,
  more: Partial<LabelledItem> = {},
): LabelledItem[] =>
  Array.from({ length: n }, (_, i) => ({ id: `${human}-${judge}-${i}`, human: [human], judge, ...more }));

describe('calibrate', () => {
  it('counts the table, and from it agreement, kappa, AC1, sensitivity, specificity and J', () => {
    const found = calibrate(
      [
        ...items(45, 'pass', 'pass'),
        ...items(5, 'pass', 'fail'),
        ...items(10, 'fail', 'pass'),
        ...items(40, 'fail', 'fail'),
      ],
      { pass: 'pass', observed: { passed: 55, verdicts: 100 } },
    );
    expect(found.labels).toEqual(['fail', 'pass']);
    expect(found.confusion).toEqual([
      [40, 10, 0],
      [5, 45, 0],
    ]);
    expect(found.agreement).toBeCloseTo(0.85, 12);
    // Chance 0.5·0.45 + 0.5·0.55 = 0.5, so kappa = (0.85 − 0.5) / 0.5.
    expect(found.kappa).toBeCloseTo(0.7, 12);
    // Shares 0.525 and 0.475: chance 2 · 0.525 · 0.475 = 0.49875.
    expect(found.ac1).toBeCloseTo((0.85 - 0.49875) / (1 - 0.49875), 12);
    expect(found.sensitivity).toMatchObject({ value: 0.9, n: 50 });
    expect(found.specificity).toMatchObject({ value: 0.8, n: 50 });
    expect(found.youden?.J).toBeCloseTo(0.7, 12);
    expect(found.mayGate).toBe((found.youden?.lower ?? 0) >= 0.5);
    // (0.55 + 0.8 − 1) / (0.9 + 0.8 − 1) = 0.5: exactly the share people passed.
    expect(found.corrected).toMatchObject({ observed: 0.55 });
    expect(found.corrected?.value).toBeCloseTo(0.5, 12);
    expect(found.notes).toEqual([]);
  });

  it('lets a judge decide only when the lower end of J is at least one half', () => {
    const judge = (right: number, wrong: number): boolean =>
      calibrate(
        [
          ...items(right, 'pass', 'pass'),
          ...items(wrong, 'pass', 'fail'),
          ...items(right, 'fail', 'fail'),
          ...items(wrong, 'fail', 'pass'),
        ],
        { pass: 'pass' },
      ).mayGate;
    expect([judge(95, 5), judge(19, 1), judge(75, 25), judge(50, 50)]).toEqual([true, true, false, false]);
    const oneSided = calibrate(items(60, 'pass', 'pass'), { pass: 'pass' });
    expect(oneSided).toMatchObject({ agreement: 1, mayGate: false, specificity: null, youden: null });
    expect(oneSided.whyNot).toContain('no labelled item fails');
  });

  it('counts an unparsable reply as disagreement and not as a verdict', () => {
    const found = calibrate(
      [...items(30, 'pass', 'pass'), ...items(30, 'fail', 'fail'), ...items(10, 'fail', null)],
      { pass: 'pass' },
    );
    expect(found).toMatchObject({ unparsable: 10, specificity: { value: 1, n: 30 } });
    expect(found.agreement).toBeCloseTo(60 / 70, 12);
    expect(found.confusion[0]).toEqual([30, 0, 10]);
    expect(found.notes).toContain('10 of 70 replies could not be read');
  });

  it('weights slips by their distance where the labels have an order', () => {
    const order = ['bad', 'fair', 'good'];
    const near = calibrate(
      [...items(20, 'bad', 'bad'), ...items(20, 'good', 'good'), ...items(10, 'bad', 'fair')],
      { order },
    );
    const far = calibrate(
      [...items(20, 'bad', 'bad'), ...items(20, 'good', 'good'), ...items(10, 'bad', 'good')],
      { order },
    );
    expect(near.labels).toEqual(order);
    expect(near.weightedKappa).toBeGreaterThan(far.weightedKappa ?? 1);
    expect(near.weightedKappa).toBeGreaterThan(near.kappa);
  });

  it('takes the majority of several people, leaves ties out and shows how far they agree', () => {
    expect(majorityLabel(['a', 'b', 'a'])).toBe('a');
    expect(majorityLabel(['a', 'b'])).toBeNull();
    expect(majorityLabel(['a', null, null])).toBe('a');
    const found = calibrate([
      { id: '1', human: ['a', 'a', 'b'], judge: 'a' },
      { id: '2', human: ['b', 'b', 'b'], judge: 'b' },
      { id: '3', human: ['a', 'b', null], judge: 'a' },
    ]);
    expect(found).toMatchObject({ items: 2, noMajority: 1, raters: 3, agreement: 1 });
    expect(found.humanPairs.map((p) => p.raters)).toEqual([
      [1, 2],
      [1, 3],
      [2, 3],
    ]);
    expect(found.humanAlpha).not.toBeNull();
    expect(() => calibrate([{ id: '1', human: ['a', 'b'], judge: 'a' }])).toThrow(RangeError);
  });

  it('sees a judge that is flattered by length where people are not', () => {
    const rows = Array.from({ length: 60 }, (_, i): LabelledItem => {
      const length = 10 * (i + 1);
      return {
        id: String(i),
        human: [i % 2 === 0 ? 'pass' : 'fail'],
        judge: length > 300 ? 'pass' : 'fail',
        length,
      };
    });
    const { length } = calibrate(rows, { pass: 'pass' });
    expect(length?.judge).toBeGreaterThan(0.8);
    expect(Math.abs(length?.human ?? 1)).toBeLessThan(0.1);
  });

  it('sees a judge that prefers whichever text stands first', () => {
    const fair = calibrate(items(40, 'first', 'first', { swapped: 'first' }));
    expect(fair.position).toMatchObject({ pairs: 40, inconsistent: 0, p: 1, invalid: false });
    const seated = calibrate([
      ...items(20, 'first', 'first', { swapped: 'first' }),
      ...items(18, 'second', 'first', { swapped: 'second' }),
      ...items(2, 'second', 'second', { swapped: 'first' }),
    ]);
    expect(seated.position).toMatchObject({ pairs: 40, inconsistent: 20, firstWins: 18, invalid: true });
    expect(seated.position?.p).toBeLessThan(0.001);
  });
});

describe('the corrected pass rate of a simulated judge', () => {
  const rules = {
    criteria: [{ ask: 'sorry', yesWhen: { textContains: 'sorry' } }],
    otherwise: 'no',
  } as unknown as JudgeRules;
  const accuracy = { sensitivity: 0.9, specificity: 0.8, noise: 0 };
  const TRUE_RATE = 0.7;

  it('holds the true rate within its interval in at least 93 % of 300 draws, where the raw rate hardly ever does', () => {
    let inside = 0;
    let rawInside = 0;
    const DRAWS = 300;
    for (let draw = 0; draw < DRAWS; draw++) {
      const draws = drawsFrom('calibration', draw);
      const verdict = (good: boolean): string => {
        const task = {
          criteria: [{ id: 'kind', ask: 'sorry' }],
          candidate: good ? 'sorry' : 'no',
          nonces: [],
        };
        const { criteria } = judgeReply(task, null, rules, accuracy, draws) as {
          criteria: { verdict: string }[];
        };
        return criteria[0]?.verdict === 'yes' ? 'pass' : 'fail';
      };
      const labelled = Array.from({ length: 200 }, (_, i): LabelledItem => {
        const good = draws.uniform() < TRUE_RATE;
        return { id: String(i), human: [good ? 'pass' : 'fail'], judge: verdict(good) };
      });
      const seen = Array.from({ length: 400 }, () => verdict(draws.uniform() < TRUE_RATE));
      const passed = seen.filter((v) => v === 'pass').length;
      const { corrected } = calibrate(labelled, {
        pass: 'pass',
        observed: { passed, verdicts: seen.length },
      });
      if (corrected !== null && corrected.lower <= TRUE_RATE && TRUE_RATE <= corrected.upper) inside++;
      const rate = passed / seen.length;
      if (Math.abs(rate - TRUE_RATE) <= 1.96 * Math.sqrt((rate * (1 - rate)) / seen.length)) rawInside++;
    }
    expect(inside / DRAWS).toBeGreaterThanOrEqual(0.93);
    expect(inside).toBeLessThan(DRAWS);
    expect(rawInside).toBeLessThan(inside);
  });
});
