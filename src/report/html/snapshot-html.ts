// One snapshot as a self-contained page: what it measured, what failed, and every case with its answers.

import { shortHash } from '../../base/index.ts';
import { count, milliseconds, percent, when } from '../../base/numbers.ts';
import type { CaseContent, CaseResult, SnapshotResults, StoredTrial } from '../../core/index.ts';
import { terminalText } from '../parts/escape.ts';
import { passRateText, spent, spentOnJudging } from '../parts/format.ts';
import { type Html, html, htmlLines, NOTHING } from './html.ts';
import {
  type CaseView,
  failing,
  filters,
  MOST_CASES,
  type RowData,
  rowPieces,
  STATIC_ROWS,
  staticTable,
} from './html-cases.ts';
import { htmlPagePieces, htmlTable, type PageFrame, scriptJson, tone } from './html-page.ts';
import { TABLE_SCRIPT } from './html-script.ts';
import { contentMarkup, trialList } from './html-trials.ts';

export interface SnapshotHtmlOptions {
  /** The opened cases by id, made by `runCaseView`. */
  readonly views: ReadonlyMap<string, CaseView>;
  /** Which cases' answers are not in the page, in words. */
  readonly leftOut?: string;
  /** Where a server shows it. */
  readonly frame?: PageFrame | undefined;
}

/** Tags listed in full; the rest is counted. */
const MAX_TAGS = 60;

/** What one case's row and opened case need of its stored trials. */
export function runCaseView(content: CaseContent | undefined, trials: readonly StoredTrial[]): CaseView {
  const opened = html`${content === undefined ? '' : contentMarkup(content)}<h3>Answers</h3>${trialList(trials)}`;
  return { checks: failing(trials).map(terminalText), json: scriptJson(opened) };
}

/** The cases of the page: ungraded and failing ones first. */
export function runPageCases({ cases }: SnapshotResults): CaseResult[] {
  const worst = (c: CaseResult): number => tallyOf(c).rate ?? -1;
  return [...cases].sort((a, b) => worst(a) - worst(b) || (a.id < b.id ? -1 : 1)).slice(0, MOST_CASES);
}

/** The whole page in pieces. */
export function snapshotHtmlPieces(results: SnapshotResults, options: SnapshotHtmlOptions): Iterable<string> {
  const { summary: s } = results;
  const cases = runPageCases(results);
  const rows = cases.map((c) => rowOf(c, options.views.get(c.id)));
  const notPassing = rows.filter((r) => r.changed);
  const word = s.state === 'finished' ? s.validity : s.state;
  const body = [
    html`<h1><span class="verdict ${tone(word)}">${word}</span>${s.suite}: pass rate ${passRateText(s)}</h1>`,
    ...s.validityReasons.map((r) => html`<p class="warn">${s.validity}: ${r}</p>`),
    s.simulated
      ? html`<p class="banner">Outputs here come from a simulator or from recordings, not from a live model.</p>`
      : NOTHING,
    html`<nav aria-label="Sections"><a href="#run">Run</a><a href="#tags">Tags</a><a href="#cases">Cases</a></nav>`,
    html`<h2 id="run">Run</h2>${factsTable(results)}`,
    ...s.findings.map((f) => html`<p class="warn">${f.message} <code>${f.code}</code></p>`),
    html`<h2 id="tags">Pass rate by tag</h2>${tagTable(results.cases)}`,
    html`<h2 id="cases">Cases (${notPassing.length} of ${results.cases.length} do not pass every trial)</h2>`,
    filters({
      tags: [...new Set(rows.flatMap((r) => r.tags))].sort(),
      checks: [...new Set(rows.flatMap((r) => r.checks))].sort(),
      verdicts: [...new Set(rows.map((r) => r.verdict))],
      shown: 'not passing',
      sorts: [
        ['change', 'worst first'],
        ['tag', 'by tag'],
        ['id', 'by id'],
      ],
    }),
    html`<p class="dim small screen"><span id="shown" role="status" aria-live="polite">${Math.min(rows.length, STATIC_ROWS)} of ${rows.length} cases</span>. Open a case for its input, its answers and every grade with its reason. Keys: <kbd>j</kbd> <kbd>k</kbd> next and previous case, <kbd>Enter</kbd> open, <kbd>/</kbd> search.</p>`,
    cases.length < results.cases.length
      ? html`<p class="dim small">This page holds the ${cases.length} worst of ${results.cases.length} cases. All of them: <code>lastgood show ${s.id} --json</code>.</p>`
      : NOTHING,
    options.leftOut === undefined ? NOTHING : html`<p class="dim small">${options.leftOut}</p>`,
    staticTable(
      ['case', 'passed', 'not graded', 'latency', 'verdict', 'fails on'],
      rows.slice(0, STATIC_ROWS),
      [1, 2, 3],
      s.id,
      'Passing of graded trials; median latency of the answers',
    ),
    html`<p class="screen"><button type="button" id="more" hidden>Show more cases</button></p>`,
  ];
  return htmlPagePieces(`${s.suite}: ${s.id}`, htmlLines(body), {
    script: TABLE_SCRIPT,
    data: { 'case-data': rowPieces(rows), 'case-details': detailPieces(cases, options.views) },
    skipTo: { id: 'cases', text: 'Skip to the cases' },
    frame: options.frame,
  });
}

interface CaseTally {
  readonly passed: number;
  readonly graded: number;
  /** Planned trials without a grade. */
  readonly lost: number;
  /** null where nothing is graded. */
  readonly rate: number | null;
}

function tallyOf(c: CaseResult): CaseTally {
  const graded = c.trials.filter((t) => t.pass !== null).length;
  const passed = c.trials.filter((t) => t.pass === true).length;
  return {
    passed,
    graded,
    lost: Math.max(0, c.plannedTrials - graded),
    rate: graded === 0 ? null : passed / graded,
  };
}

function rowOf(c: CaseResult, view: CaseView | undefined): RowData {
  const { passed, graded, lost, rate } = tallyOf(c);
  const verdict =
    rate === null
      ? 'ungraded'
      : rate === 0
        ? 'fail'
        : rate < 1
          ? 'flaky'
          : lost > 0
            ? 'partly graded'
            : 'pass';
  const checks = view?.checks ?? [];
  const latencies = c.trials.flatMap((t) => (t.latencyMs === null ? [] : [t.latencyMs]));
  latencies.sort((a, b) => a - b);
  return {
    id: terminalText(c.id),
    tags: c.tags.map(terminalText),
    group: c.group === null ? null : terminalText(c.group),
    critical: c.critical,
    flaky: false,
    verdict,
    changed: verdict !== 'pass',
    delta: rate,
    cells: [
      [`${passed}/${graded}`, '', true],
      [lost === 0 ? '' : String(lost), 'warn', true],
      [milliseconds(latencies[Math.floor((latencies.length - 1) / 2)] ?? null), '', true],
      [verdict, tone(verdict)],
      [checks.join(', '), 'small'],
    ],
    reason: '',
    checks,
  };
}

function factsTable({ summary: s }: SnapshotResults): Html {
  const served = s.servedModels.map((m) => m ?? 'not disclosed').join(', ') || 'nothing';
  return htmlTable(
    ['', ''],
    [
      ['snapshot', html`<code>${s.id}</code>, ${when(s.startedAt)} UTC`],
      [
        'release',
        html`${s.release} <code>${shortHash(s.fingerprint)}</code>${s.pinned ? '' : html` <span class="warn">not pinned</span>`}`,
      ],
      [
        'exam',
        html`<code>${shortHash(s.exam)}</code>${s.judge === null ? '' : html`, judge <code>${shortHash(s.judge)}</code>`}`,
      ],
      ['served model', served],
      [
        'trials',
        `${s.answered} answered, ${s.failed} failed, ${s.skipped} skipped, ${s.ungraded} ungraded of ${s.plannedTrials} planned`,
      ],
      ['cost', `${spent(s)} for ${count(s.calls, 'call')}; judge ${spentOnJudging(s)}`],
      ...Object.entries(s.labels).map(([name, value]) => [name, value]),
    ],
    { narrow: 'fit' },
  );
}

function tagTable(cases: readonly CaseResult[]): Html {
  const byTag = new Map<string, CaseResult[]>();
  for (const c of cases) for (const tag of c.tags) byTag.set(tag, [...(byTag.get(tag) ?? []), c]);
  if (byTag.size === 0) return html`<p class="dim">The cases carry no tags.</p>`;
  const rows = [...byTag].map(([tag, list]) => {
    const rates = list.map((c) => tallyOf(c).rate).filter((rate) => rate !== null);
    const rate = rates.length === 0 ? null : rates.reduce((sum, r) => sum + r, 0) / rates.length;
    return { tag, cases: list.length, graded: rates.length, rate };
  });
  rows.sort((a, b) => (a.rate ?? -1) - (b.rate ?? -1) || (a.tag < b.tag ? -1 : 1));
  const table = htmlTable(
    ['tag', 'graded cases', 'pass rate'],
    rows
      .slice(0, MAX_TAGS)
      .map((r) => [
        html`<a href="#tag=${encodeURIComponent(terminalText(r.tag))}&amp;show=all">${r.tag}</a>`,
        r.graded === r.cases ? String(r.cases) : `${r.graded} of ${r.cases}`,
        percent(r.rate),
      ]),
    { numeric: [1, 2], caption: 'Lowest first; a tag filters the case table', narrow: 'fit' },
  );
  return rows.length > MAX_TAGS
    ? html`${table}<p class="dim">${count(rows.length - MAX_TAGS, 'more tag')} with a higher rate.</p>`
    : table;
}

function* detailPieces(cases: readonly CaseResult[], views: ReadonlyMap<string, CaseView>): Iterable<Html> {
  let before = '{';
  for (const { id } of cases) {
    const view = views.get(id);
    if (view === undefined) continue;
    yield html`${before}${scriptJson(terminalText(id))}:${view.json}`;
    before = ',';
  }
  yield html`${before === '{' ? '{}' : '}'}`;
}
