// The samples of docs/statistics.md are what the program prints today, and its numbers are those of the code.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PICTURES, pictures } from '../../bench/stat/doc-pictures.ts';
import { filled, PAGE, sampleComparisons, samples } from '../../bench/stat/doc-samples.ts';
import { resolvePolicy } from '../../src/core/index.ts';
import { TIERS } from '../../src/engine/comparison/compare-plan.ts';

const page = readFileSync(PAGE, 'utf8');

test('the page shows what the program prints (if not: node bench/stat/doc-samples.ts)', () => {
  expect(page).toBe(filled(page));
});

test('there is a sample of every verdict', () => {
  const verdicts = Object.values(samples()).flatMap((text) => /^```text\n([A-Z-]+) /.exec(text)?.[1] ?? []);
  for (const verdict of [
    'REGRESSED',
    'IMPROVED',
    'UNCHANGED',
    'NO-REGRESSION-FOUND',
    'INCONCLUSIVE',
    'INVALID',
  ])
    expect(verdicts).toContain(verdict);
  // Each section of the page shows what it is about.
  const verdictOf = (name: string) => sampleComparisons()[name]?.verdict;
  expect(['unchanged', 'improved', 'inconclusive', 'no-regression-found'].map(verdictOf)).toEqual([
    'unchanged',
    'improved',
    'inconclusive',
    'no-regression-found',
  ]);
  expect(sampleComparisons()['world-moved']).toMatchObject({ cause: 'world', gate: { outcome: 'pass' } });
  const one = samples()['one-case'] ?? '';
  expect(one).toContain('failed again on fresh trials');
  expect(samples()['suspected']).toContain('on the trials that made it look suspicious');
  expect(samples()['availability']).toContain('inconclusive (availability)');
  expect(samples()['within-margin']).toContain('within the margin');
});

test('the pictures are what the program draws (if not: node bench/stat/doc-pictures.ts), and each stands in the page', () => {
  const made = pictures();
  expect(readdirSync(PICTURES).sort()).toEqual(Object.keys(made).sort());
  for (const [name, picture] of Object.entries(made)) {
    expect(readFileSync(new URL(name, PICTURES), 'utf8')).toBe(picture);
    expect(page).toMatch(new RegExp(`!\\[[^\\]]{20,}\\]\\(pictures/${name}\\)`));
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
  }
});

test('a sample that is missing, or that nothing makes, is an error', () => {
  expect(() => filled(page.replace('<!-- sample: one-case -->', ''))).toThrow('one-case');
  expect(() => filled(`${page}\n<!-- sample: nonsense -->\n<!-- end -->\n`)).toThrow('nonsense');
});

test('the tiers and defaults in the text are those of the code', () => {
  const policy = resolvePolicy(undefined);
  expect(policy).toMatchObject({
    margin: 0.05,
    confidence: 0.9,
    alphaAggregate: 0.04,
    alphaCase: 0.01,
    alphaList: 0.1,
    maxMissing: 0.02,
    maxInvalid: 0.3,
    requireMargin: true,
    tier: 'std',
  });
  for (const [tier, { trials, confirmTrials }] of Object.entries(TIERS))
    expect(page).toMatch(new RegExp(`\\| \`${tier}\`[^|]*\\| ${trials} \\| ${confirmTrials} \\|`));
});
