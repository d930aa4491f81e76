// Every short report fits a screen, whatever its world warns of, and counts what it leaves out.

import { describe, expect, test } from 'vitest';
import { checkSummary } from '../../src/report/text/check-summary.ts';
import { comparisonSummary } from '../../src/report/text/comparison-summary.ts';
import { incidentSummary } from '../../src/report/text/incident-summary.ts';
import { nightlySummary } from '../../src/report/text/nightly-summary.ts';
import { rollbackSummary } from '../../src/report/text/rollback-summary.ts';
import { runSummary } from '../../src/report/text/run-summary.ts';
import { fitLines, type Part } from '../../src/report/text/short-lines.ts';
import {
  LONG,
  loud,
  loudCheck,
  loudIncident,
  loudNight,
  loudRollback,
  loudSnapshot,
  many,
} from './loud-worlds.ts';

describe('25 lines, the verdict first and the next command last', () => {
  test.each([
    ['run', () => runSummary(loudSnapshot, loud, { next: 'lastgood show' })],
    ['diff', () => comparisonSummary(loud, { next: 'lastgood show' })],
    ['check of one suite', () => checkSummary(loudCheck(1, {}))],
    ['check of twelve suites', () => checkSummary(loudCheck(12, {}))],
    ['check without a comparison', () => checkSummary(loudCheck(3, { comparison: null, reason: LONG }))],
    ['nightly', () => nightlySummary(loudNight)],
    ['rollback', () => rollbackSummary(loudRollback())],
    ['incident', () => incidentSummary(loudIncident())],
  ])('%s', (_, report) => {
    const lines = report().replaceAll('\u2060', '').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(25);
    expect(lines.length).toBeGreaterThan(18);
    expect(lines[0]).toMatch(/^[A-Z][A-Z ]+ {2}|^CHECK [A-Z]+ {2}/);
    expect(lines.at(-1)).toMatch(/^next: /);
    expect(lines.filter((line) => /… and \d+ more: --verbose$/.test(line)).length).toBeGreaterThan(0);
    const wide = lines.filter((line) => Array.from(line).length > 100 && !/^(next: |CHECK )/.test(line));
    expect(wide).toEqual([]);
  });
});

test('a report too long gives up entries of the highest order first, and counts them', () => {
  const entries = (name: string): string[][] => many((i) => [`${name} ${i}`], 4);
  const parts: Part[] = [
    { lines: ['verdict', 'and more of it'], least: 1 },
    { lines: ['worst cases'], entries: entries('case'), hidden: 3, order: 1 },
    { lines: [], entries: entries('note'), order: 2 },
    { lines: ['next: run'] },
  ];
  expect(fitLines(parts, 9)).toEqual([
    'verdict',
    'and more of it',
    'worst cases',
    'case 0',
    'case 1',
    'case 2',
    '  … and 4 more: --verbose',
    '  … and 4 more: --verbose',
    'next: run',
  ]);
  expect(fitLines(parts, 5)).toEqual([
    'verdict…',
    'worst cases',
    '  … and 7 more: --verbose',
    '  … and 4 more: --verbose',
    'next: run',
  ]);
});
