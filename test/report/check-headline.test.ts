// The first line of a check: it names what is open or failed where the compared cases are fine.

import { expect, test } from 'vitest';
import type { CheckResult, CheckVerdict, FirstRunCase, GateRule } from '../../src/core/index.ts';
import { checkHeadline } from '../../src/report/parts/check-headline.ts';

const rule = (name: string, outcome: GateRule['outcome'], value: GateRule['value'] = null): GateRule => ({
  rule: name,
  value,
  limit: null,
  outcome,
  message: '',
});

const first = (id: string, more: Partial<FirstRunCase>): FirstRunCase => ({
  id,
  passed: 1,
  trials: 3,
  floor: 0.5,
  outcome: 'inconclusive',
  ...more,
});

function headline(
  verdict: CheckVerdict,
  outcome: CheckResult['gate']['outcome'],
  rules: readonly GateRule[],
  firstRun: readonly FirstRunCase[] = [],
  more: readonly string[] = [],
): string {
  const suites = ['refunds', ...more].map((suite, i) => ({ suite, firstRun: i === 0 ? firstRun : [] }));
  return checkHeadline({ verdict, gate: { outcome, rules }, suites: suites as never });
}

test('a verdict that decides the gate stands alone', () => {
  expect(headline('unchanged', 'pass', [rule('verdict', 'pass')])).toBe('unchanged');
  expect(headline('regressed', 'fail', [rule('min-pass-rate', 'fail', 0.8)])).toBe('regressed');
  expect(headline('inconclusive', 'inconclusive', [rule('first-run', 'inconclusive', 2)])).toBe(
    'inconclusive',
  );
  expect(headline('no-regression-found', 'pass', [])).toBe('no regression found');
});

test('cases that nothing can be compared with are named as what is open', () => {
  const apart = [
    first('refund-9', { state: 'added' }),
    first('refund-3', { state: 'edited', passed: 3, critical: true }),
    first('refund-2', { state: 'edited', passed: 3, outcome: 'pass' }),
  ];
  const rules = apart.map((c) => rule(`first-run:${c.id}`, c.outcome, 0.3));
  expect(headline('unchanged', 'inconclusive', rules, apart)).toBe(
    'open: 1 new case, 1 critical case not compared; the compared cases are unchanged',
  );
  // In one run with the others they are counted by a rule of the comparison.
  const together = [rule('first-run', 'inconclusive', 2), rule('critical:a', 'inconclusive', 'edited')];
  expect(headline('no-regression-found', 'inconclusive', together)).toBe(
    'open: 2 new or edited cases, 1 critical case not compared; the compared cases show no regression',
  );
  const several = together.map((r) => ({ ...r, rule: `refunds/${r.rule}` }));
  expect(headline('unchanged', 'inconclusive', several, [], ['tone'])).toMatch(
    /^open: 2 new or edited cases, 1 crit/,
  );
});

test('other rules that hold up or fail the gate are named too', () => {
  const removed = [rule('exam:removed-critical', 'inconclusive', 2), rule('exam:weaker', 'warn')];
  expect(headline('unchanged', 'inconclusive', removed)).toBe(
    'open: 2 removed critical cases; the compared cases are unchanged',
  );
  const doubt = [
    rule('critical:a', 'inconclusive', 'inconclusive'),
    rule('min-pass-rate:tag:tone', 'inconclusive', 0.8),
  ];
  expect(headline('improved', 'inconclusive', doubt)).toBe(
    'open: 1 critical case in doubt, a pass-rate floor; the compared cases improved',
  );
  expect(headline('unchanged', 'fail', [rule('channel:score', 'fail', -0.2), ...doubt])).toBe(
    'failed: the limit of score; the compared cases are unchanged',
  );
});
