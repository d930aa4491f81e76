// A case that looks broken is not shown as passed: JUnit says failure, or skipped with the reason.

import { describe, expect, test } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { Comparison } from '../../src/core/comparison.ts';
import { comparisonJunit } from '../../src/report/ci/comparison-junit.ts';
import { block, type CaseSketch, caseResult, options, snapshot } from '../compare/world.ts';

const steady = block('refund', 40, 'pppppppp');

function junit(now: readonly CaseSketch[], fresh?: readonly CaseSketch[]): (id: string) => string {
  const before = [...steady, ...now.map((c) => ({ ...c, trials: 'pppppppp' }))];
  const comparison: Comparison = compareSnapshots(
    snapshot('s-1', before),
    snapshot('s-2', [...steady, ...now]),
    options(
      {},
      fresh === undefined ? {} : { confirmation: { baseline: [], candidate: fresh.map(caseResult) } },
    ),
  );
  const xml = comparisonJunit(comparison);
  return (id) => {
    const at = xml.indexOf(`name="${id}"`);
    const end = xml.indexOf('<testcase', at);
    return xml.slice(at, end < 0 ? undefined : end);
  };
}

describe('in JUnit', () => {
  test('a case that fell from 8/8 to 0/5 and got no fresh trials is skipped with the counts', () => {
    // Fresh trials were run, but for other cases: the limit of suspects was used up.
    const one = junit([{ id: 'tone', trials: 'fffff' }], [{ id: 'refund-000', trials: 'pppppppp' }])('tone');
    expect(one).toContain('<skipped');
    expect(one).toContain('looks broken, not proven: 8/8 → 0/5');
  });

  test('a flip of the only trial is skipped, one flip among many passes', () => {
    const cases = junit([
      { id: 'single', trials: 'f' },
      { id: 'flaky', trials: 'ppppfppp' },
    ]);
    expect(cases('single')).toContain('<skipped');
    expect(cases('flaky')).not.toContain('<skipped');
    expect(cases('flaky')).not.toContain('<failure');
  });

  test('fresh trials that pass clear it, fresh trials that fail do not', () => {
    const bad = [{ id: 'tone', trials: 'fffpp' }];
    expect(junit(bad, [{ id: 'tone', trials: 'pppppppp' }])('tone')).not.toContain('<skipped');
    const failing = junit(bad, [{ id: 'tone', trials: 'ffffffff' }])('tone');
    expect(failing.includes('<failure') || failing.includes('<skipped')).toBe(true);
  });
});
