// The case table of the HTML report: what changed stands first, everything else is one filter away.

import type { CaseDelta, Comparison, PairedDelta } from '../core/index.ts';
import { isPaired } from './comparison-text.ts';
import { htmlText as h, terminalText } from './escape.ts';
import { pointInterval, pValue, signed } from './format.ts';
import { sideBySide } from './html-diff.ts';
import { htmlTable, scriptJson, tone } from './html-page.ts';
import { type CaseTrials, trialsMarkup, trialWord } from './html-trials.ts';

/** Rows written into the page itself, for readers without script. */
const STATIC_ROWS = 40;

/** Cases in one page: with more, a browser takes seconds to open it. */
export const MOST_CASES = 10_000;

/** What the page shows of a case's stored trials, ready to be written: far less than the trials themselves. */
export interface CaseView {
  /** Graders that fail on the candidate's side. */
  readonly checks: readonly string[];
  /** The markup of the opened case, as the JSON string it is in the page's data. */
  readonly json: string;
}

/** A case's stored trials as the page shows them. */
export function caseView(d: CaseDelta, trials: CaseTrials): CaseView {
  return { checks: failing(trials).map(terminalText), json: scriptJson(caseDetail(d, trials)) };
}

/** One row as the page's script reads it. Every text is ready to be shown. */
interface RowData {
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  readonly flaky: boolean;
  readonly verdict: string;
  readonly evidence: string | null;
  readonly tone: string;
  readonly changed: boolean;
  readonly delta: number | null;
  readonly before: string;
  readonly after: string;
  readonly deltaText: string;
  readonly interval: string;
  readonly reason: string;
  /** Graders that fail on the candidate's side. */
  readonly checks: readonly string[];
}

/** Did anything about the case change, its coverage included? */
export function hasChanged(d: CaseDelta): boolean {
  return !isPaired(d) || d.verdict !== 'unchanged' || d.delta !== 0;
}

/** Regressed first, then by the size of the drop; lost coverage before gains. */
export function worstFirst(a: CaseDelta, b: CaseDelta): number {
  const rank = (d: CaseDelta): number =>
    d.verdict === 'regressed'
      ? 0
      : !isPaired(d)
        ? 2
        : d.delta < 0
          ? 1
          : d.delta > 0 || d.verdict === 'improved'
            ? 3
            : hasChanged(d)
              ? 4
              : 5;
  const delta = (d: CaseDelta): number => (isPaired(d) ? d.delta : 0);
  return rank(a) - rank(b) || delta(a) - delta(b) || (a.id < b.id ? -1 : 1);
}

/** The cases a page holds, worst first: all of them, and of a suite too large for a page the worst of those that changed. */
export function pageCases(c: Pick<Comparison, 'cases'>): CaseDelta[] {
  const whole = c.cases.length <= MOST_CASES;
  return (whole ? [...c.cases] : c.cases.filter(hasChanged)).sort(worstFirst).slice(0, MOST_CASES);
}

/** The section's markup and the two data blocks its script reads, in pieces. */
export function caseSection(
  c: Comparison,
  views: ReadonlyMap<string, CaseView>,
  leftOut: string | null,
): { readonly html: string; readonly data: Readonly<Record<string, Iterable<string>>> } {
  const sorted = pageCases(c);
  const changedCases = c.cases.filter(hasChanged);
  const absent = c.cases.length - sorted.length;
  const rows = sorted.map((d) => rowData(d, views.get(d.id)));
  const changed = rows.filter((r) => r.changed);
  const tags = [...new Set(rows.flatMap((r) => r.tags))].sort();
  const checks = [...new Set(rows.flatMap((r) => r.checks))].sort();
  const verdicts = [...new Set(rows.map((r) => r.verdict))];
  const html = [
    `<h2 id="cases">Cases (${changedCases.length} of ${c.cases.length} changed)</h2>`,
    filters(tags, checks, verdicts),
    `<p class="dim small screen"><span id="shown" role="status" aria-live="polite">${Math.min(changed.length, STATIC_ROWS)} of ${rows.length} cases</span>. Open a case for its answers side by side and every trial, vote and reason. Keys: <kbd>j</kbd> <kbd>k</kbd> next and previous case, <kbd>Enter</kbd> open, <kbd>/</kbd> search. The filters stand in the address, so a link keeps them.</p>`,
    absent === 0
      ? ''
      : `<p class="dim small">This page holds ${rows.length} of the ${c.cases.length} cases: ${
          changedCases.length > rows.length
            ? `the worst of the ${changedCases.length} that changed`
            : 'those that changed'
        }. All of them: <code>lastgood diff ${h(c.baseline.id)} ${h(c.candidate.id)} --json</code>.</p>`,
    leftOut === null ? '' : `<p class="dim small">${h(leftOut)}</p>`,
    staticTable(changed.slice(0, STATIC_ROWS), c.candidate.id),
    '<p class="screen"><button type="button" id="more" hidden>Show more cases</button></p>',
    `<noscript><p class="dim">Without script this page shows ${Math.min(changed.length, STATIC_ROWS)} of ${changedCases.length} changed cases; <code>lastgood diff ${h(c.baseline.id)} ${h(c.candidate.id)} --json</code> has all of them.</p></noscript>`,
  ];
  return {
    html: html.filter((part) => part !== '').join('\n'),
    data: { 'case-data': rowPieces(rows), 'case-details': detailPieces(sorted, views) },
  };
}

function rowData(d: CaseDelta, view: CaseView | undefined): RowData {
  const paired = isPaired(d) ? d : null;
  return {
    id: terminalText(d.id),
    tags: d.tags.map(terminalText),
    group: d.group === null ? null : terminalText(d.group),
    critical: d.critical,
    flaky: paired?.flaky ?? false,
    verdict: d.verdict,
    evidence: paired?.evidence ?? null,
    tone: d.verdict === 'unchanged' ? 'dim' : tone(d.verdict),
    changed: hasChanged(d),
    delta: paired?.delta ?? null,
    before: paired === null ? '' : `${paired.baseline.passed}/${paired.baseline.trials}`,
    after: paired === null ? '' : `${paired.candidate.passed}/${paired.candidate.trials}`,
    deltaText: paired === null ? '' : signed(100 * paired.delta, 0),
    interval: paired === null ? '' : pointInterval(paired.interval, 0),
    reason: terminalText(d.reason),
    checks: view?.checks ?? [],
  };
}

/** Graders that fail in some trial of the candidate, and what kept trials from an answer. */
function failing(trials: CaseTrials): string[] {
  const names = new Set<string>();
  for (const stored of trials.candidate) {
    if (stored.trial.status !== 'answered') names.add(trialWord(stored));
    for (const g of stored.grades) {
      if (g.status === 'ungraded') names.add(`${g.graderId} (ungraded)`);
      else if (g.required && !g.pass) names.add(g.graderId);
    }
  }
  return [...names];
}

function* rowPieces(rows: readonly RowData[]): Iterable<string> {
  yield '[';
  for (const [i, row] of rows.entries()) yield `${i === 0 ? '' : ','}${scriptJson(row)}`;
  yield ']';
}

/** The opened cases by id. */
function* detailPieces(cases: readonly CaseDelta[], views: ReadonlyMap<string, CaseView>): Iterable<string> {
  let before = '{';
  for (const d of cases) {
    const view = views.get(d.id)?.json;
    const shown = view ?? (isPaired(d) && d.example !== undefined ? scriptJson(exampleDetail(d)) : undefined);
    if (shown === undefined) continue;
    yield `${before}${scriptJson(terminalText(d.id))}:${shown}`;
    before = ',';
  }
  yield before === '{' ? '{}' : '}';
}

function caseDetail(d: CaseDelta, trials: CaseTrials): string {
  const facts = isPaired(d)
    ? [
        d.group === null ? '' : `group ${d.group}`,
        d.p === null ? '' : `p of a drop ${pValue(d.p)}`,
        d.q === null ? '' : `adjusted ${pValue(d.q)}`,
        d.confirmation === null
          ? ''
          : `fresh confirmation ${d.confirmation.baseline.passed}/${d.confirmation.baseline.trials} → ${d.confirmation.candidate.passed}/${d.confirmation.candidate.trials}`,
      ].filter(Boolean)
    : [];
  return `${facts.length === 0 ? '' : `<p class="dim small">${h(facts.join(' · '))}</p>`}${trialsMarkup(trials, !isPaired(d) || d.delta <= 0)}`;
}

function exampleDetail(d: PairedDelta): string {
  const e = d.example;
  if (e === undefined) return '';
  return exampleMarkup(d.id, e.baseline, e.candidate, e.candidateReasons);
}

/** The filter bar; hidden until the script is there to serve it. */
function filters(tags: readonly string[], checks: readonly string[], verdicts: readonly string[]): string {
  const select = (id: string, label: string, options: readonly (readonly [string, string])[]): string =>
    `<label>${label}<select id="f-${id}">${options.map(([v, text]) => `<option value="${h(v)}">${h(text)}</option>`).join('')}</select></label>`;
  const any = (list: readonly string[]): (readonly [string, string])[] => [
    ['', 'any'],
    ...list.map((v) => [v, v] as const),
  ];
  return `<form id="filters" class="filters" role="search" aria-label="Filter the cases" hidden>${[
    select('show', 'Show', [
      ['changed', 'changed only'],
      ['all', 'all cases'],
    ]),
    select('verdict', 'Verdict', any(verdicts)),
    tags.length === 0 ? '' : select('tag', 'Tag', any(tags)),
    checks.length === 0 ? '' : select('check', 'Fails now on', any(checks)),
    '<label>Text<input id="f-q" type="search" autocomplete="off" spellcheck="false"></label>',
    select('sort', 'Order', [
      ['change', 'worst first'],
      ['better', 'best first'],
      ['tag', 'by tag'],
      ['id', 'by id'],
    ]),
    '<button type="button" id="reset">Reset</button>',
  ].join('')}</form>`;
}

function staticTable(rows: readonly RowData[], candidate: string): string {
  const table = htmlTable(
    ['case', 'before', 'after', 'points', 'interval', 'verdict', 'why'],
    rows.map((r) => [
      `<code>${h(r.id)}</code>${r.critical ? ' <strong>critical</strong>' : ''}`,
      r.before,
      r.after,
      r.deltaText,
      r.interval,
      `<span class="${r.tone}">${h(r.verdict)}${r.evidence === null ? '' : `, ${r.evidence}`}</span>`,
      `<span class="small">${h(r.reason)}</span>`,
    ]),
    [1, 2, 3, 4],
    'Passing trials before and after; the difference in points with its interval',
  );
  return table.replace('<tbody>', `<tbody id="rows" data-show="lastgood show ${h(candidate)}">`);
}

/** One case's two telling answers, for the part of the page that needs no script. */
export function exampleMarkup(id: string, before: string, after: string, reasons: readonly string[]): string {
  return `${sideBySide({ title: 'Before', text: before }, { title: 'After', text: after })}${reasons.length === 0 ? '' : `<p class="small"><strong>Why it fails now:</strong> ${h(reasons.join('; '))}</p>`}<p class="dim small">Case <code>${h(id)}</code></p>`;
}
