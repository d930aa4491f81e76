// A sentence keeps its statistics apart from its words, however it is put together.

import { expect, test } from 'vitest';
import { asReason, joinReasons, reason, reasonOf, statistic } from '../../src/core/reason.ts';

test('only the full text has the statistics', () => {
  const fell = reason`the pass rate fell by ${3} points${statistic(': p = 0.001 ≤ 0.01')}`;
  const floor = reason`at risk: 67 % < 85 %${statistic(', which may be chance (p = 0.2)', ' (not proven)')}`;
  const both = joinReasons([fell, floor]);
  expect(both.full).toBe(
    'the pass rate fell by 3 points: p = 0.001 ≤ 0.01; at risk: 67 % < 85 %, which may be chance (p = 0.2)',
  );
  expect(both.words).toBe('the pass rate fell by 3 points; at risk: 67 % < 85 % (not proven)');
});

test('a result carries both forms, and one without statistics only its text', () => {
  const why = reason`so far: ${reason`the suite fell${statistic(' (p = 0.001)')}`}`;
  expect(asReason(why)).toEqual({
    reason: 'so far: the suite fell (p = 0.001)',
    words: 'so far: the suite fell',
  });
  expect(reasonOf(asReason(why))).toEqual(why);
  expect(asReason('the run was stopped')).toEqual({ reason: 'the run was stopped' });
  expect(reasonOf({ reason: 'kept by an earlier version' }).words).toBe('kept by an earlier version');
});
