// The short terminal reports: nothing a model wrote acts on a terminal or a log, lines stay short, nothing is dropped in silence.

import { describe, expect, test } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import { checkSummary, comparisonSummary, rollbackHtml } from '../../src/report/index.ts';
import { block, options, snapshot } from '../compare/world.ts';
import { ATTACKS, hostileCheck, hostileComparison, hostileUncompared } from './hostile-check.ts';

const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

function expectHarmless(text: string): void {
  expect(text).not.toMatch(CONTROL);
  expect(text.isWellFormed()).toBe(true);
  const long = text
    .replaceAll('\u2060', '')
    .split('\n')
    .filter((line) => Array.from(line).length > 100 && !line.startsWith('next: '));
  expect(long).toEqual([]);
}

test('hostile ids, tags, reasons and answers stay text on short lines', () => {
  expectHarmless(comparisonSummary(hostileComparison()));
  for (const world of [hostileCheck(1), hostileCheck(6), hostileUncompared()]) {
    const text = checkSummary(world);
    expectHarmless(text);
    expect(text).not.toMatch(/^\s*::|##\[|##vso\[|section_(start|end):/m);
  }
});

test('a hostile rollback decision stays text on its page', () => {
  const [attack = ''] = ATTACKS;
  const arm = { id: 's1', fingerprint: 'f'.repeat(64), release: attack, passRate: 0.5 };
  const page = rollbackHtml({
    schemaVersion: 1,
    kind: 'rollback',
    suite: attack,
    current: arm,
    baseline: arm,
    regressedCases: [...ATTACKS],
    onset: null,
    decision: 'none',
    reason: attack,
    target: null,
    verification: null,
    rejected: [{ fingerprint: 'f'.repeat(64), release: attack, reason: 'not_better', detail: attack }],
    callsSpent: 0,
    steps: [...ATTACKS],
    diagnosis: attack,
  });
  expect(page).not.toMatch(/<script|<img|<h1>owned/);
  expect(page).toContain('&lt;script&gt;alert(1)');
});

describe('what a reader must know', () => {
  const before = block('refund', 40, 'pppppp');

  test('cases that were not compared and trials without a grade have a line', () => {
    const c = compareSnapshots(
      snapshot('before', before),
      snapshot('after', [...block('refund', 38, 'pppppp'), { id: 'new-one', trials: 'pp' }]),
      options(),
    );
    expect(comparisonSummary(c)).toMatch(/^ {2}coverage {3}38 of 41 cases compared; 1 added, 2 removed/m);
  });

  test('an undecided comparison is never called unchanged, and says what it needs', () => {
    const c = compareSnapshots(
      snapshot('before', block('refund', 12, 'pf')),
      snapshot('after', block('refund', 12, 'fp')),
      options(),
    );
    expect(c.verdict).toBe('inconclusive');
    const text = comparisonSummary(c);
    expect(text).toMatch(/^INCONCLUSIVE {2}.* is undecided/);
    expect(text).not.toMatch(/unchanged/i);
    expect(text).toMatch(/^ {2}sure {7}/m);
  });

  test('what is cut is counted', () => {
    const c = compareSnapshots(
      snapshot('before', before),
      snapshot('after', block('refund', 40, 'ffffff')),
      options(),
    );
    const text = comparisonSummary(c);
    expect(text).toContain('… and 37 more: --verbose');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
  });
});

test.each([
  ['regressed', block('refund', 40, 'ppffff')],
  ['inconclusive', block('refund', 40, 'ppppff')],
] as const)(
  'a short report of a comparison has the words of its reasons, without p and q (%s)',
  (_, after) => {
    const c = compareSnapshots(
      snapshot('before', block('refund', 40, 'pppppf')),
      snapshot('after', after),
      options(),
    );
    expect(c.reason).toMatch(/p = /);
    expect(c.words).not.toMatch(/[pq] [=≤]/);
    expect(comparisonSummary(c)).not.toMatch(/[pq] [=≤]/);
  },
);
