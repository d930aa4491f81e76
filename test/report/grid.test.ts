// The table of several releases: what a cell says when little was measured, and that names from files act on nothing.

import { expect, test } from 'vitest';
import type { Grid, GridRelease } from '../../src/core/index.ts';
import { gridMarkdown, gridText } from '../../src/report/text/grid-text.ts';

function release(more: Partial<GridRelease> = {}): GridRelease {
  return {
    release: 'triage',
    fingerprint: 'a'.repeat(64),
    snapshot: 's111',
    prompt: 0,
    model: 0,
    validity: 'valid',
    validityReasons: [],
    passRate: 0.5,
    interval: [0.3, 0.7],
    gradedCases: 20,
    trials: 40,
    failed: 0,
    skipped: 0,
    ungraded: 0,
    costUsd: null,
    latencyMs: null,
    simulated: false,
    ...more,
  };
}

function grid(more: Partial<Grid> = {}): Grid {
  return {
    schemaVersion: 1,
    kind: 'grid',
    suite: 'desk',
    cases: 20,
    prompts: [{ label: 'triage', hash: 'p' }],
    models: [{ label: 'small', hash: 'm' }],
    releases: [release()],
    differing: [],
    calls: 40,
    stoppedBy: null,
    ...more,
  };
}

test('what is not known is said, never shown as 0', () => {
  const text = gridText(grid());
  expect(text).toContain('unknown');
  expect(text).not.toMatch(/\$0\b|0 ms/);
  const nothing = grid({
    releases: [release({ passRate: null, interval: null, gradedCases: 0, validity: 'invalid' })],
  });
  expect(gridText(nothing)).toContain('nothing graded');
  expect(gridMarkdown(nothing)).toContain('nothing graded');
});

test('a release that is not valid, and a run that ended early, are marked', () => {
  const text = gridText(
    grid({
      releases: [release({ validity: 'degraded', validityReasons: ['12 of 40 trials were skipped'] })],
      stoppedBy: 'max-calls',
    }),
  );
  expect(text).toMatch(/50\.0 ?% \(30\.0 ?% to 70\.0 ?%\) \(degraded\)/);
  expect(text).toContain('triage: 12 of 40 trials were skipped');
  expect(text).toContain('the run ended early: max-calls');
});

test('a combination that was not named is not run, and a long list of cases is cut with its count', () => {
  const differing = Array.from({ length: 40 }, (_, i) => ({
    id: `case-${i}`,
    tags: [],
    passRates: [1, null],
  }));
  const text = gridText(
    grid({
      prompts: [
        { label: 'full', hash: 'a' },
        { label: 'short', hash: 'b' },
      ],
      models: [
        { label: 'small', hash: 'c' },
        { label: 'large', hash: 'd' },
      ],
      releases: [release(), release({ release: 'other', snapshot: 's222', prompt: 1, model: 1 })],
      differing,
    }),
  );
  expect(text.match(/not run/g)).toHaveLength(2);
  expect(text).toContain('15 of 40 shown');
  expect(text).toContain('ungraded');
});

test('names from files start no markup, no cell and no escape sequence', () => {
  const hostile = '| x | [y](javascript:1) \u001b[31m @octocat <b>';
  const bad = grid({
    suite: hostile,
    prompts: [{ label: hostile, hash: 'p' }],
    models: [{ label: hostile, hash: 'm' }],
    releases: [release({ release: hostile, validityReasons: [hostile] })],
    differing: [{ id: hostile, tags: [], passRates: [1] }],
  });
  expect(gridText(bad)).not.toContain('\u001b');
  const markdown = gridMarkdown(bad);
  expect(markdown).not.toContain('\u001b');
  expect(markdown).not.toMatch(/(^|[^\\])\[y\]/);
  expect(markdown).not.toMatch(/@octocat/);
  expect(markdown).not.toContain('<b>');
  for (const line of markdown.split('\n').filter((l) => l.startsWith('| ')))
    expect(line.replaceAll('\\|', '').match(/\|/g)?.length).toBeLessThanOrEqual(7);
});
