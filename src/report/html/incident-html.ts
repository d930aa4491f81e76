// The post-mortem as a self-contained page: the same words as the Markdown, with plots and marked differences.

import { percent, points, when } from '../../base/numbers.ts';
import type { IncidentReport } from '../../core/index.ts';
import type { Block, Inline, Line } from '../parts/incident-blocks.ts';
import { incidentBlocks } from '../parts/incident-document.ts';
import { forestSvg } from './forest-svg.ts';
import { type Html, html, joinHtml, NOTHING } from './html.ts';
import { summaryCards } from './html-cards.ts';
import { sideBySide } from './html-diff.ts';
import { htmlPage, htmlTable, tone } from './html-page.ts';
import { diffLines } from './html-sections.ts';
import { rollbackSection } from './rollback-html.ts';
import { type SeriesMark, type SeriesPoint, seriesSvg } from './series-svg.ts';

export interface IncidentHtmlOptions {
  /** The suite's runs, for the plot at the top. */
  readonly history?: { readonly points: readonly SeriesPoint[]; readonly marks: readonly SeriesMark[] };
}

/** The whole page; it runs no script. */
export function incidentHtml(report: IncidentReport, options: IncidentHtmlOptions = {}): string {
  const blocks = incidentBlocks(report);
  const plots = [
    options.history === undefined || options.history.points.length < 3
      ? ''
      : seriesSvg('Pass rate a run, with 95 % interval', options.history.points, options.history.marks),
    forestSvg(
      'Change in pass rate by tag, points',
      report.comparison.slices
        .slice(0, 20)
        .map((s) => ({ label: s.tag, delta: s.delta, interval: s.interval, verdict: s.verdict }))
        .sort((a, b) => a.delta - b.delta),
      report.comparison.engine.margin,
    ),
  ];
  const decided = report.rollback?.decision;
  let section = '';
  const parts = blocks.flatMap((b, i) => {
    if (b.kind === 'heading' && b.level <= 2) section = b.text;
    // The decision has a section of its own design here; its blocks are for Markdown.
    if (section === 'Rollback' && decided !== undefined)
      return b.kind === 'heading' ? [rollbackSection(decided), rollbackNotes(report)] : [];
    if (i === 0) return [block(b), incidentCards(report)];
    return [
      section === 'What changed in behaviour' && b.kind === 'heading' && b.level === 2
        ? html`${block(b)}${plots}`
        : block(b),
    ];
  });
  const first = blocks[0];
  return htmlPage(first?.kind === 'heading' ? first.text : report.suite, joinHtml(parts, '\n'));
}

/** What the decision alone does not say. */
function rollbackNotes({ rollback, bad }: IncidentReport): Html {
  if (rollback === null) return NOTHING;
  const other =
    rollback.decision.current.id === bad.id
      ? ''
      : html` It was made for snapshot <code>${rollback.decision.current.id}</code>, not for the bad run named here.`;
  return html`<p>Decided ${when(rollback.at)} UTC.${other} Whether the target was put into production is not recorded here.</p>`;
}

function incidentCards(r: IncidentReport): Html {
  const { comparison: c, detection: d, rollback } = r;
  const time = (at: string | null): string => (at === null ? 'not known' : `${when(at)} UTC`);
  return summaryCards([
    {
      name: 'Pass rate',
      value: `${percent(c.baseline.passRate)} → ${percent(c.candidate.passRate)}`,
      detail: c.overall.delta === null ? 'not compared' : points(c.overall.delta),
      tone: tone(c.verdict),
    },
    {
      name: 'First bad run',
      value: time(d.firstBad.at),
      detail: `last good: ${time(d.lastGood?.at ?? null)}`,
    },
    { name: 'Noticed', value: time(d.detectedAt ?? d.alertAt) },
    { name: 'Cause', value: c.attribution.diagnosis },
    {
      name: 'Rollback',
      value: rollback === null ? 'no decision' : rollback.decision.decision,
      detail: rollback?.decision.target?.release,
      tone: rollback === null ? 'warn' : tone(rollback.decision.decision),
    },
  ]);
}

function block(b: Block): Html {
  switch (b.kind) {
    case 'heading':
      return html`<h${b.level}>${b.text}</h${b.level}>`;
    case 'paragraph':
      return html`<p>${line(b.parts)}</p>`;
    case 'note':
      return html`<p class="banner">${line(b.parts)}</p>`;
    case 'list':
      return html`<ul>${b.items.map((item) => html`<li>${line(item)}</li>`)}</ul>`;
    case 'table':
      return htmlTable(
        b.head,
        b.rows.map((cells) => cells.map(line)),
        { numeric: b.numeric ?? [], narrow: b.head.length <= 2 ? 'fit' : 'scroll' },
      );
    case 'quote':
      return html`<details><summary>${b.title}</summary><pre tabindex="0">${b.text}</pre></details>`;
    case 'pair':
      return sideBySide(b.before, b.after);
    case 'diff':
      return html`<pre tabindex="0">${diffLines(b.lines)}</pre>`;
  }
}

function line(parts: Line): Html {
  return html`${parts.map(inline)}`;
}

function inline(part: Inline): Html {
  if (typeof part === 'string') return html`${part}`;
  return 'code' in part ? html`<code>${part.code}</code>` : html`<strong>${part.strong}</strong>`;
}
