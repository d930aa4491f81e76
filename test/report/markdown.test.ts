// The pull-request comment: verdict first, short enough to be posted, and nothing a model wrote can break out of it.

import { expect, test } from 'vitest';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { CheckResult } from '../../src/core/index.ts';
import {
  checkMarkdown,
  comparisonMarkdown,
  fitSections,
  MARKDOWN_LIMIT,
  markdownCode,
  markdownMarker,
} from '../../src/report/index.ts';
import { block, options, snapshot } from '../compare/world.ts';
import { ATTACKS, hostileCheck, hostileComparison, hostileUncompared } from './hostile-check.ts';

/** What is left when code (fenced and inline) is taken out, as a renderer would see it as text and markup. */
function outsideCode(markdown: string): string {
  const kept: string[] = [];
  let fence: string | null = null;
  for (const line of markdown.split('\n')) {
    const mark = /^(`{3,})(.*)$/.exec(line);
    if (fence === null && mark !== null && !(mark[2] ?? '').includes('`')) fence = mark[1] ?? '';
    else if (fence !== null) {
      if (mark !== null && (mark[1] ?? '').length >= fence.length && (mark[2] ?? '').trim() === '')
        fence = null;
    } else kept.push(line);
  }
  expect(fence).toBeNull();
  return kept.join('\n').replace(/(?<![\\`])(`+)(?!`)[^\n]*?(?<!`)\1(?!`)/g, '');
}

function expectHarmless(markdown: string): void {
  expect(markdown.length).toBeLessThanOrEqual(MARKDOWN_LIMIT);
  expect(markdown.isWellFormed()).toBe(true);
  expect(markdown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  // No line of the whole page, code included, is a command to a runner when the page is printed into a log.
  expect(markdown).not.toMatch(/^\s*::|##\[|##vso\[/m);
  const text = outsideCode(markdown);
  // Of raw HTML only our own tags and the marker, and they are balanced.
  const tags = [...text.matchAll(/(?<!\\)<[^>\n]*>/g)].map((m) => m[0]);
  for (const tag of tags) expect(tag).toMatch(/^<(\/?(details|summary|sub)|!-- lastgood:[\w.,-]+ --)>$/);
  const count = (tag: string): number => tags.filter((t) => t === tag).length;
  expect(count('<details>')).toBe(count('</details>'));
  expect(count('<summary>')).toBe(count('</summary>'));
  expect(tags.filter((t) => t.startsWith('<!--'))).toHaveLength(1);
  expect(text).not.toMatch(/@\w/);
  expect(text).not.toMatch(/(?<!&)#\d/);
  // No link, no image: every bracket of foreign text is escaped, ours are intervals.
  expect(text).not.toMatch(/(?<!\\)\]\(/);
  // Headings are ours only.
  for (const line of text.split('\n').filter((l) => l.startsWith('#')))
    expect(line).toMatch(/^#{2,4} (❌|✅|⚠️|🆕|Worst cases: \d+ |refund-bot)/u);
}

test('hostile outputs, ids, tags, notes and reasons stay text in a comparison', () => {
  expectHarmless(comparisonMarkdown(hostileComparison(), { next: `lastgood show x --case ${ATTACKS[7]}` }));
});

test('and in a check, with one suite, with several, and without a comparison', () => {
  expectHarmless(checkMarkdown(hostileCheck(1)));
  expectHarmless(checkMarkdown(hostileCheck(6)));
  expectHarmless(checkMarkdown(hostileUncompared()));
});

test('a page that would be too long leaves out whole sections, least important first, and says which', () => {
  const many = compareSnapshots(
    snapshot('before', block('refund', 600, 'pppp', { tags: ['refund'] })),
    snapshot('after', block('refund', 600, 'ffff', { tags: ['refund'] })),
    options(),
  );
  const withOutputs = {
    ...many,
    cases: many.cases.map((c) => ({
      ...c,
      example: {
        trial: { baseline: 0, candidate: 0 },
        baseline: 'good '.repeat(2000),
        candidate: 'bad '.repeat(2000),
        candidateReasons: [],
      },
    })),
  } as typeof many;
  const page = comparisonMarkdown(withOutputs, { limit: 20_000, maxExamples: 40 });
  expect(page.length).toBeLessThanOrEqual(20_000);
  expect(page.split('\n')[1]).toMatch(/^## ❌ Regressed/);
  expect(page).toContain('Regressed cases: 600');
  expect(page).toContain('… 550 more cases');
  expect(page).toMatch(
    /Cut: .*Left out: .*before and after of .* and \d+ more\. The JSON report has everything/,
  );
  expectHarmless(page);
  expect(comparisonMarkdown(withOutputs)).not.toContain('Cut:');
});

test('sections keep their order, and what does not fit is named', () => {
  const page = fitSections(
    [
      { name: 'head', rank: 0, text: 'HEAD\n' },
      { name: 'long', rank: 9, text: `${'x'.repeat(2000)}\n` },
      { name: 'tail', rank: 1, text: 'TAIL\n' },
    ],
    1000,
  );
  expect(page).toMatch(/^HEAD\n\nTAIL\n\n> Cut: .*Left out: long\./);
});

test('only sections with content are there', () => {
  const calm = compareSnapshots(
    snapshot('before', block('refund', 40, 'pppppp')),
    snapshot('after', block('refund', 40, 'pppppp')),
    options(),
  );
  const page = comparisonMarkdown(calm);
  expect(page).toContain('## ✅ Unchanged');
  expect(page).not.toMatch(/Regressed cases|Improved cases|Possibly worse|Slices|Next:/);
});

test('the marker is the same for the same suites, so that the comment is found again', () => {
  const first = checkMarkdown(hostileCheck(2)).split('\n')[0];
  const { suites, ...rest } = hostileCheck(2);
  const green: CheckResult = { ...rest, suites: suites.map((s) => ({ ...s, gate: 'pass', exitCode: 0 })) };
  expect(checkMarkdown(green).split('\n')[0]).toBe(first);
  expect(first).toMatch(/^<!-- lastgood:[\w.,-]+ -->$/);
  expect(markdownMarker('a-->b<!--c')).toBe('<!-- lastgood:a-b-c -->');
});

test('a gate that fails on a floor is no green tick, whatever the verdict', () => {
  const { suites, ...rest } = hostileCheck(1);
  const floor: CheckResult = {
    ...rest,
    verdict: 'unchanged',
    suites: suites.map((s) => ({ ...s, verdict: 'unchanged' })),
  };
  expect(checkMarkdown(floor).split('\n')[1]).toMatch(/^## ❌ Gate failed/);
});

test('a code span holds its content', () => {
  expect(markdownCode('plain')).toBe('`plain`');
  expect(markdownCode('a `b` c')).toBe('``a `b` c``');
  expect(markdownCode('`x`')).toBe('`` `x` ``');
});
