// A check in 25 lines: the answer, a line a suite, the worst suite with its cases, the next command.

import { count, percent, usd } from '../../base/numbers.ts';
import type { CheckResult, OfflineCheck, SuiteCheck } from '../../core/index.ts';
import { checkHeadline } from '../parts/check-headline.ts';
import { logText, terminalLine } from '../parts/escape.ts';
import { examLines, offlineLines } from './check-text.ts';
import { changeText, comparisonParts } from './comparison-summary.ts';
import { fitLines, fold, idList, labelled, list, type Part, WIDTH } from './short-lines.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';
import { table } from './table.ts';

/** Suites that get a line of their own. */
const MOST_SUITES = 8;
/** New or edited cases that are listed where there is no comparison. */
const MOST_FIRST_RUN = 8;

/** The short report of a check. No line of it is a command to a CI runner. */
export function checkSummary(r: CheckResult, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const gate = verdictStyle(style, r.gate.outcome);
  const parts: Part[] = [
    {
      lines: [
        `${gate(style.bold(`CHECK ${r.gate.outcome.toUpperCase()}`))}  ${terminalLine(checkHeadline(r), 200)} (exit ${r.exitCode}); ${spentText(r)}`,
      ],
    },
  ];
  const [first, ...others] = [...r.suites].sort((a, b) => weight(b) - weight(a));
  if (others.length > 0)
    parts.push(suiteTable(r.suites, style), otherSuites(others), {
      lines: [style.bold(terminalLine(first?.suite ?? '', 60))],
    });
  if (first !== undefined) parts.push(...suiteParts(first, style));
  return logText(`${fitLines(parts).join('\n').trimEnd()}\n`);
}

function weight(s: SuiteCheck): number {
  return s.gate === 'fail' ? 2 : s.gate === 'inconclusive' ? 1 : 0;
}

function suiteTable(suites: readonly SuiteCheck[], style: Style): Part {
  const worst = [...suites].sort((a, b) => weight(b) - weight(a));
  const rows = worst.slice(0, MOST_SUITES).map((s) => {
    const warnings = s.comparison?.gate.rules.filter((r) => r.outcome === 'warn').length ?? 0;
    return [
      terminalLine(s.suite, 30),
      verdictStyle(style, s.gate)(suiteWords(s)),
      s.comparison === null || s.status === 'first-run' ? '' : changeText(s.comparison),
      `${s.candidate === null ? 0 : s.scope.affected} of ${count(s.scope.cases, 'case')} run`,
      warnings === 0 ? '' : count(warnings, 'warning'),
    ];
  });
  return {
    lines: [],
    entries: table(rows).map((row) => [row]),
    hidden: suites.length - rows.length,
    order: 2,
  };
}

/** The verdict, and that the gate does not follow it. */
function suiteWords({ verdict, gate }: SuiteCheck): string {
  const words = verdict.replaceAll('-', ' ');
  const apart = verdict !== 'inconclusive' && verdict !== 'regressed';
  return apart && gate !== 'pass' ? `${words}, gate ${gate === 'fail' ? 'fails' : 'open'}` : words;
}

/** What to do about the suites that did not pass and are not shown in full. */
function otherSuites(others: readonly SuiteCheck[]): Part {
  const lines = others
    .filter((s) => s.gate !== 'pass')
    .map((s) =>
      terminalLine(`  ${s.suite}: ${s.next === null ? (s.words ?? s.reason) : `next: ${s.next}`}`, WIDTH),
    );
  return list(lines, 3, { order: 2 });
}

function suiteParts(s: SuiteCheck, style: Style): Part[] {
  const below = [firstRunPart(s), ...scopeParts(s), { lines: baselineLines(s) }];
  const next = s.next === null ? undefined : terminalLine(s.next, 500);
  if (s.comparison !== null && s.status !== 'first-run')
    return comparisonParts(s.comparison, { style, next, below, poolBelow: true });
  return [
    { lines: fold(s.words ?? s.reason, WIDTH - 2, 4).map((line) => `  ${line}`), least: 1 },
    ...(s.offline === null ? [] : [list(offlineSummary(s.offline), 6, { order: 3 })]),
    ...below,
    { lines: next === undefined ? [] : [`next: ${next}`] },
  ];
}

function offlineSummary(o: OfflineCheck): string[] {
  return offlineLines(o)
    .map((line) => terminalLine(line, WIDTH))
    .map((line) => `  ${line}`);
}

/** New and edited cases have no comparison: how many reach their floor, and by name those that do not. */
function firstRunPart({ firstRun, status }: SuiteCheck): Part {
  if (firstRun.length === 0) return { lines: [] };
  const failing = firstRun.filter((c) => c.outcome !== 'pass');
  const lines = labelled(
    'new cases',
    `${count(firstRun.length, 'new or edited case')}, not compared: ${firstRun.length - failing.length} reach their floor`,
  );
  const line = (c: (typeof firstRun)[number]): string =>
    `    ${terminalLine(c.id, 50)}${c.critical === true ? ' (critical)' : ''}  ${c.passed}/${c.trials}, floor ${percent(c.floor)}: ${c.outcome}`;
  const most = status === 'first-run' ? MOST_FIRST_RUN : 3;
  return { ...list(failing.map(line), most, { indent: '    ', order: 2 }), lines };
}

function scopeParts(s: SuiteCheck): Part[] {
  const { scope } = s;
  const since = scope.base === null ? '' : ` since ${scope.base.slice(0, 12)}`;
  const removed = scope.removed.length === 0 ? '' : `; removed: ${idList(scope.removed)}`;
  const [why, ...changes] = examLines(s);
  return [
    {
      lines: labelled(
        'scope',
        `${scope.affected} of ${count(scope.cases, 'case')}${since} (${scope.why})${removed}`,
        removed === '' ? 1 : 2,
      ),
      least: 1,
    },
    { lines: why === undefined ? [] : labelled('exam', why.replace(/^exam: /, '')) },
    // What the change does to its own exam is the last to be left out.
    list(
      [...changes]
        .sort((a, b) => seriousness(b) - seriousness(a))
        .map((line) => `    ${terminalLine(line, WIDTH - 4)}`),
      3,
      { indent: '    ', order: -1 },
    ),
  ];
}

function seriousness(line: string): number {
  return line.startsWith('critical') ? 2 : line.startsWith('weaker') ? 1 : 0;
}

function baselineLines({ baseline }: SuiteCheck): string[] {
  if (baseline === null) return [];
  const from = {
    against: 'named with --against',
    blessed: 'blessed in the ledger',
    file: `committed as ${terminalLine(baseline.file ?? '', 80)}`,
  }[baseline.source];
  const pool = baseline.pooled === 0 ? '' : `, pooled with ${count(baseline.pooled, 'more run')}`;
  const leftOut = baseline.leftOut ?? [];
  const out = leftOut.length === 0 ? '' : `; ${count(leftOut.length, 'run')} left out`;
  return labelled('from', `baseline ${baseline.snapshot} is ${from}${pool}${out}`);
}

/** Calls and cost of all suites; an unknown cost of one makes the whole unknown. */
function spentText({ suites }: CheckResult): string {
  const calls = suites.reduce((sum, s) => sum + s.calls, 0);
  const cost = suites.some((s) => s.costUsd === null)
    ? null
    : suites.reduce((sum, s) => sum + (s.costUsd ?? 0), 0);
  return `${count(calls, 'call')}, cost ${usd(cost)} (judge not counted)`;
}
