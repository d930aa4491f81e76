// Several releases on one suite as one table, for a terminal and as Markdown.

import { count, milliseconds, percent, usd } from '../../base/numbers.ts';
import type { Grid, GridRelease } from '../../core/index.ts';
import { cell, terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';
import { table } from './table.ts';

/** Differing cases that are listed. */
const MOST_CASES = 15;

/** The table of prompts × models, the snapshots behind it, and the cases that differ most. */
export function gridText(grid: Grid, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const lines = [
    `${style.bold(terminalLine(grid.suite, 60))}: ${headline(grid)}`,
    ...table(gridRows(grid, (text) => terminalLine(text, 40))),
    '',
    ...table(
      [RELEASE_COLUMNS, ...grid.releases.map((r) => releaseCells(r, grid, (t) => terminalLine(t, 40)))],
      [2, 3, 4],
    ),
    ...problems(grid).map((line) => `  ${style.yellow(terminalLine(line, 300))}`),
    ...caseLines(grid),
    ...nextLines(grid),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same for a pull request or a page. */
export function gridMarkdown(grid: Grid): string {
  const rows = gridRows(grid, (text) => cell(text, 60));
  const releases = [RELEASE_COLUMNS, ...grid.releases.map((r) => releaseCells(r, grid, (t) => cell(t, 60)))];
  const cases = shownCases(grid);
  return `${[
    `## ${cell(grid.suite, 60)}: ${headline(grid)}`,
    markdownTable(rows),
    markdownTable(releases),
    ...problems(grid).map((line) => `- ${cell(line, 300)}`),
    ...(cases.length === 0
      ? []
      : [
          `Cases that differ (${caseCount(grid)}):`,
          markdownTable([
            ['case', ...grid.releases.map((r) => cell(r.release, 60))],
            ...cases.map((c) => [cell(c.id, 60), ...c.passRates.map(rateCell)]),
          ]),
        ]),
    CAUTION,
  ].join('\n\n')}\n`;
}

const RELEASE_COLUMNS = ['release', 'snapshot', 'graded', 'cost', 'latency p50', 'state'];

const CAUTION =
  'This table measures; it does not judge. Where intervals overlap, a difference may be chance: `lastgood compare` tests two releases.';

function headline(grid: Grid): string {
  return `${count(grid.releases.length, 'release')}, ${count(grid.cases, 'case')}, ${count(grid.calls, 'call')}: pass rate with its 95 % interval`;
}

function gridRows(grid: Grid, shown: (text: string) => string): string[][] {
  return [
    ['prompt', ...grid.models.map((m) => shown(m.label))],
    ...grid.prompts.map((prompt, row) => [
      shown(prompt.label),
      ...grid.models.map((_, column) => {
        const found = grid.releases.find((r) => r.prompt === row && r.model === column);
        return found === undefined ? 'not run' : rateText(found);
      }),
    ]),
  ];
}

function rateText({ passRate, interval, validity }: GridRelease): string {
  if (passRate === null) return 'nothing graded';
  const [low, high] = interval ?? [0, 1];
  const mark = validity === 'valid' ? '' : ` (${validity})`;
  return `${percent(passRate)} (${percent(low)} to ${percent(high)})${mark}`;
}

function releaseCells(r: GridRelease, grid: Grid, shown: (text: string) => string): string[] {
  return [
    shown(r.release),
    r.snapshot,
    `${r.gradedCases} of ${count(grid.cases, 'case')}`,
    usd(r.costUsd),
    r.latencyMs === null ? 'unknown' : milliseconds(r.latencyMs.p50),
    `${r.validity}${r.simulated ? ', simulated or recorded' : ''}`,
  ];
}

/** What makes the table less than it looks. */
function problems(grid: Grid): string[] {
  return [
    ...(grid.stoppedBy === null ? [] : [`the run ended early: ${grid.stoppedBy}`]),
    ...grid.releases.flatMap((r) => r.validityReasons.map((reason) => `${r.release}: ${reason}`)),
  ];
}

function shownCases(grid: Grid): Grid['differing'] {
  return grid.differing.slice(0, MOST_CASES);
}

function caseCount(grid: Grid): string {
  const shown = shownCases(grid).length;
  const all = grid.differing.length;
  return shown === all ? String(all) : `${shown} of ${all} shown`;
}

function caseLines(grid: Grid): string[] {
  const cases = shownCases(grid);
  if (cases.length === 0) return [];
  return [
    '',
    `Cases that differ (${caseCount(grid)}), pass rate by release:`,
    ...table([
      ['case', ...grid.releases.map((r) => terminalLine(r.release, 24))],
      ...cases.map((c) => [terminalLine(c.id, 40), ...c.passRates.map(rateCell)]),
    ]),
  ];
}

function rateCell(rate: number | null): string {
  return rate === null ? 'ungraded' : percent(rate, 0);
}

function nextLines(grid: Grid): string[] {
  const [a, b] = grid.releases.filter((r) => r.passRate !== null);
  return [
    '',
    CAUTION,
    ...(a === undefined || b === undefined ? [] : [`next: lastgood diff ${a.snapshot} ${b.snapshot}`]),
  ];
}

function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
}
