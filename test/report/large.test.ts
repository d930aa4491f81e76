// What a comparison of very many cases is written as: in pieces, capped where a page would be unusable, and never by spreading a list.

import { describe, expect, test } from 'vitest';
import { snapshotOf } from '../../bench/stat/snapshots.ts';
import { streamOf, trueRates, uniformDrop, worldOf } from '../../bench/stat/worlds.ts';
import { compareSnapshots } from '../../src/compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  resolvePolicy,
  type SnapshotResults,
} from '../../src/core/index.ts';
import {
  comparisonHtml,
  comparisonMarkdown,
  comparisonText,
  MOST_CASES,
  pageCases,
} from '../../src/report/index.ts';
import { jsonDocument, jsonPieces } from '../../src/report/json/json-document.ts';

const joined = (value: unknown): string => [...jsonPieces(value)].join('');

describe('JSON in pieces', () => {
  const list = Array.from({ length: 500 }, (_, i) =>
    i % 7 === 0 ? undefined : { id: `c${i}`, tags: ['a'], text: '##vso[x]\u0085\n\u202e' },
  );

  test.each([
    ['a long list at the top', list],
    [
      'one far down, beside what JSON leaves out',
      { a: undefined, f: () => 1, e: {}, deep: { list, none: [] } },
    ],
    ['several', { kind: 'x', one: list, two: list.map((_, i) => i), last: null }],
    ['no long list', { id: 's', cases: [1, { b: [] }] }],
  ])('%s is the same text as in one go', (_what, value) => {
    expect(joined(value)).toBe(jsonDocument(value));
  });

  test('no piece is much longer than an item', () => {
    const longest = Math.max(...[...jsonPieces({ list })].map((p) => p.length));
    expect(longest).toBeLessThan(500);
  });
});

/** Every case passes before; every `every`-th fails now. */
function compared(cases: number, every: number, tagsOf: (i: number) => readonly string[]): Comparison {
  const rng = streamOf(7, 'large', cases, 1);
  const before = trueRates('mature', 2, rng);
  const typical = Float64Array.from([5, 5]);
  const world = worldOf(
    { before, after: uniformDrop(before, 0), lengths: { typical, candidateFactor: 1 } },
    rng,
  );
  const frame = snapshotOf('sbaseline', 'baseline', world, [[world.run('baseline', 0)]]);
  const one = frame.cases[0] as CaseResult;
  const arm = (id: string, passes: (i: number) => boolean): SnapshotResults => ({
    summary: { ...frame.summary, id, cases },
    cases: Array.from({ length: cases }, (_, i) => ({
      ...one,
      id: `case-${i}`,
      tags: tagsOf(i),
      trials: one.trials.map((t) => ({ ...t, pass: passes(i), score: passes(i) ? 1 : 0 })),
    })),
  });
  return compareSnapshots(
    arm('sbaseline', () => true),
    arm('scandidate', (i) => i % every !== 0),
    { policy: resolvePolicy(undefined), replicates: 199 },
  );
}

describe('many cases', () => {
  test('a tag on every single one of 45,000 cases overflows nothing', () => {
    const c = compared(45_000, 2, (i) => [`tag-${i}`]);
    expect(c.slices).toHaveLength(45_000);
    expect(c.flips.passToFail).toBe(22_500);
    expect(comparisonHtml(c)).toContain('more tags moved less');
    expect(comparisonText(c).length).toBeLessThan(20_000);
    expect(comparisonMarkdown(c).length).toBeLessThan(65_536);
  });

  test('a page of too many cases holds what changed, and says what it leaves out', () => {
    const c = compared(MOST_CASES + 1, 10, () => []);
    const shown = pageCases(c);
    expect(shown).toHaveLength(1001);
    expect(shown.every((d) => d.verdict !== 'unchanged')).toBe(true);
    const page = comparisonHtml(c);
    expect(page).toContain('Cases (1001 of 10001 changed)');
    expect(page).toContain('This page holds 1001 of the 10001 cases: those that changed.');
    expect(page).not.toContain('"case-1"');
  });

  test('of more changed cases than fit, the worst are kept', () => {
    const c = compared(MOST_CASES + 5, 1, () => []);
    expect(pageCases(c)).toHaveLength(MOST_CASES);
    expect(comparisonHtml(c)).toContain('the worst of the 10005 that changed');
  });

  test('a page that has room for all holds all', () => {
    const c = compared(100, 10, () => []);
    expect(pageCases(c)).toHaveLength(100);
    expect(comparisonHtml(c)).not.toContain('This page holds');
  });
});
