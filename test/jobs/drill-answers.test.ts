// When the answers of a drill hold against the baseline.

import { expect, test } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import { resolvePolicy, type Suite } from '../../src/core/index.ts';
import { answersHold } from '../../src/jobs/drill/drill-checks.ts';
import { block, type CaseSketch, snapshot } from '../compare/world.ts';

// The baseline fails some cases now and then; today they pass more often, which is too little to be called better.
const before = [...block('steady', 12, 'pppppp'), ...block('shaky', 4, 'pppfpf')];
const after = [...block('steady', 12, 'pppppp'), ...block('shaky', 4, 'ppppfp')];
const policy = { undecided: 'fail' } as const;

function drilled(now: readonly CaseSketch[], then: readonly CaseSketch[]) {
  const [baseline, fresh] = [snapshot('s-1', then), snapshot('s-2', now)];
  const { verdict, overall } = compareSnapshots(baseline, fresh, { policy: resolvePolicy(policy), pool: [] });
  const check = answersHold({ policy } as unknown as Suite, fresh, [baseline], null);
  return { verdict, lower: overall.interval?.[0], check };
}

test('answers that may be better, and are shown to be no worse, hold', () => {
  const { verdict, lower, check } = drilled(after, before);
  expect([verdict, check.holds]).toEqual(['inconclusive', true]);
  expect(lower).toBeGreaterThan(-0.05);
  expect(check.detail).toContain('not worse against the baseline');
});

test('answers that may be worse by the margin prove nothing', () => {
  const { verdict, lower, check } = drilled(before, after);
  expect([verdict, check.holds]).toEqual(['inconclusive', null]);
  expect(lower).toBeLessThan(-0.05);
});

test('a case that looks broken keeps it open, also where the others make up for it', () => {
  const tone: CaseSketch = { id: 'tone', trials: 'pppfff' };
  const more = block('further', 6, 'pppfpf');
  const { verdict, lower, check } = drilled(
    [...after, ...block('further', 6, 'pppppf'), tone],
    [...before, ...more, { ...tone, trials: 'pppppp' }],
  );
  expect([verdict, check.holds]).toEqual(['inconclusive', null]);
  expect(lower).toBeGreaterThan(-0.05);
});
