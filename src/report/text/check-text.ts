// A check for a person at a terminal or in a CI log: the answer first, then each suite.

import { count, percent, usd } from '../../base/numbers.ts';
import type { CheckResult, OfflineCheck, SuiteCheck } from '../../core/index.ts';
import { checkHeadline } from '../parts/check-headline.ts';
import { logText, terminalLine } from '../parts/escape.ts';
import { leftOutTexts } from '../parts/pool.ts';
import { comparisonText } from './comparison-text.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';
import { table } from './table.ts';

/** The whole check as lines of text. No line of it is a command to a CI runner. */
export function checkText(r: CheckResult, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const gate = verdictStyle(style, r.gate.outcome);
  const out = [
    `${gate(style.bold(`CHECK ${r.gate.outcome.toUpperCase()}`))}  ${terminalLine(checkHeadline(r), 200)} (exit ${r.exitCode})`,
    `  ${terminalLine(r.reason, 800)}`,
  ];
  if (r.suites.length > 1) {
    out.push(
      '',
      ...table(
        r.suites.map((s) => [
          terminalLine(s.suite, 50),
          verdictStyle(style, s.gate)(s.verdict),
          `${s.candidate === null ? 0 : s.scope.affected} of ${count(s.scope.cases, 'case')} run`,
          count(s.calls, 'call'),
          `cost ${usd(s.costUsd)}`,
        ]),
      ),
    );
  }
  for (const s of r.suites) out.push('', ...suiteLines(s, style, r.suites.length > 1));
  return logText(`${out.join('\n').trimEnd()}\n`);
}

function suiteLines(s: SuiteCheck, style: Style, named: boolean): string[] {
  const lines = [
    `${named ? `${style.bold(terminalLine(s.suite, 60))}  ` : ''}${scopeText(s)}`,
    ...baselineLines(s),
    ...examLines(s).map((line) => `  ${line}`),
  ];
  if (s.status !== 'compared' && named) lines.push(`  ${terminalLine(s.reason, 800)}`);
  if (s.offline !== null) lines.push(...offlineLines(s.offline));
  if (s.firstRun.length > 0)
    lines.push(
      ...table(
        s.firstRun
          .slice(0, 20)
          .map((c) => [
            terminalLine(c.id, 60),
            `${c.state ?? ''}${c.critical === true ? ' critical' : ''}`,
            `${c.passed}/${c.trials}`,
            `floor ${percent(c.floor)}`,
            verdictStyle(style, c.outcome)(c.outcome),
          ]),
        [],
        '    ',
      ),
    );
  if (s.status !== 'first-run' && s.comparison !== null)
    lines.push(
      '',
      comparisonText(s.comparison, { style, ...(s.gate === 'pass' ? { maxCases: 5 } : {}) }).trimEnd(),
    );
  if (s.candidate !== null)
    lines.push(
      '',
      `  candidate ${s.candidate}${s.confirmation === null ? '' : `, fresh trials ${s.confirmation}`}; ${count(s.calls, 'call')}, cost ${usd(s.costUsd)} (judge not counted)`,
    );
  if (s.next !== null) lines.push(`next: ${terminalLine(s.next, 500)}`);
  return lines;
}

/** Changes of the exam that are listed; the JSON has all of them. */
const MOST_CHANGES = 12;

/** Whose exam decided, what was left out of the verdict, and what the change makes weaker. */
export function examLines({ exam, firstRun }: Pick<SuiteCheck, 'exam' | 'firstRun'>): string[] {
  if (exam === undefined) return [];
  const apart = [
    exam.added.length > 0 ? count(exam.added.length, 'new case') : '',
    exam.edited.length > 0 ? `${exam.edited.length} edited` : '',
  ].filter((part) => part !== '');
  const lines = [`exam: ${terminalLine(exam.why, 300)}`];
  if (apart.length > 0)
    lines.push(
      exam.from === 'base'
        ? `${apart.join(', ')}: not part of the verdict${firstRun.length > 20 ? `; the first 20 of ${firstRun.length} are listed` : ''}`
        : `${apart.join(', ')} since the merge base`,
    );
  if (exam.removedCritical.length > 0)
    lines.push(`critical cases removed: ${terminalLine(exam.removedCritical.join(', '), 300)}`);
  for (const { what, weaker } of exam.changes.slice(0, MOST_CHANGES))
    lines.push(`${weaker ? 'weaker' : 'changed'}: ${terminalLine(what, 300)}`);
  if (exam.changes.length > MOST_CHANGES)
    lines.push(`… ${exam.changes.length - MOST_CHANGES} more changes of the exam`);
  return lines;
}

function scopeText({ scope }: SuiteCheck): string {
  const since = scope.base === null ? '' : ` since ${scope.base.slice(0, 12)}`;
  const removed =
    scope.removed.length === 0
      ? ''
      : `; removed: ${scope.removed
          .slice(0, 8)
          .map((id) => terminalLine(id, 60))
          .join(', ')}`;
  return `scope${since}: ${scope.affected} of ${count(scope.cases, 'case')} (${terminalLine(scope.why, 300)})${removed}`;
}

function baselineLines({ baseline }: SuiteCheck): string[] {
  if (baseline === null) return [];
  const from = {
    against: 'named with --against',
    blessed: 'blessed in the ledger',
    file: `committed as ${terminalLine(baseline.file ?? '', 200)}`,
  }[baseline.source];
  const pool =
    baseline.pooled === 0
      ? ''
      : `, pooled with ${count(baseline.pooled, 'more snapshot')} of its fingerprint`;
  const leftOut = baseline.leftOut ?? [];
  return [
    `  baseline ${baseline.snapshot}, ${from}${pool}`,
    ...leftOutTexts(leftOut).map((text) => `    left out: ${terminalLine(text, 300)}`),
  ];
}

/** What could be said without a call. */
export function offlineLines(o: OfflineCheck): string[] {
  const lines = [
    '  offline part: suite and release load, every grader compiles',
    o.answers === 0
      ? '  no stored answer could be graded again'
      : `  deterministic graders over ${count(o.answers, 'stored answer')} of ${count(o.cases, 'case')}: ${o.passed} pass`,
  ];
  if (o.removed > 0)
    lines.push(`  ${count(o.removed, 'more answer')} not graded: not in the ledger any more`);
  if (o.needExaminer > 0)
    lines.push(
      `  ${count(o.needExaminer, 'case')} also ${o.needExaminer === 1 ? 'needs' : 'need'} a judge, an embedder, a program or a service`,
    );
  for (const c of o.changed.slice(0, 10))
    lines.push(
      `  ${terminalLine(c.case, 60)}: a stored answer ${c.before ? 'passed' : 'failed'} before and ${c.now ? 'passes' : 'fails'} now`,
    );
  for (const b of o.broken.slice(0, 10))
    lines.push(`  broken: ${terminalLine(b.case, 60)}: ${terminalLine(b.reason, 200)}`);
  return lines;
}

function callsText({ calls, callsLeast }: NonNullable<SuiteCheck['estimate']>): string {
  return callsLeast < calls ? `from ${callsLeast} to ${count(calls, 'call')}` : count(calls, 'call');
}

/** What is about to be called, told before it is. */
export function checkPlanText(p: {
  readonly suites: readonly Pick<SuiteCheck, 'suite' | 'scope' | 'estimate'>[];
  readonly calls: number;
  readonly callsUpper: number;
  readonly costUpperUsd: number | null;
}): string {
  const lines = p.suites.map(
    (s) =>
      `check ${terminalLine(s.suite, 60)}: ${s.estimate === null ? 'no call' : `${callsText(s.estimate)}, at most ${s.estimate.confirmationCalls} more for fresh trials`} (${s.scope.affected} of ${count(s.scope.cases, 'case')}: ${terminalLine(s.scope.why, 200)})`,
  );
  lines.push(
    `in all ${count(p.calls, 'call')}, at most ${p.callsUpper}; cost ${p.costUpperUsd === null ? 'unknown (no price or no max-output-tokens)' : `at most ${usd(p.costUpperUsd)}`}; retries and judge calls not counted`,
  );
  return `${lines.join('\n')}\n`;
}
