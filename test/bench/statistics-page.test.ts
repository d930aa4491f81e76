// The samples of docs/statistics.md are what the program prints today, and its numbers are those of the code.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { filled, PAGE, samples } from '../../bench/stat/doc-samples.ts';
import { resolvePolicy } from '../../src/core/index.ts';
import { TIERS } from '../../src/workflow/compare/compare-plan.ts';

const page = readFileSync(PAGE, 'utf8');

test('the page shows what the program prints (if not: node bench/stat/doc-samples.ts)', () => {
  expect(page).toBe(filled(page));
});

test('there is a sample of every verdict', () => {
  const verdicts = Object.values(samples()).flatMap((text) => /^```text\n([A-Z]+) /.exec(text)?.[1] ?? []);
  for (const verdict of ['REGRESSED', 'IMPROVED', 'UNCHANGED', 'INCONCLUSIVE', 'INVALID'])
    expect(verdicts).toContain(verdict);
  const one = samples()['one-case'] ?? '';
  expect(one).toContain('failed again on fresh trials');
  expect(samples()['suspected']).toContain('on the trials that made it look suspicious');
  expect(samples()['availability']).toContain('inconclusive (availability)');
  expect(samples()['within-margin']).toContain('within the margin');
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
