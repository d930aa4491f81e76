// A comparison, with its history, configuration, trials and rollback decision where there are any, as one self-contained page.

import { milliseconds } from '../../base/numbers.ts';
import type { Comparison, RollbackDecision } from '../../core/index.ts';
import type { CaseTrials } from '../parts/stored-trial.ts';
import { headline, isPaired } from '../text/comparison-text.ts';
import { comparisonCards } from './comparison-cards.ts';
import { type BeforeAfter, distributionSvg } from './distribution-svg.ts';
import { forestSvg } from './forest-svg.ts';
import { type Html, html, htmlLines, joinHtml, NOTHING } from './html.ts';
import {
  type CaseView,
  caseSection,
  caseView,
  exampleMarkup,
  hasChanged,
  pageCases,
  worstFirst,
} from './html-cases.ts';
import { htmlPagePieces, type PageFrame, tone } from './html-page.ts';
import { TABLE_SCRIPT } from './html-script.ts';
import {
  armsTable,
  channelTable,
  configurationSection,
  flipsTable,
  gateTable,
  type LayerChange,
  methodSection,
  sliceTable,
} from './html-sections.ts';
import { rollbackSection } from './rollback-html.ts';
import { type SeriesMark, type SeriesPoint, seriesSvg } from './series-svg.ts';

export interface HtmlOptions {
  readonly history?: { readonly points: readonly SeriesPoint[]; readonly marks: readonly SeriesMark[] };
  readonly rollback?: RollbackDecision;
  /** Said at the top, e.g. that everything here is simulated. */
  readonly banner?: string;
  /** Every stored trial of these cases, by case id. */
  readonly details?: ReadonlyMap<string, CaseTrials>;
  /** The same made ready by `caseView` one by one, where holding all trials would take too much memory. */
  readonly views?: ReadonlyMap<string, CaseView>;
  /** Which cases' trials are not in `details` or `views`, in words. */
  readonly leftOut?: string;
  /** Values of single answers, for the histograms. */
  readonly distributions?: { readonly length?: BeforeAfter; readonly latencyMs?: BeforeAfter };
  /** How the two releases differ. */
  readonly configuration?: readonly LayerChange[];
  /** Command to run next. */
  readonly next?: string;
  /** Sentences before the evidence, e.g. whose exam decided. */
  readonly preface?: readonly string[];
  /** Where a server shows it. */
  readonly frame?: PageFrame | undefined;
}

/** Rows of the forest plot, and cases shown in full without script. */
const FOREST_ROWS = 40;
const EXAMPLES = 5;

/** The whole page: verdict and gate first, then the evidence, then every case. */
export function comparisonHtml(c: Comparison, options: HtmlOptions = {}): string {
  return [...comparisonHtmlPieces(c, options)].join('');
}

/** The same page in pieces, for writing it without holding it. */
export function comparisonHtmlPieces(c: Comparison, options: HtmlOptions = {}): Iterable<string> {
  const cases = caseSection(c, options.views ?? viewsOf(c, options.details), options.leftOut ?? null);
  const simulated = c.baseline.simulated || c.candidate.simulated;
  const banner =
    options.banner ??
    (simulated ? 'Outputs here come from a simulator or from recordings, not from a live model.' : undefined);
  const body = [
    html`<h1><span class="verdict ${tone(c.verdict)}">${c.verdict}</span>${headline(c, { interval: false })}</h1>`,
    comparisonCards(c),
    html`<p>${c.reason}</p>`,
    banner === undefined ? NOTHING : html`<p class="banner">${banner}</p>`,
    options.preface === undefined
      ? NOTHING
      : html`<ul>${options.preface.map((line) => html`<li>${line}</li>`)}</ul>`,
    options.next === undefined ? NOTHING : html`<p>Next: <code>${options.next}</code></p>`,
    html`<nav aria-label="Sections"><a href="#gate">Gate</a>${options.rollback === undefined ? NOTHING : html`<a href="#rollback">Rollback</a>`}<a href="#moved">What moved</a><a href="#worst">Worst cases</a><a href="#cases">All cases</a><a href="#slices">Slices</a><a href="#channels">Channels</a><a href="#configuration">Configuration</a></nav>`,
    armsTable(c),
    html`<h2 id="gate">Gate: <span class="${tone(c.gate.outcome)}">${c.gate.outcome}</span></h2>`,
    gateTable(c),
    options.rollback === undefined ? NOTHING : rollbackSection(options.rollback),
    html`<h2 id="moved">What moved</h2>`,
    options.history === undefined
      ? NOTHING
      : seriesSvg('Pass rate a run, with 95 % interval', options.history.points, options.history.marks),
    flipsTable(c),
    distributions(options),
    forest(c),
    worstCases(c),
    cases.html,
    c.slices.length === 0 ? NOTHING : html`<h2 id="slices">Slices</h2>${sliceTable(c)}`,
    html`<h2 id="channels">Other channels</h2>`,
    channelTable(c),
    html`<h2 id="configuration">Configuration</h2>`,
    configurationSection(c, options.configuration ?? []),
    html`<h2>Method and coverage</h2>`,
    methodSection(c),
  ];
  return htmlPagePieces(`${c.suite}: ${c.verdict}`, htmlLines(body), {
    script: TABLE_SCRIPT,
    data: cases.data,
    skipTo: { id: 'cases', text: 'Skip to the cases' },
    frame: options.frame,
  });
}

function viewsOf(c: Comparison, details: HtmlOptions['details'] = new Map()): Map<string, CaseView> {
  const views = new Map<string, CaseView>();
  for (const d of pageCases(c)) {
    const trials = details.get(d.id);
    if (trials !== undefined) views.set(d.id, caseView(d, trials));
  }
  return views;
}

function distributions(options: HtmlOptions): Html {
  const { length, latencyMs } = options.distributions ?? {};
  const plots = [
    length === undefined ? NOTHING : distributionSvg('Length, characters', length, (v) => v.toFixed(0)),
    latencyMs === undefined ? NOTHING : distributionSvg('Latency', latencyMs, milliseconds),
  ];
  return plots.every((plot) => plot === NOTHING) ? NOTHING : html`<div class="two">${plots}</div>`;
}

function forest(c: Comparison): Html {
  const moved = c.cases.filter(isPaired).filter((d) => d.delta !== 0);
  const sure = Math.round(100 * c.overall.confidence);
  if (!moved.some((d) => d.interval !== null)) {
    // One trial a case tells nothing about the single case: all would stand at −100 or +100 without an interval.
    return forestSvg(
      `Change in pass rate by tag, points, with ${sure} % intervals; the band is the margin`,
      c.slices
        .slice(0, FOREST_ROWS)
        .map((s) => ({ label: s.tag, delta: s.delta, interval: s.interval, verdict: s.verdict }))
        .sort((a, b) => a.delta - b.delta),
      c.engine.margin,
    );
  }
  const shown = [...moved]
    .sort((a, b) => Math.abs(b.delta) - Math.abs(a.delta) || worstFirst(a, b))
    .slice(0, FOREST_ROWS);
  shown.sort((a, b) => a.delta - b.delta || (a.id < b.id ? -1 : 1));
  return forestSvg(
    `Change in pass rate by case, points, with ${sure} % intervals; the band is the margin${
      moved.length > shown.length ? ` (the ${shown.length} largest of ${moved.length})` : ''
    }`,
    shown.map((d) => ({ label: d.id, delta: d.delta, interval: d.interval, verdict: d.verdict })),
    c.engine.margin,
  );
}

/** The largest drops with their answers, readable without script. */
function worstCases(c: Comparison): Html {
  const shown = c.cases
    .filter(isPaired)
    .filter((d) => d.example !== undefined && hasChanged(d))
    .sort(worstFirst)
    .slice(0, EXAMPLES);
  if (shown.length === 0)
    return html`<h2 id="worst">Worst cases</h2><p class="dim">No case has a drop to show.</p>`;
  const cards = shown.map((d, i) =>
    d.example === undefined
      ? NOTHING
      : html`<details class="card"${i < 3 ? ' open' : ''}><summary><code>${d.id}</code> ${d.baseline.passed}/${d.baseline.trials} → ${d.candidate.passed}/${d.candidate.trials}, <span class="${tone(d.verdict)}">${d.verdict}</span></summary>${exampleMarkup(d.id, d.example)}</details>`,
  );
  return html`<h2 id="worst">Worst cases, before and after</h2>${joinHtml(cards, '\n')}`;
}
