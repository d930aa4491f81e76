// A check as one page of Markdown: the answer, a line a suite, then what each suite has to say. Made for a comment that is updated in place.

import { count, percent, points, usd } from '../../base/numbers.ts';
import type { CheckResult, CheckVerdict, SuiteCheck } from '../../core/index.ts';
import { checkHeadline } from '../parts/check-headline.ts';
import { cell } from '../parts/escape.ts';
import { examLines } from '../text/check-text.ts';
import { againstText, headline } from '../text/comparison-text.ts';
import {
  comparisonSections,
  fitSections,
  MARKDOWN_LIMIT,
  type MarkdownSection,
  markdownCode,
  markdownMarker,
  VERDICT_SIGN,
} from './comparison-markdown.ts';

const SIGN: Record<CheckVerdict, string> = {
  ...VERDICT_SIGN,
  'first-run': '🆕 First run',
  'nothing-to-check': '✅ Nothing to check',
  'not-evaluated': '⚠️ Not evaluated',
  'no-baseline': '⚠️ No baseline',
  failed: '⚠️ Could not be run',
  interrupted: '⚠️ Interrupted',
};

export interface CheckMarkdownOptions {
  /** Longest result in characters (default `MARKDOWN_LIMIT`). */
  readonly limit?: number;
  /** Before/after pairs over all suites (default 5). */
  readonly maxExamples?: number;
}

/** The whole check, verdict first. The first line is the hidden marker of this set of suites. */
export function checkMarkdown(r: CheckResult, options: CheckMarkdownOptions = {}): string {
  const names = r.suites.map((s) => s.suite).join(',');
  const single = r.suites.length === 1 ? r.suites[0] : undefined;
  const title =
    single?.comparison == null || single.status === 'first-run'
      ? titleOf(r)
      : headline(single.comparison, { interval: false });
  const said = checkHeadline(r);
  // The sign names the verdict already.
  const kept = said.includes(': ') ? `${said}. ` : '';
  const head = [
    markdownMarker(`check:${names}`),
    `## ${signOf(r)}: ${cell(`${kept}${title}`, 600)}`,
    ...(single === undefined ? ['', ...suiteTable(r.suites)] : []),
  ];
  const sections: MarkdownSection[] = [{ name: 'verdict', rank: 0, text: `${head.join('\n')}\n` }];
  // Worst first: what is cut is cut from the end of the green ones.
  const order = [...r.suites].sort((a, b) => weight(b) - weight(a));
  const examples = Math.max(
    1,
    Math.floor((options.maxExamples ?? 5) / Math.max(1, order.filter((s) => s.gate === 'fail').length)),
  );
  for (const [i, s] of order.entries()) sections.push(...suiteSections(s, single !== undefined, i, examples));
  if (r.warnings.length > 0) {
    const lines = r.warnings.slice(0, 10).map((w) => `> ${cell(w.message, 400)}`);
    sections.push({ name: 'warnings', rank: 2, text: `${lines.join('\n>\n')}\n` });
  }
  return fitSections(sections, options.limit ?? MARKDOWN_LIMIT);
}

/** The reason without the words the sign has said already. */
function titleOf(r: CheckResult): string {
  return r.reason.replace(/^(not evaluated|nothing to check|no baseline)(: |, and )/, '');
}

/** ❌ is kept for what failed: a gate may fail on a floor although nothing regressed. */
function signOf(r: {
  readonly gate: CheckResult['gate'] | SuiteCheck['gate'];
  readonly verdict: CheckVerdict;
}): string {
  const outcome = typeof r.gate === 'string' ? r.gate : r.gate.outcome;
  if (outcome === 'fail' && r.verdict !== 'regressed') return '❌ Gate failed';
  if (outcome === 'inconclusive' && SIGN[r.verdict].startsWith('✅')) return '⚠️ Inconclusive';
  return SIGN[r.verdict];
}

function weight(s: SuiteCheck): number {
  return s.gate === 'fail' ? 2 : s.gate === 'inconclusive' ? 1 : 0;
}

function suiteTable(suites: readonly SuiteCheck[]): string[] {
  return [
    '| suite | verdict | pass rate | cases run | calls | cost |',
    '|---|---|---|---|---|---|',
    ...suites.slice(0, 50).map((s) => {
      const c = s.comparison;
      const rate =
        c === null || c.overall.delta === null
          ? ''
          : `${percent(c.baseline.passRate)} → ${percent(c.candidate.passRate)} (${points(c.overall.delta)}${againstText(c)})`;
      return `| ${cell(s.suite, 80)} | ${signOf(s)} | ${rate} | ${s.candidate === null ? 0 : s.scope.affected} of ${s.scope.cases} | ${s.calls} | ${usd(s.costUsd)} |`;
    }),
    ...(suites.length > 50 ? ['', `… ${count(suites.length - 50, 'more suite')}`] : []),
  ];
}

function suiteSections(s: SuiteCheck, alone: boolean, index: number, maxExamples: number): MarkdownSection[] {
  const heading = alone ? [] : [`### ${cell(s.suite, 80)}: ${signOf(s)}`, ''];
  const lines = [...heading];
  if (s.status !== 'compared' && !alone) lines.push(cell(s.reason, 1000), '');
  if (s.scope.base !== null && s.status !== 'nothing-to-check')
    lines.push(
      `Changed since ${markdownCode(s.scope.base.slice(0, 12))}: ${cell(s.scope.why, 400)} (${s.scope.affected} of ${count(s.scope.cases, 'case')}).`,
      '',
    );
  if (s.scope.removed.length > 0)
    lines.push(`**Removed cases:** ${cell(s.scope.removed.slice(0, 20).join(', '), 600)}`, '');
  if (s.offline !== null) lines.push(...offlineLines(s), '');
  const exam = examLines(s);
  if (exam.length > 0) lines.push(...exam.map((line) => `- ${cell(line, 400)}`), '');
  if (s.firstRun.length > 0) {
    lines.push(
      '| new or edited case | passes | floor | |',
      '|---|---|---|---|',
      ...s.firstRun
        .slice(0, 50)
        .map(
          (c) =>
            `| ${cell(c.id, 100)}${c.critical === true ? ' **critical**' : ''} | ${c.passed}/${c.trials} | ${percent(c.floor)} | ${c.outcome} |`,
        ),
      '',
    );
  }
  if (s.baseline?.source === 'file')
    lines.push(
      `Baseline: ${markdownCode(s.baseline.file ?? s.baseline.snapshot)}${s.baseline.pooled > 0 ? `, pooled with ${count(s.baseline.pooled, 'more snapshot')} of the same fingerprint` : ''}.`,
      '',
    );
  // Ranks of one suite stay together, behind those of a worse one.
  const rank = (own: number): number => own + 20 * index;
  const sections: MarkdownSection[] = [];
  if (lines.length > 0)
    sections.push({ name: `suite ${s.suite}`, rank: rank(1), text: `${lines.join('\n').trimEnd()}\n` });
  const next =
    s.next === null ? [] : [{ name: 'next command', rank: 1, text: `${nextText(s.next, s.again)}\n` }];
  if (s.comparison !== null && s.status !== 'first-run')
    sections.push(
      ...comparisonSections(s.comparison, { maxExamples, level: alone ? 3 : 4, next }).map((part) => ({
        ...part,
        name: alone ? part.name : `${s.suite}: ${part.name}`,
        rank: rank(part.rank + 1),
      })),
    );
  else sections.push(...next.map((part) => ({ ...part, rank: rank(2) })));
  return sections;
}

/** A comment is read where the ledger of the check is not: a command that asks it is followed by one that needs nothing. */
function nextText(next: string, again: string | undefined): string {
  const asksLedger = /^lastgood (show|diff) /.test(next);
  return asksLedger && again !== undefined
    ? `Next, where the ledger of this check is: ${markdownCode(next)}. Anywhere else: ${markdownCode(again)}`
    : `Next: ${markdownCode(next)}`;
}

function offlineLines({ offline }: SuiteCheck): string[] {
  if (offline === null) return [];
  const lines = [
    'No model was called. Offline part:',
    '',
    '- suite and release load, every grader compiles',
    offline.answers === 0
      ? '- no stored answer could be graded again'
      : `- deterministic graders over ${count(offline.answers, 'stored answer')} of ${count(offline.cases, 'case')}: ${offline.passed} pass`,
  ];
  if (offline.removed > 0)
    lines.push(`- ${count(offline.removed, 'more answer')} not graded: not in the ledger any more`);
  if (offline.needExaminer > 0)
    lines.push(
      `- ${count(offline.needExaminer, 'case')} also ${offline.needExaminer === 1 ? 'needs' : 'need'} a judge, an embedder, a program or a service`,
    );
  for (const c of offline.changed.slice(0, 10))
    lines.push(
      `- ${cell(c.case, 100)}: a stored answer ${c.before ? 'passed' : 'failed'} before and ${c.now ? 'passes' : 'fails'} now`,
    );
  for (const b of offline.broken.slice(0, 10))
    lines.push(`- **broken** ${cell(b.case, 100)}: ${cell(b.reason, 300)}`);
  return lines;
}
