// The case table of the HTML report: what changed stands first, everything else is one filter away.

import { pointInterval, pValue, signed } from '../../base/numbers.ts';
import type { CaseDelta, Comparison, OutputExample, PairedDelta, StoredTrial } from '../../core/index.ts';
import { terminalText } from '../parts/escape.ts';
import { type CaseTrials, trialWord } from '../parts/stored-trial.ts';
import { isPaired } from '../text/comparison-text.ts';
import { type Html, html, htmlLines, NOTHING } from './html.ts';
import { sideBySide } from './html-diff.ts';
import { htmlTable, scriptJson, tone } from './html-page.ts';
import { contentMarkup, trialsMarkup } from './html-trials.ts';

/** Rows written into the page itself, for readers without script. */
export const STATIC_ROWS = 40;

/** Cases in one page: with more, a browser takes seconds to open it. */
export const MOST_CASES = 10_000;

/** What the page shows of a case's stored trials, ready to be written: far less than the trials themselves. */
export interface CaseView {
  /** Graders that fail on the candidate's side. */
  readonly checks: readonly string[];
  /** The markup of the opened case, as the JSON string it is in the page's data. */
  readonly json: Html;
}

/** A case's stored trials as the page shows them. */
export function caseView(d: CaseDelta, trials: CaseTrials): CaseView {
  return { checks: failing(trials.candidate).map(terminalText), json: scriptJson(caseDetail(d, trials)) };
}

type Cell = readonly [text: string, style: string, numeric?: true];

/** One row as the page's script reads it. Every text is ready to be shown. */
export interface RowData {
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  readonly flaky: boolean;
  readonly verdict: string;
  /** Shown before a filter is set. */
  readonly changed: boolean;
  /** What `best first` sorts by. */
  readonly delta: number | null;
  /** The cells behind the id: text, class of the text, and whether it is a number. */
  readonly cells: readonly Cell[];
  /** Found by the text filter, beside id, tags, group and checks. */
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
): { readonly html: Html; readonly data: Readonly<Record<string, Iterable<Html>>> } {
  const sorted = pageCases(c);
  const changedCases = c.cases.filter(hasChanged);
  const absent = c.cases.length - sorted.length;
  const rows = sorted.map((d) => rowData(d, views.get(d.id)));
  const changed = rows.filter((r) => r.changed);
  const tags = [...new Set(rows.flatMap((r) => r.tags))].sort();
  const checks = [...new Set(rows.flatMap((r) => r.checks))].sort();
  const verdicts = [...new Set(rows.map((r) => r.verdict))];
  const parts = [
    html`<h2 id="cases">Cases (${changedCases.length} of ${c.cases.length} changed)</h2>`,
    filters({ tags, checks, verdicts, shown: 'changed only', sorts: SORTS }),
    html`<p class="dim small screen"><span id="shown" role="status" aria-live="polite">${Math.min(changed.length, STATIC_ROWS)} of ${rows.length} cases</span>. Open a case for its answers side by side and every trial, vote and reason. Keys: <kbd>j</kbd> <kbd>k</kbd> next and previous case, <kbd>Enter</kbd> open, <kbd>/</kbd> search. The filters stand in the address, so a link keeps them.</p>`,
    absent === 0
      ? NOTHING
      : html`<p class="dim small">This page holds ${rows.length} of the ${c.cases.length} cases: ${
          changedCases.length > rows.length
            ? `the worst of the ${changedCases.length} that changed`
            : 'those that changed'
        }. All of them: <code>lastgood diff ${c.baseline.id} ${c.candidate.id} --json</code>.</p>`,
    leftOut === null ? NOTHING : html`<p class="dim small">${leftOut}</p>`,
    staticTable(HEAD, changed.slice(0, STATIC_ROWS), [1, 2, 3, 4], c.candidate.id, CAPTION),
    html`<p class="screen"><button type="button" id="more" hidden>Show more cases</button></p>`,
    html`<noscript><p class="dim">Without script this page shows ${Math.min(changed.length, STATIC_ROWS)} of ${changedCases.length} changed cases; <code>lastgood diff ${c.baseline.id} ${c.candidate.id} --json</code> has all of them.</p></noscript>`,
  ];
  return {
    html: htmlLines(parts),
    data: { 'case-data': rowPieces(rows), 'case-details': detailPieces(sorted, views) },
  };
}

function rowData(d: CaseDelta, view: CaseView | undefined): RowData {
  const paired = isPaired(d) ? d : null;
  const reason = terminalText(d.reason);
  const evidence = paired?.evidence ?? null;
  const counts = (arm: PairedDelta['baseline'] | undefined): string =>
    arm === undefined ? '' : `${arm.passed}/${arm.trials}`;
  return {
    id: terminalText(d.id),
    tags: d.tags.map(terminalText),
    group: d.group === null ? null : terminalText(d.group),
    critical: d.critical,
    flaky: paired?.flaky ?? false,
    verdict: d.verdict,
    changed: hasChanged(d),
    delta: paired?.delta ?? null,
    cells: [
      [counts(paired?.baseline), '', true],
      [counts(paired?.candidate), '', true],
      [paired === null ? '' : signed(100 * paired.delta, 0), '', true],
      [paired === null ? '' : pointInterval(paired.interval, 0), '', true],
      [
        `${d.verdict}${evidence === null ? '' : `, ${evidence}`}`,
        d.verdict === 'unchanged' ? 'dim' : tone(d.verdict),
      ],
      [reason, 'small'],
    ],
    reason,
    checks: view?.checks ?? [],
  };
}

/** Graders that fail in some trial, and what kept trials from an answer. */
export function failing(trials: readonly StoredTrial[]): string[] {
  const names = new Set<string>();
  for (const stored of trials) {
    if (stored.trial.status !== 'answered') names.add(trialWord(stored));
    for (const g of stored.grades) {
      if (g.status === 'ungraded') names.add(`${g.graderId} (ungraded)`);
      else if (g.required && !g.pass) names.add(g.graderId);
    }
  }
  return [...names];
}

export function* rowPieces(rows: readonly RowData[]): Iterable<Html> {
  yield html`[`;
  for (const [i, row] of rows.entries()) yield html`${i === 0 ? '' : ','}${scriptJson(row)}`;
  yield html`]`;
}

/** The opened cases by id. */
function* detailPieces(cases: readonly CaseDelta[], views: ReadonlyMap<string, CaseView>): Iterable<Html> {
  let before = '{';
  for (const d of cases) {
    const view = views.get(d.id)?.json;
    const shown = view ?? (isPaired(d) && d.example !== undefined ? scriptJson(exampleDetail(d)) : undefined);
    if (shown === undefined) continue;
    yield html`${before}${scriptJson(terminalText(d.id))}:${shown}`;
    before = ',';
  }
  yield html`${before === '{' ? '{}' : '}'}`;
}

function caseDetail(d: CaseDelta, trials: CaseTrials): Html {
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
  return html`${facts.length === 0 ? '' : html`<p class="dim small">${facts.join(' · ')}</p>`}${trialsMarkup(trials, !isPaired(d) || d.delta <= 0)}`;
}

function exampleDetail(d: PairedDelta): Html {
  const e = d.example;
  if (e === undefined) return NOTHING;
  return exampleMarkup(d.id, e);
}

/** What the filter bar offers. */
interface Filters {
  readonly tags: readonly string[];
  readonly checks: readonly string[];
  readonly verdicts: readonly string[];
  /** Name of the rows shown before a filter is set. */
  readonly shown: string;
  readonly sorts: readonly (readonly [string, string])[];
}

const SORTS = [
  ['change', 'worst first'],
  ['better', 'best first'],
  ['tag', 'by tag'],
  ['id', 'by id'],
] as const;

/** The filter bar; hidden until the script is there to serve it. */
export function filters({ tags, checks, verdicts, shown, sorts }: Filters): Html {
  const select = (id: string, label: string, options: readonly (readonly [string, string])[]): Html =>
    html`<label>${label}<select id="f-${id}">${options.map(([v, text]) => html`<option value="${v}">${text}</option>`)}</select></label>`;
  const any = (list: readonly string[]): (readonly [string, string])[] => [
    ['', 'any'],
    ...list.map((v) => [v, v] as const),
  ];
  return html`<form id="filters" class="filters" role="search" aria-label="Filter the cases" hidden>${[
    select('show', 'Show', [
      ['changed', shown],
      ['all', 'all cases'],
    ]),
    select('verdict', 'Verdict', any(verdicts)),
    tags.length === 0 ? '' : select('tag', 'Tag', any(tags)),
    checks.length === 0 ? '' : select('check', 'Fails now on', any(checks)),
    html`<label>Text<input id="f-q" type="search" autocomplete="off" spellcheck="false"></label>`,
    select('sort', 'Order', sorts),
    html`<button type="button" id="reset">Reset</button>`,
  ]}</form>`;
}

const HEAD = ['case', 'before', 'after', 'points', 'interval', 'verdict', 'why'];
const CAPTION = 'Passing trials before and after; the difference in points with its interval';

/** The first rows, for readers without script, and the place where the script makes the others. */
export function staticTable(
  head: readonly string[],
  rows: readonly RowData[],
  numeric: readonly number[],
  snapshot: string,
  caption: string,
): Html {
  return htmlTable(
    head,
    rows.map((r) => [
      html`<code>${r.id}</code>${r.critical ? html` <strong>critical</strong>` : ''}`,
      ...r.cells.map(([text, style]) => (style === '' ? text : html`<span class="${style}">${text}</span>`)),
    ]),
    { numeric, caption, body: html` id="rows" data-show="lastgood show ${snapshot}"` },
  );
}

/** One case's two telling answers, for the part of the page that needs no script. */
export function exampleMarkup(id: string, e: OutputExample): Html {
  const reasons = e.candidateReasons;
  return html`${e.content === undefined ? '' : contentMarkup(e.content)}${sideBySide({ title: 'Before', text: e.baseline }, { title: 'After', text: e.candidate })}${reasons.length === 0 ? '' : html`<p class="small"><strong>Why it fails now:</strong> ${reasons.join('; ')}</p>`}<p class="dim small">Case <code>${id}</code></p>`;
}
